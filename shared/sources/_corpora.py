"""The corpora of a study, read together: dialogues, what was rejected, and the keys that were seen."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from shared.runs import UserError, resolve_path
from shared.sources._readers import (
    MULTI_LABEL,
    Dialogue,
    Reader,
    Rejected,
    go_emotions_reader,
    read_emobank,
    read_empathetic,
    read_esconv,
    read_messages,
)
from shared.sources._rows import SPLITS, layout, load_splits

_GO_EMOTIONS = [
    "admiration",
    "amusement",
    "anger",
    "annoyance",
    "approval",
    "caring",
    "confusion",
    "curiosity",
    "desire",
    "disappointment",
    "disapproval",
    "disgust",
    "embarrassment",
    "excitement",
    "fear",
    "gratitude",
    "grief",
    "joy",
    "love",
    "nervousness",
    "optimism",
    "pride",
    "realization",
    "relief",
    "remorse",
    "sadness",
    "surprise",
    "neutral",
]
_CANARY_ROWS = 50
_NAMES = ("esconv", "empathetic", "go_emotions", "emobank", "messages")


class Corpora(NamedTuple):
    """What was read.

    Attributes:
        dialogues: of all corpora and splits.
        rejected: rows that were not used.
        layouts: corpus, split, rows, keys.
        samples: first raw rows of each corpus with its reader, for the canary check.
        n_rows: rows of all corpora.
    """

    dialogues: list[Dialogue]
    rejected: list[Rejected]
    layouts: list[tuple[str, str, int, list[str]]]
    samples: dict[str, tuple[list[dict[str, Any]], Reader]]
    n_rows: int


def read_corpora(locations: Mapping[str, str]) -> Corpora:
    """Read every corpus that has a location.

    Args:
        locations: corpus name (esconv, empathetic, go_emotions, emobank, messages) to hub id, folder or file;
            "" leaves a corpus out.

    Raises:
        UserError: a name is unknown, nothing is given, a location cannot be read, or a split is named otherwise.
    """
    strangers = sorted(set(locations) - set(_NAMES))
    given = {name: place for name, place in locations.items() if place.strip()}
    if strangers or not given:
        raise UserError(f"Corpora are named {', '.join(_NAMES)}; got {strangers or 'none with a location'}.")
    read = Corpora([], [], [], {}, 0)
    for name, location in given.items():
        read = _with_corpus(read, name, location)
    return read


def _with_corpus(so_far: Corpora, name: str, location: str) -> Corpora:
    splits = _split_rows(name, location)
    reader = _reader(name, location)
    items = [item for split, rows in splits.items() for item in reader(rows, split)]
    sample = [_parsed(row) for row in splits.get("train", [])[:_CANARY_ROWS]]
    return Corpora(
        so_far.dialogues + [i for i in items if isinstance(i, Dialogue)],
        so_far.rejected + [i for i in items if isinstance(i, Rejected)],
        so_far.layouts + [(name, split, n, keys) for split, n, keys in layout(_with_parsed_keys(splits))],
        {**so_far.samples, name: ([row for row in sample if row], reader)},
        so_far.n_rows + sum(len(rows) for rows in splits.values()),
    )


def _split_rows(name: str, location: str) -> dict[str, list[dict[str, Any]]]:
    columns = ["text", "labels", "id"] if name == "go_emotions" else None
    splits = load_splits(_emobank_file(location) if name == "emobank" else location, columns=columns)
    if name == "emobank" and set(splits) == {"all"}:
        splits = _by_column(splits["all"])
    strangers = sorted(set(splits) - set(SPLITS))
    if strangers or "train" not in splits:
        raise UserError(f"{name}: splits are {sorted(splits)}, expected train, valid and test, with train at least.")
    return splits


def _emobank_file(location: str) -> str:
    folder = resolve_path(location)
    return str(folder / "emobank.csv") if (folder / "emobank.csv").exists() else location


def _by_column(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    wanted = {"train": "train", "dev": "valid", "test": "test"}
    splits: dict[str, list[dict[str, Any]]] = {split: [] for split in wanted.values()}
    for row in rows:
        splits[wanted.get(str(row.get("split")), "train")].append(row)
    return splits


def _reader(name: str, location: str) -> Reader:
    if name == "go_emotions":
        return go_emotions_reader(_label_names(resolve_path(location) / "labels.txt"))
    plain: dict[str, Reader] = {
        "esconv": read_esconv, "empathetic": read_empathetic, "emobank": read_emobank, "messages": read_messages,
    }  # fmt: skip
    return plain[name]


def _label_names(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.exists() else _GO_EMOTIONS


def _parsed(row: dict[str, Any]) -> dict[str, Any]:
    text = row.get("text")
    if set(row) != {"text"} or not str(text).lstrip().startswith("{"):
        return row
    try:
        return dict(json.loads(str(text)))
    except json.JSONDecodeError:
        return {}


def _with_parsed_keys(splits: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {split: [_parsed(rows[0]), *rows[1:]] if rows else rows for split, rows in splits.items()}


def countable(rejected: Rejected) -> bool:
    """Whether a rejection is a fault of the data; several labels are a choice of the study."""
    return rejected.reason != MULTI_LABEL
