"""Where weights come from, sentence vectors, and fine-tuning of text classifiers.

A model is `"builtin"` (the installed MiniLM encoder, verified by digest), a local folder, or a hub id. `encode` turns
texts into vectors; `fit_text_classifier` fine-tunes any encoder on labelled texts and gives a `TextClassifier`, which
saves, loads and predicts; the floors (`majority_floor`, `tfidf_floor`, `nearest_centroid_floor`) answer through the
same methods. Names are loaded on first use, so that importing this room imports neither torch nor scikit-learn.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.models._calibrate import apply_thresholds, fit_temperature, tune_thresholds
    from shared.models._classifier import TextClassifier, to_probabilities
    from shared.models._device import autocast, device, fast_dtype, seed_everything
    from shared.models._encode import encode
    from shared.models._fit import fit_text_classifier
    from shared.models._floors import Floor, majority_floor, nearest_centroid_floor, tfidf_floor
    from shared.models._settings import FineTuning
    from shared.models._task import Task, read_task
    from shared.models._texts import LabelledTexts, label_names, targets
    from shared.models._where import (
        BUILTIN,
        default_encoder,
        load_encoder,
        load_tokenizer,
        resolve_model,
        suitable_learning_rate,
    )

__all__ = [
    "BUILTIN",
    "FineTuning",
    "Floor",
    "LabelledTexts",
    "Task",
    "TextClassifier",
    "apply_thresholds",
    "autocast",
    "default_encoder",
    "device",
    "encode",
    "fast_dtype",
    "fit_temperature",
    "fit_text_classifier",
    "label_names",
    "load_encoder",
    "load_tokenizer",
    "majority_floor",
    "nearest_centroid_floor",
    "read_task",
    "resolve_model",
    "seed_everything",
    "suitable_learning_rate",
    "targets",
    "tfidf_floor",
    "to_probabilities",
    "tune_thresholds",
]

_HOLDERS = {
    "_calibrate": ("apply_thresholds", "fit_temperature", "tune_thresholds"),
    "_classifier": ("TextClassifier", "to_probabilities"),
    "_device": ("autocast", "device", "fast_dtype", "seed_everything"),
    "_encode": ("encode",),
    "_fit": ("fit_text_classifier",),
    "_floors": ("Floor", "majority_floor", "nearest_centroid_floor", "tfidf_floor"),
    "_settings": ("FineTuning",),
    "_task": ("Task", "read_task"),
    "_texts": ("LabelledTexts", "label_names", "targets"),
    "_where": (
        "BUILTIN",
        "default_encoder",
        "load_encoder",
        "load_tokenizer",
        "resolve_model",
        "suitable_learning_rate",
    ),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOLDERS.items():
        if name in names:
            return getattr(import_module(f"shared.models.{module}"), name)
    raise AttributeError(f"module 'shared.models' has no attribute '{name}'")
