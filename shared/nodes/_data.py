"""Labelled messages from a CSV or TSV in a task's format, checked before anything is trained on them."""

import csv
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shared.models import Task
from shared.runs import UserError

# Longer ones are documents, or a file that was read wrongly: an encoder would learn from their first lines only.
LONGEST_MESSAGE = 8_000  # characters


def read_labelled_csv(path: Path, task: Task, *, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Read labelled messages.

    Args:
        path: `.csv` or `.tsv` with the task's columns; for "multi" the labels of a message are separated by commas.
        task: its columns, kind and labels.
        names: column names of a file without a header; label numbers then count into the task's labels.

    Returns:
        Columns message, label (str; list of str for "multi"; dict of float for "values"), group (the message).
        Rows without a message or label are left out and counted in `attrs["left_out"]`.

    Raises:
        UserError: not UTF-8, a missing column, an unknown label (all of them are listed), a message
            longer than `LONGEST_MESSAGE`, or no row at all.
    """
    frame = _read(path, names)
    wanted = [task.columns["message"], *task.columns["label"].split(",")]
    missing = [name for name in wanted if name not in frame]
    if missing:
        raise UserError(f"{path.name}: column '{missing[0]}' is missing. Found: {', '.join(map(str, frame.columns))}.")
    complete = frame.dropna(subset=wanted).reset_index(drop=True)
    if complete.empty:
        raise UserError(f"{path.name}: no row has both a message and a label.")
    messages = complete[wanted[0]].astype(str)
    _refuse_documents(path, messages)
    spellings = _spellings(task)
    labels = [_label(complete.loc[i, wanted[1:]], task, spellings, numbered=names is not None) for i in complete.index]
    _refuse_unknown(path, labels, task)
    result = pd.DataFrame({"message": messages, "label": pd.Series(labels, dtype=object), "group": messages})
    result.attrs["left_out"] = len(frame) - len(complete)
    return result


def _read(path: Path, names: Sequence[str] | None) -> pd.DataFrame:
    separator = "\t" if path.suffix == ".tsv" else ","
    try:
        return pd.read_csv(
            path,
            sep=separator,
            names=tuple(names) if names else None,
            dtype=str,
            quoting=csv.QUOTE_NONE if path.suffix == ".tsv" else csv.QUOTE_MINIMAL,
            keep_default_na=False,
            na_values=[""],
            encoding="utf-8",
        )
    except UnicodeDecodeError:
        raise UserError(
            f"{path.name}: line {_line_not_utf8(path)} is not UTF-8. Convert the file, for instance with "
            "iconv -f cp1252 -t utf-8."
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path.name} is not a readable table: {error}") from None


def _line_not_utf8(path: Path) -> int:
    # pandas counts bytes from the start of a chunk or field, which helps nobody to find them
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return number
    return 0


def _spellings(task: Task) -> dict[str, str]:
    """Each label by every way to write it, case-folded: files of other hands say RAG_QUERY, or 1 for worthy."""
    by_label = {label: [label, *task.spellings.get(label, [])] for label in task.definitions}
    return {spelling.casefold(): label for label, written in by_label.items() for spelling in written}


def _label(values: pd.Series, task: Task, spellings: dict[str, str], *, numbered: bool) -> Any:
    if task.kind == "values":
        return {name: float(value) for name, value in values.items()}
    text = str(values.iloc[0])
    found = [part.strip() for part in text.split(",")] if task.kind == "multi" else [text.strip()]
    if numbered:
        known = list(task.definitions)
        found = [known[int(part)] if part.isdigit() and int(part) < len(known) else part for part in found]
    found = [spellings.get(part.casefold(), part) for part in found]
    return found if task.kind == "multi" else found[0]


def _refuse_documents(path: Path, messages: pd.Series) -> None:
    longest = max(messages, key=len)
    if len(longest) > LONGEST_MESSAGE:
        raise UserError(
            f"{path.name}: a message has {len(longest):,} characters ('{longest[:40]}…'); at most "
            f"{LONGEST_MESSAGE:,} are read. Cut it, or check quotes and separators of the file."
        )


def _refuse_unknown(path: Path, labels: list[Any], task: Task) -> None:
    if task.kind == "values" or not task.definitions:
        return
    used = {name for label in labels for name in (label if isinstance(label, list) else [label])}
    unknown = sorted(used - set(task.definitions))
    if unknown:
        near = get_close_matches(unknown[0], list(task.definitions), n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise UserError(
            f"{path.name}: unknown label(s) {', '.join(unknown[:10])}.{meant} The task '{task.name}' has "
            f"{', '.join(task.definitions)}. Correct the file, or add the label to the task's YAML."
        )


def counts_by_label(rows: pd.DataFrame, task: Task) -> pd.DataFrame:
    """How many messages each label of a task has, beside what it needs.

    Returns:
        Columns label, n, verdict; for "values" one row a number, which every message has.

    Raises:
        UserError: a label has no message at all: it cannot be learned.
    """
    if task.kind == "values":
        names = task.columns["label"].split(",")
        return pd.DataFrame({"label": names, "n": len(rows), "verdict": _verdict(len(rows), task)})
    used = rows["label"].explode() if task.kind == "multi" else rows["label"]
    counts = used.value_counts().reindex(list(task.definitions) or sorted(used.unique()), fill_value=0)
    empty = counts[counts == 0].index.tolist()
    if empty:
        raise UserError(
            f"Task '{task.name}': no message has the label {', '.join(empty)}. "
            "Label some, or take it out of the task's YAML."
        )
    verdicts = [_verdict(int(n), task) for n in counts]
    return pd.DataFrame({"label": counts.index, "n": counts.to_numpy(), "verdict": np.array(verdicts)})


def _verdict(n: int, task: Task) -> str:
    return "below minimum" if n < task.minimum else "below recommended" if n < task.recommended else "enough"
