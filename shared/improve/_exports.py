"""Training data in the layouts that trainers read: SFT rows with weights, DPO pairs, KTO labels."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

Row = Mapping[str, Any]


def sft_rows(rows: Sequence[Row], *, drop_leaks: bool = True) -> list[dict[str, Any]]:
    """Chats of which the last assistant message is trained: `weight` 1 there, 0 on every other message.

    Args:
        rows: rows of `improve_chats`; those without an assistant message are left out.
        drop_leaks: leave out answers flagged as feedback leakage, and truncated ones.
    """
    return [
        {"conversation_id": row["conversation_id"], "messages": weighted(row["messages"])}
        for row in rows
        if row["messages"] and row["messages"][-1]["role"] == "assistant" and not (drop_leaks and _unsound(row))
    ]


def weighted(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages with `weight` 1 on the last assistant message and 0 on all others."""
    last = max((k for k, message in enumerate(messages) if message["role"] == "assistant"), default=-1)
    return [{"role": m["role"], "content": m["content"], "weight": int(k == last)} for k, m in enumerate(messages)]


def up_to_last_answer(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The messages up to the last assistant message; none if there is no assistant message."""
    answers = [k for k, message in enumerate(messages) if message["role"] == "assistant"]
    return list(messages[: answers[-1] + 1]) if answers else []


def dpo_pairs(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Preference pairs: the improved answer over the one that was criticised.

    Returns:
        `conversation_id`, `prompt`, `chosen` and `rejected` as lists of messages; unsound and unchanged answers make
        none.
    """
    return [
        {
            "conversation_id": row["conversation_id"],
            "prompt": list(row["messages"][:-1]),
            "chosen": [row["messages"][-1]],
            "rejected": [{"role": "assistant", "content": row["original_assistant_response"]}],
        }
        for row in rows
        if row["improved"]
        and not _unsound(row)
        # A pair of equal answers has no gradient, but takes its share of every batch.
        and row["messages"][-1]["content"] != row["original_assistant_response"]
    ]


def preference_table(pairs: Sequence[Row]) -> pd.DataFrame:
    """Pairs of `dpo_pairs` as the table that the stage `dpo` reads.

    Returns:
        One row a pair: `conversation_id`, `prompt` (messages as JSON), `chosen` and `rejected` (texts).
    """
    rows = [
        {
            "conversation_id": pair["conversation_id"],
            "prompt": json.dumps(pair["prompt"], ensure_ascii=False),
            "chosen": pair["chosen"][0]["content"],
            "rejected": pair["rejected"][0]["content"],
        }
        for pair in pairs
    ]
    return pd.DataFrame(rows, columns=["conversation_id", "prompt", "chosen", "rejected"])


def kto_labels(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Unpaired labels from what users said: their answer was good (UR5) or not (UR2, UR3).

    Returns:
        `conversation_id`, `prompt`, `completion` (lists of messages) and `label`. They are the users' own judgements of
        the original answers; improved answers have not been judged by anybody and get none.
    """
    return [
        {
            "conversation_id": row["conversation_id"],
            "prompt": list(row["messages"][:-1]),
            "completion": [{"role": "assistant", "content": row["original_assistant_response"]}],
            "label": not row["improved"],
        }
        for row in rows
    ]


def arm_exports(arms: pd.DataFrame) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Training data of every arm on the same contexts, so that models trained on different arms can be compared.

    Args:
        arms: from `arm_answers`.

    Returns:
        By arm: `sft` rows and `dpo` pairs as above (the original answers make no pairs), and `kto` labels with a
        `label_source`: "user" for the original answer, which was criticised, "arm" for the arm's own answer, which is
        taken to be good because the arm is on trial and not because anybody said so.
    """
    originals = arms[arms["arm"] == "original"].set_index("conversation_id")["answer"]
    return {
        str(arm): _exports_of([_arm_row(row, originals[row["conversation_id"]]) for row in part.to_dict("records")])
        for arm, part in arms.groupby("arm", sort=False)
    }


def _arm_row(row: Mapping[Any, Any], original: str) -> dict[str, Any]:
    messages = [*row["context"], {"role": "assistant", "content": row["answer"]}]
    kept = {name: row[name] for name in ("conversation_id", "truncated", "feedback_leak")}
    improved = row["arm"] != "original"
    return kept | {"messages": messages, "improved": improved, "original_assistant_response": original}


def _exports_of(rows: Sequence[Row]) -> dict[str, list[dict[str, Any]]]:
    criticised = [label | {"label": False, "label_source": "user"} for label in kto_labels(rows)]
    good = [
        {**label, "completion": [row["messages"][-1]], "label": True, "label_source": "arm"}
        for label, row in zip(kto_labels(rows), rows, strict=True)
        if row["improved"] and not _unsound(row)
    ]
    return {"sft": sft_rows(rows), "dpo": dpo_pairs(rows), "kto": criticised + good}


def split_rows(rows: Sequence[dict[str, Any]], *, valid_share: float = 0.1) -> dict[str, list[dict[str, Any]]]:
    """Rows by split: the last share for validation (also under "test"), the others for training."""
    size = max(1, round(valid_share * len(rows))) if len(rows) > 1 else 0
    held = list(rows[len(rows) - size :])
    return {"train": list(rows[: len(rows) - size]), "valid": held[: len(held) // 2], "test": held[len(held) // 2 :]}


def _unsound(row: Row) -> bool:
    return bool(row["feedback_leak"]) or bool(row["truncated"])
