"""Train, validation and test so that neither a group nor a near-duplicate stands on two sides."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.runs import UserError
from shared.text import similar_pairs

TRAIN, VALIDATION, TEST = "train", "validation", "test"


class Split(NamedTuple):
    """Which side each row is on.

    Attributes:
        sides: shape (rows,), "train", "validation" or "test".
        merged: rows whose group was joined with another because they say nearly the same.
    """

    sides: np.ndarray
    merged: int


def near_duplicate_groups(messages: Sequence[str], groups: Sequence[str], *, similarity: float = 0.9) -> np.ndarray:
    """Group numbers in which near-duplicates share their group.

    Args:
        messages: texts.
        groups: group of each (pattern, conversation, author).
        similarity: cosine of character 3- to 5-gram TF-IDF vectors in (0, 1] from which two messages are the same;
            above 1 none are, and nothing is compared.

    Returns:
        Shape (messages,) int: connected components of "same group or near-duplicate".
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    codes = pd.factorize(pd.Series(list(groups)))[0]
    if len(codes) == 0 or similarity > 1:
        return codes
    first, second, _ = similar_pairs(messages, similarity)
    edges = coo_matrix((np.ones(len(first)), (codes[first], codes[second])), shape=(codes.max() + 1,) * 2)
    return np.asarray(connected_components(edges, directed=False)[1][codes])


def split_rows(
    messages: Sequence[str],
    labels: Sequence[str],
    groups: Sequence[str],
    *,
    validation: float = 0.15,
    test: float = 0.2,
    similarity: float = 0.9,
    seed: int = 0,
) -> Split:
    """Split rows by group, near-duplicates together, every label on every side as evenly as whole groups allow.

    Args:
        messages: texts.
        labels: one label each; decides only which groups go where.
        groups: group of each.
        validation: share of rows in (0, 1).
        test: share of rows in (0, 1).
        similarity: see `near_duplicate_groups`.
        seed: of the order in which groups are dealt out.
    """
    joined = near_duplicate_groups(messages, groups, similarity=similarity)
    merged = pd.Series(joined).groupby(joined).size().reindex(joined).to_numpy()
    alone = pd.Series(list(groups)).groupby(list(groups)).size().reindex(list(groups)).to_numpy()
    frame = pd.DataFrame({"group": joined, "label": list(labels)})
    random = np.random.default_rng(seed)
    sides = dict.fromkeys((TRAIN, VALIDATION, TEST), 0.0)
    wanted = dict(zip(sides, (1 - validation - test, validation, test), strict=True))
    side_of = _dealt(frame, wanted, random)
    return Split(np.array([side_of[g] for g in joined], dtype=object), int((merged > alone).sum()))


def _dealt(frame: pd.DataFrame, wanted: dict[str, float], random: np.random.Generator) -> dict[int, str]:
    """Side of each group: within each label, largest groups first, always to the side that lacks most."""
    main = frame.groupby("group")["label"].agg(lambda labels: labels.mode().iloc[0])
    sizes = frame.groupby("group").size()
    side_of: dict[int, str] = {}
    for label in sorted(main.unique()):
        groups = main.index[main == label].to_numpy()
        groups = groups[random.permutation(len(groups))]
        # The largest first: a big group dealt out last could only overfill whichever side it meets.
        groups = groups[np.argsort(-sizes[groups].to_numpy(), kind="stable")]
        total, given = int(sizes[groups].sum()), dict.fromkeys(wanted, 0)
        for group in groups:
            side = max(wanted, key=lambda s: wanted[s] * total - given[s])
            side_of[int(group)] = side
            given[side] += int(sizes[group])
    return side_of


def check_sides(sides: Mapping[str, pd.DataFrame]) -> None:
    """Refuse a split that leaves a side empty, before anything is trained on it.

    Raises:
        UserError: names the empty sides and how many messages the others have.
    """
    empty = [side for side, rows in sides.items() if rows.empty]
    if empty:
        found = ", ".join(f"{side} {len(rows):,}" for side, rows in sides.items())
        raise UserError(
            f"No message for {' and '.join(empty)} ({found}). Groups and near-duplicates stay on one side, so too few "
            "different messages cannot fill three: label more varied ones, or give test and validation files."
        )
