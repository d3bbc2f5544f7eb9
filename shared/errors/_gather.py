"""What earlier stages know about the predictions of one of them: texts, training items, facts, the model itself."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from shared.errors._facts import conversation_facts
from shared.errors._read import Predictions, read_predictions
from shared.models import TextClassifier
from shared.runs import Run, UserError

Probabilities = Callable[[Sequence[str]], np.ndarray]
_NOTHING = pd.DataFrame({"text": pd.Series(dtype=str), "truth": pd.Series(dtype=str)})


class Material(NamedTuple):
    """Predictions and everything that can be said about their items.

    Attributes:
        stage: the stage that made the predictions.
        predictions: in the common shape.
        train: `text` and `truth` of the items that the model was trained on; no rows if the stage does not tell.
        facts: features of slices by cluster, see `conversation_facts`; no columns if nothing is known.
        probabilities: the model itself, texts to shape (texts, classes) in the order of the labels of `predictions`
            (of its own labels, if those are unknown); None if it does not read texts or was not saved.
    """

    stage: str
    predictions: Predictions
    train: pd.DataFrame
    facts: pd.DataFrame
    probabilities: Probabilities | None


def gather(run: Run, *, model: str = "", head: str = "") -> Material:
    """Collect what there is about the newest predictions that the run may read.

    Args:
        run: the open stage.
        model: which model of the predictions; "" = the one that is not a floor.
        head: "strategy" or "emotion": the predictions of that head of the stage `sft`; "" = the `predictions` of a
            classifier (stages `classifier`, `nodes`, `sequence`).

    Raises:
        UserError: no stage wrote such predictions, or they lack a column or the model.
    """
    if head:
        return _of_head(run, head)
    # Everything else must come from the stage that made these predictions, not from whichever stage is newest.
    path = run.find("predictions.parquet")
    table = pd.read_parquet(path)
    found = read_predictions(table, _texts(run, path.parent, table), model=model)
    classifier = _classifier(run, path.parent) if model in ("", _own_name(table)) else None
    if classifier is not None and found.probabilities is None:
        found = _with_probabilities(found, classifier)
    facts = _facts(run) if "message" not in table else pd.DataFrame()
    own = classifier.probabilities if classifier is not None else None
    return Material(path.parent.name, found, _train(path.parent), facts, own)


def _own_name(table: pd.DataFrame) -> str:
    # The saved classifier is the table's first model; floors are not saved.
    return str(table["model"].iloc[0]) if "model" in table and len(table) else ""


def _texts(run: Run, folder: Path, table: pd.DataFrame) -> pd.Series | None:
    """Text by conversation, as the model read it where that is known; None if the predictions hold their texts."""
    if "message" in table:
        return None
    if (folder / "outcome_texts.parquet").exists():
        return pd.Series(run.table("outcome_texts").set_index("conversation_id")["text"])
    if run.has("turns.parquet"):
        turns = run.table("turns").sort_values(["conversation_id", "turn"])
        return turns.groupby("conversation_id")["text"].agg("\n".join)
    return pd.Series(dtype=str)


def _classifier(run: Run, folder: Path) -> TextClassifier | None:
    """The stage's own classifier, if it saved one that answers a text with one label."""
    if not (folder / "model" / "classifier.json").exists():
        return None
    classifier = TextClassifier.load(run.find("model"))
    return classifier if classifier.kind == "single" else None


def _with_probabilities(found: Predictions, classifier: TextClassifier) -> Predictions:
    """Ask the saved model where the stage kept its first choice only: label errors and margins need the others too."""
    values = classifier.probabilities(found.rows["text"].tolist())
    return found._replace(probabilities=pd.DataFrame(values, columns=list(classifier.labels)), labels=classifier.labels)


def _train(folder: Path) -> pd.DataFrame:
    if (folder / "outcome_texts.parquet").exists():
        texts = pd.read_parquet(folder / "outcome_texts.parquet")
        return _items(texts[texts["split"] == "train"], "text", "outcome")
    if (folder / "splits.csv").exists():
        splits = pd.read_csv(folder / "splits.csv", dtype=str, keep_default_na=False)
        if "message" in splits:
            return _items(splits[splits["split"] == "train"], "message", "label")
    return _NOTHING


def _items(table: pd.DataFrame, text: str, truth: str) -> pd.DataFrame:
    labels = table[truth] if truth in table else pd.Series("", index=table.index)
    return pd.DataFrame({"text": table[text].astype(str), "truth": labels.astype(str)}).reset_index(drop=True)


def _facts(run: Run) -> pd.DataFrame:
    if not run.has("turns.parquet"):
        return pd.DataFrame()
    conversations = run.table("conversations") if run.has("conversations.parquet") else None
    codes = run.table("codes") if run.has("codes.parquet") else None
    return conversation_facts(run.table("turns"), conversations, codes)


def _of_head(run: Run, head: str) -> Material:
    table = run.table("test_predictions")
    names = json.loads(run.find("sources.json").read_text(encoding="utf-8"))[_NAMES[head]]
    examples = run.table("examples", columns=["example_id", "split", "messages", f"{head}_label"])
    texts = examples.set_index("example_id")["messages"].map(_last_words)
    scored = table[table[f"{head}_label"] >= 0].reset_index(drop=True)
    if f"{head}_probabilities" not in scored or scored.empty:
        raise UserError(
            f"errors: the test predictions of stage sft hold nothing to analyse for the head '{head}'. "
            "Run sft on a corpus with these labels, or choose the other head."
        )
    values = np.stack(scored[f"{head}_probabilities"].to_list())
    named = pd.DataFrame({
        "conversation_id": scored["conversation_id"], "source": scored["source"],
        "text": scored["example_id"].map(texts),
        "label": [names[i] for i in scored[f"{head}_label"]], "predicted": [names[i] for i in values.argmax(axis=1)],
        "confidence": values.max(axis=1),
    })  # fmt: skip
    columns = pd.DataFrame(values, columns=[f"p_{name}" for name in names])
    train = examples[(examples["split"] == "train") & (examples[f"{head}_label"] >= 0)]
    labels = train[f"{head}_label"].map(lambda number: names[number])
    seen = pd.DataFrame({"text": train["messages"].map(_last_words), "truth": labels}).reset_index(drop=True)
    return Material("sft", read_predictions(pd.concat([named, columns], axis=1)), seen, pd.DataFrame(), None)


_NAMES = {"strategy": "strategies", "emotion": "emotions"}


def _last_words(messages: str) -> str:
    """The last thing that the user said: what the label is about, and what is read where a prompt is too long."""
    said: list[dict[str, Any]] = [m for m in json.loads(messages) if m["role"] == "user"]
    return str(said[-1]["content"]) if said else ""
