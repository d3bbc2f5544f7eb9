"""Ablations: the same training without one of its tasks, over several seeds, on the same examples."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from shared.sft._evaluate import answer_losses, example_measures, predict_heads
from shared.sft._settings import BaseModel, Training, ablated
from shared.sft._train import train


class Ablation(NamedTuple):
    """Per-example measures of full and ablated training, one frame a seed."""

    full: list[pd.DataFrame]
    ablated: list[pd.DataFrame]


def run_ablation(
    base: BaseModel,
    training: Training,
    ablation: str,
    *,
    seeds: Sequence[int],
    examples: pd.DataFrame,
    held_out: pd.DataFrame,
    padding: int,
    folder: Path,
) -> Ablation:
    """Train with and without the tasks of `ablation` under each seed, and measure both on held-out examples.

    Args:
        base: the base model.
        training: the full training.
        ablation: key of `ABLATIONS`.
        seeds: each gives its own sampling, adapter and heads.
        examples: training rows.
        held_out: rows to measure on.
        padding: id of the padding token.
        folder: for checkpoints; finished trainings are kept there as measures and not repeated.
    """
    weights = {"full": training.loss_weights, "ablated": ablated(training.loss_weights, ablation)}
    measured: dict[str, list[pd.DataFrame]] = {name: [] for name in weights}
    for seed in seeds:
        for name, loss_weights in weights.items():
            one = replace(training, loss_weights=loss_weights, seed=seed, safety_weight=0.0)
            place = folder / f"ablation-{ablation}-{name}-{seed}"
            measured[name].append(_measured(replace(base, seed=seed), one, examples, held_out, padding, place))
    return Ablation(measured["full"], measured["ablated"])


def _measured(
    base: BaseModel, training: Training, examples: pd.DataFrame, held_out: pd.DataFrame, padding: int, place: Path
) -> pd.DataFrame:
    from shared.runs import new_file

    done = place / "measures.parquet"
    if done.exists():
        return pd.read_parquet(done)
    model: Any = train(base, training, examples, padding=padding, folder=place).model
    heads = predict_heads(model, held_out, padding=padding)
    measures = example_measures(heads, answer_losses(model, held_out, padding=padding), held_out)
    with new_file(done) as partial:
        measures.to_parquet(partial)
    return measures
