"""Labelled texts, their label names, and the target arrays that training and scoring use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.models._settings import Kind
from shared.runs import UserError


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with labels, for training, validation or test.

    Attributes:
        texts: one string each.
        labels: for kind "single" one label each (str); for "multi" a list of labels each, possibly empty; for
            "values" a mapping from name to number each (NaN = unscored).
        pairs: a second segment for each text, or None.
        groups: which conversation or author each text belongs to, or None; splits must not cut a group.
    """

    texts: Sequence[str]
    labels: Sequence[Any]
    pairs: Sequence[str] | None = None
    groups: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Refuse columns of unequal length.

        Raises:
            UserError: names the lengths found.
        """
        columns = {"labels": self.labels, "pairs": self.pairs, "groups": self.groups}
        wrong = [f"{name} {len(c)}" for name, c in columns.items() if c is not None and len(c) != len(self.texts)]
        if wrong:
            raise UserError(f"{len(self.texts)} texts, but {', '.join(wrong)}. Give one for each text.")

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, index: Sequence[int] | np.ndarray) -> "LabelledTexts":
        """The rows at `index`, in that order."""
        pick = [int(i) for i in index]
        return LabelledTexts(
            [self.texts[i] for i in pick],
            [self.labels[i] for i in pick],
            None if self.pairs is None else [self.pairs[i] for i in pick],
            None if self.groups is None else [self.groups[i] for i in pick],
        )


def label_names(data: LabelledTexts, kind: Kind) -> tuple[str, ...]:
    """Every label in use, sorted; for "values" the names of the numbers.

    Raises:
        UserError: there are no texts, or fewer than two classes to tell apart.
    """
    if not len(data):
        raise UserError("There are no training texts. Check the file and the split column.")
    nested = data.labels if kind != "single" else [[label] for label in data.labels]
    names = tuple(sorted({str(label) for labels in nested for label in labels}))
    if kind == "single" and len(names) < 2:
        raise UserError(f"All {len(data)} training texts have the label '{names[0]}'; a classifier needs two classes.")
    if not names:
        raise UserError(f"None of the {len(data)} training texts has a label.")
    return names


def targets(data: LabelledTexts, names: Sequence[str], kind: Kind) -> np.ndarray:
    """Labels as numbers.

    Args:
        data: labelled texts.
        names: the classes, in column order.
        kind: "single", "multi" or "values".

    Returns:
        "single": (texts,) int64 class indices. "multi": (texts, classes) float32 of 0 and 1. "values":
        (texts, names) float32, NaN = unscored.

    Raises:
        UserError: a label is not among `names`; all unknown ones are listed.
    """
    place = {name: i for i, name in enumerate(names)}
    _refuse_unknown(data, place, kind)
    if kind == "single":
        return np.array([place[str(label)] for label in data.labels], dtype=np.int64)
    if kind == "values":
        return np.array([_numbers(row, names) for row in data.labels], dtype=np.float32).reshape(-1, len(names))
    table = np.zeros((len(data), len(names)), dtype=np.float32)
    for row, labels in enumerate(data.labels):
        table[row, [place[str(label)] for label in labels]] = 1.0
    return table


def _numbers(row: Mapping[str, float], names: Sequence[str]) -> list[float]:
    return [float(row.get(name, np.nan)) for name in names]


def _refuse_unknown(data: LabelledTexts, place: Mapping[str, int], kind: Kind) -> None:
    used = data.labels if kind != "single" else [[label] for label in data.labels]
    unknown = sorted({str(label) for labels in used for label in labels} - set(place))
    if unknown:
        raise UserError(
            f"Unknown label(s): {', '.join(unknown[:10])}. Known: {', '.join(place)}. "
            "Correct them, or add them to the training data."
        )
