"""Two runs on the same items: what got better, what broke, and is the difference more than chance?"""

from typing import NamedTuple

import pandas as pd

from shared.runs import UserError
from shared.stats import Estimate, exact_mcnemar, paired_difference

_KEYS = ["cluster", "text", "truth"]


class Comparison(NamedTuple):
    """What a change did.

    Attributes:
        difference: accuracy of the second minus the first, with an interval over clusters.
        p_value: exact McNemar test over items.
        better: items only the second gets right.
        broken: items only the first gets right.
        n_unpaired: items that one of both runs lacks; they are in none of the figures.
    """

    difference: Estimate
    p_value: float
    better: pd.DataFrame
    broken: pd.DataFrame
    n_unpaired: int


def compare_predictions(first: pd.DataFrame, second: pd.DataFrame, *, seed: int = 0) -> Comparison:
    """Compare two runs item by item.

    Args:
        first: rows with cluster, text, truth, predicted, confidence.
        second: the same items, in any order.
        seed: of the bootstrap.

    Raises:
        UserError: the runs share no item, so nothing can be paired.
    """
    # The same words under the same label may occur twice in a cluster; they are one item here.
    one, other = (run[[*_KEYS, "predicted", "confidence"]].drop_duplicates(_KEYS) for run in (first, second))
    both = one.merge(other, on=_KEYS, suffixes=("_first", "_second"))
    if both.empty:
        raise UserError("errors: the two runs have no item in common. Compare runs on the same data and split.")
    right = [(both[f"predicted_{run}"] == both["truth"]).to_numpy() for run in ("first", "second")]
    # The interval is over clusters; McNemar counts items and is too sure where they hang together.
    clusters = both["cluster"].to_numpy(dtype=object)
    paired = paired_difference(right[1].astype(float), right[0].astype(float), clusters, seed=seed)
    return Comparison(
        paired.estimate,
        exact_mcnemar(right[0], right[1]).p_value,
        both[right[1] & ~right[0]].sort_values("confidence_second", ascending=False, ignore_index=True),
        both[right[0] & ~right[1]].sort_values("confidence_second", ascending=False, ignore_index=True),
        len(one) + len(other) - 2 * len(both),
    )


def changes_by_label(comparison: Comparison) -> pd.DataFrame:
    """Where a change helped and where it harmed.

    Returns:
        One row a true label that changed: truth, better, broken, net; the largest loss first.
    """
    counts = pd.DataFrame({
        "better": comparison.better["truth"].value_counts(), "broken": comparison.broken["truth"].value_counts()
    }).fillna(0).astype(int)  # fmt: skip
    table = counts.assign(net=counts["better"] - counts["broken"]).rename_axis("truth").reset_index()
    return table.sort_values(["net", "truth"], kind="stable", ignore_index=True)
