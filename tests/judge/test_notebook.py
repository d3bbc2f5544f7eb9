"""The notebook with a chat model as judge, served over HTTP the way people serve theirs."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

CHATS = 24


class Server:
    """A judge that likes the shorter answer, goes by position in chat 5, and gives no verdict in chat 3."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []

    def verdict(self, material: str) -> str:
        self.asked.append(material)
        first, second = material.split("<answer A>\n")[1].split("\n</answer A>\n\n<answer B>\n")
        if "Question 3?" in material:
            return "Both are fine, I cannot say."
        shorter = "A" if "Question 5?" in material or len(first) < len(second) else "B"
        return f"It is shorter.\nVerdict: {shorter}"


@pytest.fixture
def served_judge() -> Iterator[Server]:
    found = Server()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = {"role": "assistant", "content": found.verdict(asked["messages"][-1]["content"])}
            choice = {"index": 0, "finish_reason": "stop", "message": answer}
            usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
            about = {"id": "x", "object": "chat.completion", "created": 1, "model": asked["model"], "usage": usage}
            body = json.dumps({**about, "choices": [choice]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def chats(folder: Path) -> Path:
    path = folder / "chats.jsonl"
    turns = [[f"Question {k}?", "An hour.", "That is wrong."] for k in range(CHATS)]
    roles = ["user", "assistant", "user"]
    rows = [
        {"conversation_id": f"c{k}", "messages": [{"role": r, "content": t} for r, t in zip(roles, texts, strict=True)]}
        for k, texts in enumerate(turns)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_served_chat_model_judges_the_notebook_from_end_to_end(
    tmp_path: Path, home: Path, served_judge: Server, run_notebook: Callable[..., None]
) -> None:
    given = {
        "run_version": "t", "conversations": str(chats(tmp_path)), "judge": "served", "judge_url": served_judge.url,
        "delay": 0.0, "judge_prompt_price": 10.0, "coverage_repetitions": 1, "replicates": 200,
    }  # fmt: skip
    run_notebook("530_judge", given)

    folder = home / "runs" / "t" / "judge"
    found = {row["name"]: row for row in json.loads((folder / "results.json").read_text())}
    # 24 pairs: 1 without a verdict, 1 that goes by position (a tie), 22 won by the shorter original answer
    counts = [found[name]["value"] for name in ("wins", "ties", "losses", "n_unscored")]
    assert counts == [0, 1, 22, 1]
    assert found["win_rate"]["value"] == pytest.approx(100 * 0.5 / 23)
    assert found["verdict"]["value"] == "loses to"
    assert found["position_consistency"]["value"] == pytest.approx(22 / 23)
    # two verdicts a pair, and a tenth of the pairs (2) judged again
    assert len(served_judge.asked) == 2 * CHATS + 2 * 2
    # 100 tokens read a verdict at 10 dollars a million, the second look at 2 pairs included
    assert found["cost"]["value"] == pytest.approx((2 * CHATS + 2 * 2) * 100 * 10.0 / 1e6)
    left_out = pd.read_csv(folder / "excluded.csv")
    assert left_out.values.tolist() == [
        [
            "verdict",
            "c3",
            "no readable verdict when the model's answer stood first and when the baseline's answer stood first",
        ]
    ]
    raw = pd.read_parquet(folder / "comparisons.parquet").set_index("prompt_id")
    assert raw.loc["c3", "raw_first"] == "Both are fine, I cannot say."
