"""Heads are what can be read linearly from the last prompt token, however little of its state varies."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from shared.runs import UserError
from shared.sft import BaseModel, Training, fit_heads, load_base, load_tuned, predict_heads, save_tuned, train
from shared.sft._examples import Collator
from shared.sft._heads import fit_on_states, prompt_states
from shared.sft._model import SupportHeads
from shared.sft._reading import count_batches, read_in_batches

ONE_STEP = Training(
    steps=1,
    batch_size=4,
    learning_rate=1e-4,
    lora_rank=4,
    lora_dropout=0.0,
    log_every=1,
    loss_weights={"strategy": 1.0},
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    from shared.sources import write_new_chat_model

    folder = tmp_path_factory.mktemp("base")
    write_new_chat_model(folder, ["I feel sad.", "Why is that?"] * 5, vocabulary=600, width=64, layers=1, seed=0)
    return BaseModel(str(folder), "none", "fp32", 2, 2)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Prompts of different lengths that all end alike; a token in their middle tells the strategy."""
    rows = []
    for i in range(40):
        ids = [30 + i % 7] * (1 + i % 5) + [10 + i % 2] + list(range(20, 28))
        rows.append(
            {
                "source": "chat", "conversation_id": f"c{i}", "input_ids": ids, "attention_mask": [1] * len(ids),
                "labels": [-100] * len(ids), "weights": [0.0] * len(ids), "prompt_length": len(ids),
                "emotion_label": -100, "strategy_label": i % 2, "valence_arousal": [np.nan, np.nan],
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def right(model: torch.nn.Module, table: pd.DataFrame) -> float:
    found = predict_heads(model, table, padding=0).strategy.argmax(axis=1)
    return float((found == table["strategy_label"]).mean())


def constant_with_a_trace(rows: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """States of mean 5 whose first number says the class by a hundredth, and labels."""
    torch.manual_seed(0)
    labels = torch.arange(rows) % 2
    states = 5 + 0.001 * torch.randn(rows, 8)
    states[:, 0] += 0.01 * labels
    nothing = torch.full((rows,), -100)
    return states, {"emotion": labels, "strategy": nothing, "valence_arousal": torch.full((rows, 2), float("nan"))}


def test_a_trace_on_a_large_constant_is_read() -> None:
    heads = SupportHeads(8, 2, 3)
    states, targets = constant_with_a_trace(64)
    heads.standardise(states)
    fit_on_states(heads, states, targets, Training(loss_weights={"emotion": 1.0}))
    outputs, _ = heads(states)
    assert torch.equal(outputs["emotion"].argmax(dim=1), targets["emotion"])


def test_a_head_without_weight_is_left_as_it_was() -> None:
    heads = SupportHeads(8, 2, 3)
    before = heads.strategy.weight.clone()
    states, targets = constant_with_a_trace(64)
    fit_on_states(heads, states, targets, Training(loss_weights={"emotion": 1.0}))
    assert torch.equal(heads.strategy.weight, before)
    assert all(p.grad is None for p in heads.parameters())


def test_centre_and_spread_are_those_of_the_states_and_nothing_is_divided_by_noise() -> None:
    heads = SupportHeads(2, 2, 2)
    heads.standardise(torch.tensor([[1.0, 7.0], [3.0, 7.0]]))
    # means 2 and 7; spreads 1 and 0, which is held at the least spread
    assert heads.centre.tolist() == [2.0, 7.0]
    assert heads.spread.tolist() == pytest.approx([1.0, 1e-4])


def test_the_base_feels_a_head_as_if_its_state_were_not_divided() -> None:
    heads = SupportHeads(2, 2, 2)
    heads.spread.fill_(0.01)
    state = torch.ones(1, 2, requires_grad=True)
    heads(state)[0]["emotion"][0, 1].backward()
    # the logit is w (x - c) / s + b; its gradient would be w / s and is passed on as w
    assert state.grad is not None and torch.equal(state.grad, heads.emotion.weight[1:2])


def test_one_step_is_enough_where_the_state_tells_the_label(
    base: BaseModel, table: pd.DataFrame, tmp_path: Path
) -> None:
    fitted = train(base, ONE_STEP, table, padding=0, folder=tmp_path / "a").model
    at_random = train(base, replace(ONE_STEP, head_examples=0), table, padding=0, folder=tmp_path / "b").model
    assert right(fitted, table) == 1.0
    assert right(at_random, table) < 0.8


def test_without_the_adapter_the_heads_are_those_fitted_on_the_base(
    base: BaseModel, table: pd.DataFrame, tmp_path: Path
) -> None:
    tuned = train(base, replace(ONE_STEP, learning_rate=0.05), table, padding=0, folder=tmp_path).model
    plain = load_base(base)
    assert fit_heads(plain, table, ONE_STEP, padding=0) == len(table)
    with tuned.disable_adapter():
        found = predict_heads(tuned, table, padding=0)
    assert np.array_equal(found.strategy, predict_heads(plain, table, padding=0).strategy)
    assert not np.array_equal(found.strategy, predict_heads(tuned, table, padding=0).strategy)


def test_centre_and_spread_are_saved_with_the_heads(base: BaseModel, table: pd.DataFrame, tmp_path: Path) -> None:
    trained = train(base, ONE_STEP, table, padding=0, folder=tmp_path / "t")
    (tmp_path / "adapter").mkdir()
    save_tuned(trained, base, ONE_STEP, tmp_path / "adapter", {"emotions": ["a", "b"], "strategies": ["c", "d"]})
    again = predict_heads(load_tuned(tmp_path / "adapter"), table, padding=0)
    assert np.array_equal(again.strategy, predict_heads(trained.model, table, padding=0).strategy)
    about = tmp_path / "adapter" / "support.json"
    about.write_text(about.read_text().replace('"head_examples"', '"something_else"'))
    with pytest.raises(UserError, match="Run the stage `sft` again"):
        load_tuned(tmp_path / "adapter")


@pytest.mark.parametrize(
    "change", [{"head_examples": 0}, {"loss_weights": {"lm": 1.0}}, {"loss_weights": {"emotion": 1.0}}]
)
def test_where_there_is_nothing_to_fit_no_prompt_is_read(base: BaseModel, table: pd.DataFrame, change: dict) -> None:
    # nothing is wanted, only the LM is trained, or no row has an emotion
    assert fit_heads(load_base(base), table, replace(ONE_STEP, **change), padding=0) == 0


def test_states_come_from_the_prompts_alone(base: BaseModel, table: pd.DataFrame) -> None:
    answered = table.assign(
        input_ids=[ids + [40 + i % 9] * 4 for i, ids in enumerate(table["input_ids"])],
        attention_mask=[mask + [1] * 4 for mask in table["attention_mask"]],
    )
    model = load_base(base)
    states, _ = prompt_states(model, table, padding=0)
    with_answers, _ = prompt_states(model, answered, padding=0)
    assert torch.equal(states, with_answers)


def test_batches_hold_as_many_tokens_as_they_may_and_every_row_once(base: BaseModel, table: pd.DataFrame) -> None:
    rows = table.head(5)
    lengths = rows["prompt_length"].to_numpy()  # 10, 11, 12, 13, 14
    groups = [p.tolist() for p, _ in read_in_batches(load_base(base), rows, lengths, Collator(0), tokens=24)]
    # 10 and 11 take 2 x 11 = 22, with 12 it would be 3 x 12; 12 and 13 would take 2 x 13
    assert groups == [[0, 1], [2], [3], [4]]
    assert count_batches(lengths, 24) == 4 and count_batches(lengths[:0], 24) == 0
