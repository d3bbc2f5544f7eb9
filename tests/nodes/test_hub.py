"""Encoders by hub id, fetched by `huggingface_hub` from a hub on the loopback: no network, no mock of the library."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from transformers import DistilBertConfig, DistilBertModel

from shared.runs import project
from tests.nodes.test_encoders import small_tokenizer

COMMIT = "b" * 40
GOOD, PICKLED = "tiny/distilbert", "tiny/pickled"
# A node is tuned by hub id as a study names it, one step, and answers from its saved folder.
SCRIPT = """
import sys
from pathlib import Path
from shared.models import FineTuning, LabelledTexts, TextClassifier, fit_text_classifier
from shared.runs import UserError
name, folder = sys.argv[1], Path(sys.argv[2])
texts = LabelledTexts(["good morning", "sad"] * 4, ["other", "sad"] * 4)
settings = FineTuning(model=name, epochs=1, batch_size=8, max_tokens=16)
try:
    fit_text_classifier(texts, texts, settings, folder / "checkpoints").save(folder / "model")
except UserError as error:
    sys.exit(str(error))
print(TextClassifier.load(folder / "model").network.encoder.config.dim)
"""


class Hub(NamedTuple):
    """Where the hub answers, and what it was asked for."""

    url: str
    asked: list[str]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    encoder = tmp_path / "encoder"
    config = DistilBertConfig(vocab_size=150, dim=16, n_layers=1, n_heads=2, hidden_dim=32)
    DistilBertModel(config).save_pretrained(encoder)
    small_tokenizer(segments=False).save_pretrained(encoder)
    files = {path.name: path.read_bytes() for path in encoder.iterdir()}
    pickled = {name: body for name, body in files.items() if not name.endswith(".safetensors")}
    asked: list[str] = []
    repositories = {GOOD: files, PICKLED: pickled | {"pytorch_model.bin": b"\x80\x04."}}
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(repositories, asked))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield Hub(f"http://127.0.0.1:{server.server_port}", asked)
    server.shutdown()
    server.server_close()


def handler(repositories: dict[str, dict[str, bytes]], asked: list[str]) -> type[BaseHTTPRequestHandler]:
    """The part of the hub's HTTP that fetching a model needs."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            name = next((name for name in repositories if f"/{name}/" in f"{self.path}/"), "")
            files = repositories.get(name)
            if files is None:
                self.answer(b"{}", 404, {"X-Error-Code": "RepoNotFound"})
            elif "/tree/" in self.path:
                self.answer(json.dumps([entry(file, body) for file, body in files.items()]).encode())
            elif self.path.startswith("/api"):
                about = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": file} for file in files]}
                self.answer(json.dumps(about | {"private": False, "tags": [], "downloads": 0, "likes": 0}).encode())
            else:
                body = files.get(self.path.split("?")[0].rsplit("/", 1)[-1])
                self.answer(
                    body or b"", 404 if body is None else 200, {"X-Error-Code": "EntryNotFound"} if body is None else {}
                )

        def answer(self, body: bytes, status: int = 200, more: dict[str, str] | None = None) -> None:
            self.send_response(status)
            about = {
                "Content-Length": str(len(body)),
                "ETag": f'"{hashlib.sha1(body).hexdigest()}"',
                "X-Repo-Commit": COMMIT,
            }
            for key, value in (about | {"Content-Type": "application/json"} | (more or {})).items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler


def entry(file: str, body: bytes) -> dict[str, Any]:
    return {"type": "file", "path": file, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}


def tuned(name: str, url: str, folder: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """One training in a process of its own: the hub's address is read when the library is imported."""
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    surroundings |= {"HF_ENDPOINT": url, "HF_HOME": str(cache), "PYTHONPATH": str(project())}
    command = [sys.executable, "-c", SCRIPT, name, str(folder)]
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False, timeout=120)


def test_an_encoder_is_tuned_by_its_hub_id_and_fetched_once(hub: Hub, tmp_path: Path) -> None:
    done = tuned(GOOD, hub.url, tmp_path / "first", tmp_path / "cache")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["16"]  # the width of the encoder that the hub has
    weights = [line for line in hub.asked if line.startswith("GET") and line.endswith("model.safetensors")]
    assert len(weights) == 1
    # Where there is no network any more, the cache is enough: the same node is trained again.
    again = tuned(GOOD, "http://127.0.0.1:9", tmp_path / "second", tmp_path / "cache")
    assert (again.returncode, again.stdout.split()) == (0, ["16"]), again.stderr[-2000:]


def test_pickled_weights_are_never_fetched(hub: Hub, tmp_path: Path) -> None:
    done = tuned(PICKLED, hub.url, tmp_path / "node", tmp_path / "cache")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("The model 'tiny/pickled' has no safetensors weights")
    assert not any("pytorch_model.bin" in line for line in hub.asked)


def test_a_hub_id_that_does_not_exist_says_what_works_offline(hub: Hub, tmp_path: Path) -> None:
    done = tuned("nobody/nothing", hub.url, tmp_path / "node", tmp_path / "cache")
    assert done.returncode == 1
    assert (
        "'nobody/nothing' is neither a local folder nor a model that could be fetched" in done.stderr.splitlines()[-1]
    )
