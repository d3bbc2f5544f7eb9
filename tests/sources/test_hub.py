"""Corpora by hub id, fetched by `datasets` itself from a hub on the loopback: no network, no mock of the library."""

import csv
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from shared.runs import project

COMMIT = "a" * 40
CHAT = {
    "emotion_type": "sad", "experience_type": "Previous", "problem_type": "job crisis", "situation": "I lost my job.",
    "survey_score": {"seeker": {"relevance": "5"}},
    "dialog": [
        {"text": "Hello", "speaker": "usr"},
        {"text": "What happened?", "speaker": "sys", "strategy": "Question"},
    ],
}  # fmt: skip
TURN = {
    "id": 0, "chat_history": "['I lost my job_comma_ sadly.']", "sys_response": "That must be hard.",
    "situation": "I lost my job", "emotion": "sad", "question or not": 0, "behavior": "sympathizing",
}  # fmt: skip


def as_csv(row: dict[str, Any]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row))
    writer.writeheader()
    writer.writerow(row)
    return text.getvalue()


# As the corpora lie on the hub: one JSON string a row in `text`; columns; and a repository with a script alone.
REPOSITORIES = {
    "thu-coai/esconv": {f"{split}.txt": json.dumps(CHAT) + "\n" for split in ("train", "valid", "test")},
    "Adapting/empathetic_dialogues_v2": {f"{split}.csv": as_csv(TURN) for split in ("train", "valid", "test")},
    "google-research-datasets/go_emotions": {
        f"{split}.jsonl": json.dumps({"text": "Ok.", "labels": [27], "id": "e1"}) + "\n"
        for split in ("train", "validation", "test")
    },
    "facebook/empathetic_dialogues": {"README.md": "# old", "empathetic_dialogues.py": "raise SystemExit"},
}


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Hub(BaseHTTPRequestHandler):
    """The part of the hub's HTTP that reading a data set needs."""

    def log_message(self, *_: Any) -> None: ...

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        files = self._files()
        self._send(json.dumps([entry(path, text) for path, text in files.items()] if files else []))

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        files = self._files()
        if files is None:
            self._send(json.dumps({"error": "Repository not found"}), 404, {"X-Error-Code": "RepoNotFound"})
        elif not path.startswith("/api"):
            text = files.get(path.split(f"/resolve/{COMMIT}/")[-1].split("/resolve/main/")[-1])
            self._send(text or "", 200 if text else 404, {"X-Error-Code": "EntryNotFound"} if text is None else {})
        elif "/tree/" in path:
            self._send(json.dumps([entry(name, text) for name, text in files.items()]))
        else:
            siblings = [{"rfilename": name} for name in files]
            about = {"id": self._name(), "sha": COMMIT, "siblings": siblings, "private": False, "tags": []}
            self._send(json.dumps(about | {"disabled": False, "gated": False, "downloads": 0, "likes": 0}))

    def _name(self) -> str:
        return next((name for name in REPOSITORIES if f"datasets/{name}" in self.path), "")

    def _files(self) -> dict[str, str] | None:
        return REPOSITORIES.get(self._name())

    def _send(self, text: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        about = {"Content-Length": str(len(body)), "ETag": f'"{hash(text) & 0xFFFFFFFF:x}"', "X-Repo-Commit": COMMIT}
        for name, value in {**about, "Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def entry(path: str, text: str) -> dict[str, Any]:
    return {"type": "file", "path": path, "size": len(text.encode()), "oid": f"{len(text):040x}"}


def read(hub: str, folder: Path, locations: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`read_corpora` in a process of its own: the hub's address is read when the library is imported."""
    script = (
        "import json, sys\n"
        "from shared.runs import UserError\n"
        "from shared.sources import read_corpora\n"
        "try:\n"
        "    found = read_corpora(json.loads(sys.argv[1]))\n"
        "except UserError as error:\n"
        "    sys.exit(str(error))\n"
        "shown = [[d.source, d.split, d.strategy or d.emotion, d.messages] for d in found.dialogues]\n"
        "print(json.dumps({'dialogues': shown, 'layouts': found.layouts}))\n"
    )
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    surroundings |= {"HF_ENDPOINT": hub, "HF_HOME": str(folder), "PYTHONPATH": str(project())}
    command = [sys.executable, "-c", script, json.dumps(locations)]
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False, timeout=120)


def test_corpora_are_read_by_their_hub_ids(hub: str, tmp_path: Path) -> None:
    emotions = "google-research-datasets/go_emotions"
    places = {"esconv": "thu-coai/esconv", "empathetic": "Adapting/empathetic_dialogues_v2", "go_emotions": emotions}
    done = read(hub, tmp_path, places)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert [(source, split) for source, split, _, _ in found["dialogues"]] == [
        (source, split) for source in places for split in ("train", "valid", "test")
    ]
    _, _, strategy, messages = found["dialogues"][0]
    assert found["dialogues"][-1][2] == "neutral"  # label 27 of the taxonomy's 28
    assert (strategy, [m["content"] for m in messages]) == ("Question", ["Hello", "What happened?"])
    assert [m["content"] for m in found["dialogues"][3][3]] == ["I lost my job, sadly.", "That must be hard."]
    # Keys of ESConv are those inside its JSON string; values are never printed.
    assert found["layouts"][0] == ["esconv", "train", 1, sorted(CHAT)]
    assert found["layouts"][3] == ["empathetic", "train", 1, sorted(TURN)]


def test_a_hub_repository_with_a_script_alone_names_the_alternative(hub: str, tmp_path: Path) -> None:
    done = read(hub, tmp_path, {"empathetic": "facebook/empathetic_dialogues"})
    assert done.returncode == 1
    assert "has only a loading script" in done.stderr
    assert "Use Adapting/empathetic_dialogues_v2 instead" in done.stderr.splitlines()[-1]


def test_a_hub_id_that_does_not_exist_says_where_it_was_looked_for(hub: str, tmp_path: Path) -> None:
    done = read(hub, tmp_path, {"esconv": "nobody/nothing"})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("'nobody/nothing' is neither a local file or folder nor a corpus")
