"""INT8 against torch fp32 for one 20-token message, and throughput by batch: one run, one thread each, in turn.

The models take turns of eight calls, as a service would use one, and once more call by call: then each finds the
processor's cache full of the others' weights.

Run: python tests/benchmarks/bench_serving.py [folder of a trained classifier]
Without a folder a fresh linear head on the built-in encoder is timed: speed does not depend on the weights. Where
other programs hold the processor, the ratio of waits holds the scheduler's slices too; `processor_ratio` does not.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from shared.models import TextClassifier, load_encoder, load_tokenizer
from shared.models._network import TextNetwork
from shared.serving import (
    IntentClassifierModel,
    export_classifier,
    latency_table,
    measure_latency,
    measure_throughput,
    message_of_length,
    quantise,
)

TARGET = 5  # times faster
TOKENS = 20
ROUNDS = 320
MESSAGES = [" ".join(["please tell me when my card will arrive at home because I need it"] * n) for n in (1, 2, 3)] + [
    "when will my new card arrive at my home address, I ordered it two weeks ago?",
    "hello",
]


def untrained(folder: Path) -> Path:
    """A classifier of 77 classes on the built-in encoder."""
    network = TextNetwork(load_encoder("builtin"), 77, "mean", 0.0).eval()
    TextClassifier(network, load_tokenizer("builtin"), tuple(f"class {i}" for i in range(77))).save(folder)
    return folder


def summary(latency: pd.DataFrame, alternating: pd.DataFrame, throughput: pd.DataFrame) -> dict[str, object]:
    """What is kept of a run: the ratio of medians with its interval, and what each model took."""
    table: Any = latency.set_index("model").to_dict("index")
    ours, peer = table["INT8"], table["torch fp32"]
    rates = throughput.pivot(index="batch", columns="model", values="messages_per_second")
    return {
        "name": "INT8 against torch fp32, one message of 20 tokens, one thread", "ratio": ours["speedup"],
        "target": TARGET, "ours": ours["p50_ms"], "peer": peer["p50_ms"], "unit": "ms p50",
        "interval": [ours["speedup_low"], ours["speedup_high"]], "rounds": ROUNDS,
        "ratio_call_by_call": alternating.set_index("model")["speedup"].to_dict()["INT8"],
        "processor_ratio": peer["processor_ms"] / ours["processor_ms"],
        "messages_per_second": rates.round(0).to_dict(),
    }  # fmt: skip


def main(given: list[str]) -> None:
    """Print latency and throughput as tables, and the summary as one JSON line."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        trained = Path(given[0]) if given else untrained(home / "trained")
        exact = export_classifier(trained, home / "fp32").folder
        small = quantise(exact, home / "int8", MESSAGES)  # evened out, as it is served: a few nodes more
        folders = {"torch fp32": trained, "ONNX fp32": exact, "INT8": small}
        predict = {key: IntentClassifierModel(path, threads=1).predict_batch for key, path in folders.items()}
        text = message_of_length(exact, MESSAGES, TOKENS)
        latency, alternating = (
            latency_table(measure_latency(predict, text, rounds=ROUNDS, in_a_row=calls), against="torch fp32")
            for calls in (8, 1)
        )
        throughput = measure_throughput(predict, MESSAGES, [1, 8, 32], rounds=3)
    with pd.option_context("display.width", 120):
        print(latency.round(3), throughput.pivot(index="batch", columns="model").round(0), sep="\n")
    print(json.dumps(summary(latency, alternating, throughput)))


if __name__ == "__main__":
    main(sys.argv[1:])
