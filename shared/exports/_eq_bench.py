"""EQ-Bench v2 scored with the official full-scale formula, beside the floors that its leaderboard does not show.

A question names four emotions and asks for their intensities (0 to 10): a first pass, a critique, a revision. The
distance d of each intensity to the reference is damped near zero, the four are added, and 10 means perfect. Answering
3 to everything scores 38.9 of 100 on the 171 shipped questions, and those come from 50 dialogues cut at several
places: a difference of a few points between two models is noise unless its interval says otherwise.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from shared.runs import UserError
from shared.stats import Estimate, Interval, bootstrap_estimate, mean_estimate

CONSTANT_FLOOR = 3  # the constant answer that scores best on the shipped questions
MIN_PARSED = 0.8333  # the official share of parsable answers below which a run does not count
_SCALE = 0.7477  # makes uniformly random answers score about zero, says the benchmark's author
_LINE = re.compile(r"^\W*([A-Za-z][A-Za-z' -]*?)\W*:\W*?(-?\d+(?:\.\d+)?)\b", re.MULTILINE)
_CRITIQUE = re.compile(r"^\W*critique\b", re.IGNORECASE | re.MULTILINE)
_REVISED = re.compile(r"revised\s+scores", re.IGNORECASE)


class QuestionScore(NamedTuple):
    """One question: points in 0–10 (below 0 is possible) of both passes; NaN = not parsed, unscored."""

    question_id: str
    dialogue: int
    first_pass: float
    revised: float


class EqBenchScore(NamedTuple):
    """EQ-Bench v2 of one model, in points of 100.

    Attributes:
        score: the better of first pass and revised; NaN if nothing was parsed.
        first_pass: mean over the questions whose first pass was parsed; a single block counts as first pass.
        revised: mean over the questions whose revision was parsed.
        n_parsed: questions of which at least one pass was parsed.
        n_total: questions asked.
        interval: 95 % interval of `score`, resampling dialogues.
        n_dialogues: distinct dialogues behind the questions.
        counts: whether at least 83.33 % of the answers were parsed, below which the official run fails.
        questions: one row a question, in the order of the questions.
    """

    score: float
    first_pass: float
    revised: float
    n_parsed: int
    n_total: int
    interval: Interval
    n_dialogues: int
    counts: bool
    questions: list[QuestionScore]


def score_eq_bench(questions: Mapping[str, Any], answers: Mapping[str, str], *, seed: int = 0) -> EqBenchScore:
    """Score raw answer texts against the official questions.

    Args:
        questions: the official JSON: id to `prompt` and `reference_answer_fullscale`.
        answers: id to answer text, holding a block of four scores or a first-pass and a revised block. A question
            without an answer is unscored and counted.
        seed: seed of the interval's bootstrap.

    Returns:
        EqBenchScore. Questions that were not parsed are left out of the means, and counted.

    Raises:
        UserError: an answer belongs to no question, or a question lacks its full-scale reference.

    Source: Paech 2023, EQ-Bench (arXiv 2312.06281), version 2 full-scale scoring.
    """
    strangers = sorted(set(answers) - set(questions))
    if strangers:
        raise UserError(f"EQ-Bench: answers to unknown questions {strangers[:5]}. Questions are {_span(questions)}.")
    dialogues = dialogue_of(questions)
    rows = [_score_question(key, questions[key], answers.get(key, ""), dialogues[key]) for key in questions]
    passes = {name: _estimate(rows, name, seed) for name in ("first_pass", "revised")}
    best = _better(list(passes.values()))
    parsed = sum(not (math.isnan(row.first_pass) and math.isnan(row.revised)) for row in rows)
    return EqBenchScore(
        score=best.value,
        first_pass=passes["first_pass"].value,
        revised=passes["revised"].value,
        n_parsed=parsed,
        n_total=len(rows),
        interval=best.interval,
        n_dialogues=len(set(dialogues.values())),
        counts=parsed >= MIN_PARSED * len(rows),
        questions=rows,
    )


def _better(passes: list[Estimate]) -> Estimate:
    """The higher of the passes that were parsed nearly as often as the most parsed one.

    A revision found in a handful of answers is a mean over those few questions, and must not stand for all of them.
    """
    most = max(one.n for one in passes)
    comparable = [one for one in passes if one.n and one.n >= MIN_PARSED * most]
    return max(comparable, key=lambda one: one.value) if comparable else passes[0]


def _span(questions: Mapping[str, Any]) -> str:
    names = list(questions)
    return f"{names[0]} to {names[-1]} ({len(names)})" if names else "none"


def _estimate(rows: list[QuestionScore], name: str, seed: int) -> Estimate:
    points = [10 * getattr(row, name) for row in rows]
    return mean_estimate(points, [row.dialogue for row in rows], seed=seed)


def _score_question(key: str, question: Mapping[str, Any], answer: str, dialogue: int) -> QuestionScore:
    reference = reference_of(key, question)
    first, revised = parse_answer(answer, list(reference))
    return QuestionScore(key, dialogue, question_points(reference, first), question_points(reference, revised))


def reference_of(key: str, question: Mapping[str, Any]) -> dict[str, float]:
    """The four emotions of a question with their full-scale reference intensities.

    Raises:
        UserError: the question lacks `reference_answer_fullscale` or one of its eight entries.
    """
    try:
        reference = question["reference_answer_fullscale"]
        return {str(reference[f"emotion{i}"]): float(reference[f"emotion{i}_score"]) for i in range(1, 5)}
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"EQ-Bench: question {key} has no usable `reference_answer_fullscale` ({error!r}). "
            "Use the official version 2 JSON."
        ) from None


def parse_answer(answer: str, emotions: list[str]) -> tuple[dict[str, float] | None, dict[str, float] | None]:
    """First-pass and revised intensities of an answer; None where exactly the four named emotions are not found.

    Args:
        answer: raw text. Without the heading "Revised scores" its one block counts as first pass.
        emotions: the question's four emotions; case does not matter.
    """
    heading = _REVISED.search(answer)
    before, after = (answer[: heading.start()], answer[heading.end() :]) if heading else (answer, "")
    # What the critique and anything behind the end mark say about emotions is not an answer.
    return _block(_CRITIQUE.split(before)[0], emotions), _block(after.partition("[End")[0], emotions)


def _block(text: str, emotions: list[str]) -> dict[str, float] | None:
    wanted = {emotion.lower(): emotion for emotion in emotions}
    found: dict[str, float] = {}
    for name, value in _LINE.findall(text):
        found.setdefault(name.strip().lower(), float(value))
    named = {wanted[key]: value for key, value in found.items() if key in wanted}
    in_range = all(0 <= value <= 10 for value in named.values())
    return named if len(named) == len(wanted) and in_range and _only(found, wanted) else None


def _only(found: Mapping[str, float], wanted: Mapping[str, str]) -> bool:
    """Whether no fifth emotion was scored: one-word lines that the question did not ask for make it unparsable."""
    return all(key in wanted or " " in key for key in found)


def question_points(reference: Mapping[str, float], answer: Mapping[str, float] | None) -> float:
    """Points of one answer: 10 is perfect, about 0 random; NaN for an answer that was not parsed."""
    if answer is None:
        return float("nan")
    return 10 - _SCALE * sum(damped(abs(answer[emotion] - value)) for emotion, value in reference.items())


def damped(distance: float) -> float:
    """Distance of one intensity with small errors made smaller: 0 stays 0, above 5 it counts in full."""
    if distance == 0:
        return 0.0
    return 6.5 / (1 + math.exp(-1.2 * (distance - 4))) if distance <= 5 else distance


def dialogue_of(questions: Mapping[str, Any]) -> dict[str, int]:
    """Number of the dialogue behind each question; questions that cut one dialogue at several places share it.

    Two questions share a dialogue if one's text is the beginning of the other's.
    """
    texts = {key: _dialogue_text(str(question["prompt"])) for key, question in questions.items()}
    known: list[str] = []
    numbers: dict[str, int] = {}
    for key in sorted(texts, key=lambda k: -len(texts[k])):
        text = texts[key]
        matches = (i for i, longer in enumerate(known) if longer.startswith(text) or _opening(longer) == _opening(text))
        number = next(matches, len(known))
        known += [text] if number == len(known) else []
        numbers[key] = number
    return {key: numbers[key] for key in questions}


def _dialogue_text(prompt: str) -> str:
    return prompt.partition("dialogue:")[2].partition("[End dialogue]")[0].strip() or prompt.strip()


def _opening(dialogue: str) -> str:
    return dialogue.partition("\n")[0].strip()


def constant_floor(questions: Mapping[str, Any], value: float = CONSTANT_FLOOR) -> float:
    """Points of 100 for answering `value` to every emotion."""
    return _floor(questions, lambda emotions: dict.fromkeys(emotions, value))


def random_floor(questions: Mapping[str, Any], *, seed: int = 0, rounds: int = 100) -> float:
    """Mean points of 100 for whole intensities drawn uniformly from 0 to 10, over `rounds` draws of all questions."""
    generator = np.random.default_rng(seed)
    drawn = [
        _floor(questions, lambda emotions: {e: float(generator.integers(0, 11)) for e in emotions})
        for _ in range(rounds)
    ]
    return float(np.mean(drawn))


def _floor(questions: Mapping[str, Any], answer: Callable[[list[str]], dict[str, float]]) -> float:
    references = [reference_of(key, question) for key, question in questions.items()]
    return 10 * float(np.mean([question_points(r, answer(list(r))) for r in references]))


def compare_eq_bench(first: EqBenchScore, second: EqBenchScore, *, seed: int = 0) -> Estimate:
    """First minus second in points of 100 on the questions both answered, resampling dialogues.

    For each model the pass that its `score` stands for is compared.
    """
    pairs = zip(_scored_pass(first), _scored_pass(second), strict=True)
    differences = [10 * (a - b) for a, b in pairs]
    return bootstrap_estimate(_mean, differences, clusters=[row.dialogue for row in first.questions], seed=seed)


def _mean(values: np.ndarray) -> float:
    return float(values.mean())


def _scored_pass(score: EqBenchScore) -> list[float]:
    revised = score.score == score.revised
    return [row.revised if revised else row.first_pass for row in score.questions]
