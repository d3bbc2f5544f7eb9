"""Nothing private in an executed notebook: secrets and local paths become placeholders before it is saved.

A notebook names a secret by its environment variable (a parameter that ends in `_env`), so its value can only come in
by being printed. Local paths come in through tracebacks, warnings and papermill's metadata.
"""

import html
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from shared.runs import home, project, write_text

_SHORTEST_SECRET = 6  # shorter values would turn ordinary text into placeholders


class Private(NamedTuple):
    """A text that must not be saved, and what is shown instead."""

    pattern: re.Pattern[str]
    shown: str


def private_texts(values: Mapping[str, Any]) -> list[Private]:
    """What must not be saved, the most specific first.

    Args:
        values: the stage's parameters; those that end in `_env` name environment variables.
    """
    secrets = {os.environ.get(name, ""): f"<value of {name}>" for name in _secret_variables(values)}
    found = [
        (secret, re.compile(re.escape(secret)), shown)
        for secret, shown in secrets.items()
        if len(secret) >= _SHORTEST_SECRET
    ]
    found += [(path, _path_pattern(path), shown) for path, shown in _local_paths().items()]
    return [Private(pattern, shown) for _, pattern, shown in sorted(found, key=lambda item: -len(item[0]))]


def _secret_variables(values: Mapping[str, Any]) -> Iterable[str]:
    return [str(value) for name, value in values.items() if name.endswith("_env") and value]


def _path_pattern(path: str) -> re.Pattern[str]:
    # Whole names only: a home folder /root must not change "the square/root of it all" or /roots.
    return re.compile(rf"(?<!\w){re.escape(path)}(?![\w-])")


def _local_paths() -> dict[str, str]:
    code = Path(__file__).resolve().parents[1]
    data = os.environ.get("COLLOQUY_DATA")
    places = {Path.home(): "~", code: "<project>", project(): "<project>", home(): "<home>"}
    places |= {Path(data).resolve(): "${COLLOQUY_DATA}"} if data else {}
    return {str(path): shown for path, shown in places.items() if path != Path(path.anchor)}


def cleaned(value: Any, private: Iterable[Private]) -> Any:
    """A JSON-like value with every private text replaced, at any depth.

    Args:
        value: notebook, output, or any nesting of dict, list and str.
        private: from `private_texts`.
    """
    if isinstance(value, str):
        for pattern, shown in private:
            value = pattern.sub(lambda _, shown=shown: shown, value)  # type: ignore[misc]  # a literal, not a template
        return value
    if isinstance(value, Mapping):
        return {key: cleaned(item, private) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(item, private) for item in value]
    return value


def clean_page(page: Path, private: Iterable[Private]) -> None:
    """Replace private texts in a written page: its provenance comes from the manifest, which keeps true paths."""
    before = page.read_text(encoding="utf-8")
    after = cleaned(before, [Private(pattern, html.escape(shown)) for pattern, shown in private])
    if after != before:
        write_text(page, after)
