"""INT8 against torch fp32 for one 20-token message, and throughput by batch: one run, the models in turn.

Run: python tests/benchmarks/bench_serving.py [folder of a trained classifier]
Without a folder a fresh linear head on the built-in encoder is timed: speed does not depend on the weights.
"""

import sys
import tempfile
from pathlib import Path

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

MESSAGES = [" ".join(["please tell me when my card will arrive at home because I need it"] * n) for n in (1, 2, 3)] + [
    "when will my new card arrive at my home address, I ordered it two weeks ago?",
    "hello",
]


def untrained(folder: Path) -> Path:
    """A classifier of 77 classes on the built-in encoder."""
    network = TextNetwork(load_encoder("builtin"), 77, "mean", 0.0).eval()
    TextClassifier(network, load_tokenizer("builtin"), tuple(f"class {i}" for i in range(77))).save(folder)
    return folder


def main(given: list[str]) -> None:
    """Print latency and throughput."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        trained = Path(given[0]) if given else untrained(home / "trained")
        exact = export_classifier(trained, home / "fp32").folder
        small = quantise(exact, home / "int8")
        folders = {"torch fp32": trained, "ONNX fp32": exact, "INT8": small}
        predict = {key: IntentClassifierModel(path).predict_batch for key, path in folders.items()}
        text = message_of_length(exact, MESSAGES, 20)
        with pd.option_context("display.width", 120):
            print(latency_table(measure_latency(predict, text, rounds=300), against="torch fp32").round(3))
            print(measure_throughput(predict, MESSAGES, [1, 8, 32, 128]).pivot(index="batch", columns="model").round(0))


if __name__ == "__main__":
    main(sys.argv[1:])
