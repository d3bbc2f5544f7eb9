import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from transformers import DistilBertConfig

from shared.models import _where as where
from shared.models import encode, resolve_model, suitable_learning_rate
from shared.runs import UserError


def test_the_built_in_encoder_is_verified_by_its_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (resolve_model("builtin") / "model.safetensors").exists()
    where._builtin_folder.cache_clear()
    monkeypatch.setattr(where, "_BUILTIN_DIGEST", "0" * 64)
    with pytest.raises(UserError, match="not the published ones"):
        resolve_model("builtin")


def test_a_missing_folder_and_a_folder_without_a_model_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no model folder '/nowhere/at/all'"):
        resolve_model("/nowhere/at/all")
    with pytest.raises(UserError, match=r"config\.json is missing"):
        resolve_model(str(tmp_path))


def test_a_hub_model_that_cannot_be_fetched_says_what_works_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    code = (
        "from shared.models import resolve_model; from shared.runs import UserError\n"
        "try: resolve_model('no-such/model-anywhere')\nexcept UserError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert "use model='builtin', which works offline" in done.stdout


class Answering(BaseHTTPRequestHandler):
    """A hub that has every model."""

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


def encoder_by_default(**surroundings: str) -> str:
    """In a process of its own: the hub's address is read when its library is imported."""
    code = "from shared.models import default_encoder; print(default_encoder())"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")} | surroundings
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_default_encoder_is_roberta_where_the_hub_answers_and_else_the_built_in() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    hub = f"http://127.0.0.1:{server.server_port}"
    assert encoder_by_default(HF_ENDPOINT=hub) == "roberta-base"
    assert encoder_by_default(HF_ENDPOINT=hub, HF_HUB_OFFLINE="1") == "builtin"
    server.shutdown()
    server.server_close()
    assert encoder_by_default(HF_ENDPOINT=hub) == "builtin"


def test_the_learning_rate_follows_the_width_whatever_the_architecture_calls_it(tmp_path: Path) -> None:
    DistilBertConfig(dim=768).save_pretrained(tmp_path)
    assert suitable_learning_rate(str(tmp_path)) == 2e-5
    assert suitable_learning_rate("builtin") == 1e-4  # 384 wide


def test_importing_the_room_loads_no_torch() -> None:
    code = "import sys, shared.models; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_vectors_are_unit_long_in_order_and_the_same_for_the_same_text() -> None:
    texts = ["I lost my card.", "hello", "I lost my card.", "", "My card is gone, I cannot find it."]
    vectors = encode(texts)
    assert vectors.shape == (5, 384) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert np.array_equal(vectors[0], vectors[2])
    assert vectors[0] @ vectors[4] > 0.6 > vectors[0] @ vectors[1]
    assert (vectors * encode(texts, exact=True)).sum(1).min() > 0.999  # fast numbers against fp32
    assert encode([]).shape == (0, 384)
