"""Fine-tuning: length-bucketed batches, fast numbers, early stopping, and resuming bit by bit after a kill.

Everything random comes from the seed and the step: the order of an epoch from (seed, epoch), dropout from torch's
generator, whose state is part of a checkpoint. A checkpoint is one safetensors file, renamed into place.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from shared.models._batches import Encoded, collate, shuffled_batches, tokenise
from shared.models._calibrate import apply_thresholds, tune_thresholds
from shared.models._classifier import TextClassifier, to_probabilities
from shared.models._device import autocast, device, seed_everything
from shared.models._losses import make_loss
from shared.models._network import TextNetwork
from shared.models._settings import FineTuning, Kind
from shared.models._texts import LabelledTexts, label_names, targets
from shared.models._where import load_encoder, load_tokenizer
from shared.runs import new_file, progress, write_json, write_jsonl

# On a CPU, attention with dropout keeps (heads, tokens, tokens) numbers a layer: 32 texts of 512 tokens took 10 GiB in
# six layers. A GPU's fused attention does not.
_TOKENS_KEPT = 8192
_CHECKPOINT = "checkpoint.safetensors"
_BEST = "best.safetensors"
_METRICS = "metrics.jsonl"
_ABOUT = "training.json"


def fit_text_classifier(
    train: LabelledTexts,
    validation: LabelledTexts | None,
    settings: FineTuning,
    folder: Path,
    *,
    kind: Kind = "single",
    labels: tuple[str, ...] | None = None,
) -> TextClassifier:
    """Fine-tune an encoder on labelled texts.

    Args:
        train: what it learns from.
        validation: what decides the best epoch and early stopping; None keeps the last weights.
        settings: see `FineTuning`.
        folder: working folder for checkpoints and `metrics.jsonl` (a line an evaluation). Training that was killed
            goes on from there and ends bit for bit where it would have; with other settings or texts it starts anew.
        kind: "single" (one label a text), "multi" (any number) or "values" (numbers, NaN = unscored).
        labels: class names in column order; by default those of `train`, sorted.

    Returns:
        The classifier with the weights of the best evaluation: macro-F1 for "single"; macro-F1 with thresholds tuned
        on the same validation texts for "multi"; mean Pearson correlation for "values". It is not yet calibrated.

    Raises:
        UserError: no texts, one class only, an unknown label in validation, or a model that cannot be found.
    """
    training = _prepare(train, validation, settings, folder, kind, labels or label_names(train, kind))
    for batch in progress(training.remaining(), "training steps", total=training.total - training.step):
        training.learn(batch)
        if training.step in training.evaluations:
            training.evaluate()
            training.save()
        if training.finished:
            break
    return training.best()


@dataclass
class _Scored:
    """Texts ready for the network, with their targets."""

    data: LabelledTexts
    encoded: Encoded
    target: np.ndarray


@dataclass
class _Training:
    settings: FineTuning
    folder: Path
    classifier: TextClassifier
    train: _Scored
    validation: _Scored | None
    optimizer: torch.optim.AdamW
    peaks: list[float]
    step: int = 0
    loss: float = 0.0  # summed since the last evaluation
    seconds: float = 0.0
    bad: int = 0  # evaluations since the best one
    history: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loss_of = make_loss(self.settings, self.classifier.kind, self.train.target, len(self.classifier.labels))
        self.lengths = np.array([len(row["input_ids"]) for row in self.train.encoded])
        self.target = torch.tensor(self.train.target, device=device())
        self.total = self.settings.epochs * len(self._order(0))
        self.evaluations = self._evaluation_steps()

    def _evaluation_steps(self) -> set[int]:
        wanted = self.settings.epochs * self.settings.evaluations_per_epoch
        return {max(1, round(self.total * (i + 1) / wanted)) for i in range(wanted)}

    def _order(self, epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng((self.settings.seed, epoch))
        drawn = _draw(self.train.target, self.classifier.kind, self.settings.oversample, rng)
        return shuffled_batches(drawn, self.lengths, self.settings.batch_size, rng)

    def remaining(self) -> Iterator[np.ndarray]:
        """Batches of the steps that are still to do."""
        per_epoch = self.total // self.settings.epochs
        for epoch in range(self.step // per_epoch, self.settings.epochs):
            yield from self._order(epoch)[self.step % per_epoch :]

    @property
    def finished(self) -> bool:
        return self.step >= self.total or 0 < self.settings.patience <= self.bad

    def learn(self, index: np.ndarray) -> None:
        """One step of AdamW on one batch."""
        started = time.monotonic()
        network = self.classifier.network.train()
        batch = collate(self.train.encoded, index, self.classifier.tokenizer.pad_token_id)
        self._set_rates()
        self._spare_memory(batch.inputs["input_ids"].numel())
        with autocast():
            logits = network(**{name: values.to(device()) for name, values in batch.inputs.items()})
        loss = self.loss_of(logits, self.target[torch.as_tensor(index, device=device())])
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), self.settings.max_gradient_norm)
        self.optimizer.step()
        self.step += 1
        self.loss += float(loss.detach())
        self.seconds += time.monotonic() - started

    def _spare_memory(self, tokens: int) -> None:
        """Where states would take gigabytes, compute them anew on the way back: a third slower, same weights."""
        encoder = self.classifier.network.encoder
        too_many = tokens > _TOKENS_KEPT and device().type == "cpu"
        if too_many and encoder.supports_gradient_checkpointing:
            encoder.activation_checkpointing_enable({"use_reentrant": False})
        else:
            encoder.activation_checkpointing_disable()

    def _set_rates(self) -> None:
        """Linear climb over the warm-up, then linear fall to zero."""
        warm = int(self.settings.warmup_ratio * self.total)
        share = (self.step + 1) / warm if self.step < warm else (self.total - self.step) / (self.total - warm)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * share

    def evaluate(self) -> None:
        """Score the validation texts, keep the weights if they are the best so far, and write the metrics."""
        score = self._score()
        since = self.step - (self.history[-1]["step"] if self.history else 0)
        best = max((line["score"] for line in self.history), default=-np.inf)
        self.history.append({
            "step": self.step, "epoch": self.step * self.settings.epochs / self.total, "loss": self.loss / since,
            "score": score, "seconds": round(self.seconds, 3),
        })  # fmt: skip
        self.loss = 0.0
        # Without validation every evaluation counts as better, so that the last weights stay.
        improved = self.validation is None or score > best
        self.bad = 0 if improved else self.bad + 1
        if improved:
            _save(self.folder / _BEST, self.classifier.network.state_dict())
        write_jsonl(self.folder / _METRICS, self.history)

    def _score(self) -> float:
        if self.validation is None:
            return float("nan")
        data = self.validation.data
        return _validation_score(
            self.classifier.logits(data.texts, data.pairs), self.validation.target, self.classifier.kind
        )

    def save(self) -> None:
        """Write a checkpoint; the JSON beside it is inside the same file's metadata, so the two cannot differ."""
        state = {f"network.{name}": value for name, value in self.classifier.network.state_dict().items()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
        state["generator"] = torch.get_rng_state()
        _save(
            self.folder / _CHECKPOINT, state, {"facts": json.dumps([self.step, self.seconds, self.bad, self.history])}
        )

    def resume(self) -> None:
        """Take up the checkpoint in the folder, if there is one."""
        path = self.folder / _CHECKPOINT
        if not path.exists():
            return
        state = load_file(path)
        self.step, self.seconds, self.bad, self.history = json.loads(_metadata(path)["facts"])
        network = {name.removeprefix("network."): v for name, v in state.items() if name.startswith("network.")}
        self.classifier.network.load_state_dict(network)
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": _moments(state)})
        torch.set_rng_state(state["generator"])

    def best(self) -> TextClassifier:
        """The classifier with the best weights and the training's history."""
        network = self.classifier.network
        network.load_state_dict(load_file(self.folder / _BEST))
        fields = vars(self.classifier) | {"network": network.eval(), "history": tuple(self.history)}
        return TextClassifier(**fields)


def _prepare(
    train: LabelledTexts, validation: LabelledTexts | None, settings: FineTuning, folder: Path, kind: Kind,
    labels: tuple[str, ...],
) -> _Training:  # fmt: skip
    seed_everything(settings.seed)
    tokenizer = load_tokenizer(settings.model)
    target = targets(train, labels, kind)
    centre, scale = _spread(target) if kind == "values" else (np.zeros(0), np.zeros(0))
    network = TextNetwork(load_encoder(settings.model), len(labels), settings.pooling, settings.dropout).to(device())
    thresholds = np.full(len(labels), 0.5) if kind == "multi" else np.zeros(0)
    classifier = TextClassifier(
        network, tokenizer, labels, kind, settings.max_tokens, thresholds=thresholds, centre=centre, scale=scale
    )
    groups, peaks = _parameter_groups(network, settings)
    training = _Training(
        settings, folder, classifier,
        _scored(train, classifier, target), None if validation is None else _scored(validation, classifier, None),
        torch.optim.AdamW(groups), peaks,
    )  # fmt: skip
    _start_anew_if_changed(folder, [asdict(settings), kind, labels, _digest(train), _digest(validation)])
    training.resume()
    return training


def _scored(data: LabelledTexts, classifier: TextClassifier, target: np.ndarray | None) -> _Scored:
    target = targets(data, classifier.labels, classifier.kind) if target is None else target
    if classifier.kind == "values":
        target = ((target - classifier.centre) / classifier.scale).astype(np.float32)
    return _Scored(data, tokenise(classifier.tokenizer, data.texts, data.pairs, classifier.max_tokens), target)


def _spread(target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each value on the training texts, unscored ones left out."""
    scale = np.nanstd(target, axis=0)
    return np.nanmean(target, axis=0), np.where(scale > 0, scale, 1.0)


def _draw(target: np.ndarray, kind: Kind, oversample: bool, rng: np.random.Generator) -> np.ndarray:
    """Indices of one epoch: every text once, or as many draws in which each class is equally likely."""
    if not oversample or kind == "values":
        return np.arange(len(target))
    table = np.eye(target.max() + 1)[target] if kind == "single" else target
    rarity = (table / np.maximum(table.sum(0), 1)).max(1)
    # A text without any label stands for the class "none of them".
    without = table.sum(1) == 0
    rarity[without] = 1.0 / max(int(without.sum()), 1)
    return rng.choice(len(target), size=len(target), p=rarity / rarity.sum())


def _parameter_groups(network: TextNetwork, settings: FineTuning) -> tuple[list[dict[str, Any]], list[float]]:
    """One AdamW group a tensor, and its peak learning rate: lower layers learn slower, vectors do not decay."""
    depth = network.encoder.config.num_hidden_layers
    groups, peaks = [], []
    for name, parameter in network.named_parameters():
        decay = settings.weight_decay if parameter.ndim > 1 else 0.0
        groups.append({"params": [parameter], "weight_decay": decay, "lr": 0.0})
        if name.startswith("head."):
            peaks.append(settings.head_learning_rate or settings.learning_rate)
        else:
            peaks.append(settings.learning_rate * settings.layer_decay ** _layers_above(name, depth))
    return groups, peaks


def _layers_above(name: str, depth: int) -> int:
    """How many layers lie over this parameter: 0 in the top layer, `depth` in the embeddings."""
    numbers = [int(part) for part in name.split(".") if part.isdigit()]
    if numbers:
        return depth - 1 - numbers[0]
    return depth if "embed" in name else 0


def _validation_score(logits: np.ndarray, target: np.ndarray, kind: Kind) -> float:
    from sklearn.metrics import f1_score

    if kind == "values":
        return _mean_correlation(logits, target)
    if kind == "single":
        return float(f1_score(target, logits.argmax(1), average="macro", zero_division=0))
    probabilities = to_probabilities(logits, "multi")
    chosen = apply_thresholds(probabilities, tune_thresholds(probabilities, target))
    return float(f1_score(target, chosen, average="macro", zero_division=0))


def _mean_correlation(predicted: np.ndarray, target: np.ndarray) -> float:
    scored = ~np.isnan(target)
    columns = range(target.shape[1])
    return float(np.mean([np.corrcoef(predicted[scored[:, c], c], target[scored[:, c], c])[0, 1] for c in columns]))


def _save(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> None:
    with new_file(path) as partial:
        save_file({name: value.contiguous() for name, value in tensors.items()}, partial, metadata)


def _metadata(path: Path) -> dict[str, str]:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return dict(file.metadata())


def _moments(state: dict[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in state.items():
        if name.startswith("optimizer."):
            _, number, moment = name.split(".")
            moments.setdefault(int(number), {})[moment] = value
    return moments


def _digest(data: LabelledTexts | None) -> str:
    columns = None if data is None else [list(c or []) for c in (data.texts, data.labels, data.pairs)]
    return hashlib.sha256(json.dumps(columns, sort_keys=True).encode()).hexdigest()


def _start_anew_if_changed(folder: Path, facts: list[Any]) -> None:
    """Remove the checkpoint of a training with other settings, labels or texts."""
    folder.mkdir(parents=True, exist_ok=True)
    path, content = folder / _ABOUT, json.loads(json.dumps(facts))
    if not path.exists() or json.loads(path.read_text(encoding="utf-8")) != content:
        for name in (_CHECKPOINT, _BEST, _METRICS):
            (folder / name).unlink(missing_ok=True)
        write_json(path, content)
