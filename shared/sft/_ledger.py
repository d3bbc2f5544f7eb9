"""The memory ledger: what training will take, component by component, before anything is loaded; and what it took."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import torch

from shared.models import resolve_model
from shared.runs import UserError
from shared.sft._lm_loss import _CHUNK_ELEMENTS
from shared.sft._model import compute_dtype, support_class, without_adapter
from shared.sft._rows import MLP_ROWS
from shared.sft._settings import HEADS, LORA_TARGETS, BaseModel, Training
from shared.sft._train import optimiser_name

GIB = 2**30
_NF4_BLOCK = 64  # weights that share one scale
_NF4_GROUP = 256  # scales that share one fp32 scale of their own (double quantisation)
_STATE_BYTES = {"paged_adamw_8bit": 2.03, "adamw_8bit": 2.03, "adamw_torch": 8.0}  # bytes a trained weight
_CONTEXT_BYTES = {"cuda": 450 * 2**20, "cpu": 0}  # CUDA context and cuBLAS workspace
_SPARE = 0.05  # share of the device left for fragments


class Line(NamedTuple):
    """One component: bytes predicted, bytes measured (NaN = not measured), and how they are counted."""

    component: str
    predicted: float
    measured: float
    how: str


class Shapes(NamedTuple):
    """Weights of a model by how they are held.

    Attributes:
        matrices: weights of the decoder's linear layers, which 4 bits may hold.
        other: embeddings, an untied LM head, biases.
        norms: of the layers.
        heads: of the support heads.
        adapter: weights of the LoRA adapter.
    """

    matrices: int
    other: int
    norms: int
    heads: int
    adapter: int


def model_shapes(base: BaseModel, training: Training) -> Shapes:
    """Count weights from the configuration alone, without reading or allocating any.

    Raises:
        UserError: the model cannot be found or is no causal LM.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig

    config = AutoConfig.from_pretrained(resolve_model(base.name))
    setattr(config, HEADS, {"emotions": base.n_emotions, "strategies": base.n_strategies})
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UserError(f"'{base.name}' is a {config.model_type} model, not a causal language model.")
    with torch.device("meta"):
        model = support_class(MODEL_FOR_CAUSAL_LM_MAPPING[type(config)])(config)
    return _count(model, training)


def _count(model: Any, training: Training) -> Shapes:
    linear = {name: m for name, m in model.base_model.named_modules() if isinstance(m, torch.nn.Linear)}
    matrices = sum(m.weight.numel() for m in linear.values())
    adapter = sum(
        training.lora_rank * (m.in_features + m.out_features)
        for name, m in linear.items()
        if name.rsplit(".", 1)[-1] in LORA_TARGETS
    )
    heads = sum(p.numel() for p in model.support_heads.parameters())
    norms = sum(p.numel() for name, p in model.named_parameters() if "norm" in name)
    everything = sum(p.numel() for p in model.parameters())  # a tied LM head is counted once
    return Shapes(matrices, everything - matrices - heads - norms, norms, heads, adapter)


def predict_memory(base: BaseModel, training: Training, *, tokens: int, supervised: float = 1.0) -> list[Line]:
    """Peak memory of a training step by component.

    Args:
        base: model, quantisation and precision.
        training: batch size, checkpointing, adapter, optimiser.
        tokens: tokens of the longest row.
        supervised: share of tokens in [0, 1] that the LM head runs on.

    Returns:
        Lines in bytes. Activations follow what autograd keeps for a Qwen2 decoder layer (measured, see the tests).
    """
    from transformers import AutoConfig

    shapes = model_shapes(base, training)
    config = AutoConfig.from_pretrained(resolve_model(base.name))
    size = torch.empty((), dtype=compute_dtype(base.precision)).element_size()
    nan = float("nan")
    matrix_bytes = _matrix_bytes(shapes.matrices, base, size)
    trained = _trained(shapes, training)
    trained_size = 4 if training.method == "lora" else size
    rows = training.batch_size * tokens
    lines = [
        Line(
            "decoder matrices",
            matrix_bytes,
            nan,
            "NF4 with doubly quantised scales" if base.quantisation == "nf4" else "as loaded",
        ),
        Line("embeddings and the rest", (shapes.other + shapes.norms) * size, nan, "compute precision"),
        Line("heads, twice under LoRA", shapes.heads * 4 * (2 if training.method == "lora" else 1), nan, "fp32"),
        Line("adapter", shapes.adapter * 4 if training.method == "lora" else 0, nan, "fp32"),
        Line("gradients", trained * trained_size, nan, "of what is trained"),
        Line("optimiser", trained * _STATE_BYTES.get(optimiser_name(training), 8.0), nan, optimiser_name(training)),
        Line("activations", kept_bytes(config, base, training, rows, size), nan, "kept for the backward pass"),
        passing_line(config, base, training, rows, supervised, size),
        Line(
            "device context", _CONTEXT_BYTES["cuda" if torch.cuda.is_available() else "cpu"], nan, "kernels, workspace"
        ),
    ]
    return [line for line in lines if line.predicted]


