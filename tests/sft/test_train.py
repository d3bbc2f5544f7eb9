"""Training of a tiny model: resuming, the 4-bit repack trap, and how it ends when it cannot go on."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from shared.runs import UserError
from shared.sft import (
    BaseModel,
    SafetyTeacher,
    Training,
    answer_losses,
    load_tuned,
    merge,
    mixture_order,
    mixture_shares,
    predict_heads,
    predict_memory,
    require_memory,
    save_tuned,
    train,
)
from shared.sft import _train as train_module

VOCABULARY = 600


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory) -> Path:
    from shared.sources import write_new_chat_model

    folder = tmp_path_factory.mktemp("base")
    words = ["I feel sad about my job.", "That must be hard.", "What happened?"] * 5
    write_new_chat_model(folder, words, vocabulary=VOCABULARY, width=64, layers=2, seed=0)
    return folder


@pytest.fixture(scope="module")
def examples() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    rows = []
    for i in range(24):
        ids = generator.integers(3, 250, size=16).tolist()
        labelled = i % 3 != 0
        rows.append(
            {
                "source": "chat" if i % 3 else "rated",
                "conversation_id": f"c{i}",
                "input_ids": ids,
                "attention_mask": [1] * 16,
                "labels": [-100] * 10 + ids[10:] if labelled else [-100] * 16,
                "weights": [0.0] * 10 + [1.0] * 6 if labelled else [0.0] * 16,
                "prompt_length": 10 if labelled else 16,
                "emotion_label": i % 4 if not labelled else -100,
                "strategy_label": i % 5 if labelled else -100,
                "valence_arousal": [0.1, -0.2] if not labelled else [np.nan, np.nan],
            }
        )
    return pd.DataFrame(rows)


def base_of(folder: Path, quantisation: str = "none") -> BaseModel:
    return BaseModel(str(folder), quantisation, "fp32", n_emotions=4, n_strategies=5)


SHORT = Training(
    steps=6, batch_size=4, accumulation=2, learning_rate=1e-2, lora_rank=4, lora_dropout=0.1, log_every=2, save_every=3
)


def trained_weights(model) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("quantisation", ["none", "nf4"])
def test_a_training_killed_in_the_middle_and_resumed_gives_the_same_weights(
    base_folder, examples, tmp_path, quantisation
):
    base = base_of(base_folder, quantisation)
    straight = train(base, SHORT, examples, padding=0, folder=tmp_path / "a")
    shutil.copytree(tmp_path / "a" / "checkpoint-3", tmp_path / "b" / "checkpoint-3")
    half_written = tmp_path / "b" / "checkpoint-4"
    half_written.mkdir()  # what a kill while saving leaves: no mark that it is complete
    resumed = train(base, SHORT, examples, padding=0, folder=tmp_path / "b")
    assert (straight.resumed_from, resumed.resumed_from) == (0, 3)
    assert not half_written.exists()
    after = trained_weights(resumed.model)
    assert all(torch.equal(weight, after[name]) for name, weight in trained_weights(straight.model).items())


def test_an_evaluation_does_not_spoil_four_bit_weights(base_folder, examples, tmp_path):
    # bitsandbytes repacks 4-bit weights at the first evaluation: training on, or merging, would go wrong.
    base = replace(base_of(base_folder, "nf4"), precision="bf16")  # the number format in which it repacks
    once = replace(SHORT, lora_dropout=0.0, save_every=0)
    calm = train(base, once, examples, padding=0, folder=tmp_path / "a")
    looked = train(base, once, examples, padding=0, folder=tmp_path / "b")
    before = answer_losses(looked.model, examples, padding=0)
    predict_heads(looked.model, examples, padding=0)
    looked.model.train()
    loss = looked.model(**_batch(examples)).losses["lm"]
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in looked.model.parameters() if p.grad is not None)
    weights = trained_weights(calm.model)
    assert all(torch.equal(weight, weights[name]) for name, weight in trained_weights(looked.model).items())
    merged = answer_losses(merge(looked.model.eval()), examples, padding=0)
    assert np.nanmax(np.abs(merged - before)) < 0.05  # bf16 rounding; garbage weights are off by whole nats


def _batch(examples: pd.DataFrame) -> dict[str, torch.Tensor]:
    from shared.sft import Collator

    return Collator(0)(examples.head(4).to_dict("records"))


def test_a_saved_adapter_loads_with_its_heads(base_folder, examples, tmp_path):
    base = base_of(base_folder)
    trained = train(base, replace(SHORT, save_every=0), examples, padding=0, folder=tmp_path / "t")
    folder = tmp_path / "adapter"
    folder.mkdir()
    save_tuned(trained, base, SHORT, folder, {"emotions": list("abcd"), "strategies": list("vwxyz")})
    first, again = (predict_heads(m, examples, padding=0) for m in (trained.model, load_tuned(folder)))
    assert np.array_equal(first.strategy, again.strategy)
    assert not list(folder.glob("*.bin"))


def test_a_loss_that_is_not_a_number_stops_with_one_message_and_no_result(base_folder, examples, tmp_path):
    with pytest.raises(UserError, match="not a number at step"):
        train(base_of(base_folder), replace(SHORT, learning_rate=1e30, clip=1e30), examples, padding=0, folder=tmp_path)
    assert not list(tmp_path.glob("adapter*"))


def test_a_full_disk_is_seen_before_training(base_folder, examples, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(train_module.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(UserError, match="Free some space"):
        train(base_of(base_folder), SHORT, examples, padding=0, folder=tmp_path)


def test_a_disk_that_fills_up_while_saving_leaves_no_half_written_checkpoint(tmp_path):
    (tmp_path / "checkpoint-3").mkdir()
    with pytest.raises(UserError, match="Nothing half-written"), train_module.readable_disk_errors(tmp_path):
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.glob("checkpoint-*"))


def test_the_safety_teacher_pulls_towards_the_base_and_is_zero_at_the_start(base_folder, examples, tmp_path):
    rows = [{"input_ids": list(range(5, 15)), "labels": [-100] * 5 + list(range(10, 15))}]
    teacher = SafetyTeacher(rows, padding=0, batch_size=1)
    plain = replace(SHORT, save_every=0, lora_dropout=0.0, steps=8, learning_rate=3e-2)
    free = train(base_of(base_folder), plain, examples, padding=0, folder=tmp_path / "a")
    held = train(
        base_of(base_folder),
        replace(plain, safety_weight=50.0),
        examples,
        padding=0,
        folder=tmp_path / "b",
        safety=teacher,
    )
    assert teacher.mean_divergence(held.model) < teacher.mean_divergence(free.model)
    with held.model.disable_adapter():
        assert teacher.mean_divergence(held.model) == pytest.approx(0, abs=1e-6)


def test_learned_task_weights_move(base_folder, examples, tmp_path):
    learning = replace(SHORT, save_every=0, learn_weights=True)
    trained = train(base_of(base_folder), learning, examples, padding=0, folder=tmp_path)
    assert any(
        abs(value) > 1e-4 for row in trained.history for name, value in row.items() if name.startswith("log_variance")
    )


def test_the_mixture_follows_n_to_the_alpha():
    # 100 and 25 examples: alpha 0.5 gives 10 : 5, so 2/3 and 1/3
    shares = mixture_shares({"a": 100, "b": 25}, 0.5)
    assert shares == pytest.approx({"a": 2 / 3, "b": 1 / 3})
    order = mixture_order(["a"] * 100 + ["b"] * 25, draws=3000, alpha=0.5, seed=0)
    assert np.mean(order < 100) == pytest.approx(2 / 3, abs=0.03)


def test_what_cannot_fit_is_refused_with_advice(base_folder):
    base = base_of(base_folder)
    lines = predict_memory(base, SHORT, tokens=4096)
    with pytest.raises(UserError, match="gradient_checkpointing"):
        require_memory(lines, 1e6, SHORT, base, 4096)


@pytest.mark.parametrize(
    "wrong", [{"alpha": 0.0}, {"loss_weights": {"mood": 1.0}}, {"method": "full", "safety_weight": 1.0}]
)
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(UserError, match="Training settings"):
        replace(SHORT, **wrong).check()


def test_fresh_heads_hold_no_uninitialised_memory(base_folder):
    from shared.sft import load_base

    models = [load_base(base_of(base_folder, quantisation)) for quantisation in ("none", "nf4", "nf4")]
    assert all(torch.equal(model.support_heads.log_variance, torch.zeros(4)) for model in models)
    first, second = (model.support_heads.state_dict() for model in models[1:])
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())
