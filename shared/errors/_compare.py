"""Two runs on the same items: what got better, what broke, and is the difference more than chance?"""

from typing import NamedTuple

import pandas as pd

from shared.runs import UserError
from shared.stats import Estimate, exact_mcnemar, paired_difference


class Comparison(NamedTuple):
    """What a change did.

    Attributes:
        difference: accuracy of the second minus the first, with an interval over clusters.
        p_value: exact McNemar test over items.
        better: items only the second gets right.
        broken: items only the first gets right.
    """

    difference: Estimate
    p_value: float
    better: pd.DataFrame
    broken: pd.DataFrame


def compare_predictions(first: pd.DataFrame, second: pd.DataFrame, *, seed: int = 0) -> Comparison:
    """Compare two runs item by item.

    Args:
        first: rows with cluster, text, truth, predicted.
        second: the same items, in any order.
        seed: of the bootstrap.

    Raises:
        UserError: the runs share no item, so nothing can be paired.
    """
    keys = ["cluster", "text", "truth"]
    both = first[[*keys, "predicted"]].merge(second[[*keys, "predicted"]], on=keys, suffixes=("_first", "_second"))
    both = both.drop_duplicates(keys).reset_index(drop=True)
    if both.empty:
        raise UserError("errors: the two runs have no item in common. Compare runs on the same data and split.")
    right = [(both[f"predicted_{run}"] == both["truth"]).to_numpy() for run in ("first", "second")]
    paired = paired_difference(
        right[1].astype(float), right[0].astype(float), both["cluster"].to_numpy(dtype=object), seed=seed
    )
    p_value = exact_mcnemar(right[0], right[1]).p_value
    return Comparison(paired.estimate, p_value, both[right[1] & ~right[0]], both[right[0] & ~right[1]])
