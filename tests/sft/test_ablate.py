"""Trainings without some tasks: the same examples, seeds and weights, and one table of paired differences."""

import numpy as np
import pandas as pd
import pytest

from shared.runs import UserError
from shared.sft import BaseModel, Training, ablated, compare_ablations, require_ablations, run_ablations


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory):
    from shared.sources import write_new_chat_model

    folder = tmp_path_factory.mktemp("base")
    write_new_chat_model(folder, ["I feel sad.", "Why is that?"] * 5, vocabulary=600, width=64, layers=1, seed=0)
    return folder


def examples(n: int) -> pd.DataFrame:
    """Chats with a strategy that the first token tells, and comments with an emotion that it tells too."""
    rows = []
    for i in range(n):
        ids = [10 + i % 2, *range(20, 35)]
        answered = i % 4 < 2
        rows.append(
            {
                "source": "chat" if answered else "comment",
                "conversation_id": f"c{i // 2}",
                "input_ids": ids,
                "attention_mask": [1] * 16,
                "labels": [-100] * 10 + ids[10:] if answered else [-100] * 16,
                "weights": [0.0] * 10 + [1.0] * 6 if answered else [0.0] * 16,
                "prompt_length": 10 if answered else 16,
                "emotion_label": -100 if answered else i % 2,
                "strategy_label": i % 2 if answered else -100,
                "valence_arousal": [np.nan, np.nan],
            }
        )
    return pd.DataFrame(rows)


def test_every_ablation_is_trained_under_every_seed_and_its_lost_heads_are_unscored(base_folder, tmp_path):
    base = BaseModel(str(base_folder), "none", "fp32", 2, 2)
    # So high a rate moves the states far; the heads learn along, and are not fitted before and after.
    training = Training(steps=12, batch_size=8, learning_rate=3e-2, lora_rank=4, lora_dropout=0.0, head_examples=0)
    table = examples(32)
    options = {"seeds": [0, 1], "examples": table, "held_out": table, "padding": 0, "folder": tmp_path}
    found = run_ablations(base, training, ["no_emotion", "lm_only"], **options)
    assert {name: len(frames) for name, frames in found.ablated.items()} == {"no_emotion": 2, "lm_only": 2}
    assert len(found.full) == 2
    assert found.full[0]["emotion_right"].mean() > 0.9  # the first token tells it
    assert found.ablated["no_emotion"][0]["emotion_right"].isna().all()  # a head that was not trained says nothing
    assert found.ablated["no_emotion"][0]["strategy_right"].notna().sum() == 16
    # Finished trainings are kept as measures: asked again, nothing is trained and nothing differs.
    again = run_ablations(base, training, ["no_emotion", "lm_only"], **options)
    pd.testing.assert_frame_equal(again.full[1], found.full[1])
    comparison = compare_ablations(found.full, found.ablated)
    assert list(zip(comparison["ablation"], comparison["measure"], strict=True)) == [
        ("no_emotion", "strategy_right"),
        ("no_emotion", "answer_loss"),
        ("lm_only", "answer_loss"),
    ]


def frame(right: list[float]) -> pd.DataFrame:
    columns = {"strategy_right": right, "emotion_right": np.nan, "rating_error": np.nan, "answer_loss": np.nan}
    return pd.DataFrame({"conversation_id": [f"c{i}" for i in range(len(right))], **columns})


def test_the_table_holds_means_difference_interval_and_spread_over_seeds():
    full = [frame([1.0, 1.0, 1.0, 1.0]), frame([1.0, 1.0, 1.0, 0.0])]
    without = {"no_emotion": [frame([1.0, 1.0, 0.0, 0.0]), frame([1.0, 0.0, 1.0, 0.0])]}
    [row] = compare_ablations(full, without).to_dict("records")
    # means 7/8 and 4/8; differences by seed 1/2 and 1/4, whose standard deviation is 1/8
    assert (row["ablation"], row["measure"], row["seeds"], row["n"]) == ("no_emotion", "strategy_right", 2, 8)
    assert (row["full"], row["ablated"], row["difference"]) == (0.875, 0.5, 0.375)
    assert row["seed_spread"] == pytest.approx(0.125)
    # by conversation the differences are 0, 1/2, 1/2, 1/2: no resample of them is below 0 or above 1/2
    assert 0 <= row["low"] < 0.375 < row["high"] <= 0.5
    assert row["p_holm"] == row["p_value"]
    assert row["better"] == ("full" if row["low"] > 0 else "not told apart")


@pytest.mark.parametrize(
    ("measure", "full", "better"),
    [("emotion_right", 1.0, "full"), ("rating_error", 1.0, "ablated"), ("answer_loss", 0.5, "not told apart")],
)
def test_less_error_is_better_and_fewer_right_answers_are_not(measure, full, better):
    def measured(value):
        return frame([float("nan")] * 6).assign(**{measure: value})

    # 1 against 0 on every conversation; 1/2 against 1/2
    without = {"lm_only": [measured(0.0 if full == 1 else 0.5)]}
    [row] = compare_ablations([measured(full)], without).to_dict("records")
    assert (row["measure"], row["better"]) == (measure, better)


def test_p_values_are_adjusted_for_every_row_of_the_table():
    generator = np.random.default_rng(0)
    right = generator.integers(0, 2, size=(2, 40)).astype(float)
    full = [frame(list(np.maximum(right[0], right[1])))]
    table = compare_ablations(
        full, {"no_emotion": [frame(list(right[0]))], "no_valence_arousal": [frame(list(right[1]))]}
    )
    assert len(table) == 2
    smaller = table["p_value"].idxmin()
    assert table["p_holm"][smaller] == pytest.approx(min(1.0, 2 * table["p_value"][smaller]))


def test_an_unknown_ablation_is_refused_before_anything_is_trained():
    with pytest.raises(UserError, match="'no_humour' is not an ablation"):
        require_ablations(["no_emotion", "no_humour"])


def test_lm_only_leaves_the_language_model_alone():
    weights = {"lm": 1.0, "emotion": 0.5, "strategy": 2.0, "valence_arousal": 1.0}
    assert ablated(weights, "lm_only") == {"lm": 1.0, "emotion": 0.0, "strategy": 0.0, "valence_arousal": 0.0}
