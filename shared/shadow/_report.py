"""What the log says: agreement, disagreement, latency, cost, break-even, and when to ask the LLM after all."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from shared.runs import UserError
from shared.shadow._log import UNHAPPY
from shared.shadow._router import share_of
from shared.stats import Estimate, mean_estimate, wilson_interval


def answered_by_both(rows: pd.DataFrame) -> pd.DataFrame:
    """The decisions on which both classifiers answered: only they can agree or disagree."""
    return rows[rows["llm_status"] == "ok"].reset_index(drop=True)


def agreement(rows: pd.DataFrame, *, seed: int = 0) -> Estimate:
    """Share of messages on which encoder and LLM gave the same category, with an interval over conversations.

    Args:
        rows: decisions as `read_log` gives them; those without an LLM answer are unscored and counted.
        seed: of the bootstrap.
    """
    same = np.where(rows["llm_status"] == "ok", rows["encoder_category"] == rows["llm_category"], np.nan)
    return mean_estimate(same.astype(float), rows["conversation_id"].to_numpy(), seed=seed)


def unhappy_share(rows: pd.DataFrame, *, seed: int = 0) -> Estimate:
    """Share of messages after which the user rephrased, corrected or left, with an interval over conversations.

    Args:
        rows: decisions as `read_log` gives them; those without a sign are unscored and counted.
        seed: of the bootstrap.
    """
    return mean_estimate(_unhappy(rows), rows["conversation_id"].to_numpy(), seed=seed)


def _unhappy(rows: pd.DataFrame) -> np.ndarray:
    return np.where(rows["feedback"].isna(), np.nan, rows["feedback"].isin(UNHAPPY)).astype(float)


def feedback_table(rows: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """How often users were unhappy with an answer, by who gave it and whether the other one would have said the same.

    A sign is not a verdict: people also rephrase after a right answer. What counts is the distance between two rows,
    and in `shadow`, where the LLM answers everything, the row in which the encoder would have said otherwise.

    Args:
        rows: decisions as `read_log` gives them; those without a sign are unscored and counted.
        seed: of the bootstrap over conversations.

    Returns:
        Columns served, other ("same", "different" or "not known"), n (with a sign), no_sign, unhappy (share that was
        rephrased, corrected or left; NaN where n is 0), low, high (95 %).
    """
    known = rows["llm_status"] == "ok"
    same = np.where(rows["encoder_category"] == rows["llm_category"], "same", "different")
    other = np.where(known, same, "not known")
    scored = rows.assign(other=other, unhappy=_unhappy(rows))
    found = [
        (served, kind, mean_estimate(part["unhappy"].to_numpy(), part["conversation_id"].to_numpy(), seed=seed))
        for (served, kind), part in scored.groupby(["served", "other"])
    ]
    columns = ["served", "other", "n", "no_sign", "unhappy", "low", "high"]
    return pd.DataFrame([(*who, e.n, e.n_unscored, e.value, *e.interval) for *who, e in found], columns=columns)


def disagreement_counts(rows: pd.DataFrame) -> pd.DataFrame:
    """Counts of messages: rows are the LLM's categories, columns the encoder's, the diagonal is agreement."""
    both = answered_by_both(rows)
    names = sorted({*both["llm_category"], *both["encoder_category"]})
    counts = pd.crosstab(both["llm_category"], both["encoder_category"])
    return counts.reindex(index=names, columns=names, fill_value=0)


def latency_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Milliseconds at p50, p95 and p99 of each classifier, and how many calls they come from."""
    times = {"encoder": rows["encoder_ms"], "llm": answered_by_both(rows)["llm_ms"]}
    return pd.DataFrame(
        [{"classifier": name, "calls": len(t), **{f"p{q}": t.quantile(q / 100) for q in (50, 95, 99)}}
         for name, t in times.items()]
    )  # fmt: skip


def cost_per_thousand(rows: pd.DataFrame, llm_price: float, encoder_price: float = 0.0) -> float:
    """Money for 1,000 messages as they were routed: every LLM call that was answered is paid, served or not.

    Args:
        rows: decisions.
        llm_price: money for one LLM call.
        encoder_price: money for one encoder call (electricity or rent, shared by its messages).
    """
    asked = (rows["llm_status"] == "ok").mean() if len(rows) else np.nan
    return float(1000 * (asked * llm_price + encoder_price))


class BreakEven(NamedTuple):
    """Days until the encoder has paid for itself: quantiles of the distribution and the share that never does."""

    p5: float
    p50: float
    p95: float
    never: float
    days: np.ndarray


