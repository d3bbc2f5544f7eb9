"""What a redacted stage may not show besides its data: file names, names among its parameters, stray originals.

The data is redacted before anything is computed from it. This is the net behind that, for notebooks, results, manifests
and error messages: it knows originals by their digests only, and leaves figures alone.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.runs import Private, UserError, project, resolve_path, strings_in
from shared.text._redact import Redactor, looks_like_a_name
from shared.text._redact_keep import known_redactor

_ENDINGS = {".csv", ".tsv", ".json", ".jsonl", ".parquet", ".txt", ".md", ".yaml", ".yml", ".xlsx", ".zip", ".gz"}
_OURS = ("sample", "prompts", "tasks", "models")  # the project's own folders of data/
_LONGEST_WORD = 2_000  # characters without a space: an embedded picture or an array, not a text
_EVERYTHING = re.compile(r"(?s)\A.+\Z")


def redaction_shield(
    values: Mapping[str, Any], redactor: Redactor | None = None, *, wholly: bool = False
) -> list[Private]:
    """What to hide in a stage's notebook, results and manifest; nothing unless its parameter `redact` is on.

    Args:
        values: the stage's parameters.
        redactor: the stage's own, or None for one that knows what the run remembered so far.
        wholly: take texts for data and redact them, instead of only looking for what is known.
    """
    if not values.get("redact"):
        return []
    redactor = redactor or known_redactor(values["run_version"])
    learn_parameters(values, redactor)
    files = file_names(values, redactor)
    hidden = [Private(_whole(name), files[name]) for name in sorted(files, key=len, reverse=True)]
    return [*hidden, Private(_EVERYTHING, lambda match: _redacted(redactor, match[0], only_known=not wholly))]


def learn_parameters(values: Mapping[str, Any], redactor: Redactor) -> None:
    """Personal data among the parameters counts as known: a role named after a person, a number in a description."""
    texts = [text for text in strings_in(values) if not is_file(text)]
    redactor.learn_people(text for text in texts if looks_like_a_name(text))
    for text in texts:
        redactor.redact(text)


def file_names(values: Mapping[str, Any], redactor: Redactor) -> dict[str, str]:
    """Each file that the parameters name, as a path and by its bare name, and what stands for it.

    A file's name is the user's own and may hold anything; only files that come with the project keep theirs.
    """
    shown: dict[str, str] = {}
    for text in dict.fromkeys(text for text in strings_in(values) if is_file(text)):
        name = Path(text.replace("\\", "/")).name
        placeholder = redactor.placeholder("FILE", text) + Path(name).suffix
        shown |= {text: placeholder, name: placeholder} | _absolute(text, placeholder)
    return shown


def is_file(text: str) -> bool:
    """Whether a parameter's text names a file or folder of the user's own."""
    if "\n" in text or "://" in text or not text.strip():
        return False
    has_ending = Path(text).suffix.lower() in _ENDINGS
    return (has_ending or "/" in text or "\\" in text) and not _is_ours(text) and (has_ending or _exists(text))


def _is_ours(text: str) -> bool:
    data = project() / "data"
    path = Path(text) if Path(text).is_absolute() else project() / text
    return any(path.resolve().is_relative_to(data / name) for name in _OURS)


def _exists(text: str) -> bool:
    try:
        return resolve_path(text).exists()
    except (UserError, OSError):
        return False


def _absolute(text: str, placeholder: str) -> dict[str, str]:
    try:
        return {str(resolve_path(text)): placeholder}
    except UserError:
        return {}


def _whole(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?![\w-])")


def _redacted(redactor: Redactor, text: str, *, only_known: bool) -> str:
    if len(text) > _LONGEST_WORD and len(text.split(None, 1)[0]) > _LONGEST_WORD:
        return text
    return redactor.redact(text, only_known=only_known)
