"""Preference alignment of an SFT adapter: pairs from any usual layout, checks, DPO or KTO through trl, and measures."""

from shared.dpo._align import (
    START,
    Aligned,
    Alignment,
    align,
    dpo_loss,
    measure_pairs,
    require_finite,
    require_short_enough,
    save_aligned,
)
from shared.dpo._pairs import (
    Judged,
    Pair,
    PairReport,
    check_pairs,
    pair_of,
    pairs_of_table,
    pairs_of_verdicts,
    read_judged,
    read_pairs,
    split_pairs,
    unpaired,
)

__all__ = [
    "START",
    "Aligned",
    "Alignment",
    "Judged",
    "Pair",
    "PairReport",
    "align",
    "check_pairs",
    "dpo_loss",
    "measure_pairs",
    "pair_of",
    "pairs_of_table",
    "pairs_of_verdicts",
    "read_judged",
    "read_pairs",
    "require_finite",
    "require_short_enough",
    "save_aligned",
    "split_pairs",
    "unpaired",
]
