"""Loud channels are turned down before INT8, and the weights that read them turned up by as much.

Activations are rounded with one scale for a whole tensor. In a trained encoder a few of its channels are ten times as
loud as the others: they set the scale, and the others are left with a handful of steps. Dividing a channel and
multiplying its row of weights by the same number changes no result, only what rounding does to it. Turned down too far,
the row spoils the weights' scale instead; so the limit is searched for every product, on messages, by the error of
what comes out of it.

Source: SmoothQuant (Xiao et al., ICML 2023), there with one exponent for all products; here with a searched limit.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# How many of the loudest channels are turned down to the level of the next one; every product gets its best.
_TURNED_DOWN = (1, 2, 4, 8, 16, 64, 256)
# A division is one more node in the graph. Taking less than this share off the error is not worth its microseconds.
_WORTH_IT = 0.3


def even_out(model: Any, inputs: Sequence[Mapping[str, np.ndarray]]) -> int:
    """Turn loud channels down before every product with fixed weights, in place, where that makes INT8 better.

    Args:
        model: onnx `ModelProto` in fp32.
        inputs: what the model reads of some messages, one at a time, as they will be served.

    Returns:
        How many products got a division. The model's results stay what they were, up to fp32 rounding.
    """
    readers = _products_by_weights(model.graph)
    heard = _heard(model, [node.input[0] for nodes in readers.values() for node in nodes], inputs)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    changed = 0
    for name, nodes in readers.items():
        seen = [states for node in nodes for states in heard[node.input[0]]]
        divisors = best_divisors(seen, _array(tensors[name]))
        if divisors is not None:
            _turn_down(model.graph, nodes, tensors[name], divisors)
            changed += len(nodes)
    return changed


def _products_by_weights(graph: Any) -> dict[str, list[Any]]:
    """Products by the name of their weights: layers that share weights, as ALBERT's do, share the divisors too."""
    fixed = {tensor.name for tensor in graph.initializer}
    found = defaultdict(list)
    for node in graph.node:
        if node.op_type in ("MatMul", "Attention") and node.input[1] in fixed:
            found[node.input[1]].append(node)
    return dict(found)


def _heard(model: Any, names: Sequence[str], inputs: Sequence[Mapping[str, np.ndarray]]) -> dict[str, list[np.ndarray]]:
    """What each named tensor holds for each message, (tokens, channels)."""
    import onnx
    import onnxruntime

    wanted = list(dict.fromkeys(names))
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    opened.graph.output.extend(onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in wanted)
    session = onnxruntime.InferenceSession(opened.SerializeToString(), providers=["CPUExecutionProvider"])
    runs = [session.run(wanted, dict(tensors)) for tensors in inputs]
    return {name: [run[i].reshape(-1, run[i].shape[-1]) for run in runs] for i, name in enumerate(wanted)}


def best_divisors(seen: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray | None:
    """By what to divide each channel so that the product in INT8 is nearest to the one in fp32.

    Args:
        seen: (tokens, channels) of each message; every message is rounded with its own scale.
        weights: (channels, outputs), rounded with one scale an output.

    Returns:
        (channels,) float32, 1 for those that stay; None where nothing helps enough.
    """
    loudest = np.max([np.abs(states).max(0) for states in seen], axis=0)
    levels = np.sort(loudest)[::-1]
    tried = [np.maximum(1, loudest / max(levels[n], 1e-6)) for n in (0, *_TURNED_DOWN) if n < len(levels)]
    exact = np.concatenate(seen) @ weights
    errors = [float(np.linalg.norm(_product(seen, weights, divisors) - exact)) for divisors in tried]
    best = int(np.argmin(errors))
    return np.asarray(tried[best], dtype=np.float32) if errors[best] < (1 - _WORTH_IT) * errors[0] else None


def _product(seen: Sequence[np.ndarray], weights: np.ndarray, divisors: np.ndarray) -> np.ndarray:
    """What comes out in INT8, all messages together, if channels are divided so."""
    rounded = np.concatenate([_rounded(states / divisors) for states in seen])
    return rounded @ _rounded_weights(weights * divisors[:, None])


def _rounded(states: np.ndarray) -> np.ndarray:
    """As onnxruntime rounds activations: 256 steps from the least to the greatest, 0 among them."""
    low, high = min(states.min(), 0.0), max(states.max(), 0.0)
    step = (high - low) / 255 or 1.0
    return np.asarray(np.round(states / step) * step, dtype=np.float32)


def _rounded_weights(weights: np.ndarray) -> np.ndarray:
    step = np.maximum(np.abs(weights).max(0), 1e-12) / 127
    return np.asarray(np.round(weights / step) * step, dtype=np.float32)


def _turn_down(graph: Any, nodes: Sequence[Any], weights: Any, divisors: np.ndarray) -> None:
    from onnx import helper, numpy_helper

    factors = f"{weights.name}_quieter"
    weights.CopyFrom(numpy_helper.from_array(_array(weights) * divisors[:, None], weights.name))
    graph.initializer.append(numpy_helper.from_array(1 / divisors, factors))
    for node in nodes:
        quieter = f"{node.output[0]}_quieter"
        place = list(graph.node).index(node)
        graph.node.insert(place, helper.make_node("Mul", [node.input[0], factors], [quieter], name=quieter))
        node.input[0] = quieter


def _array(tensor: Any) -> np.ndarray:
    from onnx import numpy_helper

    return np.asarray(numpy_helper.to_array(tensor))
