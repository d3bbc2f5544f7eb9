"""Win rates, length control, ranking, sequential stopping: values derived, limits, coverage."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shared import judge
from shared.runs import UserError


def scored(scores: list[float], prompts: list[str] | None = None, **columns: list[str]) -> pd.DataFrame:
    ids = prompts or [str(k) for k in range(len(scores))]
    rows = [{"prompt_id": p, "model": "m", "baseline": "b", "score": s} for p, s in zip(ids, scores, strict=True)]
    return judge.comparisons(rows).assign(**columns)


@pytest.mark.real_data
def test_the_published_figures_of_alpaca_eval_are_met(real_data: Path) -> None:
    found = judge.win_rate(judge.read_alpaca_eval(real_data / "alpaca_eval/claude-2.1_annotations.json"))
    assert (round(found.win_rate, 4), round(found.standard_error, 4), found.n) == (15.7335, 1.1203, 805)
    assert found.interval.low < 15.7335 < found.interval.high


@pytest.mark.real_data
def test_length_control_raises_a_model_that_writes_less_than_its_baseline(real_data: Path) -> None:
    table = judge.read_alpaca_eval(real_data / "alpaca_eval/claude-2.1_annotations.json")
    plain, controlled = judge.win_rate(table), judge.length_controlled_win_rate(table)
    assert controlled.win_rate > plain.win_rate + 5
    assert controlled.standard_error > plain.standard_error


def test_win_rate_by_hand() -> None:
    # 1, 1, 0.5, 0: mean 0.625; deviations squared 0.140625 * 2 + 0.015625 + 0.390625 = 0.6875; sd = sqrt(0.6875 / 3)
    # = 0.47871; standard error 0.47871 / 2 = 0.23936; d = 0.125 / 0.47871 = 0.26112; sign test 2 against 1: p = 1
    found = judge.win_rate(scored([1, 1, 0.5, 0, np.nan]))
    assert (found.win_rate, found.wins, found.ties, found.losses) == (62.5, 2, 1, 1)
    assert (found.n, found.n_unscored, found.n_prompts) == (4, 1, 4)
    assert found.standard_error == pytest.approx(23.936, abs=1e-3)
    assert found.effect_size == pytest.approx(0.26112, abs=1e-5)
    assert (found.p_value, found.test) == (1.0, "exact sign test")


def test_the_sign_test_is_exact() -> None:
    # 8 wins, 0 losses, 3 ties: p = 2 / 2^8
    assert judge.win_rate(scored([1.0] * 8 + [0.5] * 3)).p_value == pytest.approx(2 / 256)


def test_nothing_scored_is_nan_and_counted() -> None:
    found = judge.win_rate(scored([np.nan, np.nan]))
    assert np.isnan([found.win_rate, found.standard_error, found.p_value, *found.interval]).all()
    assert (found.n, found.n_unscored) == (0, 2)


def test_winning_everything_is_not_certain() -> None:
    # Wilson at 10 of 10: low = 10 / 13.8415
    assert judge.win_rate(scored([1.0] * 10)).interval == (pytest.approx(72.25, abs=0.01), 100.0)


def test_judging_a_prompt_ten_times_does_not_make_ten_prompts() -> None:
    generator = np.random.default_rng(0)
    once = [float(x) for x in generator.choice([0, 0.5, 1], 40)]
    tenfold = judge.win_rate(scored(once * 10, [str(k) for k in range(40)] * 10))
    single = judge.win_rate(scored(once))
    assert tenfold.standard_error == pytest.approx(single.standard_error)
    assert tenfold.interval == pytest.approx(tuple(single.interval), abs=1.5)
    assert tenfold.test == "sign flips of prompts"


def test_scores_outside_zero_and_one_are_a_user_error() -> None:
    with pytest.raises(UserError, match="must lie in"):
        judge.win_rate(scored([1.5]))


def test_several_sets_are_corrected_after_holm() -> None:
    # p of 8:0 is 2/256 = 0.0078, of 6:0 is 2/64 = 0.03125: adjusted 0.0156 and 0.03125
    table = pd.concat([scored([1.0] * 8).assign(model="x"), scored([1.0] * 6).assign(model="y")])
    found = judge.win_rates_by(table, "model")
    assert found["p_holm"].tolist() == pytest.approx([2 * 2 / 256, 2 / 64])


def test_intervals_hold_their_promise_and_the_usual_recipe_does_not() -> None:
    found = judge.check_coverage(repetitions=1000)
    assert 0.65 <= found.consistency <= 0.70
    assert 0.93 <= found.clustered <= 0.97
    # A well-known benchmark's recipe on the same verdicts; 57 % was measured elsewhere, the mix of verdicts moves it.
    assert 0.50 <= found.naive <= 0.62
    assert found.naive_95 < 0.72


def answers(lengths: np.ndarray) -> list[str]:
    return ["x" * int(length) for length in lengths]


def test_a_win_rate_that_is_all_length_vanishes_at_equal_length() -> None:
    # Longer answers win with probability 0.8, whichever model wrote them; the model is longer in 3 of 4 cases.
    # Plain: 0.75 * 0.8 + 0.25 * 0.2 = 0.65. At equal length: 0.5.
    generator = np.random.default_rng(0)
    longer = generator.random(3000) < 0.75
    score = np.where(generator.random(3000) < 0.8, longer, ~longer).astype(float)
    lengths = np.where(longer, 200, 100)
    table = scored(score.tolist()).assign(answer=answers(lengths), baseline_answer=answers(300 - lengths))
    found = judge.length_controlled_win_rate(table, replicates=300)
    assert judge.win_rate(table, replicates=100).win_rate == pytest.approx(65, abs=3)
    assert found.interval.low < 50 < found.interval.high
    assert found.slope > 1


def test_without_length_differences_control_changes_nothing() -> None:
    table = scored([1.0, 1.0, 1.0, 0.0] * 50).assign(answer="same", baseline_answer="same")
    found = judge.length_controlled_win_rate(table, replicates=500)
    assert found.win_rate == pytest.approx(75, abs=0.1)
    # n = 200: sqrt(0.75 * 0.25 / 200) = 3.06 points
    assert found.standard_error == pytest.approx(3.06, abs=0.4)


def test_the_controlled_standard_error_is_the_spread_over_fresh_samples() -> None:
    generator = np.random.default_rng(1)
    found = []
    for _ in range(60):
        difference = generator.normal(20, 100, 200)
        chance = 1 / (1 + np.exp(-(0.3 + 1.5 * np.tanh(difference / 100))))
        table = scored((generator.random(200) < chance).astype(float).tolist()).assign(
            answer=answers(1000 + difference), baseline_answer=answers(np.full(200, 1000))
        )
        found.append(judge.length_controlled_win_rate(table, replicates=200))
    spread = np.std([one.win_rate for one in found], ddof=1)
    assert np.mean([one.standard_error for one in found]) == pytest.approx(spread, rel=0.25)


def test_bradley_terry_recovers_the_order_and_its_distances() -> None:
    # Strengths 4 : 2 : 1 -> a beats b 2/3, a beats c 4/5, b beats c 2/3; shares (2/3 + 4/5)/2 = 0.7333, 0.5, 0.2667
    rows = []
    for one, other, wins in (("a", "b", 200), ("a", "c", 240), ("b", "c", 200)):
        rows += [{"prompt_id": str(k), "model": one, "baseline": other, "score": float(k < wins)} for k in range(300)]
    ranked = judge.bradley_terry(judge.comparisons(rows), replicates=100)
    assert [one.model for one in ranked] == ["a", "b", "c"]
    assert [one.win_share for one in ranked] == pytest.approx([73.33, 50, 26.67], abs=0.5)
    assert ranked[0].strength - ranked[2].strength == pytest.approx(np.log(4), abs=0.05)
    assert all(one.interval.low < one.win_share < one.interval.high and one.n == 600 for one in ranked)


def test_a_model_that_wins_every_game_has_a_finite_strength() -> None:
    ranked = judge.bradley_terry(scored([1.0] * 20), replicates=50)
    assert np.isfinite([one.strength for one in ranked]).all()
    assert ranked[0].model == "m"


def test_looking_after_every_prompt_does_not_raise_false_alarms() -> None:
    generator = np.random.default_rng(0)
    alarms, late = 0, 0
    for _ in range(300):
        scores = generator.choice([0.0, 0.5, 1.0], 400)
        alarms += judge.anytime_win_rate(scores).decided_at is not None
        means = np.cumsum(scores) / np.arange(1, 401)
        late += bool(np.any(np.abs(means - 0.5)[30:] > 1.96 * 0.408 / np.sqrt(np.arange(31, 401))))
    assert alarms / 300 <= 0.05 + 0.025
    assert late / 300 > 0.15  # the same looks with a fixed-size test


def test_a_clear_difference_stops_early() -> None:
    scores = np.random.default_rng(0).choice([0.0, 1.0], 1000, p=[0.25, 0.75])
    found = judge.anytime_win_rate(scores)
    assert found.decided_at is not None and found.decided_at < 200
    assert found.low[-1] < 75 < found.high[-1]
    assert (np.diff(found.p_value) <= 0).all()


def test_sequential_bounds_do_not_depend_on_how_scores_are_blocked() -> None:
    scores = np.random.default_rng(0).random(9000)
    whole = judge.anytime_win_rate(scores, steps=40)
    assert whole.low[4999] == judge.anytime_win_rate(scores[:5000], steps=40).low[-1]
    assert len(whole.low) == 9000


def test_no_scores_no_decision() -> None:
    assert judge.anytime_win_rate(np.array([np.nan])).decided_at is None


def test_planning_by_hand() -> None:
    # Ties 1/3 at 50 %: variance 1/3 + 1/12 - 1/4 = 1/6, sd 40.82 points; n = 1000: 2.80159 * 40.82 / 31.62 = 3.617
    assert judge.score_deviation(1 / 3) == pytest.approx(40.825, abs=1e-3)
    smallest, table = judge.plan(1000, differences=(3.617,))
    assert smallest == pytest.approx(3.617, abs=1e-3)
    assert table["power"][0] == pytest.approx(0.8, abs=1e-3)


def test_an_alpaca_file_with_a_missing_key_names_it(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps([{"instruction": "?", "preference": 1.0}]))
    with pytest.raises(UserError, match="entry 0 lacks output_1"):
        judge.read_alpaca_eval(path)


def test_an_alpaca_entry_without_preference_is_unscored(tmp_path: Path) -> None:
    entry = {"instruction": "?", "output_1": "a", "output_2": "b", "generator_1": "x", "generator_2": "y"}
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps([{**entry, "preference": value} for value in (None, 2.0, 1.25)]))
    found = judge.win_rate(judge.read_alpaca_eval(path))
    assert (found.win_rate, found.n, found.n_unscored) == (62.5, 2, 1)
