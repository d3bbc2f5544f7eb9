"""Gradient checkpointing changes memory and nothing else; the ledger speaks before anything is loaded."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from shared.runs import UserError
from shared.sft import GIB, BaseModel, Line, Training, add_adapter, load_base, predict_memory, require_memory, train
from shared.sft import _rows as rows_module


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory) -> Path:
    from shared.sources import write_new_chat_model

    folder = tmp_path_factory.mktemp("base")
    write_new_chat_model(folder, ["I feel sad.", "Why is that?"] * 5, vocabulary=600, width=64, layers=2, seed=0)
    return folder


def batch() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    ids = torch.randint(3, 250, (2, 24))
    labels = torch.where(torch.arange(24) < 12, -100, ids)
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": labels,
        "prompt_length": torch.tensor([12, 12]),
        "emotion": torch.tensor([1, -100]),
        "strategy": torch.tensor([-100, 2]),
        "valence_arousal": torch.tensor([[0.1, 0.2], [float("nan"), float("nan")]]),
    }


def loss_and_gradients(model) -> tuple[float, dict[str, torch.Tensor]]:
    model.train()
    loss = sum(model(**batch()).losses.values())
    loss.backward()
    return float(loss), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("quantisation", ["none", "nf4"])
def test_checkpointing_in_slices_gives_the_same_loss_and_gradients(base_folder, monkeypatch, quantisation):
    monkeypatch.setattr(rows_module, "MLP_ROWS", 7)  # 48 tokens: six slices of 7 and one of 6
    base = BaseModel(str(base_folder), quantisation, "fp32", 4, 5)
    plain = Training(lora_dropout=0.0, lora_rank=4)
    models = [add_adapter(load_base(base), t) for t in (plain, replace(plain, gradient_checkpointing=True))]
    for model in models:  # LoRA's B starts at 0, where half of its gradients would be 0 too
        torch.manual_seed(2)
        [torch.nn.init.normal_(p, std=0.02) for name, p in model.named_parameters() if "lora_B" in name]
    (loss, gradients), (again, recomputed) = (loss_and_gradients(model) for model in models)
    assert again == pytest.approx(loss, abs=1e-6)
    assert set(recomputed) == set(gradients)
    for name, gradient in gradients.items():
        torch.testing.assert_close(recomputed[name], gradient, atol=1e-6, rtol=1e-4)


def test_a_full_tuning_with_checkpointing_ends_at_the_same_weights(base_folder, tmp_path, monkeypatch):
    import pandas as pd

    monkeypatch.setattr(rows_module, "MLP_ROWS", 7)
    row = {
        "source": "chat", "input_ids": list(range(5, 29)), "attention_mask": [1] * 24,
        "labels": [-100] * 12 + list(range(17, 29)), "weights": [0.0] * 12 + [1.0] * 12, "prompt_length": 12,
        "emotion_label": -100, "strategy_label": 2, "valence_arousal": [float("nan")] * 2,
    }  # fmt: skip
    table = pd.DataFrame([row] * 4)
    base = BaseModel(str(base_folder), "none", "fp32", 4, 5)
    once = Training(steps=2, batch_size=2, method="full")
    first, second = (
        train(base, replace(once, gradient_checkpointing=on), table, padding=0, folder=tmp_path / str(on)).model
        for on in (False, True)
    )
    weights = dict(second.named_parameters())
    for name, weight in first.named_parameters():
        torch.testing.assert_close(weights[name], weight, atol=1e-5, rtol=1e-4)


def test_names_of_weights_do_not_change_so_adapters_fit_the_plain_model(base_folder):
    base = BaseModel(str(base_folder), "none", "fp32", 4, 5)
    names = [
        [name for name, _ in add_adapter(load_base(base), Training(gradient_checkpointing=on)).named_parameters()]
        for on in (False, True)
    ]
    assert names[0] == names[1]


@pytest.fixture(scope="module")
def qwen3b(tmp_path_factory) -> str:
    """The published shapes of Qwen2.5-3B; a configuration alone, no weights."""
    from transformers import Qwen2Config

    folder = tmp_path_factory.mktemp("qwen")
    config = Qwen2Config(
        vocab_size=151_936, hidden_size=2048, intermediate_size=11_008, num_hidden_layers=36,
        num_attention_heads=16, num_key_value_heads=2, tie_word_embeddings=True,
    )  # fmt: skip
    config.save_pretrained(folder)
    return str(folder)


def predicted(folder: str, *, rows: int, tokens: int, checkpointing: bool) -> list[Line]:
    base = BaseModel(folder, "nf4", "bf16", n_emotions=28, n_strategies=8)
    training = Training(batch_size=rows, gradient_checkpointing=checkpointing, optimiser="paged_adamw_8bit")
    return predict_memory(base, training, tokens=tokens)


@pytest.mark.parametrize(("rows", "tokens", "limit"), [(1, 1024, 4.0), (2, 4096, 4.6)])
def test_a_3b_model_is_predicted_to_fit_small_cards_from_its_configuration_alone(qwen3b, rows, tokens, limit):
    lines = predicted(qwen3b, rows=rows, tokens=tokens, checkpointing=True)
    found = {line.component: line.predicted for line in lines}
    # 36 layers of 2 x 2048 x 2048 (q, o), 2 x 2048 x 256 (k, v) and 3 x 2048 x 11008 weights at 4.127 bits each
    matrices = 36 * (2 * 2048 * 2048 + 2 * 2048 * 256 + 3 * 2048 * 11_008)
    assert found["decoder matrices"] == pytest.approx(matrices * 4.127 / 8, rel=1e-3)
    assert found["activations"] == 36 * rows * tokens * 2048 * 2  # one bf16 input a layer
    # What the step takes of the device; the context of its driver comes on top and is not the training's.
    assert sum(v for name, v in found.items() if name != "device context") / GIB < limit


def test_what_fits_no_card_is_refused_with_the_largest_components_and_advice(qwen3b):
    lines = predicted(qwen3b, rows=2, tokens=4096, checkpointing=False)
    training = Training(batch_size=2)
    with pytest.raises(UserError, match=r"largest: activations.*gradient_checkpointing: true; batch_size: 1"):
        require_memory(lines, 8 * GIB, training, BaseModel(qwen3b, "nf4", "bf16"), 4096)
