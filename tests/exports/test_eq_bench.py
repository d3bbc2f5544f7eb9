import json
import math
from pathlib import Path

import pytest

from shared.exports import compare_eq_bench, constant_floor, dialogue_of, parse_answer, random_floor, score_eq_bench
from shared.runs import UserError

EMOTIONS = ["Sad", "Proud", "Calm", "Annoyed"]


def question(dialogue: str, scores: list[float]) -> dict:
    reference = {f"emotion{i}": e for i, e in enumerate(EMOTIONS, 1)}
    reference |= {f"emotion{i}_score": s for i, s in enumerate(scores, 1)}
    prompt = f"Your task is to predict responses in this dialogue:\n\n{dialogue}\n[End dialogue]\n\nAt the end ..."
    return {"prompt": prompt, "reference_answer_fullscale": reference}


def block(scores: list[float]) -> str:
    return "\n".join(f"{e}: {s}" for e, s in zip(EMOTIONS, scores, strict=True))


def both(first: list[float], revised: list[float]) -> str:
    return (
        f"First pass scores:\n{block(first)}\n\nCritique: fine.\n\nRevised scores:\n{block(revised)}\n\n[End of answer]"
    )


QUESTIONS = {
    "1": question("A: Hi.\nB: No.", [0, 2, 5, 9]),
    "2": question("A: Hi.\nB: No.\nA: Why?", [1, 1, 1, 1]),
    "3": question("C: Well.\nD: Yes.", [3, 3, 3, 3]),
}


def test_perfect_answers_score_100():
    answers = {
        k: block([q["reference_answer_fullscale"][f"emotion{i}_score"] for i in range(1, 5)])
        for k, q in QUESTIONS.items()
    }
    assert score_eq_bench(QUESTIONS, answers).score == 100


def test_one_intensity_off_by_four_costs_half_of_six_and_a_half():
    # d = 4: 6.5 / (1 + e^0) = 3.25; item = 10 - 0.7477 * 3.25 = 7.569975, times 10
    result = score_eq_bench({"3": QUESTIONS["3"]}, {"3": block([7, 3, 3, 3])})
    assert result.first_pass == pytest.approx(75.69975)


def test_a_distance_above_five_counts_in_full():
    # d = 7 counts 7: 10 - 0.7477 * 7 = 4.7661
    result = score_eq_bench({"3": QUESTIONS["3"]}, {"3": block([10, 3, 3, 3])})
    assert result.score == pytest.approx(47.661)


def test_the_better_of_first_pass_and_revision_is_the_score():
    result = score_eq_bench({"3": QUESTIONS["3"]}, {"3": both([3, 3, 3, 3], [7, 3, 3, 3])})
    assert (result.first_pass, result.score) == (100, 100)
    assert result.revised == pytest.approx(75.69975)


def test_a_single_block_counts_as_first_pass():
    first, revised = parse_answer(block([1, 2, 3, 4]), EMOTIONS)
    assert first == dict(zip(EMOTIONS, [1, 2, 3, 4], strict=True))
    assert revised is None


@pytest.mark.parametrize(
    "answer",
    ["", "I would rather not.", "Sad: 1\nProud: 2\nCalm: 3", block([1, 2, 3, 4]) + "\nHappy: 3", block([1, 2, 3, 40])],
    ids=["empty", "prose", "three emotions", "a fifth emotion", "out of range"],
)
def test_an_unparsable_answer_is_unscored_and_counted(answer):
    result = score_eq_bench(QUESTIONS, {"1": block([0, 2, 5, 9]), "2": answer})
    assert (result.n_parsed, result.n_total, result.score) == (1, 3, 100)
    assert math.isnan(result.questions[1].first_pass)
    assert not result.counts


# What chat models really write: greetings, bold names, ranges in brackets, a critique, a moral at the end.
CHATTY = {
    "1": (
        "Sure! Here is my reading of the dialogue.\n\n**First pass scores:**\n- **Sad**: 1 \n- **Proud**: 2\n"
        "- **Calm**: 5\n- **Annoyed**: 9\n\n**Critique:** B may hide it well. Sad: 0 seems closer, since B says no.\n\n"
        "**Revised scores:**\nSad: 0\nProud: 2\nCalm: 5\nAnnoyed: 9\n\n[End of answer]\n\nCalm: is what we all need."
    ),
    "2": "Sad: 1\nProud: 1\nCalm: 1\nAnnoyed: 6",
    "3": "I'm sorry, but I cannot rate other people's feelings.",
}


def test_a_file_of_chat_answers_scores_what_the_formula_gives(tmp_path):
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(CHATTY))
    result = score_eq_bench(QUESTIONS, json.loads(path.read_text()))
    # question 1, first pass: off by 1: 6.5 / (1 + e^3.6) = 0.172881; item 10 - 0.7477 * 0.172881 = 9.870737
    # question 2: off by 5, the last damped distance: 6.5 / (1 + e^-1.2) = 4.995411; 10 - 0.7477 * 4.995411 = 6.264931
    assert [q.first_pass for q in result.questions[:2]] == pytest.approx([9.870737, 6.264931], abs=1e-6)
    assert result.first_pass == pytest.approx(10 * (9.870737 + 6.264931) / 2, abs=1e-4)
    # Only question 1 was revised, perfectly. One revision out of two answers does not stand for both.
    assert result.revised == 100
    assert result.score == result.first_pass
    assert (result.n_parsed, result.n_total, result.counts) == (2, 3, False)


def test_nothing_parsed_is_nan_not_zero():
    result = score_eq_bench(QUESTIONS, {})
    assert math.isnan(result.score)
    assert (result.n_parsed, result.n_total) == (0, 3)


def test_markdown_around_the_scores_does_not_matter():
    first, _ = parse_answer("**Sad**: 1\n- Proud: 2\n* calm : 3\nAnnoyed: **4**", EMOTIONS)
    assert first == dict(zip(EMOTIONS, [1, 2, 3, 4], strict=True))


def test_cuts_of_one_dialogue_are_one_cluster():
    assert dialogue_of(QUESTIONS)["1"] == dialogue_of(QUESTIONS)["2"] != dialogue_of(QUESTIONS)["3"]


def test_an_answer_to_an_unknown_question_is_refused():
    with pytest.raises(UserError, match="unknown questions"):
        score_eq_bench(QUESTIONS, {"99": "x"})


def test_two_models_with_the_same_answers_differ_by_nothing():
    result = score_eq_bench(QUESTIONS, dict.fromkeys(QUESTIONS, block([3, 3, 3, 3])))
    assert compare_eq_bench(result, result).value == 0


@pytest.fixture
def official(real_data: Path) -> dict:
    return json.loads((real_data / "eq_bench" / "questions_171.json").read_text())


@pytest.mark.real_data
def test_answering_three_to_everything_scores_38_9_of_the_official_questions(official):
    emotions = {k: [q["reference_answer_fullscale"][f"emotion{i}"] for i in range(1, 5)] for k, q in official.items()}
    answers = {k: "\n".join(f"{e}: 3" for e in names) for k, names in emotions.items()}
    result = score_eq_bench(official, answers)
    assert result.score == pytest.approx(38.9, abs=0.05)
    assert (result.n_parsed, result.n_total, result.n_dialogues) == (171, 171, 50)
    assert constant_floor(official) == pytest.approx(result.score)


@pytest.mark.real_data
def test_random_answers_score_close_to_the_published_floor(official):
    # A single draw of 684 intensities has a standard error near 1.5 points; 1.7 was one such draw.
    assert random_floor(official) == pytest.approx(1.7, abs=1.5)
