"""The offline judge: which answer is nearer to a reference in embedding space. It knows nothing beyond that."""

from collections.abc import Callable, Sequence

import numpy as np

from shared.judge._comparisons import Verdict, comparisons
from shared.judge._verdicts import Judged, Pair, row_of
from shared.llm import Ledger
from shared.runs import UserError

REFERENCE_JUDGE = "similarity to a reference in embedding space"
Encode = Callable[[list[str]], np.ndarray]


def judge_by_reference(pairs: Sequence[Pair], encode: Encode, *, margin: float = 0.01) -> Judged:
    """Compare every pair by cosine similarity to the pair's reference.

    Args:
        pairs: what to compare; each needs a `reference`.
        encode: texts to vectors, shape (texts, dimensions).
        margin: similarities closer than this are a tie.

    Returns:
        Judged at no cost. Both orders get the same verdict by construction: position consistency is 1 and says
        nothing. A pair with an empty answer is unscored.

    Raises:
        UserError: a pair has no reference.
    """
    if lacking := [pair.prompt_id for pair in pairs if not pair.reference]:
        raise UserError(
            f"{len(lacking)} of {len(pairs)} pairs have no reference answer, first {lacking[0]}. "
            f"The judge '{REFERENCE_JUDGE}' needs one each; give them a `reference`, or choose a chat model as judge."
        )
    gaps = _similarity(pairs, encode, "answer") - _similarity(pairs, encode, "baseline_answer")
    table = comparisons([_judged(pair, gap, margin) for pair, gap in zip(pairs, gaps, strict=True)])
    n = 2 * len(pairs)
    return Judged(table, Ledger(REFERENCE_JUDGE, n, n, 0, 0, 0, 0, 0, 0, 0, 0.0))


def _judged(pair: Pair, gap: float, margin: float) -> dict[str, object]:
    verdict = _verdict(pair, gap, margin)
    raw = f"similarity to the reference, answer minus baseline: {gap:+.4f}"
    return row_of(pair, verdict, verdict) | {"raw_first": raw, "raw_second": raw}


def _verdict(pair: Pair, gap: float, margin: float) -> Verdict | None:
    # An empty text has a vector too, and it can lie near the reference: no verdict on it.
    if not pair.answer.strip() or not pair.baseline_answer.strip():
        return None
    if abs(gap) < margin:
        return "tie"
    return "model" if gap > 0 else "baseline"


def _similarity(pairs: Sequence[Pair], encode: Encode, field: str) -> np.ndarray:
    answers = _unit(encode([getattr(pair, field) for pair in pairs]))
    references = _unit(encode([pair.reference for pair in pairs]))
    return np.asarray((answers * references).sum(axis=1))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
