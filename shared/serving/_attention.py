"""Attention as one node of an exported graph, with its three projections packed into one product.

Written out, attention is some twenty small nodes a layer. On a message of twenty tokens the walk from node to node
costs as much as the arithmetic, and three narrow products of the same input are slower than a wide one. onnxruntime has
one operator for all of it, in fp32 and in INT8; its own search for the pattern does not know this exporter's graphs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# Encoders in which every token attends to every other, scores are divided by the root of the head's width, and nothing
# is added to them. Sliding windows and relative positions live in the attention's mask, which the operator does not
# take: such encoders are exported node by node.
PLAIN_ENCODERS = frozenset({"albert", "bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta"})
_NAME = "colloquy_onnx"
_DOMAIN = "com.microsoft"


@contextmanager
def one_node_attention(encoder: Any) -> Iterator[None]:
    """While it lasts, the encoder's attention is traced as a single operator, if it is one of `PLAIN_ENCODERS`.

    The traced operator computes nothing: outside of an export the encoder must not be called meanwhile.
    """
    from transformers import AttentionInterface, AttentionMaskInterface

    before = encoder.config._attn_implementation
    AttentionInterface.register(_NAME, _traced_attention)
    AttentionMaskInterface.register(_NAME, _token_mask)
    if encoder.config.model_type in PLAIN_ENCODERS:
        encoder.set_attn_implementation(_NAME)
    try:
        yield
    finally:
        encoder.set_attn_implementation(before)


def _token_mask(*_: Any, attention_mask: Any = None, **__: Any) -> Any:
    """The mask of tokens as it came, (texts, tokens): the operator spreads it itself."""
    return attention_mask


def _traced_attention(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **_: Any) -> tuple[Any, None]:
    import torch

    texts, heads, tokens, width = query.shape
    flat = [states.transpose(1, 2).reshape(texts, tokens, heads * width) for states in (query, key, value)]
    mixed = torch.onnx.ops.symbolic(
        f"{_DOMAIN}::MultiHeadAttention", [*flat, None, attention_mask.to(torch.int32)],
        {"num_heads": heads}, dtype=query.dtype, shape=flat[0].shape, version=1,
    )  # fmt: skip
    return mixed.reshape(texts, tokens, heads, width), None


def pack_projections(graph: Any) -> None:
    """Replace each attention and the three products before it by one operator, in place.

    Args:
        graph: onnx `GraphProto` traced under `one_node_attention`; one without such attention stays as it is.
    """
    for node in [node for node in graph.node if node.op_type == "MultiHeadAttention"]:
        _pack(graph, node)
    _drop_unused(graph)


def _pack(graph: Any, node: Any) -> None:
    from onnx import helper, numpy_helper

    makers = {name: maker for maker in graph.node for name in maker.output}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    sums = [_before_reshapes(makers, name) for name in node.input[:3]]
    products = [makers[name] for one in sums for name in one.input if name in makers]
    # A linear layer is exported as product and sum, and the bias may stand on either side of the sum.
    kernels = [numpy_helper.to_array(weights[product.input[1]]) for product in products]
    biases = [numpy_helper.to_array(weights[name]) for one in sums for name in one.input if name in weights]
    packed, bias = f"{products[0].input[1]}_packed", f"{products[0].input[1]}_packed_bias"
    if packed not in weights:  # layers that share their weights, as ALBERT's do, share the packed ones
        graph.initializer.append(numpy_helper.from_array(np.concatenate(kernels, axis=1), packed))
        graph.initializer.append(numpy_helper.from_array(np.concatenate(biases), bias))
    heads = next(attribute.i for attribute in node.attribute if attribute.name == "num_heads")
    inputs = [products[0].input[0], packed, bias, node.input[4]]
    place = list(graph.node).index(node)
    result = _after_reshapes(graph, node.output[0])
    graph.node.insert(place, helper.make_node("Attention", inputs, [result], domain=_DOMAIN, num_heads=heads))


def _before_reshapes(makers: dict[str, Any], name: str) -> Any:
    """The node that made a tensor, looking through changes of shape: heads are split only to be joined again."""
    while makers[name].op_type == "Reshape":
        name = makers[name].input[0]
    return makers[name]


def _after_reshapes(graph: Any, name: str) -> str:
    """Remove the changes of shape that follow a tensor and give the name under which the last one was read."""
    reader = next((node for node in graph.node if node.op_type == "Reshape" and node.input[0] == name), None)
    if reader is None:
        return name
    graph.node.remove(reader)
    return _after_reshapes(graph, reader.output[0])


def _drop_unused(graph: Any) -> None:
    """Remove what nothing reads any more, from the end to the beginning: nodes are in order of computation."""
    read = {output.name for output in graph.output}
    for node in reversed(list(graph.node)):
        if read.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            read.update(node.input)
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in read]:
        graph.initializer.remove(tensor)
