from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shared.serving import latency_table, measure_latency, measure_throughput, message_of_length, quality_table


def test_models_are_timed_in_turn() -> None:
    called: list[str] = []
    models = {"one": lambda texts: called.append("one"), "two": lambda texts: called.append("two")}
    calls = measure_latency(models, "hi", rounds=3, in_a_row=2, warm_up=1)
    # once each to warm up, then two calls a turn until each has three
    assert called == ["one", "two", "one", "one", "two", "two", "one", "two"]
    assert len(calls) == 6 and (calls["milliseconds"] >= 0).all()


def test_the_speed_up_is_the_ratio_of_medians() -> None:
    calls = pd.DataFrame({
        "round": [0, 1, 2, 0, 1, 2], "turn": [0, 1, 2, 0, 1, 2],
        "model": ["slow"] * 3 + ["fast"] * 3, "milliseconds": [10.0, 10, 40, 2, 2, 2],
        "processor_ms": [4.0, 5, 6, 1, 1, 1],
    })  # fmt: skip
    table = latency_table(calls, against="slow").set_index("model")
    assert table.loc["fast", "speedup"] == pytest.approx(10 / 2)  # medians 10 and 2
    assert table.loc["slow", "p95_ms"] == pytest.approx(10 + 0.9 * 30)  # 0.95 * 2 = 1.9: between 10 and 40
    assert table["processor_ms"].to_dict() == {"slow": 5.0, "fast": 1.0}
    assert table.loc["fast", "speedup_low"] <= 5 <= table.loc["fast", "speedup_high"]


def test_throughput_gives_every_model_the_same_batches_even_beyond_the_last_text() -> None:
    seen: list[list[str]] = []
    table = measure_throughput({"one": lambda texts: seen.append(list(texts))}, ["a", "b", "c"], [2], rounds=2)
    assert seen == [["a", "b"], ["c", "a"]]
    assert table["messages_per_second"].iloc[0] > 0


def test_a_message_of_the_wished_length_is_found(export_folder: Path) -> None:
    # With [CLS] and [SEP]: "hi" has 3 tokens, "hi hi hi" 5, "hi hi hi hi hi hi" 8.
    texts = ["hi", "hi hi hi", "hi hi hi hi hi hi"]
    assert message_of_length(export_folder, texts, 6) == "hi hi hi"
    assert message_of_length(export_folder, texts, 99) == texts[2]


def test_quality_stands_beside_size() -> None:
    sure = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    truth = [["a"], ["a"], ["b"], ["b"]]
    table = quality_table({"one": sure, "two": 1 - sure}, truth, ("a", "b"), list("wxyz"), {"one": 90.0, "two": 23.0})
    assert table["accuracy"].tolist() == [0.75, 0.25]
    # one: F1 of a = 2*2/(3+2) = 0.8, of b = 2*1/(1+2) = 0.667
    assert table["macro_f1"].iloc[0] == pytest.approx((0.8 + 2 / 3) / 2)
    assert table["megabytes"].tolist() == [90.0, 23.0]


def test_with_thresholds_macro_f1_is_of_every_label_that_is_said() -> None:
    scores = np.array([[0.9, 0.6], [0.4, 0.7], [0.8, 0.1]])
    truth = [["a", "b"], ["b"], ["b"]]
    table = quality_table(
        {"one": scores}, truth, ("a", "b"), list("xyz"), {"one": 1.0}, thresholds=np.array([0.5, 0.65])
    )
    # said: {a}, {b}, {a}. a: 1 hit, 2 said, 1 there: 2/3. b: 1 hit, 1 said, 3 there: 2/4.
    assert table["macro_f1"].iloc[0] == pytest.approx((2 / 3 + 1 / 2) / 2)
