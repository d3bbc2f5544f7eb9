"""DPO and KTO through trl on the shipped small model."""

import math

import pytest

from shared.dpo import Alignment, Pair, align, measure_pairs, unpaired
from shared.runs import UserError, project
from shared.sft import BaseModel, Training, add_adapter, load_base, save_tuned, tokenizer_of
from shared.sft._train import Trained


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    base = BaseModel(str(project() / "data" / "models" / "chat"), "nf4", "auto", 2, 2)
    training = Training(lora_rank=4)
    folder = tmp_path_factory.mktemp("adapter")
    trained = Trained(add_adapter(load_base(base), training), [], None, 0, 0.0, 0)
    save_tuned(trained, base, training, folder, {"emotions": ["a", "b"], "strategies": ["c", "d"]})
    return folder


PAIRS = [Pair((("user", f"I feel sad, case {i}."),), "That must hurt.", "Buy a car.") for i in range(8)]


@pytest.mark.parametrize("objective", ["dpo", "kto"])
def test_preferences_move_the_margin_and_the_start_stays(adapter, tmp_path, objective):
    tokenizer = tokenizer_of(adapter)
    alignment = Alignment(objective, steps=6, batch_size=4, learning_rate=5e-3, max_length=128, log_every=1)
    examples = PAIRS if objective == "dpo" else unpaired(PAIRS)
    aligned = align(adapter, alignment, examples, tokenizer, folder=tmp_path)
    measured = measure_pairs(aligned.model, PAIRS, tokenizer, beta=0.1)
    assert measured["margin"].mean() > 0
    assert (measured["divergence"] > 0).all()
    if objective == "dpo":
        # the first logged loss is taken before anything moved: -ln sigmoid(0) = ln 2
        assert float(aligned.history[0]["loss"]) == pytest.approx(math.log(2), abs=0.02)


def test_a_training_shorter_than_the_distance_of_two_log_rows_has_a_history_and_prints_nothing(
    adapter, tmp_path, capsys
):
    aligned = align(
        adapter, Alignment(steps=1, max_length=128, log_every=5), PAIRS, tokenizer_of(adapter), folder=tmp_path
    )
    assert [row["step"] for row in aligned.history] == [1]
    assert "loss" not in capsys.readouterr().out


def test_an_example_longer_than_the_limit_is_refused(adapter, tmp_path):
    with pytest.raises(UserError, match="longer than max_length"):
        align(adapter, Alignment(max_length=8), PAIRS, tokenizer_of(adapter), folder=tmp_path)


def test_kto_needs_both_kinds(adapter, tmp_path):
    with pytest.raises(UserError, match="of one kind"):
        liked = [j for j in unpaired(PAIRS) if j.liked]
        align(adapter, Alignment("kto"), liked, tokenizer_of(adapter), folder=tmp_path)
