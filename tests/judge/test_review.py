"""What a reviewer reads: the way to every n, what is not in a figure, and a verdict no stronger than its interval."""

import pandas as pd
import pytest

from shared import judge
from shared.judge import comparisons


def table(scores: list[float], **columns: list[object]) -> pd.DataFrame:
    rows = [{"prompt_id": f"p{k}", "model": "new", "baseline": "old", "score": s} for k, s in enumerate(scores)]
    found = comparisons(rows).assign(answer="Six minutes.", baseline_answer="An hour.")
    return found.assign(**columns)


@pytest.mark.parametrize(
    ("scores", "words"),
    [([1.0] * 20, "beats"), ([0.0] * 20, "loses to"), ([1.0, 0.0] * 10, "cannot be told apart from")],
)
def test_the_verdict_is_no_stronger_than_the_interval(scores: list[float], words: str) -> None:
    assert judge.verdict_in_words(judge.win_rate(table(scores))) == words


def test_each_n_follows_from_the_one_above_it() -> None:
    steps = judge.way_to_the_figures(12, 10, 8, 7, 7, 5)
    assert steps["left"].tolist() == [12, 10, 8, 7, 7, 5]
    assert steps["lost"].tolist() == [0, 2, 2, 1, 0, 2]


def test_everything_left_out_is_listed_with_its_step_and_reason() -> None:
    nan = float("nan")
    found = table(
        [1.0, nan, nan, nan],
        verdict_first=["model", None, "model", None],
        verdict_second=["model", "model", None, None],
        answer=["a", "b", "c", " "],
    )
    left_out = judge.exclusions([{"conversation_id": "c1", "reason": "seen"}], [], found)
    assert left_out.values.tolist() == [
        ["context", "c1", "seen"],
        ["verdict", "p1", "no readable verdict when the model's answer stood first"],
        ["verdict", "p2", "no readable verdict when the baseline's answer stood first"],
        ["verdict", "p3", "an answer is empty"],
    ]
    assert judge.exclusions([], [], found.head(1)).empty


def test_every_figure_tells_its_n_and_what_is_not_in_it() -> None:
    # ten wins and two ties of the longer answer, one pair unscored: 12 scored, the ties say nothing about length
    scored = table([1.0] * 10 + [0.5, 0.5, float("nan")])
    panel = judge.examine_judge(scored)
    figures = judge.figure_table(judge.win_rate(scored), judge.length_controlled_win_rate(scored), panel)
    by_name = figures.set_index("figure")
    assert by_name.loc["win rate, ties counted a half", ["n", "left_out"]].tolist() == [12, 1]
    assert by_name.loc["win rate, ties counted a half", "value"] == pytest.approx(100 * 11 / 12)
    assert by_name.loc[["wins", "ties", "losses"], "value"].tolist() == [10, 2, 0]
    # ten wins of ten decided prompts: 2 / 2^10; the two ties are not in it
    assert by_name.loc["p-value, exact sign test", ["n", "left_out"]].tolist() == [10, 2]
    assert by_name.loc["p-value, exact sign test", "value"] == pytest.approx(2 / 2**10)
    assert by_name.loc["longer answer preference", ["value", "n", "left_out"]].tolist() == [1.0, 10, 3]
    assert "tie" in by_name.loc["longer answer preference", "because"]


def test_arms_stand_in_the_same_table_and_nothing_left_out_needs_no_reason() -> None:
    scored = table([1.0, 0.0, 0.5, 1.0])
    arms = judge.win_rates_by(scored, "model")
    controlled = judge.length_controlled_win_rate(scored)
    figures = judge.figure_table(judge.win_rate(scored), controlled, {}, arms).set_index("figure")
    assert figures.loc["win rate of arm new", ["value", "n", "because"]].tolist() == [62.5, 4, ""]
    # two wins against one loss: (1 + 3) / 2^3 in each tail, so p = 1; one arm alone needs no adjustment
    assert figures.loc["p-value of arm new, after Holm", "value"] == 1.0


def test_examples_hold_each_kind_of_result() -> None:
    found = judge.example_verdicts(table([1.0, 1.0, 1.0, 0.0, 0.5, float("nan")]), each=2)
    assert found["result"].tolist() == ["win", "win", "tie", "loss", "unscored"]
    assert found["prompt_id"].tolist() == ["p0", "p1", "p4", "p3", "p5"]


def test_models_answer_under_the_system_prompt_that_they_were_tuned_with() -> None:
    own = {"conversation_id": "b", "messages": [{"role": "system", "content": "Own."}]}
    plain = {"conversation_id": "a", "messages": [{"role": "user", "content": "Hi"}]}
    changed = judge.with_system_prompt([plain, own], "Be kind.")
    assert changed[0]["messages"][0] == {"role": "system", "content": "Be kind."}
    assert changed[1] == own
    assert judge.with_system_prompt([plain], "") == [plain]


def test_a_model_that_wins_everywhere_still_has_an_interval() -> None:
    # every replicate of a sweep is a sweep, so resampling alone would give a width of 0
    low, high = judge.bradley_terry(table([1.0] * 20))[0].interval
    assert low < 95 and high > 97
