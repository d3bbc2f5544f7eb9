"""A fine-tuned text classifier: it predicts, and it saves to and loads from a folder of safetensors and JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.models._calibrate import apply_thresholds, fit_temperature, tune_thresholds
from shared.models._settings import Kind
from shared.models._texts import LabelledTexts, targets
from shared.runs import UserError

if TYPE_CHECKING:
    import torch

    from shared.models._network import TextNetwork

ABOUT = "classifier.json"
ENCODER = "encoder"
HEAD = "head.safetensors"


@dataclass(frozen=True)
class TextClassifier:
    """An encoder with a linear head, and what turns its logits into answers.

    Attributes:
        network: the torch module; `network.encoder` is the transformers model.
        tokenizer: its fast tokenizer.
        labels: class names in column order.
        kind: "single" (one label a text), "multi" (any number) or "values" (numbers, such as valence).
        max_tokens: longer texts are cut.
        temperature: divides the logits; 1 until `calibrated`.
        thresholds: (classes,) for "multi": predicted when the probability is at least that. Empty otherwise.
        centre, scale: (outputs,) for "values": output * scale + centre is in the targets' unit. Empty otherwise.
        history: one entry an evaluation during training (step, epoch, loss, score, seconds).
    """

    network: "TextNetwork"
    tokenizer: Any
    labels: tuple[str, ...]
    kind: Kind = "single"
    max_tokens: int = 128
    temperature: float = 1.0
    thresholds: np.ndarray = field(default_factory=lambda: np.zeros(0))
    centre: np.ndarray = field(default_factory=lambda: np.zeros(0))
    scale: np.ndarray = field(default_factory=lambda: np.zeros(0))
    history: tuple[dict[str, float], ...] = ()

    def tensors(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> "dict[str, torch.Tensor]":
        """What the network reads for these texts: padded int64 tensors by name, (texts, tokens) each, on the CPU."""
        from shared.models._batches import collate, tokenise

        encoded = tokenise(self.tokenizer, texts, pairs, self.max_tokens)
        return collate(encoded, np.arange(len(texts)), self.tokenizer.pad_token_id).inputs

    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None = None, *, batch_size: int = 64,
               exact: bool = False) -> np.ndarray:  # fmt: skip
        """Raw outputs, before temperature.

        Args:
            texts: any number.
            pairs: second segments, if the classifier was trained with them.
            batch_size: texts computed together, of similar length.
            exact: compute in fp32 instead of the machine's fast format.

        Returns:
            (texts, classes) float32.
        """
        import torch

        from shared.models._batches import sorted_batches, tokenise
        from shared.models._device import autocast

        encoded = tokenise(self.tokenizer, texts, pairs, self.max_tokens)
        where = self.network.head.weight.device
        result = np.zeros((len(texts), len(self.labels)), dtype=np.float32)
        self.network.eval()
        with torch.inference_mode(), autocast(torch.float32 if exact else None):
            for batch in sorted_batches(encoded, batch_size, self.tokenizer.pad_token_id):
                inputs = {name: values.to(where) for name, values in batch.inputs.items()}
                result[batch.rows] = self.network(**inputs).cpu().numpy()
        return result

    def probabilities(self, texts: Sequence[str], pairs: Sequence[str] | None = None, *, exact: bool = False
                      ) -> np.ndarray:  # fmt: skip
        """Calibrated probabilities: rows sum to 1 for "single", each column is by itself for "multi".

        Returns:
            (texts, classes) float32 in [0, 1].

        Raises:
            UserError: the classifier predicts values, not classes.
        """
        if self.kind == "values":
            raise UserError("This model predicts numbers and has no probabilities. Use `values(texts)`.")
        scaled = self.logits(texts, pairs, exact=exact) / self.temperature
        return to_probabilities(scaled, self.kind)

    def values(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> np.ndarray:
        """Predicted numbers of a "values" model, (texts, names) float32 in the targets' unit."""
        if self.kind != "values":
            raise UserError("This model predicts classes. Use `probabilities(texts)` or `predict(texts)`.")
        return (self.logits(texts, pairs) * self.scale + self.centre).astype(np.float32)

    def predict(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> list[Any]:
        """The label of each text ("single"), or the list of labels over their thresholds ("multi")."""
        probabilities = self.probabilities(texts, pairs)
        if self.kind == "single":
            return [self.labels[i] for i in probabilities.argmax(1)]
        chosen = apply_thresholds(probabilities, self.thresholds)
        return [[self.labels[i] for i in np.flatnonzero(row)] for row in chosen]

    def calibrated(self, validation: LabelledTexts) -> "TextClassifier":
        """The same classifier with its temperature fitted on validation data and, for "multi", its thresholds tuned."""
        target = targets(validation, self.labels, self.kind)
        logits = self.logits(validation.texts, validation.pairs)
        temperature = fit_temperature(logits, target)
        thresholds = self.thresholds
        if self.kind == "multi":
            thresholds = tune_thresholds(to_probabilities(logits / temperature, "multi"), target)
        return replace(self, temperature=temperature, thresholds=thresholds)

    def save(self, folder: Path) -> None:
        """Write encoder/, head.safetensors and classifier.json into an empty folder, made if it is missing.

        The folder is not written atomically: use `run.new_folder`.
        """
        from safetensors.torch import save_file

        from shared.models._where import quiet

        folder.mkdir(parents=True, exist_ok=True)
        with quiet():
            self.network.encoder.save_pretrained(folder / ENCODER)
        self.tokenizer.save_pretrained(folder / ENCODER)
        save_file(self.network.head.state_dict(), folder / HEAD)
        (folder / ABOUT).write_text(json.dumps(self._about(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

    def _about(self) -> dict[str, Any]:
        return {
            "labels": list(self.labels),
            "kind": self.kind,
            "pooling": self.network.pooling,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "thresholds": self.thresholds.tolist(),
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "history": list(self.history),
        }

    @classmethod
    def load(cls, folder: str | Path, *, attention: str = "sdpa") -> "TextClassifier":
        """Read a classifier that `save` wrote.

        Args:
            folder: the folder.
            attention: "sdpa" (fast) or "eager", which can return attention weights.

        Raises:
            UserError: the folder is missing or is not a saved classifier.
        """
        from safetensors.torch import load_file

        from shared.models._device import device
        from shared.models._network import TextNetwork
        from shared.models._where import load_encoder, load_tokenizer

        about = read_about(folder)
        encoder = load_encoder(str(Path(folder).resolve() / ENCODER), attention=attention)
        network = TextNetwork(encoder, len(about["labels"]), about["pooling"], dropout=0.0)
        network.head.load_state_dict(load_file(Path(folder) / HEAD))
        arrays = {name: np.array(about[name], dtype=float) for name in ("thresholds", "centre", "scale")}
        return cls(
            network.to(device()).eval(),
            load_tokenizer(str(Path(folder).resolve() / ENCODER)),
            tuple(about["labels"]),
            about["kind"],
            about["max_tokens"],
            about["temperature"],
            history=tuple(about["history"]),
            **arrays,
        )


def read_about(folder: str | Path) -> dict[str, Any]:
    """The content of `classifier.json`.

    Raises:
        UserError: the folder is missing or is not a saved classifier.
    """
    path = Path(folder) / ABOUT
    if not path.exists():
        state = "holds no classifier.json" if Path(folder).is_dir() else "does not exist"
        raise UserError(
            f"No classifier at '{folder}': the folder {state}. Name the folder that a training stage wrote, "
            "for instance runs/<run_version>/nodes/model."
        )
    about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return about


def to_probabilities(logits: np.ndarray, kind: Kind) -> np.ndarray:
    """Softmax over classes ("single") or a sigmoid for each ("multi"): (texts, classes) float32."""
    if kind == "multi":
        return (1.0 / (1.0 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
    shifted = np.exp(logits - logits.max(1, keepdims=True, initial=-np.inf))
    return (shifted / shifted.sum(1, keepdims=True)).astype(np.float32)
