"""How stages of the support model end when they cannot go on: one message, and nothing that looks finished.

The stages' own notebooks are executed, with parameters as a study would set them.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.runs import UserError, project


def execute(stage: str, **parameters: Any) -> None:
    """The code of a notebook from its first cell on, its parameters replaced."""
    code = (project() / "notebooks" / f"{stage}.py").read_text(encoding="utf-8")
    for name, value in parameters.items():
        code, n = re.subn(rf"(?m)^({name}: [^=\n]+ = ).*$", lambda m, value=value: m[1] + repr(value), code)
        assert n == 1, name
    exec(compile(code, f"{stage}.py", "exec"), {"__name__": "__main__"})


def esconv(folder: Path, strategies: dict[str, str], *, silent: bool = False) -> str:
    """A corpus in ESConv's layout, one chat a split; with `silent`, its training chat has no supporter."""
    folder.mkdir()
    for split, strategy in strategies.items():
        turns: list[dict[str, str]] = [
            {"speaker": "usr", "text": f"I feel low, says {split} number {i}"} for i in range(2)
        ]
        if not (silent and split == "train"):
            turns.append({"speaker": "sys", "text": "What happened?", "strategy": strategy})
        (folder / f"{split}.jsonl").write_text(json.dumps({"dialog": turns}) + "\n")
    return str(folder)


pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SOURCES = {"empathetic": "", "go_emotions": "", "emobank": "", "max_length": 128}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("COLLOQUY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def nothing_finished(home: Path, stage: str) -> None:
    folder = home / "runs" / "v0.1" / stage
    assert not (folder / "manifest.json").exists()
    half = [p.name for p in folder.rglob("*") if p.name.startswith(".") or p.suffix in (".tmp", ".partial")]
    assert half == []


def test_an_unknown_strategy_stops_sources_before_anything_is_written(tmp_path, home):
    corpus = esconv(tmp_path / "c", {"train": "Question", "test": "Questions"})
    with pytest.raises(UserError, match=r"Unknown strategy 'Questions'.*'Question'"):
        execute("410_sources", esconv=corpus, **SOURCES)
    nothing_finished(home, "sources")
    assert not (home / "runs" / "v0.1" / "sources" / "examples.parquet").exists()


def test_a_dialogue_without_an_assistant_turn_stops_sources_with_its_line(tmp_path, home):
    corpus = esconv(tmp_path / "c", {"train": "Question", "test": "Question"}, silent=True)
    with pytest.raises(UserError, match="esconv train row 1: no assistant turn"):
        execute("410_sources", esconv=corpus, **SOURCES)
    nothing_finished(home, "sources")


def test_a_prompt_longer_than_the_limit_stops_sources_with_its_length(tmp_path, home):
    corpus = esconv(tmp_path / "c", {"train": "Question", "test": "Question"})
    with pytest.raises(UserError, match=r"the last turn and its answer take \d+ tokens, max_length is 32"):
        execute("410_sources", esconv=corpus, **SOURCES | {"max_length": 32})
    nothing_finished(home, "sources")


@pytest.fixture
def sourced(tmp_path, home) -> Path:
    """Examples of a tiny corpus, read for a base whose weights the test may spoil."""
    import shutil

    base = tmp_path / "base"
    shutil.copytree(project() / "data" / "models" / "chat", base)
    corpus = esconv(tmp_path / "c", {"train": "Question", "valid": "Question", "test": "Question"})
    execute("410_sources", esconv=corpus, base_model=str(base), **SOURCES)
    return base


SFT = {"steps": 2, "batch_size": 2, "save_every": 1, "quantisation": "none", "precision": "fp32"}


def test_a_loss_that_is_not_a_number_stops_sft_without_an_adapter(sourced, home):
    from safetensors.torch import load_file, save_file

    weights = load_file(sourced / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, sourced / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"not a number at step 1 \(.*Nothing of this step was kept"):
        execute("420_sft", **SFT)
    nothing_finished(home, "sft")
    assert not (home / "runs" / "v0.1" / "sft" / "adapter").exists()


def test_a_full_disk_stops_sft_before_it_trains(sourced, home, monkeypatch):
    from shared.sft import _train as train_module

    usage = train_module.shutil.disk_usage(home)
    monkeypatch.setattr(train_module.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(UserError, match="Free some space"):
        execute("420_sft", **SFT)
    nothing_finished(home, "sft")


def test_a_prompt_longer_than_the_model_stops_exports_by_its_name(sourced, tmp_path, home):
    execute("420_sft", **SFT)
    prompts = tmp_path / "long.jsonl"
    prompts.write_text(json.dumps({"prompt_id": "novel", "prompt": "sad story " * 2000}))
    with pytest.raises(UserError, match=r"Prompt 'novel' of 'qualitative' has [\d,]+ tokens"):
        execute("440_exports", qualitative=str(prompts), max_new_tokens=4)
    nothing_finished(home, "exports")
