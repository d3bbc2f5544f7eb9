"""The one table that all ways of labelling write, and whether it holds enough of each class."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from shared.runs import UserError

LABELLED_SCHEMA = pa.schema([
    pa.field("task", pa.string(), nullable=False),  # intent, context, worthiness, emotion, ...
    pa.field("message", pa.string(), nullable=False),
    pa.field("label", pa.string(), nullable=False),
    pa.field("confidence", pa.float32()),  # in [0, 1]; null = the source gives none
    pa.field("source", pa.string(), nullable=False),  # synthetic, template, llm, human, augmented, corpus
    pa.field("detail", pa.string(), nullable=False),  # model, annotators, or template family
    pa.field("group", pa.string(), nullable=False),  # rows of one group never stand on two sides of a split
])  # fmt: skip
_CSV_COLUMNS = {"intent": "category", "context": "context", "worthiness": "is_worthy"}


def labelled_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of the labelled table with every column of the schema, in its order.

    Args:
        rows: with at least task, message, label, source; detail defaults to "", group to the message itself.

    Returns:
        Columns of `LABELLED_SCHEMA`; no rows give an empty table with those columns.
    """
    frame = pd.DataFrame(list(rows), columns=LABELLED_SCHEMA.names, dtype=object)
    return frame.assign(
        detail=frame["detail"].fillna("").astype(str),
        group=frame["group"].fillna(frame["message"]).astype(str),
        confidence=frame["confidence"].astype("float32"),
    )


def to_task_csv(labelled: pd.DataFrame) -> pd.DataFrame:
    """The rows of one task in its exchange format.

    Returns:
        `message,category,confidence` (intent), `message,context,confidence` (context), `message,is_worthy,score`
        (worthiness); `message,label,confidence` for any other task.

    Raises:
        UserError: the rows belong to several tasks.
    """
    tasks = labelled["task"].unique()
    if len(tasks) != 1:
        raise UserError(f"to_task_csv: the rows belong to {len(tasks)} tasks ({', '.join(tasks)}). Filter them to one.")
    label, score = _CSV_COLUMNS.get(tasks[0], "label"), "score" if tasks[0] == "worthiness" else "confidence"
    return labelled[["message", "label", "confidence"]].rename(columns={"label": label, "confidence": score})


def count_report(labelled: pd.DataFrame, labels: Sequence[str], *, minimum: int, recommended: int) -> pd.DataFrame:
    """How many messages each class has, beside what it needs.

    Args:
        labelled: rows of one task.
        labels: every class of the task: one without any message is reported too.
        minimum: messages a class needs to be trained at all.
        recommended: messages a class should have.

    Returns:
        Columns label, n, by source, verdict ("enough", "below recommended", "below minimum"), fewest first.
    """
    by_source = pd.crosstab(labelled["label"], labelled["source"]).reindex(list(labels), fill_value=0)
    counts = by_source.sum(axis=1)
    verdict = pd.cut(
        counts, [-1, minimum - 1, max(recommended - 1, minimum), float("inf")],
        labels=["below minimum", "below recommended", "enough"],
    )  # fmt: skip
    report = by_source.assign(n=counts, verdict=verdict.astype(str)).reset_index(names="label")
    return report.sort_values("n", kind="stable", ignore_index=True)