def _matrix_bytes(weights: int, base: BaseModel, size: int) -> float:
    if base.quantisation == "none":
        return weights * size
    return weights * (0.5 + 1 / _NF4_BLOCK + 4 / (_NF4_BLOCK * _NF4_GROUP))


def _trained(shapes: Shapes, training: Training) -> int:
    if training.method == "lora":
        return shapes.adapter + shapes.heads
    return shapes.matrices + shapes.other + shapes.norms + shapes.heads


def kept_bytes(config: Any, base: BaseModel, training: Training, rows: int, size: int) -> float:
    """Bytes that autograd keeps for `rows` tokens: every layer in full, or with checkpointing an input a layer."""
    layers = config.num_hidden_layers
    if training.gradient_checkpointing:
        return float(rows * layers * config.hidden_size * size)
    return layers * _layer_bytes(config, base, training, rows, rows, size)


def passing_line(config: Any, base: BaseModel, training: Training, rows: int, supervised: float, size: int) -> Line:
    """The largest of what comes and goes in a step.

    The LM head's chunks are gone before the first layer is recomputed, so the two do not add up.
    """
    head = _lm_head_bytes(config, rows * supervised, size)
    layer = 0.0
    if training.gradient_checkpointing:
        layer = _layer_bytes(config, base, training, rows, min(rows, MLP_ROWS), size)
    matrix = config.hidden_size * config.intermediate_size * size if base.quantisation == "nf4" else 0
    if layer + matrix > head:
        return Line("passing", layer + matrix, float("nan"), "one layer recomputed")
    return Line("passing", head, float("nan"), "LM head: chunks of logits, one gradient")


def _layer_bytes(config: Any, base: BaseModel, training: Training, rows: int, mlp_rows: int, size: int) -> float:
    """What autograd keeps of one decoder layer for `rows` tokens, of which the MLP sees `mlp_rows` at a time."""
    width, inner = config.hidden_size, config.intermediate_size
    values = width * config.num_key_value_heads / config.num_attention_heads
    # Fitted to what autograd saved in Qwen2 layers of nine shapes (residual below 1 %): norms and residuals, attention,
    # MLP. A 4-bit matrix keeps one more copy of the MLP's inner states, dropout a mask and a copy of adapter inputs.
    four_bits = 3.0 if base.quantisation == "nf4" else 0.0
    dropout = bool(training.lora_dropout) and training.method == "lora"
    attention = size * (12.4 * width + 2.7 * values) + (24 * width if dropout else 0)
    mlp = size * (4.2 + four_bits) * inner + (4 * inner if dropout else 0)
    return rows * attention + mlp_rows * mlp


def _lm_head_bytes(config: Any, supervised: float, size: int) -> float:
    chunk = min(_CHUNK_ELEMENTS, supervised * config.vocab_size)
    return chunk * (4 + size) + supervised * config.hidden_size * 2 * size


def available_bytes(limit_gib: float = 0.0) -> float:
    """Memory that training may take: the given limit, else what the device has free."""
    if limit_gib:
        return limit_gib * GIB
    if torch.cuda.is_available():
        return float(torch.cuda.mem_get_info()[0])
    return float(psutil.virtual_memory().available)


