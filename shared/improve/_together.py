"""Remote fine-tuning at Together: prepare, validate, upload, submit, monitor, and keep a full record.

Their own check is syntactic only (one JSON object a line), so roles, contents and weights are validated here first.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from shared.improve._exports import up_to_last_answer, weighted
from shared.llm import key_from
from shared.runs import UserError, digest_of, write_json, write_jsonl

BASE_URL = "https://api.together.ai"  # without /v1: the SDK's paths carry it
_FAILED = ("cancelled", "error", "user_error", "failed")
_ENDED = ("completed", *_FAILED)


@dataclass(frozen=True)
class FineTune:
    """What a job is asked to do.

    Attributes:
        model: name of the base model at Together.
        epochs: passes over the data.
        learning_rate: peak learning rate.
        batch_size: examples a step, or "max".
        suffix: ends the tuned model's name, at most 40 characters; "" for none.
        lora: train an adapter; False trains all weights.
        lora_rank: rank of the adapter.
    """

    model: str
    epochs: int = 3
    learning_rate: float = 1e-5
    batch_size: int | Literal["max"] = "max"
    suffix: str = ""
    lora: bool = True
    lora_rank: int = 16


class TrainingFile(NamedTuple):
    """A JSONL file ready for upload, and what went into it.

    Attributes:
        path: the file.
        statistics: `conversations`, `without_assistant_answer`, `messages`, `trained_messages`, `trained_characters`.
    """

    path: Path
    statistics: dict[str, int]


def write_training_file(conversations: Sequence[Mapping[str, Any]], path: Path) -> TrainingFile:
    """Conversations as JSONL with `weight` 1 on the last assistant message and 0 elsewhere, validated.

    Args:
        conversations: rows with `messages`; those without an assistant answer are left out and counted. What follows
            the last assistant message (the user's feedback) is cut off.
        path: target, conventionally `<input>_training.jsonl`.

    Raises:
        UserError: nothing is left, or a conversation breaks Together's rules (all problems at once).
    """
    kept = [up_to_last_answer(row["messages"]) for row in conversations]
    rows = [{"messages": weighted(messages)} for messages in kept if messages]
    if not rows:
        raise UserError(
            f"None of {len(conversations)} conversations has an assistant answer: there is nothing to train on."
        )
    validate_training_rows(rows)
    write_jsonl(path, rows)
    trained = [message for row in rows for message in row["messages"] if message["weight"] == 1]
    statistics = {
        "conversations": len(rows),
        "without_assistant_answer": len(conversations) - len(rows),
        "messages": sum(len(row["messages"]) for row in rows),
        "trained_messages": len(trained),
        "trained_characters": sum(len(message["content"]) for message in trained),
    }
    return TrainingFile(path, statistics)


def validate_training_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Check what the service will demand, before anything is uploaded.

    Raises:
        UserError: the first ten problems, each with its line.
    """
    problems = [f"line {line}: {problem}" for line, row in enumerate(rows, start=1) if (problem := _problem(row))]
    if problems:
        more = f"\n... and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise UserError("The training file would be refused:\n" + "\n".join(problems[:10]) + more)


def _problem(row: Mapping[str, Any]) -> str:
    messages = list(row["messages"])
    roles = [message["role"] for message in messages]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    weights = [message["weight"] for message in messages]
    if any(not str(message["content"]).strip() for message in messages):
        return "an empty message"
    if spoken != ["user" if k % 2 == 0 else "assistant" for k in range(len(spoken))]:
        return f"roles must alternate user, assistant after an optional system message, found {', '.join(roles)}"
    if weights[-1:] != [1] or any(weights[:-1]):
        return "exactly the last message, the assistant's, must have weight 1"
    return ""


def fine_tune(
    data: TrainingFile,
    job: FineTune,
    *,
    record_folder: Path,
    input_name: str,
    api_key_env: str = "TOGETHER_API_KEY",
    base_url: str = BASE_URL,
    monitor: bool = True,
    check_interval: float = 30.0,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Upload the file, start a job, follow it if wanted, and write the record.

    Args:
        data: from `write_training_file`.
        job: what to train and how.
        record_folder: the record becomes `<record_folder>/<input_name>_finetune_<timestamp>.json`.
        input_name: name of the input, for file and record.
        api_key_env: environment variable that holds the key.
        base_url: the service without `/v1`.
        monitor: wait for the job to end; otherwise return after it was started.
        check_interval: seconds between two looks.
        say: told about progress.

    Returns:
        The record: `status`, `job_id`, `output_model`, `parameters`, `statistics`, `file_ids`, `events`, times. It is
        written as soon as the job exists and again at every change. A job that has a record in the folder with the
        same parameters and training file, and did not fail, is followed and not submitted again.

    Raises:
        UserError: the key is not set, `base_url` ends in /v1, or the service refuses file or job.
    """
    # Chat backends want the /v1, the SDK adds its own: the mix-up would end in a 404 without a hint.
    if base_url.rstrip("/").endswith("/v1"):
        raise UserError(f"base_url must not end in /v1 here (the SDK's paths carry it): {base_url.rstrip('/')[:-3]}")
    client = _client(api_key_env, base_url)
    # A killed notebook must find its job again instead of paying for a second one.
    path = _earlier_record(data, job, record_folder, input_name)
    if path is None:
        path = _submitted(client, data, job, record_folder, input_name, say)
    record = json.loads(path.read_text(encoding="utf-8"))
    for change in _changes(client, record, check_interval) if monitor else ():
        record |= change
        write_json(path, record)
        say(f"{record['job_id']}: {record['status']}, {len(record['events'])} events")
    return record | {"record": str(path)}


def _earlier_record(data: TrainingFile, job: FineTune, folder: Path, input_name: str) -> Path | None:
    """The record of the same job, if it was submitted before and has not failed."""
    for path in sorted(folder.glob(f"{input_name}_finetune_*.json"), reverse=True):
        record = json.loads(path.read_text(encoding="utf-8"))
        same = record["parameters"] == {"input": input_name, **asdict(job)}
        if same and record["training_file_digest"] == digest_of(data.path) and record["status"] not in _FAILED:
            return path
    return None


def _submitted(
    client: Any, data: TrainingFile, job: FineTune, folder: Path, input_name: str, say: Callable[[str], None]
) -> Path:
    with _readable_refusals(job.model):
        uploaded = client.files.upload(data.path, purpose="fine-tune", check=True)
        say(f"uploaded {data.statistics['conversations']:,} conversations as {uploaded.id}")
        started = client.fine_tuning.create(**_arguments(job, uploaded.id))
    now = datetime.now(UTC)
    path = folder / f"{input_name}_finetune_{now:%Y%m%d_%H%M%S}.json"
    return write_json(path, _record(data, job, input_name, uploaded.id, started, now))


def _client(api_key_env: str, base_url: str) -> Any:
    from together import Together

    return Together(api_key=key_from(api_key_env), base_url=base_url, max_retries=5)


@contextmanager
def _readable_refusals(model: str) -> Iterator[None]:
    from together import APIStatusError

    try:
        yield
    except APIStatusError as error:
        raise UserError(
            f"Together refused the job for {model} with status {error.status_code}: {error.message}. "
            "Check the key, the account's credit and that the model can be fine-tuned."
        ) from error


def _arguments(job: FineTune, file_id: str) -> dict[str, Any]:
    shape = {"lora": True, "lora_r": job.lora_rank, "lora_alpha": 2 * job.lora_rank} if job.lora else {"lora": False}
    return {
        "training_file": file_id,
        "model": job.model,
        "n_epochs": job.epochs,
        "learning_rate": job.learning_rate,
        "batch_size": job.batch_size,
        "suffix": job.suffix or None,
        **shape,
    }


def _record(
    data: TrainingFile, job: FineTune, input_name: str, file_id: str, started: Any, now: datetime
) -> dict[str, Any]:
    return {
        "job_id": started.id,
        "status": _status(started),
        "output_model": None,
        "parameters": {"input": input_name, **asdict(job)},
        "statistics": data.statistics,
        "file_ids": {"training": file_id},
        "training_file_digest": digest_of(data.path),
        "started": now.isoformat(timespec="seconds"),
        "ended": None,
        "events": [],
    }


def _changes(client: Any, record: Mapping[str, Any], interval: float) -> Iterator[dict[str, Any]]:
    """The parts of the record that changed, look by look, until the job has ended."""
    seen: tuple[str, int] | None = None
    while True:
        job = client.fine_tuning.retrieve(record["job_id"])
        events = [event.message for event in client.fine_tuning.list_events(record["job_id"]).data or []]
        ended = _status(job) in _ENDED
        # Written at changes only: over hours, a look every 30 seconds would write one record hundreds of times.
        if seen != (_status(job), len(events)):
            seen = (_status(job), len(events))
            yield {
                "status": _status(job),
                "output_model": getattr(job, "x_model_output_name", None),
                "events": events,
                "ended": datetime.now(UTC).isoformat(timespec="seconds") if ended else None,
            }
        if ended:
            return
        time.sleep(interval)


def _status(job: Any) -> str:
    return str(getattr(job.status, "value", job.status))
