"""A tiny random chat model: in this process, and behind `transformers serve`."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import llm
from shared.runs import UserError

TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Qwen2 of one layer with a byte-level tokenizer and a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp("tiny") / "model"
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={symbol: k for k, symbol in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|pad|>")
    fast.chat_template = TEMPLATE
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Qwen2Config(
        vocab_size=len(fast),
        num_key_value_heads=2,
        max_position_embeddings=256,
        eos_token_id=fast.eos_token_id,
        **sizes,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def hello(max_tokens: int = 8, **options: float) -> llm.Request:
    return llm.request([{"role": "user", "content": "hello"}], max_tokens=max_tokens, **options)  # type: ignore[arg-type]


def test_the_local_model_answers_the_same_twice(tiny_model: Path) -> None:
    first, second = (llm.open_chat(str(tiny_model)).complete(hello()) for _ in range(2))
    assert first == second
    # <|user|> and <|assistant|> are spelt in bytes here (8 and 13), hello is 5 and <|end|> one token
    assert first.prompt_tokens == 8 + 5 + 1 + 13
    assert first.finish == "length" and first.completion_tokens == 8


def test_sampling_follows_the_seed(tiny_model: Path) -> None:
    chat = llm.LocalChat(str(tiny_model))
    texts = [chat.complete(hello(16, temperature=1.0, seed=seed)).text for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_a_model_trained_anew_at_the_same_place_has_another_name(tiny_model: Path, tmp_path: Path) -> None:
    before = llm.LocalChat(str(tiny_model)).name
    (tiny_model / "note.txt").write_text("changed")
    after = llm.LocalChat(str(tiny_model)).name
    (tiny_model / "note.txt").unlink()
    assert before != after
    assert str(tiny_model.parent) not in before


def test_a_prompt_longer_than_the_model_is_refused(tiny_model: Path) -> None:
    got = llm.ask_all(llm.LocalChat(str(tiny_model)), [hello(max_tokens=250)])
    assert got.answers[0].problem.startswith("refused: 27 prompt tokens")


def test_a_model_without_a_chat_template_is_a_user_error(tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    plain = tmp_path / "plain"
    shutil.copytree(tiny_model, plain)
    (plain / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match="no chat template"):
        llm.LocalChat(str(plain)).complete(hello())


@pytest.fixture
def served(tiny_model: Path, tmp_path: Path) -> Iterator[str]:
    """The base URL of `transformers serve` with the tiny model."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(tiny_model), "--port", str(port)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path), "OMP_NUM_THREADS": "1"}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([*command, "--device", "cpu"], env=environment, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError("transformers serve did not start")


def test_the_same_model_behind_transformers_serve_answers_a_batch(tiny_model: Path, served: str) -> None:
    asked = [llm.request([{"role": "user", "content": f"hello {k}"}], max_tokens=8) for k in range(4)]
    got = llm.ask_all(llm.open_chat(str(tiny_model), base_url=served), asked, parse=lambda text: text)
    local = llm.ask_all(llm.LocalChat(str(tiny_model)), asked, parse=lambda text: text)
    assert got.n_unscored == 0
    # The server's decoder repeats the prompt of tokenizers that it does not know; the generated part is the same.
    assert all(theirs.endswith(ours) for theirs, ours in zip(got.values, local.values, strict=True))
    assert got.ledger.prompt_tokens == local.ledger.prompt_tokens
