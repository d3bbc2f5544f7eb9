"""Latency and throughput of several models in one run, interleaved, so that a busy machine slows all of them alike."""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

Predict = Callable[[Sequence[str]], object]


def measure_latency(
    models: Mapping[str, Predict], text: str, *, rounds: int = 200, in_a_row: int = 8, warm_up: int = 10
) -> pd.DataFrame:
    """Time one message on every model in turn, again and again, a few calls at each turn.

    A service holds one model, whose weights stay in the processor's cache from call to call. Models that alternate call
    by call throw each other's out, which costs the smallest most: with `in_a_row=1` that is measured.

    Args:
        models: prediction of a list of texts, by name.
        text: the message.
        rounds: timed calls of each model.
        in_a_row: calls of a model before the next one's turn.
        warm_up: calls of each before that, not timed.

    Returns:
        Columns round, turn, model, milliseconds (what a caller waits), processor_ms (what the process computed, all
        threads together; where other programs hold the processor it is less than the wait); one row a call.
    """
    for predict in models.values():
        for _ in range(warm_up):
            predict([text])
    rows = [
        (call, start // in_a_row, name, *_timed_ms(predict, text))
        for start in range(0, rounds, in_a_row) for name, predict in models.items()
        for call in range(start, min(start + in_a_row, rounds))
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["round", "turn", "model", "milliseconds", "processor_ms"])


def _timed_ms(predict: Predict, text: str) -> tuple[float, float]:
    computed = time.process_time()
    waited = _seconds(predict, [text])
    return waited * 1000, (time.process_time() - computed) * 1000


def _seconds(predict: Predict, texts: Sequence[str]) -> float:
    started = time.perf_counter()
    predict(texts)
    return time.perf_counter() - started


def latency_table(calls: pd.DataFrame, *, against: str) -> pd.DataFrame:
    """p50 and p95 of each model and how many times faster it is at p50 than the one named `against`.

    Returns:
        Columns model, p50_ms, p95_ms, processor_ms (median), speedup, speedup_low, speedup_high: the 95 % interval of
        the ratio of medians of the wait, from 500 resamplings of turns, seeded.
    """
    wide = calls.pivot(index=["round", "turn"], columns="model", values="milliseconds")
    times, reference = wide.to_numpy(dtype=float), list(wide.columns).index(against)
    rng = np.random.default_rng(0)
    # Calls of one turn share what the machine did meanwhile, so turns are drawn, not calls.
    turns = [np.flatnonzero(part) for part in pd.get_dummies(wide.index.get_level_values("turn")).to_numpy().T]
    drawn = [np.concatenate([turns[i] for i in rng.integers(0, len(turns), len(turns))]) for _ in range(500)]
    draws = np.array([np.median(times[index], axis=0) for index in drawn])
    low, high = np.quantile(draws[:, [reference]] / draws, [0.025, 0.975], axis=0)
    p50, p95 = np.quantile(times, [0.5, 0.95], axis=0)
    processor = calls.groupby("model")["processor_ms"].median().reindex(wide.columns).to_numpy()
    table = pd.DataFrame({
        "model": list(wide.columns), "p50_ms": p50, "p95_ms": p95, "processor_ms": processor,
        "speedup": p50[reference] / p50, "speedup_low": low, "speedup_high": high,
    })  # fmt: skip
    return table.sort_values("p50_ms", ignore_index=True)


def measure_throughput(
    models: Mapping[str, Predict], texts: Sequence[str], sizes: Sequence[int], *, rounds: int = 5
) -> pd.DataFrame:
    """Messages a second by batch size, the models in turn.

    Args:
        models: prediction of a list of texts, by name.
        texts: messages; batches are drawn from them in order, from the start again when they run out.
        sizes: messages given at once.
        rounds: timed batches of each size and model; their median counts.

    Returns:
        Columns batch, model, messages_per_second.
    """
    rows = []
    for size in sizes:
        batches = [[texts[(turn * size + i) % len(texts)] for i in range(size)] for turn in range(rounds)]
        taken: dict[str, list[float]] = {name: [] for name in models}
        for batch in batches:
            for name, predict in models.items():
                taken[name].append(_seconds(predict, batch))
        rows += [(size, name, size / float(np.median(seconds))) for name, seconds in taken.items()]
    return pd.DataFrame(rows, columns=["batch", "model", "messages_per_second"])
