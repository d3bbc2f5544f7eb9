from pathlib import Path

import pytest

from shared.runs import UserError
from shared.serving import LONGEST_MESSAGE, IntentClassifierModel
from tests.serving.conftest import LABELS, TEXTS


def test_one_message_gets_a_category_and_its_probability(classifier_folder: Path) -> None:
    model = IntentClassifierModel(classifier_folder)
    answer = model.predict("hello there")
    row = model.probabilities(["hello there"])[0]
    assert answer == {"category": LABELS[row.argmax()], "confidence": pytest.approx(float(row.max()))}
    assert not model.exported


def test_a_batch_answers_as_one_by_one_in_order(export_folder: Path) -> None:
    model = IntentClassifierModel(export_folder)
    one_by_one = [model.predict(text) for text in TEXTS]
    together = model.predict_batch(TEXTS)
    assert [a["category"] for a in together] == [a["category"] for a in one_by_one]
    assert [a["confidence"] for a in together] == pytest.approx([a["confidence"] for a in one_by_one], abs=1e-5)


def test_no_messages_get_no_answers(export_folder: Path) -> None:
    assert IntentClassifierModel(export_folder).predict_batch([]) == []


def test_a_message_of_ten_thousand_characters_is_refused_with_its_place(export_folder: Path) -> None:
    model = IntentClassifierModel(export_folder)
    with pytest.raises(UserError, match=r"Message 1 has 10,000 characters; .* at most 8,000"):
        model.predict_batch(["hi", "x" * 10_000])
    assert model.predict("x" * LONGEST_MESSAGE)["category"] in LABELS


def test_what_is_not_a_text_is_refused(export_folder: Path) -> None:
    with pytest.raises(UserError, match="Message 0 is NoneType, not a text"):
        IntentClassifierModel(export_folder).predict(None)  # type: ignore[arg-type]


def test_a_missing_model_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no model folder .*nowhere"):
        IntentClassifierModel(tmp_path / "nowhere")


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no classifier\.json"):
        IntentClassifierModel(tmp_path)


def test_an_incomplete_export_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "node.json").write_text("{}")
    with pytest.raises(UserError, match=r"model\.onnx, tokenizer\.json is missing"):
        IntentClassifierModel(tmp_path)
