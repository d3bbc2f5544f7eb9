import numpy as np
import pandas as pd
import pytest

from shared.runs import UserError
from shared.shadow import (
    agreement,
    break_even,
    cost_per_thousand,
    disagreement_counts,
    drift_report,
    embedding_distance,
    escalation_threshold,
    feedback_table,
    latency_table,
    population_stability,
    retraining_set,
    review_queue,
)
from shared.stats import Estimate, Interval


def decisions(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Encoder right with its own confidence, so that agreement rises with confidence; two messages a conversation."""
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.5, 1.0, n)
    same = random.random(n) < confidence
    return pd.DataFrame({
        "time": np.arange(n, dtype=float), "conversation_id": [f"c{i // 2}" for i in range(n)],
        "text": [f"message {i}" for i in range(n)], "encoder_category": np.where(same, "a", "b"),
        "encoder_confidence": confidence, "encoder_ms": 1.0, "llm_status": "ok", "llm_category": "a", "llm_ms": 300.0,
        "served": "llm", "feedback": None,
    })  # fmt: skip


def test_agreement_counts_only_messages_that_both_answered() -> None:
    rows = decisions(4).assign(
        encoder_category=["a", "a", "b", "a"], llm_status=["ok", "ok", "ok", "failed: TimeoutError"]
    )
    found = agreement(rows)
    assert found.value == pytest.approx(2 / 3)  # a=a, a=a, b!=a; the fourth is unscored
    assert (found.n, found.n_unscored) == (3, 1)


def test_unhappy_users_are_counted_by_who_answered_and_silence_is_no_opinion() -> None:
    rows = decisions(6).assign(
        encoder_category=["a", "a", "a", "b", "b", "b"],
        served=["encoder"] * 2 + ["llm"] * 4,
        llm_status=["not asked"] * 2 + ["ok"] * 4,
        feedback=["left", "continued", None, "rephrased", "corrected", "continued"],
    )
    table = feedback_table(rows).set_index(["served", "other"])
    assert table.loc[("encoder", "not known"), "unhappy"] == 0.5
    assert table.loc[("llm", "different"), "unhappy"] == pytest.approx(2 / 3)
    assert table.loc[("llm", "same"), ["n", "no_sign"]].tolist() == [0, 1]
    assert np.isnan(table.loc[("llm", "same"), "unhappy"])


def test_disagreement_counts_have_every_category_on_both_sides() -> None:
    rows = decisions(3).assign(encoder_category=["a", "b", "b"], llm_category=["a", "a", "c"])
    counts = disagreement_counts(rows)
    assert counts.index.tolist() == counts.columns.tolist() == ["a", "b", "c"]
    assert counts.loc["a", "b"] == 1 and counts.loc["c", "b"] == 1 and counts.to_numpy().sum() == 3


def test_latency_and_cost_count_the_calls_that_were_made() -> None:
    rows = decisions(4).assign(llm_status=["ok", "ok", "not asked", "not asked"])
    assert latency_table(rows)["calls"].tolist() == [4, 2]
    assert cost_per_thousand(rows, llm_price=0.0002) == pytest.approx(0.1)  # half of 1,000 calls at 0.0002


def test_break_even_is_a_distribution_and_never_is_counted() -> None:
    nothing = Estimate(0.0, Interval(0.0, 0.0), 100, 0)
    # bounds without width: 10,000 messages x 0.0002 = 2 a day; 60 / 2 = 30 days, in every draw
    fixed = break_even(
        one_off_cost=60, monthly_cost=0, messages_per_day=(1e4, 1e4), llm_price=(2e-4, 2e-4), escalated=nothing
    )
    assert (fixed.p5, fixed.p95, fixed.never) == (pytest.approx(30), pytest.approx(30), 0)
    dear = break_even(
        one_off_cost=60, monthly_cost=600, messages_per_day=(1e4, 1e4), llm_price=(2e-4, 2e-4), escalated=nothing
    )
    assert dear.never == 1 and np.isinf(dear.p50)


def test_the_threshold_is_chosen_on_one_half_and_judged_on_the_other() -> None:
    found = escalation_threshold(decisions(4000), target=0.85)
    # agreement above t is the mean of U(t, 1) = (1 + t) / 2 >= 0.85 from t = 0.7; the lower bound needs a little more
    assert 0.68 < found.threshold < 0.85
    assert found.agreement.value == pytest.approx((1 + found.threshold) / 2, abs=0.04)
    assert found.escalated.value == pytest.approx((found.threshold - 0.5) / 0.5, abs=0.06)


def test_a_target_that_nothing_reaches_gives_no_threshold() -> None:
    assert np.isnan(escalation_threshold(decisions(400), target=1.0).threshold)


@pytest.mark.parametrize(("n", "target"), [(400, 0.0), (400, 1.5), (10, 0.9)])
def test_an_impossible_question_is_refused(n: int, target: float) -> None:
    with pytest.raises(UserError):
        escalation_threshold(decisions(n), target)


def test_population_stability_is_zero_for_equal_samples_and_grows_with_a_shift() -> None:
    same = np.array(["a", "b"] * 50)
    assert population_stability(same, same) == 0
    # p = (50.5, 50.5) / 101 = 0.5; q = (80.5, 20.5) / 101: (0.5-0.797) ln(0.5/0.797) + (0.5-0.203) ln(0.5/0.203)
    shifted = population_stability(same, np.array(["a"] * 80 + ["b"] * 20))
    p, q = np.array([0.5, 0.5]), np.array([80.5, 20.5]) / 101
    assert shifted == pytest.approx(float(((p - q) * np.log(p / q)).sum()))
    assert np.isnan(population_stability(same, np.array([])))


def test_embeddings_of_one_distribution_are_close_and_of_two_are_not() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(0, 1, (60, 8)), random.normal(0, 1, (60, 8))
    assert embedding_distance(first, second).p_value > 0.01
    assert embedding_distance(first, second + 1).p_value < 0.01
    assert np.isnan(embedding_distance(first[:1], second).value)


def test_drift_alarms_on_new_traffic_and_not_on_old() -> None:
    rows = decisions(400)
    assert not any(d.alarm for d in drift_report(rows[:200], rows[200:]))
    assert drift_report(rows, rows.assign(encoder_category="c"))[0].alarm


def test_the_queue_starts_with_confident_disagreements_and_holds_every_text_once() -> None:
    rows = decisions(4).assign(
        encoder_category=["b", "b", "a", "a"], encoder_confidence=[0.6, 0.9, 0.5, 0.99], text=["x", "y", "z", "z"]
    )
    queue = review_queue(rows, size=10)
    assert queue["text"].tolist() == ["y", "x", "z"]  # priorities 1.9, 1.6, then 1 - 0.5
    assert review_queue(rows, size=1)["why"].tolist() == ["encoder and LLM disagree"]


def test_what_a_user_took_badly_is_looked_at_first_and_never_learned() -> None:
    rows = decisions(3).assign(
        encoder_category="a", encoder_confidence=[0.99, 0.95, 0.6], feedback=["continued", "corrected", None]
    )
    queue = review_queue(rows, 1)
    assert queue.loc[0, ["text", "why"]].tolist() == ["message 1", "the user corrected"]
    nobody = pd.DataFrame(columns=["text", "label"])
    assert retraining_set(rows, nobody, confident=0.9)["message"].tolist() == ["message 0"]


def test_a_persons_word_replaces_an_agreement_in_the_retraining_set() -> None:
    rows = decisions(3).assign(encoder_category="a", encoder_confidence=[0.95, 0.95, 0.6], text=["x", "y", "z"])
    reviewed = pd.DataFrame({"text": ["x", "z"], "label": ["b", None]})
    made = retraining_set(rows, reviewed, confident=0.9)
    assert made[["message", "label", "source"]].values.tolist() == [["x", "b", "human"], ["y", "a", "agreed"]]
