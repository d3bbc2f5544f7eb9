"""Legend, reading, splitting, the recogniser and the sample."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared import feedback
from shared.runs import UserError, project

LEGEND = dict(feedback.MEANINGS)


def chat(
    number: int = 1, *, final: str = "That is wrong.", category: str | None = "UR3", **more: Any
) -> dict[str, Any]:
    turns = [("user", f"Question {number}?"), ("assistant", "Answer."), ("user", final)]
    messages = [{"role": role, "content": content} for role, content in turns]
    return {"conversation_id": f"c{number}", "messages": messages, "feedback_category": category, **more}


def read(folder: Path, *chats: Any, legend: dict[str, str] | None = None, **options: Any) -> feedback.Chats:
    path = folder / "chats.json"
    path.write_text(json.dumps({"legend": LEGEND if legend is None else legend, "conversations": list(chats)}))
    return feedback.read_chats(path, **options)


def test_a_file_without_a_legend_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chats.json"
    path.write_text(json.dumps([chat()]))
    with pytest.raises(UserError, match="no legend"):
        feedback.read_chats(path)
    assert feedback.read_chats(path, legend=LEGEND).rows[0]["category"] == "UR3"


def test_a_shifted_legend_is_translated_by_meaning(tmp_path: Path) -> None:
    # As in the public code before August 2024: everything one too high, no UR1, a UR6.
    shifted = {f"UR{k + 1}": meaning for k, meaning in enumerate(LEGEND.values(), start=1)}
    found = read(tmp_path, chat(1, category="UR6"), chat(2, category="UR3"), legend=shifted)
    assert [row["category"] for row in found.rows] == ["UR5", "UR2"]
    assert found.legend.shifted == ["UR2", "UR3", "UR4", "UR5"]


@pytest.mark.parametrize(
    "legend",
    [
        {**LEGEND, "UR5": "negative"},
        {code: meaning for code, meaning in LEGEND.items() if code != "UR1"},
        {**LEGEND, "UR6": "positive"},
    ],
)
def test_a_legend_that_is_unknown_incomplete_or_double_is_refused(legend: dict[str, str]) -> None:
    with pytest.raises(UserError, match="legend"):
        feedback.read_legend(legend)


def test_a_category_outside_the_legend_is_rejected_with_a_reason(tmp_path: Path) -> None:
    found = read(tmp_path, chat(category="UR6"))
    assert found.rejected == [
        {"conversation_id": "c1", "line": 1, "reason": "category 'UR6' is not in the legend (UR1, UR2, UR3, UR4, UR5)"}
    ]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "no messages"),
        ([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "does not end with user"),
        ([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], "does not end with user"),
        ([{"role": "human", "content": "a"}], "a message without one of the roles"),
        ([{"role": "user", "content": " "}], "an empty user message"),
    ],
)
def test_what_does_not_end_with_answer_and_feedback_is_rejected(
    tmp_path: Path, messages: list[Any], reason: str
) -> None:
    found = read(tmp_path, {**chat(), "messages": messages})
    assert found.rows == []
    assert found.rejected[0]["reason"].startswith(reason)


def test_a_span_must_occur_in_the_final_turn(tmp_path: Path) -> None:
    found = read(tmp_path, chat(1, feedback_span="is wrong"), chat(2, feedback_span="was wrong"))
    assert [row["conversation_id"] for row in found.rows] == ["c1"]
    assert "span" in found.rejected[0]["reason"]


def test_an_id_that_occurs_twice_is_rejected_the_second_time(tmp_path: Path) -> None:
    found = read(tmp_path, chat(1), chat(1))
    assert (len(found.rows), found.rejected[0]["line"]) == (1, 2)


def test_fields_may_have_other_names(tmp_path: Path) -> None:
    raw = chat()
    renamed = {"id": raw["conversation_id"], "conversation": raw["messages"], "label": raw["feedback_category"]}
    fields = feedback.Fields(conversation_id="id", messages="conversation", category="label")
    (row,) = read(tmp_path, renamed, fields=fields).rows
    assert (row["conversation_id"], row["category"], row["source"]) == ("c1", "UR3", "label")


def test_the_last_chats_are_held_out_and_their_contexts_are_not_trained_on() -> None:
    rows = [chat(1), chat(2), chat(3), {**chat(2), "conversation_id": "c9"}]
    found = feedback.split_chats(rows, test_size=1)
    assert [row["conversation_id"] for row in found.train] == ["c1", "c3"]
    assert [row["conversation_id"] for row in found.held_out] == ["c9"]
    assert found.overlapping == ["c2"]


WORDS = ("wrong", "thanks", "mean", "also")


def bag(texts: list[str]) -> np.ndarray:
    """A bag of four words as an encoder."""
    counts = np.array([[text.lower().count(word) for word in WORDS] for text in texts], dtype=float) + 0.01
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def labelled() -> list[dict[str, Any]]:
    kinds = {"UR3": "This is wrong.", "UR5": "Many thanks.", "UR1": "I mean this.", "none": "I also want that."}
    return [{**chat(k, final=text), "category": name} for name, text in kinds.items() for k in range(8)]


def test_the_recogniser_finds_category_and_span_in_the_text() -> None:
    found = feedback.recognise(
        feedback.fit_recogniser(labelled(), bag), [chat(final="I tried it today. It is wrong! My cat sleeps.")]
    )
    assert found[0].category == "UR3"
    assert found[0].span == "It is wrong!"


def test_no_feedback_has_no_span() -> None:
    (found,) = feedback.recognise(feedback.fit_recogniser(labelled(), bag), [chat(final="I also want this.")])
    assert (found.category, found.span) == ("none", "")


def test_the_recogniser_abstains_where_it_is_unsure() -> None:
    recogniser = feedback.fit_recogniser(labelled(), bag)._replace(threshold=0.9)
    (found,) = feedback.recognise(recogniser, [chat(final="Blue.")])
    assert (found.category, found.span) == ("", "")
    assert found.confidence < 0.9


def test_a_precision_that_is_never_reached_means_silence() -> None:
    # The same words under two labels: no threshold is right more than half of the time.
    rows = [{**chat(k), "category": name} for k in range(10) for name in ("UR3", "UR5")]
    recogniser = feedback.fit_recogniser(rows, bag, precision=0.9)
    assert recogniser.threshold > 1
    found = feedback.quality_of(recogniser, rows, rows)
    assert (found.coverage, found.accuracy.n, found.accuracy.n_unscored) == (0.0, 0, 20)


def test_quality_stands_beside_the_most_frequent_category() -> None:
    train = [*labelled(), *labelled()[:8]]
    found = feedback.quality_of(feedback.fit_recogniser(train, bag), train, labelled())
    assert found.accuracy.value == 1.0
    assert found.floor_accuracy.value == 0.25


def test_the_recogniser_adds_categories_and_never_overwrites_labels() -> None:
    rows = [{**chat(k), "category": name, "source": "", "span": ""} for k, name in enumerate(["UR5", "", ""])]
    found = [feedback.Recognised("UR3", 0.9, "wrong"), feedback.Recognised("UR3", 0.8, "wrong")]
    found.append(feedback.Recognised("none", 0.9, ""))
    added = feedback.recognised_rows(rows, found)
    assert [row["category"] for row in added] == ["UR5", "UR3", ""]
    assert (added[1]["source"], added[1]["confidence"], added[1]["span"]) == ("recognised", 0.8, "wrong")


def test_sentences_are_parts_of_the_text() -> None:
    text = "Hm. That is wrong!  Really?\nNo"
    assert feedback.sentences_of(text) == ["Hm.", "That is wrong!", "Really?", "No"]
    assert all(part in text for part in feedback.sentences_of(text))


def test_the_committed_sample_is_what_the_generator_makes(tmp_path: Path) -> None:
    written = feedback.write_sample(tmp_path / "chats.json")
    committed = project() / "data" / "sample" / "feedback_chats.json"
    assert written.read_bytes() == committed.read_bytes()
    assert committed.stat().st_size < 300 * 1024


def test_the_sample_holds_all_categories_and_three_broken_chats(tmp_path: Path) -> None:
    found = feedback.read_chats(feedback.write_sample(tmp_path / "chats.json", 200))
    assert len(found.rows) == 200
    assert len(found.rejected) == 3
    assert {row["category"] for row in found.rows} == {*feedback.MEANINGS, ""}
