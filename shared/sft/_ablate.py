"""Ablations: the same training without some of its tasks, over several seeds, on the same examples."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from shared.runs import progress
from shared.sft._evaluate import answer_losses, example_measures, predict_heads
from shared.sft._settings import ABLATIONS, BaseModel, Training, ablated
from shared.sft._train import train

_MEASURE_OF = {"emotion": "emotion_right", "strategy": "strategy_right", "valence_arousal": "rating_error"}


class Ablations(NamedTuple):
    """Per-example measures of the full training and of each ablation, one frame a seed."""

    full: list[pd.DataFrame]
    ablated: dict[str, list[pd.DataFrame]]


def run_ablations(
    base: BaseModel,
    training: Training,
    ablations: Sequence[str],
    *,
    seeds: Sequence[int],
    examples: pd.DataFrame,
    held_out: pd.DataFrame,
    padding: int,
    folder: Path,
) -> Ablations:
    """Train in full and without the tasks of each ablation under each seed, and measure all on held-out examples.

    Args:
        base: the base model.
        training: the full training; no safety teacher takes part.
        ablations: keys of `ABLATIONS`.
        seeds: each gives its own sampling, adapter and heads.
        examples: training rows.
        held_out: rows to measure on.
        padding: id of the padding token.
        folder: for checkpoints; finished trainings are kept there as measures and not repeated.

    Returns:
        Measures are NaN where the head was not trained: it would say nothing.
    """

    def measured(name: str, seed: int) -> pd.DataFrame:
        weights = training.loss_weights if name == "full" else ablated(training.loss_weights, name)
        one = replace(training, loss_weights=weights, safety_weight=0.0, save_every=0, seed=seed)
        place = folder / f"ablation-{name}-{seed}"
        return _measured(replace(base, seed=seed), one, examples, held_out, padding, place)

    # One bar over all trainings: thirty bars one below the other would bury the table that they are for.
    jobs = [(name, seed) for name in ("full", *ablations) for seed in seeds]
    found = {job: measured(*job) for job in progress(jobs, "trainings")}
    by_name = {name: [found[name, seed] for seed in seeds] for name in ("full", *ablations)}
    return Ablations(by_name["full"], {name: _unscored(by_name[name], name) for name in ablations})


def _unscored(frames: list[pd.DataFrame], ablation: str) -> list[pd.DataFrame]:
    gone = {_MEASURE_OF[task]: np.nan for task in ABLATIONS[ablation]}
    return [frame.assign(**gone) for frame in frames]


def _measured(
    base: BaseModel, training: Training, examples: pd.DataFrame, held_out: pd.DataFrame, padding: int, place: Path
) -> pd.DataFrame:
    from shared.runs import new_file

    done = place / "measures.parquet"
    if done.exists():
        return pd.read_parquet(done)
    model: Any = train(base, training, examples, padding=padding, folder=place, quiet=True).model
    heads = predict_heads(model, held_out, padding=padding)
    losses = answer_losses(model, held_out, padding=padding, quiet=True)
    measures = example_measures(heads, losses, held_out)
    with new_file(done) as partial:
        measures.to_parquet(partial)
    return measures
