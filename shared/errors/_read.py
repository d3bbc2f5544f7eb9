"""Predictions of any stage in one shape, with what is known of each item beside them."""

from typing import NamedTuple

import pandas as pd

from shared.runs import UserError

# What errors are listed by; `predicted` is not among them: an error changes it, so it would explain itself.
SLICES = ("length", "confidence_band", "truth", "speaker", "speakers_sure", "outcome", "source", "author", "code")
_TRUTH_COLUMNS = ("label", "outcome", "strategy", "emotion")
_OWN_FACTS = {"author": "author_id", "source": "source"}  # features that some tables carry themselves
_CLUSTER_COLUMNS = ("group", "conversation_id", "author_id")
_TEXT_COLUMNS = ("text", "message")
_FLOORS = ("majority", "tfidf", "tfidf_whole", "TF-IDF", "nearest centroid", "average turn")


class Predictions(NamedTuple):
    """One model's predictions.

    Attributes:
        rows: item, cluster, text, truth, predicted, confidence in [0, 1], split; features of slices may follow.
        probabilities: shape (rows, classes), or None if the stage kept none.
        labels: names of the classes in column order of `probabilities`.
    """

    rows: pd.DataFrame
    probabilities: pd.DataFrame | None
    labels: tuple[str, ...]


def read_predictions(
    table: pd.DataFrame, texts: pd.Series | None = None, *, model: str = "", seed: int | None = None
) -> Predictions:
    """Bring a stage's `predictions` table into the common shape.

    Args:
        table: with predicted, confidence, a truth (label, outcome, ...), a cluster (group, conversation_id, author_id),
            and perhaps model, seed, split and `p_<class>` columns.
        texts: text by cluster, for tables that hold none.
        model: which model of the table; "" = the one that is not a floor (the commonest if there are several).
        seed: which seed; None = the one that stands first, which is the one that was saved.

    Raises:
        UserError: the table lacks a column, or the model is not in it.
    """
    chosen = _one_model(table, model, seed)
    truth, cluster = _column(chosen, _TRUTH_COLUMNS), _column(chosen, _CLUSTER_COLUMNS)
    text = chosen[_column(chosen, _TEXT_COLUMNS)] if texts is None else chosen[cluster].map(texts).fillna("")
    rows = pd.DataFrame({
        "item": [f"{c}#{i}" for i, c in enumerate(chosen[cluster])], "cluster": chosen[cluster].astype(str),
        "text": text.astype(str), "truth": chosen[truth].astype(str), "predicted": chosen["predicted"].astype(str),
        "confidence": chosen["confidence"].astype(float), "split": chosen.get("split", "test"),
    }).reset_index(drop=True)  # fmt: skip
    rows = rows.assign(**{name: chosen[column].astype(str) for name, column in _OWN_FACTS.items() if column in chosen})
    columns = [c for c in chosen.columns if c.startswith("p_")]
    probabilities = chosen[columns].reset_index(drop=True) if columns else None
    return Predictions(rows, probabilities, tuple(c.removeprefix("p_") for c in columns))


def _one_model(table: pd.DataFrame, model: str, seed: int | None) -> pd.DataFrame:
    if "model" in table:
        known = list(table["model"].unique())
        names = [m for m in known if m not in _FLOORS]
        wanted = model or (names or known)[0]
        if wanted not in known:
            raise UserError(
                f"errors: there are no predictions of model '{wanted}'. The table holds {', '.join(known)}."
            )
        table = table[table["model"] == wanted]
    if "seed" in table:
        table = table[table["seed"] == (table["seed"].iloc[0] if seed is None else seed)]
    if table.empty:
        raise UserError(f"errors: there are no predictions of model '{model}' with seed {seed}.")
    return table.reset_index(drop=True)


def _column(table: pd.DataFrame, names: tuple[str, ...]) -> str:
    found = [name for name in names if name in table]
    if not found or "predicted" not in table or "confidence" not in table:
        raise UserError(
            f"errors: the predictions need one of {', '.join(names)}, predicted and confidence. "
            f"Found: {', '.join(table.columns)}."
        )
    return found[0]


def with_features(rows: pd.DataFrame, facts: pd.DataFrame | None = None) -> pd.DataFrame:
    """Rows with the features that slices are cut by.

    Args:
        rows: of `Predictions`.
        facts: one row a cluster, indexed by it, such as `conversation_facts` gives; a cell is a text, or a tuple of
            several values that hold at once.

    Returns:
        Rows with `right` (bool), `words`, `length` (words in quarters; None without text), `confidence_band` and the
        facts' columns.
    """
    words = rows["text"].str.count(r"\S+")
    quarters = pd.qcut(words, 4, duplicates="drop") if words.nunique() > 1 else pd.Series([None] * len(rows))
    bands = pd.cut(rows["confidence"], [-0.01, 0.5, 0.7, 0.9, 1.0], labels=["≤ 0.5", "≤ 0.7", "≤ 0.9", "≤ 1"])
    made = rows.assign(
        right=rows["truth"] == rows["predicted"],
        words=words,
        length=pd.Series([_words(interval) for interval in quarters], index=rows.index, dtype=object),
        confidence_band=bands.astype(object).where(bands.notna(), None),
    )
    return made if facts is None else made.join(facts.drop(columns=made.columns, errors="ignore"), on="cluster")


def slice_features(rows: pd.DataFrame) -> list[str]:
    """Those features of `SLICES` that the rows have and that take more than one value."""
    known = [name for name in SLICES if name in rows and rows[name].notna().any()]
    return [name for name in known if rows[name].dropna().nunique() > 1]


def _words(quarter: "pd.Interval[float] | None") -> str | None:
    if quarter is None:
        return None
    low, high = int(quarter.left) + 1, int(quarter.right)
    return f"{low} to {high} words" if low < high else f"{high} words"
