"""Nothing of this machine in what is shown or sent on: local paths and the user's name become placeholders.

What is private depends on where it runs, so it is looked up each time. The user's name counts unless it is one that
machines give everybody (`root`, `ubuntu`): that says nothing about a person and is a word of many texts.
"""

import getpass
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from shared.runs._places import home, project

_EVERYBODY_TEXT = """
    root user users admin administrator ubuntu debian centos fedora ec2-user azureuser opc vagrant runner jovyan vscode
    codespace gitpod docker nobody test tester guest default app work worker home data text name source output outputs
    cells cell metadata python kernel notebook model models train me
"""
_EVERYBODY = frozenset(_EVERYBODY_TEXT.split())
_SHORTEST_NAME = 3


class Private(NamedTuple):
    """A text that must not be shown, and what is shown instead (a text, or a function of the match)."""

    pattern: re.Pattern[str]
    shown: str | Callable[[re.Match[str]], str]


def local_texts(values: Mapping[str, Any]) -> list[Private]:
    """Folders and names of this machine, the most specific first.

    Args:
        values: a stage's parameters; an absolute path among them is local wherever it lies.
    """
    places = {**_folders_in(values), **_known_folders()}
    found = [Private(_whole_path(path), shown) for path, shown in sorted(places.items(), key=lambda p: -len(p[0]))]
    return [*found, *(Private(re.compile(rf"(?<!\w){re.escape(name)}(?!\w)"), "<user>") for name in _user_names())]


def hidden(value: Any, private: Iterable[Private]) -> Any:
    """A JSON-like value with every private text replaced, at any depth, in keys as well.

    Args:
        value: notebook, output, manifest, or any nesting of dict, list and str.
        private: from `local_texts`.
    """
    if isinstance(value, str):
        for pattern, shown in private:
            value = pattern.sub(_literal(shown) if isinstance(shown, str) else shown, value)
        return value
    if isinstance(value, Mapping):
        return {hidden(key, private): hidden(item, private) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [hidden(item, private) for item in value]
    return str(hidden(str(value), private)) if isinstance(value, Path) else value


def strings_in(value: Any) -> Iterator[str]:
    """Every text in a nesting of mappings and lists, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings_in(key)
            yield from strings_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from strings_in(item)


def _literal(shown: str) -> Callable[[re.Match[str]], str]:
    return lambda _: shown


def _whole_path(path: str) -> re.Pattern[str]:
    # Whole names only: a home folder /root must not change "the square/root of it all" or /roots.
    return re.compile(rf"(?<!\w){re.escape(path)}(?![\w-])")


def _known_folders() -> dict[str, str]:
    code = Path(__file__).resolve().parents[2]
    data = os.environ.get("COLLOQUY_DATA")
    places = {Path(tempfile.gettempdir()): "<temporary>", Path(sys.prefix): "<python>", Path.home(): "~"}
    places |= {code: "<project>", project(): "<project>", home(): "<home>"}
    places |= {Path(data).resolve(): "${COLLOQUY_DATA}"} if data else {}
    return {str(path): shown for path, shown in places.items() if path != Path(path.anchor)}


def _folders_in(values: Mapping[str, Any]) -> dict[str, str]:
    """Folders of absolute paths among the parameters; a digest keeps two of them apart."""
    folders = {str(Path(text).parent) for text in strings_in(values) if "\n" not in text and Path(text).is_absolute()}
    return {f: f"<folder {hashlib.sha256(f.encode()).hexdigest()[:4]}>" for f in folders if f != Path(f).anchor}


def _user_names() -> list[str]:
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number that nobody gave a name
        return []
    return [name] if len(name) >= _SHORTEST_NAME and name.lower() not in _EVERYBODY else []
