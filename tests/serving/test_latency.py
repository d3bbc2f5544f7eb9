import pandas as pd
import pytest

from shared.serving import latency_table, measure_latency, measure_throughput


def test_models_are_timed_in_turn() -> None:
    called: list[str] = []
    models = {"one": lambda texts: called.append("one"), "two": lambda texts: called.append("two")}
    calls = measure_latency(models, "hi", rounds=3, warm_up=1)
    assert called == ["one", "two"] + ["one", "two"] * 3
    assert len(calls) == 6 and (calls["milliseconds"] >= 0).all()


def test_the_speed_up_is_the_ratio_of_medians() -> None:
    calls = pd.DataFrame({
        "round": [0, 1, 2, 0, 1, 2], "model": ["slow"] * 3 + ["fast"] * 3, "milliseconds": [10.0, 10, 40, 2, 2, 2],
    })  # fmt: skip
    table = latency_table(calls, against="slow").set_index("model")
    assert table.loc["fast", "speedup"] == pytest.approx(10 / 2)  # medians 10 and 2
    assert table.loc["slow", "p95_ms"] == pytest.approx(10 + 0.9 * 30)  # 0.95 * 2 = 1.9: between 10 and 40
    assert table.loc["fast", "speedup_low"] <= 5 <= table.loc["fast", "speedup_high"]


def test_throughput_gives_every_model_the_same_batches_even_beyond_the_last_text() -> None:
    seen: list[list[str]] = []
    table = measure_throughput({"one": lambda texts: seen.append(list(texts))}, ["a", "b", "c"], [2], rounds=2)
    assert seen == [["a", "b"], ["c", "a"]]
    assert table["messages_per_second"].iloc[0] > 0
