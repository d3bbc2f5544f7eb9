"""transformers' Trainer with several objectives, a safety teacher, and one clear message when something breaks."""

import gc
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from shared.runs import UserError, progress
from shared.sft._model import SupportOutput
from shared.sft._safety import SafetyTeacher
from shared.sft._settings import TASKS, Training

COMPLETE = "complete"  # written into a checkpoint when everything else of it is there
TRAIN_METRICS = "train_metrics.jsonl"
EVAL_METRICS = "eval_metrics.jsonl"


def total_loss(output: SupportOutput, training: Training) -> Tensor:
    """Σ λ·L, with learned task uncertainties if the training asks for them.

    With a learned log-variance s of each task, its term is λ (exp(-s) L + s / 2); a task without labels in the batch
    takes no part, or its s would drift.

    Source: Kendall, Gal and Cipolla 2018, "Multi-Task Learning Using Uncertainty to Weigh Losses".
    """
    total = output.hidden.sum() * 0.0 + sum(p.sum() * 0.0 for p in (output.log_variance, *output.heads.values()))
    for number, task in enumerate(TASKS):
        if task not in output.losses or training.weight(task) == 0:
            continue
        loss = output.losses[task]
        if training.learn_weights and output.counts[task]:
            variance = output.log_variance[number]
            loss = torch.exp(-variance) * loss + variance / 2
        total = total + training.weight(task) * loss
    return total


def task_gradient_norms(output: SupportOutput) -> dict[str, float]:
    """Norm of each task's own gradient at the last hidden state, where the tasks' paths meet."""
    norms = {}
    for task, loss in output.losses.items():
        if output.counts[task] and loss.requires_grad:
            (gradient,) = torch.autograd.grad(loss, output.hidden, retain_graph=True)
            norms[task] = float(gradient.float().norm())
    return norms


class SupportTrainer(Trainer):
    """A plain Trainer whose loss is the support model's.

    Args:
        training: weights of the objectives.
        safety: the teacher, or None.
        evaluate_heads: called at each evaluation, gives metrics without running the LM head; or None.
        options: for Trainer.
    """

    def __init__(
        self,
        *,
        training: Training,
        safety: SafetyTeacher | None = None,
        evaluate_heads: Callable[[Any], dict[str, float]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        # Trainer infers from **kwargs that the model divides by the accumulation itself. It does not.
        self.model_accepts_loss_kwargs = False
        self._training = training
        self._safety = safety
        self._evaluate_heads = evaluate_heads
        self._seen: dict[str, list[float]] = defaultdict(list)
        self._measured_step = -1

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        """The dataset is already in the order of the mixture."""
        dataset: Any = self.train_dataset if train_dataset is None else train_dataset
        return torch.utils.data.SequentialSampler(dataset)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The weighted sum of the tasks, plus the safety teacher's divergence."""
        output: SupportOutput = model(**inputs)
        total = total_loss(output, self._training)
        self._note(output)
        total = total + self._safety_loss(model)
        if not math.isfinite(float(total.detach())):
            raise UserError(self._not_finite(output))
        return (total, output) if return_outputs else total

    def _note(self, output: SupportOutput) -> None:
        for task, loss in output.losses.items():
            if output.counts[task]:
                self._seen[f"loss_{task}"].append(float(loss.detach()))
        step = self.state.global_step
        if step != self._measured_step and (step + 1) % self._training.log_every == 0:
            self._measured_step = step
            for task, norm in task_gradient_norms(output).items():
                self._seen[f"gradient_{task}"].append(norm)
            if self._training.learn_weights:
                for task, variance in zip(TASKS, output.log_variance.tolist(), strict=True):
                    self._seen[f"log_variance_{task}"].append(variance)

    def _safety_loss(self, model: Any) -> Tensor | float:
        step = self.state.global_step
        if self._safety is None or step % self._training.safety_every:
            return 0.0
        unwrapped = self.accelerator.unwrap_model(model)
        divergence = self._safety.divergence(unwrapped, self._safety.batch(step, self.args.device))
        self._seen["safety_divergence"].append(float(divergence.detach()))
        return self._training.safety_weight * divergence

    def _not_finite(self, output: SupportOutput) -> str:
        losses = ", ".join(f"{task} {float(loss.detach()):.3g}" for task, loss in output.losses.items())
        step = self.state.global_step
        # Before the first update the learning rate has done nothing yet, so lowering it would not help.
        remedy = (
            f"Lower learning_rate (now {self._training.learning_rate:g}) or clip, or set precision to bf16 or fp32; "
            "the stage resumes from its last checkpoint."
            if step
            else "Nothing was learned yet: the base model's weights are damaged, or precision is too narrow for them. "
            "Check base_model, or set precision to bf16 or fp32."
        )
        return f"The loss is not a number at step {step + 1} ({losses}). Nothing of this step was kept. {remedy}"

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the mean of each task's figures since the last row."""
        means = {name: sum(values) / len(values) for name, values in self._seen.items() if values}
        if "loss" in logs:
            logs = {**logs, **means}
            self._seen.clear()
        super().log(logs, start_time)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Heads only: no LM loss, memory of the training step freed before."""
        if self._evaluate_heads is None:
            return {}
        free_memory()
        metrics = {f"eval_{name}": value for name, value in self._evaluate_heads(self.model).items()}
        free_memory()
        self.log(metrics)
        return metrics


def free_memory() -> None:
    """Give back what the last step left."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class MarkComplete(TrainerCallback):
    """Marks a checkpoint as complete, so that one cut short by a kill is never resumed from."""

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Runs after everything of the checkpoint is written."""
        if state.is_world_process_zero:
            (Path(str(args.output_dir)) / f"checkpoint-{state.global_step}" / COMPLETE).touch()


class ShowProgress(TrainerCallback):
    """One progress bar over optimiser steps here, one line in a headless run."""

    def __init__(self) -> None:
        self._steps: Iterator[int] = iter(())

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Only the steps that are left, when a training is resumed."""
        self._steps = progress(range(state.max_steps - state.global_step), "training steps")

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """One step further."""
        next(self._steps, None)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Close the bar."""
        for _step in self._steps:
            pass


class WriteMetrics(TrainerCallback):
    """Keeps `train_metrics.jsonl` and `eval_metrics.jsonl` in step with the trainer's history, also after resuming."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Write both files anew: the history is the truth, and it is short."""
        if state.is_world_process_zero:
            write_metrics(self._folder, state.log_history)


def write_metrics(folder: Path, history: Sequence[Mapping[str, float]]) -> None:
    """The trainer's history as two JSONL files, one row a logging or evaluation step."""
    from shared.runs import write_jsonl

    train = [row for row in history if "loss" in row]
    evaluated = [row for row in history if any(name.startswith("eval_") for name in row)]
    write_jsonl(folder / TRAIN_METRICS, train)
    write_jsonl(folder / EVAL_METRICS, evaluated)


def latest_complete(folder: Path) -> Path | None:
    """The newest complete checkpoint; half-written ones are removed."""
    import shutil

    found = sorted(folder.glob("checkpoint-*"), key=lambda p: int(p.name.rsplit("-", 1)[-1]))
    for path in found:
        if not (path / COMPLETE).exists():
            shutil.rmtree(path)
    complete = [path for path in found if path.exists()]
    return complete[-1] if complete else None


def read_metrics(path: Path) -> list[dict[str, float]]:
    """Rows of a metrics file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
