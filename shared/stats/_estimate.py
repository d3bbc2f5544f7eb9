"""What a statistic looks like in this project: value, interval, how many stand behind it, how many do not."""

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

# Anything one-dimensional that numpy understands: list, array, pandas Series.
Column = Collection[Any]


class Interval(NamedTuple):
    """Bounds in the unit of the value; NaN where nothing was scored."""

    low: float
    high: float

    def beside(self, reference: float = 0.0) -> str:
        """How the value stands to a reference, as a verb for a finding.

        Returns:
            "beats" if the whole interval is above, "falls behind" if it is below, else "is not shown to differ from"
            (as for an interval of NaN: nothing scored shows nothing). Higher is taken as better.
        """
        if self.low > reference:
            return "beats"
        return "falls behind" if self.high < reference else "is not shown to differ from"


class Estimate(NamedTuple):
    """A value with its interval, the number of scored rows behind it and the number of unscored ones."""

    value: float
    interval: Interval
    n: int
    n_unscored: int


NOTHING = Interval(float("nan"), float("nan"))


def missing(values: np.ndarray) -> np.ndarray:
    """Which entries are unscored: NaN or None. Shape of `values`, bool."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind != "O":
        return np.zeros(values.shape, dtype=bool)
    return np.array([value is None or value != value for value in values.ravel()], dtype=bool).reshape(values.shape)


def as_column(values: Column) -> np.ndarray:
    """A one-dimensional array, whatever holds the values (list, Series, Arrow-backed column)."""
    column = np.asarray(values)
    return column.astype(object) if column.dtype.kind == "T" else column


def cluster_codes(clusters: Column | None, keep: np.ndarray) -> tuple[np.ndarray, int]:
    """Clusters of the kept rows as integers 0..k-1, and k. Without clusters every row is its own.

    Args:
        clusters: shape (rows,), any hashable labels; or None.
        keep: shape (rows,), bool.

    Raises:
        ValueError: the lengths differ.
    """
    if clusters is None:
        return np.arange(int(keep.sum())), int(keep.sum())
    if len(clusters) != len(keep):
        raise ValueError(f"clusters has {len(clusters)} rows, the values have {len(keep)}.")
    labels = as_column(clusters)[keep]
    names, codes = np.unique(labels.astype(str) if labels.dtype == object else labels, return_inverse=True)
    return codes, len(names)
