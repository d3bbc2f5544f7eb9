"""The exported classifier: onnxruntime and tokenizers only, no torch."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shared.runs import UserError

MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
ABOUT = "node.json"


@dataclass(frozen=True)
class OnnxClassifier:
    """An exported classifier in memory.

    Attributes:
        session: onnxruntime's.
        tokenizer: of the `tokenizers` package, with truncation set.
        labels: class names in column order.
        kind: "single" or "multi".
        temperature: divides the logits.
        thresholds: (classes,) for "multi"; empty otherwise.
        padding: token id of padding.
        inputs: names of the tensors that the model reads.
    """

    session: Any
    tokenizer: Any
    labels: tuple[str, ...]
    kind: str
    temperature: float
    thresholds: np.ndarray
    padding: int
    inputs: tuple[str, ...]

    @classmethod
    def load(cls, folder: Path, *, threads: int = 0) -> "OnnxClassifier":
        """Read what `export_classifier` or `quantise` wrote.

        Args:
            folder: of the export.
            threads: that compute one call; 0 = as many as the machine has cores.

        Raises:
            UserError: a file of the export is missing.
        """
        import onnxruntime
        from tokenizers import Tokenizer

        missing = [name for name in (MODEL, TOKENIZER, ABOUT) if not (folder / name).exists()]
        if missing:
            raise UserError(f"The export '{folder}' is not complete: {', '.join(missing)} is missing. Export it again.")
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        tokenizer.no_padding()
        tokenizer.enable_truncation(about["max_tokens"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # The fused form of "add, then normalise" is five times slower here than the two kernels it stands for
        # (42 against 7 + 2 microseconds a layer for a short message), and INT8 feels it.
        session = onnxruntime.InferenceSession(
            folder / MODEL, options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
        )
        return cls(
            session, tokenizer, tuple(about["labels"]), about["kind"], about["temperature"],
            np.array(about["thresholds"], dtype=float), about["padding"], tuple(i.name for i in session.get_inputs()),
        )  # fmt: skip

    def logits(self, texts: Sequence[str], *, batch_size: int = 32) -> np.ndarray:
        """(texts, classes) float32, before temperature; texts of similar length are computed together."""
        encoded = self._encoded(texts)
        order = np.argsort([-len(one.ids) for one in encoded], kind="stable")
        result = np.zeros((len(texts), len(self.labels)), dtype=np.float32)
        for start in range(0, len(order), batch_size):
            index = order[start : start + batch_size]
            (result[index],) = self.session.run(None, self._tensors([encoded[i] for i in index]))
        return result

    def tensors(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """What the graph reads for these texts, the longest first: padded int64 (texts, tokens) each, by name."""
        return self._tensors(sorted(self._encoded(texts), key=lambda one: -len(one.ids)))

    def token_counts(self, texts: Sequence[str]) -> np.ndarray:
        """(texts,) int: tokens that the model reads of each, special ones included."""
        return np.array([len(one.ids) for one in self._encoded(texts)], dtype=int)

    def _encoded(self, texts: Sequence[str]) -> list[Any]:
        # Waking the tokenizer's threads costs more than one message takes.
        if len(texts) == 1:
            return [self.tokenizer.encode(texts[0])]
        return list(self.tokenizer.encode_batch_fast(list(texts)))

    def _tensors(self, encoded: Sequence[Any]) -> dict[str, np.ndarray]:
        """Padded int64 tensors, (texts, tokens) each; the first text is the longest."""
        shape = (len(encoded), len(encoded[0].ids))
        ids = np.full(shape, self.padding, dtype=np.int64)
        mask, segments = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for row, one in enumerate(encoded):
            width = len(one.ids)
            ids[row, :width], mask[row, :width], segments[row, :width] = one.ids, 1, one.type_ids
        tensors = {"input_ids": ids, "attention_mask": mask, "token_type_ids": segments}
        return {name: tensors[name] for name in self.inputs}


def message_of_length(export: Path, texts: Sequence[str], tokens: int) -> str:
    """The text whose number of tokens, special ones included, is nearest to `tokens`; the first of equals."""
    counts = OnnxClassifier.load(export).token_counts(texts)
    return texts[int(np.abs(counts - tokens).argmin())]
