import numpy as np
import pytest

from shared.runs import UserError
from shared.serving import GateLimits, quality_gate

LABELS = ("a", "b")


def rows(*first: float) -> np.ndarray:
    """Probabilities of "a" and "b"."""
    return np.array([[p, 1 - p] for p in first]).reshape(-1, 2)


def test_a_model_passes_against_itself() -> None:
    same = rows(0.9, 0.2, 0.6)
    gate = quality_gate(same, same, [["a"], ["b"], ["b"]], LABELS)
    assert gate.passed and gate.reasons == ()
    assert (gate.largest_drift, gate.accuracy_change, gate.agreement, gate.test.p_value) == (0.0, 0.0, 1.0, 1.0)


def test_an_export_that_is_right_less_often_is_refused_with_the_test() -> None:
    # 100 messages of "a", all right before; the export loses 10: 10 against 0 discordant, p = 2 / 2^10 = 0.00195.
    exact = rows(*[0.9] * 100)
    export = rows(*[0.4] * 10, *[0.9] * 90)
    gate = quality_gate(exact, export, [["a"]] * 100, LABELS, GateLimits(drift=1.0, class_drop=1.0, accuracy_drop=1.0))
    assert gate.test.p_value == pytest.approx(2 / 2**10)
    assert gate.reasons == ("right less often, McNemar p = 0.002",)


def test_an_export_that_is_right_more_often_passes() -> None:
    gate = quality_gate(rows(*[0.4] * 10), rows(*[0.6] * 10), [["a"]] * 10, LABELS, GateLimits(drift=0.25))
    assert gate.passed and gate.accuracy_change == pytest.approx(1.0)


def test_one_class_that_collapses_is_found_behind_a_good_total() -> None:
    # 95 of "a" stay right; of 5 "b" three are lost: accuracy falls by 0.03 only, recall of b by 0.6.
    exact, export = rows(*[0.9] * 95, *[0.1] * 5), rows(*[0.9] * 95, *[0.6] * 3, *[0.1] * 2)
    limits = GateLimits(accuracy_drop=0.05, drift=0.6, p_value=0.001)
    gate = quality_gate(exact, export, [["a"]] * 95 + [["b"]] * 5, LABELS, limits)
    assert gate.reasons == ("recall of 'b' changes by -0.60 (n = 5)",)
    assert gate.classes.iloc[0].to_dict() == {
        "label": "b", "n": 5, "reference": 1.0, "export": 0.4, "change": pytest.approx(-0.6), "lost": 3
    }  # fmt: skip


def test_one_lost_message_of_a_rare_class_is_no_evidence() -> None:
    exact, export = rows(*[0.9] * 199, 0.1), rows(*[0.9] * 199, 0.6)
    assert quality_gate(exact, export, [["a"]] * 199 + [["b"]], LABELS, GateLimits(drift=0.6)).passed


def test_a_drifting_probability_is_refused_even_if_no_answer_changes() -> None:
    gate = quality_gate(rows(0.95), rows(0.55), [["a"]], LABELS)
    assert gate.reasons == ("a probability drifts by 0.40, limit 0.30",)


def test_macro_f1_over_thresholds_counts_where_a_message_has_several_labels() -> None:
    truth = [["a", "b"]] * 10 + [["a"]] * 10
    exact = np.array([[0.9, 0.6]] * 10 + [[0.9, 0.1]] * 10)
    export = exact.copy()
    export[0, 1] = 0.45  # under the threshold: one b of ten is no longer said, the likeliest label stays a
    gate = quality_gate(exact, export, truth, ("a", "b"), thresholds=np.array([0.5, 0.5]))
    # F1 of b: 2 * 9 / (9 + 10) instead of 1; of a: 1 both times
    assert gate.macro_f1_change == pytest.approx((18 / 19 - 1) / 2) and gate.accuracy_change == 0
    assert gate.reasons == ("macro-F1 changes by -0.026",)


def test_nan_in_an_export_is_refused() -> None:
    assert not quality_gate(rows(0.9, 0.9), rows(0.9, np.nan), [["a"], ["a"]], LABELS).passed


def test_no_messages_or_other_messages_are_a_mistake() -> None:
    with pytest.raises(UserError, match="same messages for both"):
        quality_gate(rows(), rows(), [], LABELS)
    with pytest.raises(UserError, match="same messages for both"):
        quality_gate(rows(0.5), rows(0.5, 0.5), [["a"]], LABELS)


def test_an_answer_is_right_if_it_is_among_several_right_labels() -> None:
    gate = quality_gate(rows(0.6, 0.9), rows(0.4, 0.9), [["a", "b"], ["b"]], LABELS)
    assert gate.accuracy_change == 0.0  # the first message changes from one right label to the other
    assert gate.agreement == 0.5
