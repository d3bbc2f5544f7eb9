"""Speed of the clustered bootstrap beside `scipy.stats.bootstrap`, in one run on the same data.

Run: `python tests/benchmarks/bench_judge.py [comparisons] [replicates]` (100,000 and 10,000 by default; the peer gets a
tenth of the replicates and its time is multiplied by ten, which favours neither: its work is linear in them).
Prints lines for people and one of JSON for each comparison, `{name, ratio, target, ours, peer, unit}`.
"""

import json
import os
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from shared.judge import length_controlled_win_rate, win_rate

_PEER_SHARE = 10
_TARGET = 10.0


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(name: str, scores: np.ndarray, prompts: np.ndarray, replicates: int) -> None:
    table = pd.DataFrame({"prompt_id": prompts, "score": scores})
    ours = seconds(lambda: win_rate(table, replicates=replicates))
    few = replicates // _PEER_SHARE
    peer = _PEER_SHARE * seconds(
        lambda: bootstrap((scores,), np.mean, n_resamples=few, batch=20, method="percentile", vectorized=True)
    )
    print(f"{name}: ours {ours:.2f} s, scipy.stats.bootstrap {peer:.1f} s, {peer / ours:.0f} times as fast")
    row = {"name": f"judge: clustered bootstrap, {name}", "ratio": peer / ours, "target": _TARGET}
    print(json.dumps({**row, "ours": ours, "peer": peer, "unit": "s"}))


def main(comparisons: int = 100_000, replicates: int = 10_000) -> None:
    generator = np.random.default_rng(0)
    hard = generator.choice([0.0, 0.5, 1.0], comparisons)
    soft = generator.beta(0.5, 0.5, comparisons)
    alone, tens = np.arange(comparisons), np.arange(comparisons) // 10
    print(f"{comparisons:,} comparisons, {replicates:,} replicates, {os.cpu_count()} cores")
    compare("hard verdicts, one a prompt", hard, alone, replicates)
    compare("hard verdicts, ten a prompt", hard, tens, replicates)
    compare("soft preferences, one a prompt", soft, alone, replicates)
    lengths = np.char.multiply("x", generator.integers(50, 500, 20_000))
    table = pd.DataFrame({"prompt_id": np.arange(20_000), "score": hard[:20_000], "answer": lengths})
    table["baseline_answer"] = generator.permutation(lengths)
    refits = seconds(lambda: length_controlled_win_rate(table, replicates=1000))
    print(f"length control: 20,000 comparisons, 1,000 refits: {refits:.1f} s")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
