"""Export of a trained classifier to ONNX, and to INT8 weights.

Attention is exported as one operator for the encoders that allow it (`_attention`), else node by node in its eager
form, which has a third of the nodes that the fused form decomposes into.
"""

import json
import logging
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from shared.runs import UserError
from shared.serving._attention import one_node_attention, pack_projections
from shared.serving._channels import even_out
from shared.serving._onnx import ABOUT, MODEL, TOKENIZER, OnnxClassifier

if TYPE_CHECKING:
    from shared.models import TextClassifier

_PROBE = ["hello", "I would like to know when my next payment is due, please."]


class Export(NamedTuple):
    """What an export gave.

    Attributes:
        folder: `model.onnx`, `tokenizer.json`, `node.json`.
        largest_difference: of a logit between torch fp32 and the export over the messages given.
        scale: the largest torch logit, to judge the difference by.
    """

    folder: Path
    largest_difference: float
    scale: float


def export_classifier(classifier: Path, folder: Path, texts: Sequence[str] = _PROBE) -> Export:
    """Write a trained classifier as ONNX with dynamic batch and length, and compare its numbers with torch.

    Args:
        classifier: folder of a saved `TextClassifier` of kind "single" or "multi".
        folder: existing empty folder, or a new one.
        texts: messages on which both are compared.

    Returns:
        The export with the largest difference of a logit; fp32 rounding gives about 1e-6 of the logits' size.

    Raises:
        UserError: no classifier there, or one that predicts numbers.
    """
    from shared.models import TextClassifier

    model = TextClassifier.load(classifier, attention="eager")
    if model.kind == "values":
        raise UserError(f"The model '{classifier}' predicts numbers; only classifiers are exported.")
    folder.mkdir(parents=True, exist_ok=True)
    _write_graph(model, folder / MODEL)
    model.tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    about = {
        "labels": list(model.labels), "kind": model.kind, "max_tokens": model.max_tokens,
        "temperature": model.temperature, "thresholds": model.thresholds.tolist(),
        "padding": model.tokenizer.pad_token_id, "weights": "fp32",
    }  # fmt: skip
    _write_about(folder, about)
    expected = model.logits(texts, exact=True)
    found = OnnxClassifier.load(folder).logits(texts)
    return Export(folder, float(np.abs(expected - found).max()), float(np.abs(expected).max()))


def _write_graph(model: "TextClassifier", target: Path) -> None:
    import onnx
    import torch

    inputs = model.tensors(_PROBE)
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens", max=4096)
    shapes = {name: {0: batch, 1: tokens} for name in inputs}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it tells that torchvision, which is not needed, is absent
    with warnings.catch_warnings(), one_node_attention(model.network.encoder):
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        torch.onnx.export(
            model.network, kwargs=inputs, f=target, input_names=list(inputs), output_names=["logits"],
            dynamo=True, external_data=False, dynamic_shapes=shapes, verbose=False,
        )  # fmt: skip
    graph = onnx.load(target)
    # The shapes that the exporter noted contradict those that quantisation infers; inference needs none of them.
    del graph.graph.value_info[:]
    pack_projections(graph.graph)
    onnx.save(graph, target)


def quantise(export: Path, folder: Path, texts: Sequence[str] = ()) -> Path:
    """Write the same model with INT8 weights, one scale an output channel; activations are quantised as they come.

    Args:
        export: folder that `export_classifier` wrote.
        folder: existing empty folder, or a new one.
        texts: some messages as they will come, none of which judges the result: on them loud channels are found and
            evened out (`_channels`); a few dozen do. Without any, channels stay as loud as they are.

    Returns:
        The folder; a quarter of the size. Its quality is unknown until `quality_gate` has looked at it.
    """
    import onnx

    folder.mkdir(parents=True, exist_ok=True)
    model = onnx.load(export / MODEL)
    if texts:
        reader = OnnxClassifier.load(export)
        even_out(model, [reader.tensors([text]) for text in texts])
    _write_int8(model, folder / MODEL)
    shutil.copyfile(export / TOKENIZER, folder / TOKENIZER)
    _write_about(folder, json.loads((export / ABOUT).read_text(encoding="utf-8")) | {"weights": "int8"})
    return folder


def _write_int8(model: Any, target: Path) -> None:
    from onnx import TensorProto
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)  # it recommends a pre-processing that fails on such graphs
    try:
        # One scale an output channel: a single one for all lets the widest channel take the others' precision.
        # The default type is for what follows an operator whose shapes onnx cannot infer.
        quantize_dynamic(
            model, target, weight_type=QuantType.QInt8, per_channel=True,
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )  # fmt: skip
    finally:
        logging.disable(logging.NOTSET)


def _write_about(folder: Path, about: dict[str, object]) -> None:
    (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
