"""Better answers that were written before: such a file goes straight to the exports and to fine-tuning."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.improve._exports import up_to_last_answer
from shared.improve._methods import GENERATION_METHODS, IMPROVABLE, Improved, Method
from shared.llm import Ledger
from shared.runs import UserError

Row = Mapping[str, Any]
_METHOD_OF: dict[str, Method] = {name: method for method, name in GENERATION_METHODS.items()}
# What files written elsewhere may lack: nothing is known to be wrong with their answers.
_DEFAULTS = {"feedback": "", "reference": "", "feedback_leak": "", "truncated": False, "improvement_timestamp": None}


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSON list or a JSONL file, each with `messages`: chats to improve, or conversations already improved.

    Raises:
        UserError: the file is neither, or a row has no messages (the first one is named).
    """
    text = path.read_text(encoding="utf-8")
    try:
        lines = [text] if path.suffix == ".json" else [line for line in text.splitlines() if line.strip()]
        parsed = [json.loads(line) for line in lines]
    except json.JSONDecodeError as error:
        raise UserError(f"{path.name} is not JSON: {error}. A list belongs in .json, a row a line in .jsonl.") from None
    rows = parsed[0] if path.suffix == ".json" else parsed
    if not isinstance(rows, list):
        raise UserError(f"{path.name}: expected a list of conversations, found {type(rows).__name__}.")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or not isinstance(row.get("messages"), list):
            found = ", ".join(row) if isinstance(row, dict) else type(row).__name__
            raise UserError(f"{path.name}, row {number}: `messages` is missing. Found: {found}.")
    return [{"conversation_id": f"row-{number}", **row} for number, row in enumerate(rows, start=1)]


def written_answers(rows: Sequence[Row]) -> dict[Method, Improved]:
    """The improved conversations of a file by method, as `improve_chats` would have given them.

    Args:
        rows: from `read_rows`. Rows that were kept unchanged belong to every method of the file.

    Returns:
        Empty if the rows are chats whose answers are still to be improved.

    Raises:
        UserError: only some rows were improved before, a method is unknown, or the criticised answer is missing.
    """
    done = [row for row in rows if "improved" in row]
    if not done:
        return {}
    if len(done) < len(rows):
        raise UserError(f"Only {len(done)} of {len(rows)} rows say whether they were improved. Split the file in two.")
    made = {_method(row) for row in done if row["improved"]} or {"feedback"}
    ledger = Ledger("written before", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0)
    return {
        method: Improved([_complete(row) for row in done if not row["improved"] or _method(row) == method], [], ledger)
        for method in _METHOD_OF.values()
        if method in made
    }


def _method(row: Row) -> Method:
    name = str(row.get("generation_method"))
    if name not in _METHOD_OF or not isinstance(row.get("original_assistant_response"), str):
        raise UserError(
            f"{row['conversation_id']}: an improved conversation needs original_assistant_response, and "
            f"generation_method {' or '.join(_METHOD_OF)}; found {name}."
        )
    return _METHOD_OF[name]


def _complete(row: Row) -> dict[str, Any]:
    # Some files keep the user's reaction behind an answer that was kept; it is no part of what is trained.
    messages = up_to_last_answer(row["messages"])
    answer = messages[-1]["content"] if messages else ""
    return {
        **_DEFAULTS, "generation_method": None, "original_assistant_response": answer, **row, "messages": messages
    }  # fmt: skip


def criticised_answers(rows: Sequence[Row]) -> list[str]:
    """The answers that users criticised: those to be replaced, or those that were replaced before."""
    return [
        row["original_assistant_response"] if "improved" in row else row["messages"][-2]["content"]
        for row in rows
        if (row["improved"] if "improved" in row else row["category"] in IMPROVABLE)
    ]
