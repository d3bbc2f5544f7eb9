"""Progress of long work: a bar for a person, a side file and one closing line for a headless run."""

import json
import os
import time
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path
from typing import TypeVar

from tqdm.auto import tqdm

T = TypeVar("T")
_SECONDS_BETWEEN_LINES = 1.0


def progress(iterable: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Pass the items through and tell how far the work is.

    Args:
        iterable: the work.
        what: a noun phrase for people, such as "epochs".
        total: number of items; by default the length of the iterable, if it has one.

    Yields:
        The items, unchanged.

    In JupyterLab this is a bar. In a headless run (`COLLOQUY_PROGRESS` names a file, as the executor does) a line
    of JSON is appended to that file at most once a second, and one line is printed when the work ends.
    """
    total = len(iterable) if total is None and isinstance(iterable, Sized) else total
    target = os.environ.get("COLLOQUY_PROGRESS")
    if target is None:
        yield from tqdm(iterable, desc=what, total=total)
    else:
        yield from _headless(iterable, what, total, Path(target))


def _headless(iterable: Iterable[T], what: str, total: int | None, target: Path) -> Iterator[T]:
    started = written = time.monotonic()
    done = 0
    for done, item in enumerate(iterable, start=1):
        yield item
        if time.monotonic() - written >= _SECONDS_BETWEEN_LINES:
            written = time.monotonic()
            _append(target, {"what": what, "done": done, "total": total})
    _append(target, {"what": what, "done": done, "total": total})
    print(f"{what}: {done:,} in {time.monotonic() - started:.1f} s")


def _append(target: Path, line: dict[str, object]) -> None:
    with target.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"time": time.time(), **line}) + "\n")
