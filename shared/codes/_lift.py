"""What goes with an outcome, without pretending that turns of one conversation are independent."""

import numpy as np
import pandas as pd

from shared.stats import benjamini_hochberg, wilson_interval


def outcome_lift(
    codes: np.ndarray,
    conversations: np.ndarray,
    outcomes: dict[str, str],
    *,
    minimum: int = 10,
    permutations: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """How much likelier each outcome is around each code than overall. An association, not a cause.

    Args:
        codes: (turns,) ids.
        conversations: (turns,) ids.
        outcomes: outcome by conversation; turns of other conversations are left out.
        minimum: conversations that a code must occur in; below, lift has no interval and no test (NaN).
        permutations: of the outcomes over conversations, for the p-value; 1 / permutations is its smallest step.
        seed: of the permutations.

    Returns:
        One row a code and outcome: code, outcome, turns, conversations, share (of the code's turns that lie in
        conversations with this outcome), base (the same for all turns), lift = share / base with 95 % interval
        (low, high), p, and q, the false-discovery-adjusted p over all rows; lowest q first.

    The outcome is constant within a conversation, so a code's share is a weighted mean over conversations and its
    Wilson interval counts Kish's effective number of conversations; the base is taken as known. The test permutes
    outcomes between whole conversations.
    """
    names = np.array(sorted(set(conversations) & set(outcomes)), dtype=object)
    if not len(names) or not len(codes):
        return pd.DataFrame(columns=_COLUMNS)
    row = pd.Series(np.arange(len(names)), index=names).reindex(conversations).to_numpy()
    known = ~np.isnan(row)
    present = np.unique(codes[known])
    counts = np.zeros((len(names), len(present)))
    np.add.at(counts, (row[known].astype(int), np.searchsorted(present, codes[known])), 1)
    labels = np.array([outcomes[name] for name in names], dtype=object)
    kinds = sorted(set(labels))
    belongs = (labels[:, None] == np.array(kinds, dtype=object)).astype(float)
    p_values = _permutation_p(counts, belongs, permutations, seed)
    rows = [
        _row(int(code), kind, counts[:, i], counts.sum(axis=1), belongs[:, k], float(p_values[i, k]), minimum)
        for i, code in enumerate(present)
        for k, kind in enumerate(kinds)
    ]
    frame = pd.DataFrame(rows, columns=_COLUMNS[:-1])
    return frame.assign(q=benjamini_hochberg(frame["p"].to_numpy())).sort_values(["q", "code"], ignore_index=True)


_COLUMNS = ["code", "outcome", "turns", "conversations", "share", "base", "lift", "low", "high", "p", "q"]


def _row(
    code: int, outcome: str, turns: np.ndarray, all_turns: np.ndarray, belongs: np.ndarray, p: float, minimum: int
) -> tuple[object, ...]:
    """One line of the table from what each conversation contributes."""
    share = float(turns @ belongs / turns.sum())
    base = float(all_turns @ belongs / all_turns.sum())
    holders = int((turns > 0).sum())
    facts = (code, outcome, int(turns.sum()), holders, share, base, share / base)
    if holders < minimum:
        return (*facts, np.nan, np.nan, np.nan)
    effective = float(turns.sum() ** 2 / (turns**2).sum())  # Kish: conversations with many such turns count as one
    low, high = wilson_interval(share * effective, effective)  # type: ignore[arg-type]
    return (*facts, low / base, high / base, p)


def _permutation_p(counts: np.ndarray, belongs: np.ndarray, permutations: int, seed: int) -> np.ndarray:
    """Two-sided p of every code (rows) and outcome (columns), never 0."""
    generator = np.random.default_rng(seed)
    weights = counts / counts.sum(axis=0) - (counts.sum(axis=1) / counts.sum())[:, None]
    observed = np.abs(weights.T @ belongs)
    as_far = np.ones_like(observed)
    for _ in range(permutations):
        # Equal values may differ in the last bit after another order of summation.
        as_far += np.abs(weights.T @ belongs[generator.permutation(len(belongs))]) >= observed - 1e-12
    return as_far / (permutations + 1)
