"""Remote fine-tuning against a loopback service."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared import improve
from shared.runs import UserError

CHAT = [
    {"role": "user", "content": "How long do eggs boil?"},
    {"role": "assistant", "content": "Six minutes."},
]
JOB = improve.FineTune("stub", epochs=5, learning_rate=2e-5, batch_size=8, suffix="mine", lora_rank=4)


def training(path: Path, *chats: list[dict[str, str]]) -> improve.TrainingFile:
    return improve.write_training_file([{"messages": chat} for chat in chats], path / "chats_training.jsonl")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", "secret-123")


def test_only_the_last_answer_has_weight_one_and_chats_without_answer_are_left_out(tmp_path: Path) -> None:
    longer = [*CHAT, {"role": "user", "content": "And hard ones?"}, {"role": "assistant", "content": "Ten."}]
    found = training(tmp_path, longer, [CHAT[0]], [*CHAT, {"role": "user", "content": "Thanks!"}])
    rows = [json.loads(line) for line in found.path.read_text().splitlines()]
    assert [[message["weight"] for message in row["messages"]] for row in rows] == [[0, 0, 0, 1], [0, 1]]
    assert found.statistics == {
        "conversations": 2,
        "without_assistant_answer": 1,
        "messages": 6,
        "trained_messages": 2,
        "trained_characters": len("Ten.") + len("Six minutes."),
    }


@pytest.mark.parametrize(
    ("chat", "problem"),
    [
        ([CHAT[0], CHAT[0], CHAT[1]], "roles must alternate"),
        ([{"role": "user", "content": " "}, CHAT[1]], "an empty message"),
        ([CHAT[1]], "roles must alternate"),
    ],
)
def test_what_the_service_would_refuse_is_refused_before_the_upload(
    tmp_path: Path, chat: list[dict[str, str]], problem: str
) -> None:
    with pytest.raises(UserError, match=f"line 1: {problem}"):
        training(tmp_path, chat)


def test_nothing_to_train_on_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="None of 1 conversations"):
        training(tmp_path, [CHAT[0]])


def run(service: Any, folder: Path, **options: Any) -> dict[str, Any]:
    return improve.fine_tune(
        training(folder, CHAT), JOB, record_folder=folder / "models", input_name="chats",
        base_url=service.base_url, check_interval=0.01, say=lambda line: None, **options,
    )  # fmt: skip


def test_a_job_is_uploaded_submitted_and_followed_to_its_end(together_service: Any, tmp_path: Path) -> None:
    record = run(together_service, tmp_path)
    assert together_service.uploaded == (tmp_path / "chats_training.jsonl").read_bytes()
    assert (record["status"], record["output_model"], record["job_id"]) == ("completed", "stub-tuned", "ft-1")
    assert record["events"][-1] == "event 3"
    (path,) = (tmp_path / "models").glob("chats_finetune_*.json")
    written = json.loads(path.read_text())
    assert written["parameters"] == {
        "input": "chats", "model": "stub", "epochs": 5, "learning_rate": 2e-5, "batch_size": 8, "suffix": "mine",
        "lora": True, "lora_rank": 4,
    }  # fmt: skip
    assert written["file_ids"] == {"training": "file-1"}
    assert written["statistics"]["conversations"] == 1
    assert "secret-123" not in path.read_text()
    assert together_service.keys == {"Bearer secret-123"}


def test_the_submitted_job_carries_the_parameters(together_service: Any, tmp_path: Path) -> None:
    run(together_service, tmp_path, monitor=False)
    job = together_service.job
    assert (job["training_file"], job["n_epochs"], job["learning_rate"], job["suffix"]) == ("file-1", 5, 2e-5, "mine")
    assert job["training_type"]["type"] == "Lora" and job["training_type"]["lora_r"] == 4


def test_full_fine_tuning_sends_no_adapter(together_service: Any, tmp_path: Path) -> None:
    job = improve.FineTune("stub", lora=False, batch_size=8)
    improve.fine_tune(
        training(tmp_path, CHAT), job, record_folder=tmp_path, input_name="x", base_url=together_service.base_url,
        monitor=False, say=lambda line: None,
    )  # fmt: skip
    assert together_service.job["training_type"]["type"] == "Full"


def test_without_monitoring_the_record_says_how_far_it_was(together_service: Any, tmp_path: Path) -> None:
    record = run(together_service, tmp_path, monitor=False)
    assert (record["status"], record["ended"], together_service.looks) == ("pending", None, 0)
    assert Path(record["record"]).exists()


def test_a_watch_that_was_killed_finds_its_job_again_and_pays_once(together_service: Any, tmp_path: Path) -> None:
    first = run(together_service, tmp_path, monitor=False)
    again = run(together_service, tmp_path)
    assert (again["status"], again["record"]) == ("completed", first["record"])
    assert together_service.calls.count("POST /v1/fine-tunes") == 1


def test_a_failed_job_ends_the_watch(together_service: Any, tmp_path: Path) -> None:
    together_service.statuses = ["running", "error"]
    assert run(together_service, tmp_path)["status"] == "error"


def test_a_refusal_is_a_user_error(together_service: Any, tmp_path: Path) -> None:
    together_service.refuse = True
    with pytest.raises(UserError, match="Together refused the job for stub with status 400"):
        run(together_service, tmp_path)


def test_a_base_url_with_v1_is_refused_with_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must not end in /v1"):
        improve.fine_tune(
            training(tmp_path, CHAT), JOB, record_folder=tmp_path, input_name="x", base_url="http://localhost:1/v1"
        )
