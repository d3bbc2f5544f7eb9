"""Two runs never write into one run version at once."""

import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from pipelines._places import runner_folder
from shared.runs import UserError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def only_writer(version: str) -> Iterator[None]:
    """Hold the lock of a run version while the block runs.

    The operating system frees the lock when its process ends, however it ends: a lock never has to be removed by hand.

    Raises:
        UserError: another run of this version is at work; says which process, where and since when.
    """
    folder = runner_folder(version)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+", encoding="utf-8") as lock:
        if not _take(lock):
            raise UserError(_occupied(version, lock))
        # Only for the message to others; the lock itself is the system's.
        lock.truncate(0)
        json.dump({"pid": os.getpid(), "host": platform.node(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}, lock)
        lock.flush()
        yield


def _take(lock: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            lock.seek(1 << 20)  # beyond the text, which others must be able to read
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _occupied(version: str, lock: IO[str]) -> str:
    lock.seek(0)
    text = lock.read()
    holder = json.loads(text) if text else {"pid": "unknown", "host": platform.node(), "since": "just now"}
    return (
        f"Run version '{version}' is being written by process {holder['pid']} on {holder['host']} since "
        f"{holder['since']}. Wait for it, end it, or choose another folder with --run-version."
    )
