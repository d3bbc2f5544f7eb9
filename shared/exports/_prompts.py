"""Prompt sets in one shape: EQ-Bench questions, qualitative prompts and red-team prompts."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from shared.runs import UserError, resolve_path

EQ_BENCH = "eq_bench"


class Prompt(NamedTuple):
    """One prompt: `prompt_set` and `prompt_id` name it, `messages` is the chat to answer, `meta` is kept beside."""

    prompt_set: str
    prompt_id: str
    messages: list[dict[str, str]]
    meta: dict[str, Any]


def read_prompts(path: Path, prompt_set: str) -> list[Prompt]:
    """Prompts of a JSONL file: each row has `messages` or `prompt`, and a `prompt_id`.

    Raises:
        UserError: a line is not such a row, an id occurs twice, or a chat does not end with the user.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    prompts = [_prompt(line, number, path, prompt_set) for number, line in enumerate(lines, start=1) if line.strip()]
    ids = [p.prompt_id for p in prompts]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise UserError(f"{path.name}: prompt_id {twice[0]!r} occurs more than once. Ids pair the models' answers.")
    return prompts


def _prompt(line: str, number: int, path: Path, prompt_set: str) -> Prompt:
    try:
        row = json.loads(line)
        messages = row.get("messages") or [{"role": "user", "content": row["prompt"]}]
        prompt = Prompt(prompt_set, str(row["prompt_id"]), messages, row.get("meta") or {})
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path.name}, line {number}: not a prompt ({error!r}). Write a JSON object with prompt_id and messages."
        ) from None
    if not messages or messages[-1]["role"] != "user":
        raise UserError(
            f"{path.name}, line {number}: the chat does not end with the user, so there is nothing to answer."
        )
    return prompt


def read_eq_bench(source: str) -> dict[str, Any]:
    """EQ-Bench questions by id, from the official JSON or from the hub.

    Args:
        source: a JSON file, or a hub id such as `pbevan11/EQ-Bench` (its split "validation").

    Raises:
        UserError: the file is no such JSON, or the hub cannot be reached.
    """
    path = resolve_path(source)
    if path.is_file():
        return _questions_of(json.loads(path.read_text(encoding="utf-8")), path.name)
    return _hub_questions(source)


def _questions_of(content: Any, name: str) -> dict[str, Any]:
    rows = {str(i): row for i, row in enumerate(content, start=1)} if isinstance(content, list) else content
    if not rows or not all(isinstance(row, dict) and "prompt" in row for row in rows.values()):
        raise UserError(f"{name} is not an EQ-Bench file: expected question ids with `prompt` and references.")
    return {str(key): row for key, row in rows.items()}


def _hub_questions(name: str) -> dict[str, Any]:
    from datasets import load_dataset
    from huggingface_hub.errors import HfHubHTTPError

    try:
        rows = list(load_dataset(name, split="validation"))
    except (OSError, ValueError, HfHubHTTPError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"'{name}' is neither a file nor a corpus that could be fetched ({reason}). Download the official JSON."
        ) from None
    return {str(i): _parsed_references(dict(row)) for i, row in enumerate(rows, start=1)}


def _parsed_references(row: dict[str, Any]) -> dict[str, Any]:
    """References that a table keeps as text, as objects."""
    import ast

    keys = [key for key in ("reference_answer", "reference_answer_fullscale") if isinstance(row.get(key), str)]
    return row | {key: ast.literal_eval(row[key]) for key in keys}


def eq_bench_prompts(questions: dict[str, Any]) -> list[Prompt]:
    """The questions as prompts."""
    return [Prompt(EQ_BENCH, key, [{"role": "user", "content": q["prompt"]}], {}) for key, q in questions.items()]