def require_memory(lines: list[Line], available: float, training: Training, base: BaseModel, tokens: int) -> float:
    """Refuse before training what cannot fit.

    Args:
        lines: the prediction.
        available: bytes, from `available_bytes`.
        training: for the advice.
        base: for the advice.
        tokens: of the longest row.

    Returns:
        Predicted peak in bytes.

    Raises:
        UserError: the prediction is above what is available, with the largest components and what would help.
    """
    total = sum(line.predicted for line in lines)
    if total > available * (1 - _SPARE):
        largest = sorted(lines, key=lambda line: -line.predicted)[:3]
        parts = ", ".join(f"{line.component} {line.predicted / GIB:.2f}" for line in largest)
        raise UserError(
            f"Training would take about {total / GIB:.2f} GiB of {available / GIB:.2f} GiB (largest: {parts}). "
            f"What helps: {'; '.join(_advice(training, base, tokens))}."
        )
    return total


def _advice(training: Training, base: BaseModel, tokens: int) -> list[str]:
    advice = []
    if not training.gradient_checkpointing:
        advice.append("gradient_checkpointing: true")
    if training.batch_size > 1:
        advice.append(f"batch_size: 1 with accumulation: {training.batch_size * training.accumulation}")
    if tokens > 256:
        advice.append(f"max_length: {tokens // 2} in the stage sources")
    if base.quantisation == "none" and training.method == "lora":
        advice.append("quantisation: nf4")
    if training.method == "full":
        advice.append("method: lora")
    return advice or ["a smaller base model"]


class Meter:
    """Bytes that were measured: saved by autograd (on any device) and the peak of the device or process."""

    def __init__(self) -> None:
        self.saved = 0
        self.peak = 0


@contextmanager
def measure_saved(model: torch.nn.Module) -> Iterator[Meter]:
    """Count what autograd keeps between forward and backward: each storage once, weights not."""
    meter = Meter()
    seen = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            meter.saved += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield meter


def peak_bytes() -> int:
    """Peak of the GPU's allocator, or of this process on a CPU."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    import resource
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measured_ledger(lines: list[Line], model: Any, batch: dict[str, torch.Tensor], optimiser_bytes: int) -> list[Line]:
    """The ledger with what one forward pass and the weights in memory really take.

    Args:
        lines: the prediction.
        model: the model after training.
        batch: one batch from the collator, as large as the prediction assumed.
        optimiser_bytes: size of the optimiser's state.
    """
    found = _weight_bytes(model) | {"optimiser": float(optimiser_bytes), "activations": float(_saved_by(model, batch))}
    return [line._replace(measured=found.get(line.component, float("nan"))) for line in lines]


def _weight_bytes(model: Any) -> dict[str, float]:
    from bitsandbytes.nn.modules import Linear4bit

    base = without_adapter(model)
    matrices = heads = adapter = rest = gradients = 0.0
    linear = {id(m.weight) for m in base.base_model.modules() if isinstance(m, torch.nn.Linear)}
    for module in base.modules():
        if isinstance(module, Linear4bit):
            matrices += _scale_bytes(module.quant_state)
    for name, parameter in base.named_parameters():
        size = parameter.numel() * parameter.element_size()
        gradients += size if parameter.requires_grad else 0
        if HEADS in name:
            heads += size
        elif "lora_" in name:
            adapter += size
        elif id(parameter) in linear:
            matrices += size
        else:
            rest += size
    return {
        "decoder matrices": matrices,
        "embeddings and the rest": rest,
        "heads, twice under LoRA": heads,
        "adapter": adapter,
        "gradients": gradients,
    }


def _scale_bytes(state: Any) -> float:
    scales = state.absmax.numel() * state.absmax.element_size()
    nested = state.state2.absmax.numel() * 4 if state.nested else 0
    return float(scales + nested)


def _saved_by(model: Any, batch: dict[str, torch.Tensor]) -> int:
    device = next(model.parameters()).device
    inputs = {k: v.to(device) for k, v in batch.items() if k in ("input_ids", "attention_mask", "prompt_length")}
    model.train()
    dtype = without_adapter(model).dtype
    with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32), measure_saved(model) as meter:
        output = model(**inputs)
    del output
    model.eval()
    return meter.saved


def measure_peak(folder: Path) -> dict[str, float]:
    """Peak of this process or device so far, and free space beside the run."""
    import shutil

    return {"peak_bytes": float(peak_bytes()), "disk_free_bytes": float(shutil.disk_usage(folder).free)}
