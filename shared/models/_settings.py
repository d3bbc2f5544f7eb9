"""Settings of fine-tuning, one field each, with units and the usual ranges."""

from dataclasses import dataclass
from typing import Literal

from shared.runs import UserError

Kind = Literal["single", "multi", "values"]


@dataclass(frozen=True)
class FineTuning:
    """How an encoder is fine-tuned. The defaults suit a few thousand short messages on a CPU."""

    model: str = "builtin"  # "builtin", a local folder or a hub id
    epochs: int = 4  # passes over the training texts, usually 3-8
    batch_size: int = 32  # texts a step, usually 16-64
    learning_rate: float = 1.5e-4  # peak; 2e-5 to 5e-5 for base-size encoders, 1e-4 to 2e-4 for MiniLM
    head_learning_rate: float = 0.0  # peak for the new linear head, which starts from noise; 0 = as the encoder
    layer_decay: float = 1.0  # learning rate times this for every layer further down, in (0, 1]
    warmup_ratio: float = 0.06  # share of the steps in which the rate climbs, then it falls linearly to 0
    weight_decay: float = 0.01  # AdamW's, on matrices only
    max_gradient_norm: float = 1.0  # longer gradients are scaled down to this length
    max_tokens: int = 128  # longer texts are cut
    pooling: Literal["mean", "first"] = "mean"  # what the head reads: mean over tokens, or the first token
    dropout: float = 0.1  # before the head, in [0, 1)
    class_weights: Literal["none", "balanced", "sqrt", "effective"] = "none"  # rare classes weigh more in the loss
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    focal_gamma: float = 2.0  # how strongly focal loss turns from easy examples; 0 = cross-entropy
    label_smoothing: float = 0.0  # share of the target spread over all classes, in [0, 1)
    oversample: bool = False  # draw every class equally often
    patience: int = 0  # stop after so many evaluations without a better validation score; 0 = never
    evaluations_per_epoch: int = 1  # evaluations (and checkpoints) an epoch
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse impossible values at once.

        Raises:
            UserError: names every field whose value is out of range.
        """
        wrong = [f"{name} = {value} ({rule})" for name, value, rule, holds in self._rules() if not holds]
        if wrong:
            raise UserError(f"Fine-tuning settings out of range: {'; '.join(wrong)}.")

    def _rules(self) -> list[tuple[str, float, str, bool]]:
        counts = ("epochs", "batch_size", "evaluations_per_epoch", "max_tokens")
        shares = ("dropout", "label_smoothing", "warmup_ratio")
        positive = ("learning_rate", "max_gradient_norm")
        not_negative = ("head_learning_rate", "weight_decay", "focal_gamma", "patience")
        values = vars(self)
        return [
            *((name, values[name], "at least 1", values[name] >= 1) for name in counts),
            *((name, values[name], "in [0, 1)", 0 <= values[name] < 1) for name in shares),
            *((name, values[name], "above 0", values[name] > 0) for name in positive),
            *((name, values[name], "not negative", values[name] >= 0) for name in not_negative),
            ("layer_decay", self.layer_decay, "in (0, 1]", 0 < self.layer_decay <= 1),
        ]
