"""Predictions of every classifier stage come with what earlier stages know of their items."""

import json
from pathlib import Path

import pandas as pd
import pytest

from shared.errors import gather
from shared.runs import Run, UserError


def wrote(home: Path, stage: str, **tables: pd.DataFrame) -> Path:
    """A complete stage folder with these tables."""
    folder = home / "runs" / "v" / stage
    folder.mkdir(parents=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet")
    (folder / "manifest.json").write_text(json.dumps({"parameters": {"upstream": []}}))
    return folder


def opened(*upstream: str) -> Run:
    return Run("errors", {"run_version": "v", "upstream": list(upstream), "seed": 0})


TURNS = pd.DataFrame({
    "conversation_id": ["c", "c", "d"], "turn": [1, 0, 0], "speaker": ["donor", "agent", "agent"],
    "speaker_confidence": [1.0, 1.0, 1.0], "text": ["yes", "give please now", "hello"],
})  # fmt: skip


def test_sequence_predictions_get_their_turns_in_order_and_their_authors(home: Path) -> None:
    wrote(home, "explore", turns=TURNS)
    answers = pd.DataFrame({
        "conversation_id": ["c", "d"], "author_id": ["p", "q"], "split": "test", "model": "sequence",
        "label": ["yes", "no"], "predicted": ["yes", "yes"], "confidence": [0.9, 0.6], "p_no": [0.1, 0.4],
        "p_yes": [0.9, 0.6],
    })  # fmt: skip
    wrote(home, "sequence", predictions=pd.concat([answers, answers.assign(model="TF-IDF")]))
    found = gather(opened("explore", "sequence"))
    assert found.stage == "sequence" and len(found.predictions.rows) == 2
    assert found.predictions.rows["text"].tolist() == ["give please now\nyes", "hello"]
    assert found.predictions.rows["author"].tolist() == ["p", "q"]
    assert found.facts.loc["c", "speaker"] == "agent more"
    assert found.train.empty and found.probabilities is None


def test_classifier_predictions_get_the_text_that_was_read_and_its_training_items(home: Path) -> None:
    wrote(home, "explore", turns=TURNS)
    texts = pd.DataFrame({
        "conversation_id": ["c", "d"], "split": ["test", "train"], "outcome": ["won", "lost"],
        "text": ["as read", "seen"],
    })  # fmt: skip
    predictions = pd.DataFrame({
        "conversation_id": ["c"], "split": ["test"], "model": ["encoder"], "seed": [0], "outcome": ["won"],
        "predicted": ["lost"], "confidence": [0.7],
    })  # fmt: skip
    wrote(home, "classifier", predictions=predictions, outcome_texts=texts)
    found = gather(opened("explore", "classifier"))
    assert found.predictions.rows["text"].tolist() == ["as read"]
    assert found.train.to_dict("records") == [{"text": "seen", "truth": "lost"}]


def test_node_predictions_hold_their_texts_and_name_their_training_messages(home: Path) -> None:
    predictions = pd.DataFrame({
        "message": ["hi"], "group": ["g"], "split": ["test"], "model": ["builtin"], "seed": [0], "label": ["a"],
        "predicted": ["b"], "confidence": [0.7],
    })  # fmt: skip
    folder = wrote(home, "nodes", predictions=predictions)
    (folder / "splits.csv").write_text("message,label,split\nhi,a,test\nhello,b,train\n")
    found = gather(opened("nodes"))
    assert found.predictions.rows["text"].tolist() == ["hi"]
    assert found.train.to_dict("records") == [{"text": "hello", "truth": "b"}]
    assert found.facts.empty


def support(home: Path, **columns: object) -> None:
    chat = json.dumps([{"role": "user", "content": "I am sad."}, {"role": "assistant", "content": "Why?"}])
    examples = pd.DataFrame({
        "example_id": ["e", "f", "g"], "split": ["test", "test", "train"], "messages": chat,
        "strategy_label": [1, -100, 0],
    })  # fmt: skip
    folder = wrote(home, "sources", examples=examples)
    (folder / "sources.json").write_text(json.dumps({"strategies": ["ask", "comfort"], "emotions": []}))
    tested = pd.DataFrame({
        "example_id": ["e", "f"], "source": "esconv", "conversation_id": ["c", "d"], "strategy_label": [1, -100],
        **columns,
    })  # fmt: skip
    wrote(home, "sft", test_predictions=tested)


def test_a_head_of_the_support_model_is_read_with_its_label_names(home: Path) -> None:
    support(home, strategy_probabilities=[[0.8, 0.2], [0.5, 0.5]])
    found = gather(opened("sources", "sft"), head="strategy")
    (row,) = found.predictions.rows.to_dict("records")  # f has no strategy: it is unlabelled, not wrong
    assert (row["text"], row["truth"], row["predicted"], row["confidence"]) == ("I am sad.", "comfort", "ask", 0.8)
    assert found.predictions.labels == ("ask", "comfort") and row["source"] == "esconv"
    assert found.train.to_dict("records") == [{"text": "I am sad.", "truth": "ask"}]


def test_a_head_without_probabilities_says_what_to_do(home: Path) -> None:
    support(home)
    with pytest.raises(UserError, match="nothing to analyse for the head 'strategy'"):
        gather(opened("sources", "sft"), head="strategy")


def test_without_predictions_the_message_names_what_was_read(home: Path) -> None:
    wrote(home, "explore", turns=TURNS)
    with pytest.raises(UserError, match=r"wrote predictions.parquet. Complete stages read: explore"):
        gather(opened("explore"))
