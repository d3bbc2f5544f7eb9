"""One predictor for a node, whatever is behind it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shared.models import to_probabilities
from shared.runs import UserError
from shared.serving._onnx import ABOUT, OnnxClassifier

# A message longer than this is a document that was sent by mistake: the encoder would read only its first lines and
# answer as if it had read it all.
LONGEST_MESSAGE = 8_000  # characters


class IntentClassifierModel:
    """A trained node, ready to answer: `IntentClassifierModel(folder).predict("Hi") -> {"category", "confidence"}`.

    Args:
        path: an export (`node.json`, `model.onnx`, `tokenizer.json`), answered without torch; or the folder of a
            trained classifier (`classifier.json`), answered by torch.
        threads: that compute one answer; 0 = as the library chooses. For torch it holds for the whole process.

    Raises:
        UserError: there is no such folder, it holds neither, or the classifier predicts numbers.
    """

    def __init__(self, path: str | Path, *, threads: int = 0) -> None:
        folder = Path(path)
        if not folder.is_dir():
            raise UserError(
                f"There is no model folder '{folder}'. Name the folder that stage nodes or serving wrote, "
                "for instance runs/<run_version>/serving/node."
            )
        self.exported = (folder / ABOUT).exists()
        self._model: Any = (
            OnnxClassifier.load(folder, threads=threads) if self.exported else _torch_classifier(folder, threads)
        )
        self.labels: tuple[str, ...] = self._model.labels
        self.kind: str = self._model.kind
        # for many labels a message: from which probability each is said
        self.thresholds: np.ndarray | None = self._model.thresholds if self.kind == "multi" else None

    def predict(self, text: str) -> dict[str, Any]:
        """The category of one message and how sure the model is.

        Args:
            text: at most `LONGEST_MESSAGE` characters.

        Returns:
            "category" (str) and "confidence" (float in [0, 1], the category's probability); for many labels also
            "categories", all labels over their thresholds, and `category` is the likeliest.

        Raises:
            UserError: the message is too long or not a text.
        """
        return self.predict_batch([text])[0]

    def predict_batch(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """`predict` for several messages at once, in their order; many times faster than one by one."""
        return [self._answer(row) for row in self.probabilities(texts)]

    def _answer(self, row: np.ndarray) -> dict[str, Any]:
        best = int(row.argmax())
        answer: dict[str, Any] = {"category": self.labels[best], "confidence": float(row[best])}
        if self.thresholds is not None:
            chosen = np.flatnonzero(row >= self.thresholds)
            answer["categories"] = [self.labels[i] for i in chosen]
        return answer

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """(texts, classes) float32 in [0, 1], calibrated; in full precision with torch.

        Raises:
            UserError: a message is too long or not a text; the message says which one.
        """
        for place, text in enumerate(texts):
            _check_message(text, place)
        if not len(texts):
            return np.zeros((0, len(self.labels)), dtype=np.float32)
        logits = self._model.logits(texts) if self.exported else self._model.logits(texts, exact=True)
        return to_probabilities(logits / self._model.temperature, self._model.kind)


def _check_message(text: object, place: int) -> None:
    if not isinstance(text, str):
        raise UserError(f"Message {place} is {type(text).__name__}, not a text. Pass the message's words as a str.")
    if len(text) > LONGEST_MESSAGE:
        raise UserError(
            f"Message {place} has {len(text):,} characters; a node reads messages of at most {LONGEST_MESSAGE:,}. "
            "Pass the user's last message alone, or cut it."
        )


def _torch_classifier(folder: Path, threads: int) -> Any:
    import torch

    from shared.models import TextClassifier

    if threads:
        torch.set_num_threads(threads)
    classifier = TextClassifier.load(folder)
    if classifier.kind == "values":
        raise UserError(f"The model '{folder}' predicts numbers ({', '.join(classifier.labels)}), not categories.")
    return classifier


def folder_bytes(folder: Path) -> int:
    """Size of all files of a model folder, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
