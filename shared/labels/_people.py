"""Labels from people through Label Studio or Prodigy: their JSON out and in, and how far annotators agree."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from xml.sax.saxutils import quoteattr

import numpy as np
import pandas as pd

from shared.labels._table import labelled_table
from shared.llm import key_from
from shared.runs import UserError
from shared.stats import Estimate, krippendorff_alpha

_FROM_NAME, _TO_NAME = "label", "message"


def label_studio_config(labels: Sequence[str]) -> str:
    """The labelling interface: the message and one choice among the labels, as Label Studio's XML."""
    choices = "".join(f"<Choice value={quoteattr(label)}/>" for label in labels)
    return (
        f'<View><Text name="{_TO_NAME}" value="$message"/>'
        f'<Choices name="{_FROM_NAME}" toName="{_TO_NAME}" choice="single" showInline="true">{choices}</Choices></View>'
    )


def to_label_studio(messages: Sequence[str], suggested: Sequence[str | None] | None = None) -> list[dict[str, Any]]:
    """Tasks in Label Studio's import JSON.

    Args:
        messages: texts to label.
        suggested: a label to show as prediction, or None for a message without one.
    """
    hints = suggested if suggested is not None else [None] * len(messages)
    return [
        {"data": {"message": text}, "predictions": [{"result": [_choice(hint)]}] if hint else []}
        for text, hint in zip(messages, hints, strict=True)
    ]


def _choice(label: str) -> dict[str, Any]:
    return {"from_name": _FROM_NAME, "to_name": _TO_NAME, "type": "choices", "value": {"choices": [label]}}


def read_label_studio(path: Path) -> pd.DataFrame:
    """`from_label_studio` of an export file.

    Raises:
        UserError: the file is not UTF-8 or not JSON, or see there.
    """
    try:
        return from_label_studio(json.loads(path.read_text(encoding="utf-8")))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path.name} is not JSON in UTF-8: {error}. Export the project as JSON.") from None


def from_label_studio(exported: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """One row an annotation from Label Studio's JSON export.

    Returns:
        Columns message, annotator, label. Annotations that were cancelled or hold no choice are left out.

    Raises:
        UserError: the JSON is not a list of tasks with `data.message` and `annotations`.
    """
    try:
        rows = [
            {"message": task["data"]["message"], "annotator": str(a.get("completed_by", "")), "label": label}
            for task in exported for a in task["annotations"] if not a.get("was_cancelled")
            for label in _choices(a["result"])
        ]  # fmt: skip
    except (KeyError, TypeError) as error:
        raise UserError(
            f"This is not Label Studio's JSON export (missing {error}). Export the project as JSON, not JSON-MIN."
        ) from None
    return pd.DataFrame(rows, columns=["message", "annotator", "label"])


def _choices(result: Sequence[dict[str, Any]]) -> list[str]:
    return [choice for item in result if item["type"] == "choices" for choice in item["value"]["choices"]]


def to_prodigy(messages: Sequence[str], labels: Sequence[str]) -> list[dict[str, Any]]:
    """Tasks for Prodigy's `choice` interface, one JSON line each: the message, and the labels to choose from."""
    options = [{"id": label, "text": label} for label in labels]
    return [{"text": message, "options": options} for message in messages]


def read_prodigy(path: Path) -> pd.DataFrame:
    """One row an annotation from the JSONL that Prodigy's `db-out` writes.

    Both of its forms are read: `choice` (the labels chosen in `accept`) and classification (one `label`, accepted).

    Returns:
        Columns message, annotator (session or annotator id), label. What was ignored or rejected is left out: a
        rejected label says only what the message is not.

    Raises:
        UserError: the file is not UTF-8, or a line is not JSON or no annotation; it names the line.
    """
    rows: list[dict[str, str]] = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            rows += _prodigy_rows(json.loads(line), path, number) if line.strip() else []
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not UTF-8 (byte {error.start}). Export it again with db-out.") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{path.name}: line {number} is not JSON: {error}. Export it again with db-out.") from None
    return pd.DataFrame(rows, columns=["message", "annotator", "label"])


def _prodigy_rows(task: Any, path: Path, number: int) -> list[dict[str, str]]:
    if not isinstance(task, dict) or not {"text", "answer"} <= set(task) or not {"accept", "label"} & set(task):
        raise UserError(
            f"{path.name}: line {number} is no annotation of Prodigy (text, answer, and accept or label are needed). "
            "Export the data set with db-out."
        )
    chosen = task["accept"] if "accept" in task else [task["label"]]
    who = str(task.get("_annotator_id") or task.get("_session_id") or "")
    accepted = chosen if task["answer"] == "accept" else []
    return [{"message": task["text"], "annotator": who, "label": str(label)} for label in accepted]


def annotator_agreement(annotations: pd.DataFrame, *, seed: int = 0) -> Estimate:
    """Krippendorff's alpha (nominal) over messages, with its interval.

    Args:
        annotations: columns message, annotator, label.
        seed: of the bootstrap over messages.
    """
    if annotations.empty:
        return krippendorff_alpha(np.empty((0, 0)))
    codes = annotations.assign(code=pd.factorize(annotations["label"])[0].astype(float))
    table = codes.pivot_table(index="annotator", columns="message", values="code", aggfunc="first")
    return krippendorff_alpha(table.to_numpy(), seed=seed)


def majority_of_people(annotations: pd.DataFrame, task: str) -> pd.DataFrame:
    """Rows of the labelled table: the label that most annotators gave; a tie has no row.

    The confidence is the share of annotators who gave it.
    """
    rows = []
    for message, group in annotations.groupby("message", sort=False):
        counts = group["label"].value_counts()
        if (counts == counts.iloc[0]).sum() == 1:  # a tie is a question for one more person, not for a coin
            share = counts.iloc[0] / len(group)
            who = ", ".join(sorted(group["annotator"].unique()))
            rows.append({"task": task, "message": message, "label": counts.index[0], "confidence": share,
                         "source": "human", "detail": who})  # fmt: skip
    return labelled_table(rows)


def upload_to_label_studio(
    tasks: Sequence[dict[str, Any]],
    labels: Sequence[str],
    *,
    url: str,
    title: str,
    key_env: str = "LABEL_STUDIO_API_KEY",
) -> int:
    """Create a project on a Label Studio server and upload the tasks.

    Args:
        tasks: from `to_label_studio`.
        labels: the choices.
        url: of the server.
        title: of the new project.
        key_env: name of the environment variable that holds the API key.

    Returns:
        The project's id.

    Raises:
        UserError: the key is not set or the server refuses it.
    """
    from label_studio_sdk import LabelStudio
    from label_studio_sdk.core.api_error import ApiError

    client = LabelStudio(base_url=url, api_key=key_from(key_env))
    try:
        project: Any = client.projects.create(title=title, label_config=label_studio_config(labels))
        client.projects.import_tasks(id=project.id, request=cast(Any, tasks))
    except ApiError as error:
        raise UserError(f"Label Studio answered {error.status_code}. Check the URL and the key in {key_env}.") from None
    return int(project.id)
