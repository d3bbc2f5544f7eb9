"""A loopback server that speaks the part of Together's HTTP that a fine-tuning job needs."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

LIMITS = {
    "default_gradient_accumulation_steps": 1,
    "lora_training": {
        "default_rank": 8, "max_rank": 64, "max_batch_size": 32, "max_batch_size_dpo": 16, "min_batch_size": 8,
        "target_modules": ["q_proj"],
    },
    "full_training": {"max_batch_size": 32, "max_batch_size_dpo": 16, "min_batch_size": 8},
    "max_learning_rate": 1e-2, "min_learning_rate": 1e-8, "max_num_checkpoints": 10, "max_num_epochs": 20,
    "max_num_evals": 100, "max_seq_length_dpo": 8192, "max_seq_length_sft": 8192, "merge_output_lora": True,
    "model_name": "stub", "supports_vision": False, "supports_tools": False, "supports_reasoning": False,
}  # fmt: skip


class Service:
    """What the service saw: requests in order, the uploaded bytes, the job's body."""

    def __init__(self) -> None:
        self.base_url = ""
        self.calls: list[str] = []
        self.uploaded = b""
        self.job: dict[str, Any] = {}
        self.statuses = ["pending", "running", "running", "completed"]
        self.looks = 0
        self.keys: set[str | None] = set()
        self.refuse = False


@pytest.fixture
def together_service() -> Iterator[Service]:
    service = Service()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
    server.daemon_threads = True
    service.base_url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield service
    server.shutdown()
    server.server_close()


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            self._note()
            if "/models/limits" in self.path:
                self._json(LIMITS)
            elif self.path.endswith("/events"):
                self._json({"data": [_event(k) for k in range(service.looks)]})
            else:
                status = service.statuses[min(service.looks, len(service.statuses) - 1)]
                service.looks += 1
                self._json(_job(service.job, status))

        def do_PUT(self) -> None:
            self._note()
            service.uploaded = self._body()
            self._json({})

        def do_POST(self) -> None:
            self._note()
            body = self._body()
            if service.refuse:
                self._json({"error": {"message": "no such model", "type": "invalid_request_error"}}, 400)
            elif self.path == "/v1/files":
                self.send_response(302)
                self.send_header("Location", f"{service.base_url}/storage/file-1")
                self.send_header("X-Together-File-Id", "file-1")
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif self.path.endswith("/preprocess"):
                self._json(_file())
            elif self.path.endswith("/estimate-price"):
                self._json({"estimation_available": True, "allowed_to_proceed": True, "estimated_total_price": 1.0})
            else:
                service.job = json.loads(body)
                self._json(_job(service.job, "pending"))

        def _note(self) -> None:
            service.calls.append(f"{self.command} {self.path.split('?')[0]}")
            if self.path.startswith("/v1"):
                service.keys.add(self.headers.get("Authorization"))

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _json(self, content: Any, status: int = 200) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _file() -> dict[str, Any]:
    return {
        "id": "file-1", "object": "file", "created_at": 1, "purpose": "fine-tune", "filename": "x.jsonl", "bytes": 1,
        "FileType": "jsonl", "Processed": True, "LineCount": 1,
    }  # fmt: skip


def _job(asked: dict[str, Any], status: str) -> dict[str, Any]:
    times = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
    output = "stub-tuned" if status == "completed" else None
    return {"id": "ft-1", "status": status, "model_output_name": output, **times, "model": asked.get("model")}


def _event(number: int) -> dict[str, Any]:
    kind = "job_start" if number == 0 else "epoch_complete"
    return {
        "object": "fine-tune-event", "created_at": "2026-01-01T00:00:00Z", "message": f"event {number}", "type": kind,
        "level": "info",
    }  # fmt: skip
