"""A loopback server that speaks chat completions and fails on purpose."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Fault = Callable[[str, int], str]


class Stub:
    """What the server saw, and the address to ask.

    Attributes:
        base_url: address with `/v1`.
        attempts: requests by the text of their last message.
        finished: complete answers sent.
        running: requests under way; `most` is the largest number seen.
    """

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.base_url = ""
        self.attempts: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.finished = 0
        self.running = 0
        self.most = 0
        self.lock = threading.Lock()


@pytest.fixture(name="chat_server")
def chat_server_fixture() -> Callable[..., AbstractContextManager[Stub]]:
    """`with chat_server(fault) as stub:` runs the server."""
    return chat_server


@contextmanager
def chat_server(fault: Fault = lambda text, attempt: "") -> Iterator[Stub]:
    """A server that answers "echo: <last message>"; `fault(text, attempt)` names what goes wrong instead."""
    stub = Stub(fault)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    server.daemon_threads = True
    stub.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = body["messages"][-1]["content"]
            with stub.lock:
                stub.attempts[text] += 1
                stub.running += 1
                stub.most = max(stub.most, stub.running)
                attempt = stub.attempts[text]
                stub.headers.append({name.lower(): value for name, value in self.headers.items()})
            try:
                self._respond(text, stub.fault(text, attempt))
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client gave up, as a time-out makes it
            finally:
                with stub.lock:
                    stub.running -= 1

        def _respond(self, text: str, fault: str) -> None:
            if fault.isdigit():
                self._send(int(fault), b'{"error": {"message": "on purpose", "code": null}}', {"Retry-After": "0"})
            elif fault.startswith("429 after "):
                self._send(429, b"{}", {"Retry-After": fault.removeprefix("429 after ")})
            elif fault == "cut":
                self._send(200, _completion(text), {"Content-Length": "99999"})
                self.close_connection = True
            elif fault == "broken":
                self._send(200, b'{"id": "x", "choi')
            elif fault == "empty":
                self._send(200, b"{}")
            else:
                time.sleep(3.0 if fault == "slow" else 0.0)
                self._send(200, _completion(fault.removeprefix("say ") if fault.startswith("say ") else text))
                with stub.lock:
                    stub.finished += 1

        def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **(headers or {}),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _completion(text: str) -> bytes:
    message = {"role": "assistant", "content": f"echo: {text}"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    answer = {"id": "1", "object": "chat.completion", "created": 0, "model": "stub", "choices": [choice]}
    return json.dumps({**answer, "usage": usage}).encode()
