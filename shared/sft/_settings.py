"""What a training run is told, in one place, and which number formats this machine gets."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from shared.runs import UserError

TASKS = ("lm", "emotion", "strategy", "valence_arousal")
HEADS = "support_heads"
LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")

Quantisation = Literal["nf4", "none"]
Method = Literal["lora", "full"]
Precision = Literal["auto", "bf16", "fp16", "fp32"]


@dataclass(frozen=True)
class BaseModel:
    """Which model is tuned and how it is held in memory.

    Attributes:
        name: hub id or folder.
        quantisation: "nf4" holds the decoder's matrices in 4 bits (double quantisation); "none" in `precision`.
        precision: number format of everything else and of arithmetic; "auto" is the fast one of this machine.
        n_emotions: size of the emotion head.
        n_strategies: size of the strategy head.
        seed: of the heads' first weights.
    """

    name: str
    quantisation: Quantisation = "nf4"
    precision: Precision = "auto"
    n_emotions: int = 0
    n_strategies: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Training:
    """One training run.

    Attributes:
        steps: optimiser steps.
        batch_size: examples a device and forward pass.
        accumulation: forward passes an optimiser step.
        learning_rate: peak, reached after the warm-up.
        warmup_ratio: share of `steps` in [0, 1).
        scheduler: name of a transformers scheduler.
        clip: largest gradient norm.
        weight_decay: of AdamW.
        optimiser: "auto" is paged 8-bit AdamW on a GPU, AdamW on a CPU.
        gradient_checkpointing: recompute activations in the backward pass; less memory, about a third more time.
        method: train a LoRA adapter and the heads, or everything.
        lora_rank, lora_alpha, lora_dropout: of the adapter.
        loss_weights: λ of each task, 0 leaves it out.
        learn_weights: learn a log-variance for each task on top of λ.
        head_examples: training prompts on which the heads are fitted before the first step and after the last; 0 = the
            heads start at random and stay as the steps leave them.
        alpha: mixture exponent in (0, 1]; a corpus of n examples is drawn with probability proportional to n^alpha.
        safety_weight: weight of the KL divergence to the frozen base on safety prompts; 0 turns it off.
        safety_every: optimiser steps between two safety batches.
        eval_every, save_every: optimiser steps; 0 = only at the end, or never.
        log_every: optimiser steps between two rows of `train_metrics.jsonl`.
        seed: of sampling, dropout and adapter.
    """

    steps: int = 100
    batch_size: int = 4
    accumulation: int = 1
    learning_rate: float = 2e-4
    warmup_ratio: float = 0.03
    scheduler: str = "cosine"
    clip: float = 1.0
    weight_decay: float = 0.0
    optimiser: str = "auto"
    gradient_checkpointing: bool = False
    method: Method = "lora"
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.05
    loss_weights: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TASKS, 1.0))
    learn_weights: bool = False
    head_examples: int = 4000
    alpha: float = 0.5
    safety_weight: float = 0.0
    safety_every: int = 1
    eval_every: int = 0
    save_every: int = 0
    log_every: int = 10
    seed: int = 0

    def check(self) -> None:
        """Refuse settings that cannot mean what their reader thinks.

        Raises:
            UserError: all problems at once.
        """
        problems = [
            *_unless(self.steps > 0 and self.batch_size > 0, "steps and batch_size must be positive"),
            *_unless(0 < self.alpha <= 1, f"alpha is {self.alpha}, expected a value in (0, 1]"),
            *_unless(
                set(self.loss_weights) <= set(TASKS),
                f"loss_weights names {sorted(set(self.loss_weights) - set(TASKS))}, known are {', '.join(TASKS)}",
            ),
            *_unless(all(w >= 0 for w in self.loss_weights.values()), "loss_weights must not be negative"),
            *_unless(any(self.loss_weights.values()), "every loss weight is 0, so there is nothing to learn"),
            *_unless(
                not (self.safety_weight and self.method == "full"),
                "safety_weight needs method='lora': the frozen base is the model with its adapter switched off",
            ),
        ]
        if problems:
            raise UserError("Training settings: " + "; ".join(problems) + ".")

    def weight(self, task: str) -> float:
        """λ of a task; a task that is not named has weight 0."""
        return float(self.loss_weights.get(task, 0.0))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the adapter's folder."""
        return asdict(self)


def _unless(fine: bool, problem: str) -> list[str]:
    return [] if fine else [problem]


ABLATIONS: dict[str, tuple[str, ...]] = {
    "no_emotion": ("emotion",),
    "no_strategy": ("strategy",),
    "no_valence_arousal": ("valence_arousal",),
    "lm_only": ("emotion", "strategy", "valence_arousal"),
}


def require_ablations(names: Sequence[str]) -> None:
    """Refuse unknown ablations before anything is trained.

    Raises:
        UserError: a name is unknown.
    """
    for name in names:
        ablated({}, name)


def require_teacher(training: Training) -> None:
    """Refuse a comparison with and without the safety teacher where there is none.

    Raises:
        UserError: the teacher's weight is 0.
    """
    if not training.safety_weight:
        raise UserError("without_teacher compares with and without the safety teacher: set safety_weight above 0.")


def ablated(weights: dict[str, float], ablation: str) -> dict[str, float]:
    """Loss weights with the tasks of an ablation ("no_emotion", …, "lm_only") set to 0.

    Raises:
        UserError: the ablation is unknown.
    """
    if ablation not in ABLATIONS:
        raise UserError(f"'{ablation}' is not an ablation. Known: {', '.join(ABLATIONS)}.")
    return {task: 0.0 if task in ABLATIONS[ablation] else weight for task, weight in weights.items()}