def break_even(
    *,
    one_off_cost: float,
    monthly_cost: float,
    messages_per_day: tuple[float, float],
    llm_price: tuple[float, float],
    escalated: Estimate,
    draws: int = 10_000,
    seed: int = 0,
) -> BreakEven:
    """When the saved LLM calls have paid for labelling and training, as a distribution rather than one number.

    Args:
        one_off_cost: money spent on labels and training.
        monthly_cost: money a month for serving the encoder.
        messages_per_day: (low, high), 5 % and 95 % quantiles of a log-normal belief.
        llm_price: (low, high) money for one call, likewise.
        escalated: share of messages that still go to the LLM, with its interval.
        draws: Monte Carlo draws.
        seed: of the draws.

    Returns:
        BreakEven; draws in which the encoder costs more than it saves are infinite and counted in `never`.
    """
    random = np.random.default_rng(seed)
    messages, price = (_log_normal(random, *bounds, draws) for bounds in (messages_per_day, llm_price))
    share = np.clip(random.normal(escalated.value, _standard_error(escalated), draws), 0, 1)
    saved_a_day = messages * price * (1 - share) - monthly_cost / 30
    days = np.where(saved_a_day > 0, one_off_cost / np.where(saved_a_day > 0, saved_a_day, 1), np.inf)
    # "lower" never interpolates between a number and infinity, which would be NaN
    p5, p50, p95 = np.quantile(days, [0.05, 0.5, 0.95], method="lower")
    return BreakEven(float(p5), float(p50), float(p95), float(np.isinf(days).mean()), days)


def _log_normal(random: np.random.Generator, low: float, high: float, draws: int) -> np.ndarray:
    if not 0 < low <= high:
        raise UserError(f"break_even: bounds ({low}, {high}) must be positive and in order.")
    middle, spread = (np.log(low) + np.log(high)) / 2, (np.log(high) - np.log(low)) / (2 * 1.645)
    return np.asarray(random.lognormal(middle, spread, draws))


def _standard_error(estimate: Estimate) -> float:
    return (estimate.interval.high - estimate.interval.low) / (2 * 1.96)


class EscalationThreshold(NamedTuple):
    """The confidence below which the LLM is asked.

    Attributes:
        threshold: in [0, 1]; NaN if no threshold reaches the target.
        agreement: agreement above the threshold on the conversations that did not choose it.
        escalated: share of messages below it, on the same conversations.
        curve: one row a candidate on the choosing half: threshold, agreement, low (interval), escalated.
    """

    threshold: float
    agreement: Estimate
    escalated: Estimate
    curve: pd.DataFrame


def escalation_threshold(rows: pd.DataFrame, target: float, *, seed: int = 0) -> EscalationThreshold:
    """The lowest confidence above which encoder and LLM agree at least as often as asked.

    Half of the conversations choose the threshold (the lower interval bound must reach the target), the other half
    says what it is worth: a threshold tested on the data that chose it looks better than it is.

    Args:
        rows: decisions; those that both answered are used.
        target: wanted agreement in (0, 1].
        seed: of the intervals; the halves come from a hash of the conversation.

    Raises:
        UserError: the target is not in (0, 1], or fewer than 20 decisions were answered by both.
    """
    both = answered_by_both(rows)
    if not 0 < target <= 1:
        raise UserError(f"escalation_threshold: target is {target}, expected an agreement in (0, 1].")
    if len(both) < 20:
        raise UserError(f"escalation_threshold: {len(both)} decisions were answered by both, at least 20 are needed.")
    # By conversation, and by a hash: a conversation that grows later stays in its half.
    chooses = np.array([share_of(c, "threshold") < 0.5 for c in both["conversation_id"]])
    curve = _curve(both[chooses], seed)
    reached = curve[curve["low"] >= target]
    threshold = float(reached["threshold"].iloc[0]) if len(reached) else float("nan")
    return EscalationThreshold(threshold, *_worth(both[~chooses], threshold, seed), curve)


def _curve(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    # Up to the 95th percentile: above it a handful of messages would decide.
    candidates = np.unique(np.quantile(rows["encoder_confidence"], np.linspace(0, 0.95, 20)))
    return pd.DataFrame([_point(rows, threshold, seed) for threshold in candidates])


def _point(rows: pd.DataFrame, threshold: float, seed: int) -> dict[str, float]:
    worth, escalated = _worth(rows, threshold, seed)
    # a handful of messages that all agree leave a bootstrap nothing to vary: Wilson's bound still doubts them
    low = min(worth.interval.low, wilson_interval(round(worth.value * worth.n), worth.n).low)
    return {"threshold": threshold, "agreement": worth.value, "low": low, "escalated": escalated.value}


def _worth(rows: pd.DataFrame, threshold: float, seed: int) -> tuple[Estimate, Estimate]:
    below = ~(rows["encoder_confidence"].to_numpy() >= threshold)
    same = (rows["encoder_category"] == rows["llm_category"]).to_numpy().astype(float)
    clusters = rows["conversation_id"].to_numpy()
    above = np.where(below, np.nan, same)
    return mean_estimate(above, clusters, seed=seed), mean_estimate(below.astype(float), clusters, seed=seed)
