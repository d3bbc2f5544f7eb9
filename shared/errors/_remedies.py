"""What would fix most: each error gets its likeliest cause, and the causes are ranked by the errors they explain."""

from typing import Any

import numpy as np
import pandas as pd

_CAUSES = {
    "label noise": "let people look at the label (review_queue.csv)",
    "contradiction": "decide once how near-duplicates with different labels are to be labelled",
    "ambiguity": "sharpen the definitions of the two labels, or ask the LLM when the margin is small",
    "missing data": "label more examples of the rare class",
    "shortcut": "add counter-examples for the word that flips the answer",
    "model": "a larger encoder or longer training: nothing in the data explains these",
}
_SMALL_MARGIN = 0.2
_RARE = 0.5  # share of the median class size below which a class counts as rare in train


def remedies(
    rows: pd.DataFrame,
    *,
    label_errors: set[str] | None,
    contradictions: set[str] | None,
    margins: np.ndarray | None,
    train_counts: pd.Series,
    flips: dict[str, bool],
) -> pd.DataFrame:
    """Causes of the errors, most errors first.

    Args:
        rows: with item, truth and `right`.
        label_errors: items whose label is likely wrong; None = not looked for (no probabilities).
        contradictions: items with a near-duplicate of another label; None = not looked for (no texts).
        margins: shape (rows,), difference between the two largest probabilities; None = unknown.
        train_counts: training items by label; empty = unknown.
        flips: item to whether one word flips its answer, for the errors that were looked at.

    Returns:
        Columns cause, errors, share (of all errors), looked_at (errors for which this cause was looked for), remedy.
        Each error counts for the first cause that fits, in the order label noise, contradiction, missing data,
        shortcut, ambiguity, model: faults of the data come first, because no model can mend them.
    """
    wrong = rows[~rows["right"]]
    rare = set(train_counts[train_counts < _RARE * train_counts.median()].index)
    small = None if margins is None else set(rows.loc[margins < _SMALL_MARGIN, "item"])
    tests = {
        "label noise": _found(wrong["item"], label_errors),
        "contradiction": _found(wrong["item"], contradictions),
        "missing data": _found(wrong["truth"], rare if len(train_counts) else None),
        "shortcut": (wrong["item"].map(flips).eq(True), int(wrong["item"].isin(flips).sum())),
        "ambiguity": _found(wrong["item"], small),
        "model": (pd.Series(True, index=wrong.index), len(wrong)),
    }
    causes = np.select([fits.to_numpy(dtype=bool) for fits, _ in tests.values()], list(tests), "model")
    counts = pd.Series(causes, dtype=object).value_counts().reindex(list(_CAUSES), fill_value=0)
    ranked = counts.sort_values(ascending=False, kind="stable")
    return pd.DataFrame({
        "cause": ranked.index, "errors": ranked.to_numpy(),
        "share": ranked.to_numpy() / len(wrong) if len(wrong) else np.nan,
        "looked_at": [tests[name][1] for name in ranked.index], "remedy": [_CAUSES[name] for name in ranked.index],
    })  # fmt: skip


def _found(values: pd.Series, wanted: set[str] | None) -> tuple[pd.Series, int]:
    """Which values are wanted, and how many were looked at: none where nobody could look."""
    return values.isin(wanted or set()), len(values) if wanted is not None else 0


def review_queue(
    rows: pd.DataFrame, label_errors: pd.DataFrame, contradictions: set[str] | None = None, *, size: int
) -> pd.DataFrame:
    """Items for people: likely label errors first, then contradictions, then confident errors, each once.

    Args:
        rows: item, text, truth, predicted, confidence, `right`.
        label_errors: of `likely_label_errors`.
        contradictions: items with a near-duplicate of another label; None = none.
        size: items at most.

    Returns:
        Columns item, text, truth, predicted, confidence, why, suggested (a likelier label, "" if none), label (empty,
        for people to fill in).
    """
    likelier = dict(zip(label_errors["item"], label_errors["likelier"], strict=True))
    reasons = {
        "the label is likely wrong": rows["item"].isin(likelier),
        "a near-duplicate has another label": rows["item"].isin(contradictions or set()),
        "confidently wrong": ~rows["right"],
    }
    surest = rows.sort_values("confidence", ascending=False, kind="stable")
    parts = [surest[mask.loc[surest.index]].assign(why=why) for why, mask in reasons.items()]
    columns = ["item", "text", "truth", "predicted", "confidence", "why"]
    both = pd.concat(parts)[columns].drop_duplicates("item").head(size).reset_index(drop=True)
    return both.assign(suggested=both["item"].map(likelier).fillna(""), label="")


def label_studio_tasks(queue: pd.DataFrame) -> list[dict[str, Any]]:
    """The queue in Label Studio's import JSON.

    Returns:
        One task an item: `data` with message, item, given label, prediction and reason; the suggested label, where
        there is one, as a prediction. Names fit the interface that the stage `labels` writes.
    """
    return [
        {
            "data": {"message": row["text"], "item": row["item"], "given": row["truth"], "why": row["why"]},
            "predictions": [{"result": [_choice(row["suggested"])]}] if row["suggested"] else [],
        }
        for row in queue.to_dict("records")
    ]


def _choice(label: str) -> dict[str, Any]:
    return {"from_name": "label", "to_name": "message", "type": "choices", "value": {"choices": [label]}}
