"""Heads are what can be read linearly from the base before the first step, and from the tuned model after the last.

Every prompt ends with the same tokens, so the state of its last token is nearly the same for all prompts: in the small
model its mean is forty times its spread. A head that starts at random on such states spends its steps on the constant
and stays below the majority. So states are centred and scaled as on training prompts, and the heads are fitted on them
before everything trains together. The adapter then moves the states under them, and the steps of an optimiser that
suits the adapter leave them noisy: after the last step they are fitted once more, a convex problem with one answer.

Source: linear probing, then fine-tuning: Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features".
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from shared.sft._examples import Collator, mixture_order
from shared.sft._lm_loss import IGNORED
from shared.sft._model import SupportHeads, head_losses, last_prompt_state, without_adapter
from shared.sft._reading import read_in_batches
from shared.sft._settings import Training

_ITERATIONS = 100  # of L-BFGS; some thirty are enough
_TOKENS = 8192  # of a batch
_TASKS = ("emotion", "strategy", "valence_arousal")


def fit_heads(model: Any, examples: pd.DataFrame, training: Training, *, padding: int) -> int:
    """Standardise what the heads read, and fit those that are trained, on training prompts.

    Args:
        model: from `load_base` or `train`; only its heads are changed.
        examples: training rows.
        training: `head_examples` prompts are drawn as the corpora are mixed; heads with weight 0 are left as they are.
        padding: id of the padding token.

    Returns:
        How many prompts were read; 0 if no head is trained, no row is labelled, or `head_examples` is 0.
    """
    rows = _drawn(examples, training)
    if rows.empty:
        return 0
    states, targets = prompt_states(model, rows, padding=padding)
    if not torch.isfinite(states).all():
        return 0  # the first loss of the training will not be a number either, and ends it with the reason
    heads = heads_of(model)
    heads.standardise(states)
    fit_on_states(heads, states, targets, training)
    return len(rows)


def heads_of(model: Any) -> SupportHeads:
    """The heads that answer: those of the adapter if there is one."""
    heads = without_adapter(model).support_heads
    found: SupportHeads = heads.modules_to_save["default"] if hasattr(heads, "modules_to_save") else heads
    return found


def _drawn(examples: pd.DataFrame, training: Training) -> pd.DataFrame:
    """Labelled rows in the order in which the mixture would draw them."""
    wanted = {
        "emotion": (examples["emotion_label"] != IGNORED).to_numpy(),
        "strategy": (examples["strategy_label"] != IGNORED).to_numpy(),
        "valence_arousal": np.array([not np.isnan(np.asarray(pair)).any() for pair in examples["valence_arousal"]]),
    }
    useful = np.any([wanted[task] & (training.weight(task) > 0) for task in _TASKS], axis=0)
    labelled = examples[useful].reset_index(drop=True)
    if labelled.empty or not training.head_examples:
        return labelled.head(0)
    if len(labelled) <= training.head_examples:
        return labelled
    sources = list(labelled["source"])
    order = mixture_order(sources, draws=training.head_examples, alpha=training.alpha, seed=training.seed)
    return labelled.iloc[np.unique(order)].reset_index(drop=True)


def prompt_states(model: Any, rows: pd.DataFrame, *, padding: int) -> tuple[Tensor, dict[str, Tensor]]:
    """What the heads read of each row, and what they should say.

    Returns:
        (rows, width) in fp32 on the model's device, and labels as `head_losses` takes them, in an order by length.
    """
    states, targets = [], []
    lengths = rows["prompt_length"].to_numpy()
    for _, batch in read_in_batches(model, rows, lengths, Collator(padding, with_answers=False), tokens=_TOKENS):
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "prompt_length")}
        states.append(last_prompt_state(model(**inputs).hidden, batch["prompt_length"]))
        targets.append({task: batch[task] for task in _TASKS})
    joined = {task: torch.cat([part[task] for part in targets]) for task in _TASKS}
    # Copies: tensors made in inference mode cannot take part in a training.
    return torch.cat(states).clone(), {task: label.clone() for task, label in joined.items()}


def fit_on_states(heads: SupportHeads, states: Tensor, targets: dict[str, Tensor], training: Training) -> None:
    """Fit heads with a positive weight, with a penalty that expects logits to spread about one.

    Args:
        heads: changed in place.
        states: (rows, width), before they are standardised.
        targets: labels as `head_losses` takes them.
        training: which heads have a weight.
    """
    wanted = {task: targets[task] for task in _TASKS if training.weight(task)}
    weights = [p for task in wanted for p in heads.get_submodule(task).parameters()]
    optimiser = torch.optim.LBFGS(weights, max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        total = _fitting_loss(heads, states, wanted)
        total.backward()
        return total

    optimiser.step(loss)
    heads.zero_grad()


def _fitting_loss(heads: SupportHeads, states: Tensor, targets: dict[str, Tensor]) -> Tensor:
    losses, counts = head_losses(heads(states)[0], targets)
    total = states.new_zeros(())
    for task, loss in losses.items():
        # Standardised inputs and logits of variance one mean weights of variance 1 / width: that is the penalty.
        weight = heads.get_parameter(f"{task}.weight")
        penalty = weight.square().sum() * states.shape[1] / (2 * max(1, counts[task]))
        total = total + loss / _noise(task, targets[task]) + penalty
    return total


def _noise(task: str, labels: Tensor) -> float:
    """What a squared error has to be divided by to be a negative log-likelihood; cross-entropies are one already."""
    if task != "valence_arousal":
        return 1.0
    known = labels[~labels.isnan().any(dim=1)]
    return 2 * float(known.var(dim=0).mean()) + 1e-6 if len(known) > 1 else 1.0
