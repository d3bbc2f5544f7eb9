"""What would fix most: each error gets its likeliest cause, and the causes are ranked by the errors they explain."""

import numpy as np
import pandas as pd

_CAUSES = {
    "label noise": "let people look at the label (review_queue.csv)",
    "contradiction": "decide once how near-duplicates with different labels are to be labelled",
    "ambiguity": "sharpen the definitions of the two labels, or ask the LLM when the margin is small",
    "missing data": "label more messages of the rare class",
    "shortcut": "add counter-examples for the word that flips the answer",
    "model": "a larger encoder or longer training: nothing in the data explains these",
}
_SMALL_MARGIN = 0.2


def remedies(
    rows: pd.DataFrame,
    *,
    label_errors: set[str],
    contradictions: set[str],
    margins: np.ndarray | None,
    train_counts: pd.Series,
    flipped: set[str],
) -> pd.DataFrame:
    """Causes of the errors, most errors first.

    Args:
        rows: with item, truth and `right`.
        label_errors: items whose label is likely wrong.
        contradictions: items with a near-duplicate of another label.
        margins: shape (rows,), difference between the two largest probabilities; None = unknown.
        train_counts: training items by label.
        flipped: items whose answer one word flips.

    Returns:
        Columns cause, errors, share (of all errors), remedy. Each error counts for the first cause that fits, in the
        order label noise, contradiction, missing data, shortcut, ambiguity, model.
    """
    wrong = rows[~rows["right"]]
    rare = set(train_counts[train_counts < 0.5 * train_counts.median()].index) if len(train_counts) else set()
    small = set(rows.loc[margins < _SMALL_MARGIN, "item"]) if margins is not None else set()
    tests = [
        ("label noise", wrong["item"].isin(label_errors)),
        ("contradiction", wrong["item"].isin(contradictions)),
        ("missing data", wrong["truth"].isin(rare)),
        ("shortcut", wrong["item"].isin(flipped)),
        ("ambiguity", wrong["item"].isin(small)),
    ]
    causes = np.select([test.to_numpy() for _, test in tests], [name for name, _ in tests], "model")
    counts = (
        pd.Series(causes)
        .value_counts()
        .reindex(list(_CAUSES), fill_value=0)
        .sort_values(ascending=False, kind="stable")
    )
    share = counts / len(wrong) if len(wrong) else counts * np.nan
    return pd.DataFrame({
        "cause": counts.index, "errors": counts.to_numpy(), "share": share.to_numpy(),
        "remedy": [_CAUSES[name] for name in counts.index],
    })  # fmt: skip


def review_queue(rows: pd.DataFrame, label_errors: pd.DataFrame, *, size: int) -> pd.DataFrame:
    """Items for people: likely label errors first, then confident errors, each once.

    Returns:
        Columns item, text, truth, predicted, confidence, why, label (empty, for people to fill in).
    """
    noisy = rows[rows["item"].isin(label_errors["item"])].assign(why="the label is likely wrong")
    wrong = rows[~rows["right"]].sort_values("confidence", ascending=False).assign(why="confidently wrong")
    columns = ["item", "text", "truth", "predicted", "confidence", "why"]
    both = pd.concat([noisy, wrong])[columns].drop_duplicates("item")
    return both.head(size).assign(label="").reset_index(drop=True)
