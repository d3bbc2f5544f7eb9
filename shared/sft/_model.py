"""The support model: any causal LM of transformers with three heads on the hidden state of the last prompt token."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from shared.models import fast_dtype, resolve_model
from shared.runs import UserError
from shared.sft._lm_loss import IGNORED, supervised_loss
from shared.sft._rows import checkpoint_layers
from shared.sft._settings import HEADS, LORA_TARGETS, BaseModel, Training

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


_LEAST_SPREAD = 1e-4  # what varies less is noise of the arithmetic


class HeadOutputs(dict[str, Tensor]):
    """Predictions by task: emotion (rows, emotions), strategy (rows, strategies), valence_arousal (rows, 2)."""


class SupportHeads(nn.Module):
    """Emotion, strategy and valence/arousal from one hidden state, and a log-variance for each task.

    The log-variances belong here, so that an adapter saves them with the heads.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, width: int, n_emotions: int, n_strategies: int) -> None:
        super().__init__()
        self.emotion = nn.Linear(width, max(1, n_emotions))
        self.strategy = nn.Linear(width, max(1, n_strategies))
        self.valence_arousal = nn.Linear(width, 2)
        self.log_variance = nn.Parameter(torch.zeros(4))
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))

    def standardise(self, states: Tensor) -> None:
        """Take centre and spread of what is read from the states of training prompts, (rows, width)."""
        self.centre.copy_(states.mean(dim=0))
        self.spread.copy_(states.std(dim=0, correction=0).clamp_min(_LEAST_SPREAD))

    def forward(self, pooled: Tensor) -> tuple[HeadOutputs, Tensor]:
        """Predictions from (rows, width), and the log-variances in the order of `TASKS`."""
        centred = pooled.to(self.emotion.weight.dtype) - self.centre
        # Straight through: divided by so small a spread, the heads' gradients would drown the LM's in the base, and a
        # few steps of that can wipe out of the states what the heads read.
        state = (centred / self.spread).detach() + centred - centred.detach()
        with torch.autocast(state.device.type, enabled=False):
            outputs = HeadOutputs(
                emotion=self.emotion(state),
                strategy=self.strategy(state),
                valence_arousal=torch.tanh(self.valence_arousal(state)),
            )
        # A copy: DistributedDataParallel takes a parameter that leaves `forward` for a second use of it, and stops.
        return outputs, self.log_variance.clone()


@dataclass
class SupportOutput:
    """What the model says about one batch.

    Attributes:
        losses: by task, scalars; 0 for a task without labels in the batch.
        counts: supervised tokens (lm) or examples (heads) of each task.
        heads: predictions.
        hidden: (rows, tokens, width), where the tasks meet; gradient norms are taken here.
        log_variance: (4,), learned task uncertainties.
    """

    losses: dict[str, Tensor]
    counts: dict[str, int]
    heads: HeadOutputs
    hidden: Tensor
    log_variance: Tensor


class WithSupportHeads:
    """Mixed into a causal LM class: `forward` with `prompt_length` gives losses, without it is the LM's own."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)  # type: ignore[call-arg]
        sizes = getattr(config, HEADS, None) or {"emotions": 1, "strategies": 1}
        self.support_heads = SupportHeads(config.hidden_size, sizes["emotions"], sizes["strategies"])
        self.post_init()  # type: ignore[attr-defined]

    def _init_weights(self, module: nn.Module) -> None:
        """Initialise what a checkpoint lacks; bare parameters and buffers would stay uninitialised memory."""
        if isinstance(module, SupportHeads):
            nn.init.zeros_(module.log_variance)
            nn.init.zeros_(module.centre)
            nn.init.ones_(module.spread)
        else:
            super()._init_weights(module)  # type: ignore[misc]

    def forward(
        self,
        input_ids: Tensor | None = None,
        prompt_length: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,  # named here because `generate` looks for the name
        **inputs: Any,
    ) -> Any:
        """Losses and predictions of a batch from the collator, or plain LM outputs for `generate`."""
        if prompt_length is None:
            return super().forward(input_ids=input_ids, logits_to_keep=logits_to_keep, **inputs)  # type: ignore[misc]
        attention_mask = inputs.pop("attention_mask", None)
        backbone = self.base_model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)  # type: ignore[attr-defined]
        hidden = backbone.last_hidden_state
        heads, log_variance = self.support_heads(last_prompt_state(hidden, prompt_length))
        losses, counts = head_losses(heads, inputs)
        if inputs.get("labels") is not None:
            head = self.get_output_embeddings()  # type: ignore[attr-defined]
            losses["lm"] = supervised_loss(hidden, head, inputs["labels"], inputs.get("weights"))
            counts["lm"] = int((inputs["labels"][:, 1:] != IGNORED).sum())
        return SupportOutput(losses, counts, heads, hidden, log_variance)


def last_prompt_state(hidden: Tensor, prompt_length: Tensor) -> Tensor:
    """Hidden state of the token before the answer: it has read the whole prompt and nothing of the answer.

    Args:
        hidden: (rows, tokens, width), right-padded.
        prompt_length: (rows,), number of prompt tokens.
    """
    return hidden[torch.arange(len(hidden), device=hidden.device), prompt_length - 1].float()


def head_losses(heads: HeadOutputs, targets: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Losses of the heads on labelled examples, and how many there were.

    Args:
        heads: predictions.
        targets: emotion and strategy (rows,) ids with -100 for unlabelled; valence_arousal (rows, 2), NaN for
            unlabelled. A task that is not there is left out.

    Returns:
        Mean cross-entropy in nats, and mean squared error on the [-1, 1] scale; 0 where nothing is labelled.
    """
    losses, counts = {}, {}
    for task in ("emotion", "strategy"):
        if targets.get(task) is not None:
            losses[task], counts[task] = masked_cross_entropy(heads[task], targets[task])
    if targets.get("valence_arousal") is not None:
        losses["valence_arousal"], counts["valence_arousal"] = masked_squared_error(
            heads["valence_arousal"], targets["valence_arousal"]
        )
    return losses, counts


def masked_cross_entropy(logits: Tensor, labels: Tensor) -> tuple[Tensor, int]:
    """Mean over labelled rows (label != -100); 0 with a gradient of 0 if there is none."""
    labelled = int((labels != IGNORED).sum())
    total = functional.cross_entropy(logits.float(), labels, ignore_index=IGNORED, reduction="sum")
    return total / max(1, labelled), labelled


def masked_squared_error(predicted: Tensor, wanted: Tensor) -> tuple[Tensor, int]:
    """Mean over rows without NaN; 0 with a gradient of 0 if there is none."""
    labelled = ~torch.isnan(wanted).any(dim=1)
    difference = predicted.float() - torch.nan_to_num(wanted).float()
    n = int(labelled.sum())
    return (difference.square().mean(dim=1) * labelled).sum() / max(1, n), n


@cache
def support_class(causal_lm: type) -> type:
    """The class of causal LMs with support heads for one architecture."""
    return type(f"Support{causal_lm.__name__}", (WithSupportHeads, causal_lm), {"__module__": __name__})


def compute_dtype(precision: str) -> torch.dtype:
    """The number format of arithmetic; "auto" is the fast one of this machine."""
    return fast_dtype() if precision == "auto" else _DTYPES[precision]


def load_base(settings: BaseModel) -> Any:
    """The base model with fresh heads, frozen nowhere yet.

    Raises:
        UserError: no such model, no safetensors weights, or its architecture is no causal LM.
    """
    from transformers import AutoConfig, logging, set_seed

    folder = resolve_model(settings.name)
    if not list(folder.glob("*.safetensors")):
        raise UserError(
            f"The model '{settings.name}' has no safetensors weights in {folder}; other formats are not read."
        )
    logging.disable_progress_bar()
    config = AutoConfig.from_pretrained(folder)
    setattr(config, HEADS, {"emotions": settings.n_emotions, "strategies": settings.n_strategies})
    set_seed(settings.seed)
    level = logging.get_verbosity()
    logging.set_verbosity_error()  # that the heads are new is meant, not a warning
    model = _class_of(config, settings.name).from_pretrained(folder, config=config, **_loading(settings))
    logging.set_verbosity(level)
    model.support_heads.float()
    return keep_weights_unpacked(model)


def _class_of(config: Any, name: str) -> Any:
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UserError(f"'{name}' is a {config.model_type} model, not a causal language model.")
    return support_class(MODEL_FOR_CAUSAL_LM_MAPPING[type(config)])


def _loading(settings: BaseModel) -> dict[str, Any]:
    dtype = compute_dtype(settings.precision)
    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True}
    if settings.quantisation == "none":
        return options
    from transformers import BitsAndBytesConfig

    quantised = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        # New heads are absent from the checkpoint and would be quantised, which cannot be trained.
        llm_int8_skip_modules=[HEADS, "lm_head"],
    )
    return options | {"quantization_config": quantised, "device_map": {"": _device_index()}}


def _device_index() -> Any:
    import os

    return int(os.environ.get("LOCAL_RANK", "0")) if torch.cuda.is_available() else "cpu"


def keep_weights_unpacked(model: Any) -> Any:
    """Forbid bitsandbytes to repack 4-bit weights for fast CPU inference.

    The first evaluation would repack them in place, and nothing unpacks them when training or merging goes on: with
    biases an error follows, without biases gradients stop silently and merged weights are noise.
    """
    from bitsandbytes.nn.modules import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False
    return model


def add_adapter(model: Any, training: Training) -> Any:
    """Freeze the base and put a LoRA adapter on its linear layers; the heads are trained in full."""
    from peft import LoraConfig, get_peft_model
    from transformers import set_seed

    prepare_frozen(model, gradient_checkpointing=training.gradient_checkpointing)
    set_seed(training.seed)
    config = LoraConfig(
        r=training.lora_rank,
        lora_alpha=training.lora_alpha,
        lora_dropout=training.lora_dropout,
        target_modules=_targets(model),
        modules_to_save=[HEADS],
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def without_adapter(model: Any) -> Any:
    """The support model itself, whether or not it stands under an adapter; the adapter stays switched on."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def prepare_frozen(model: Any, *, gradient_checkpointing: bool) -> None:
    """Freeze every weight.

    peft's own preparation would also turn norms, embeddings and LM head into fp32: 0.6 GiB more for a 3B model, for
    nothing, since they are frozen.
    """
    model.requires_grad_(False)
    if gradient_checkpointing:
        checkpoint_layers(model)


def _targets(model: Any) -> list[str]:
    """Names of the decoder's linear layers that LoRA adapts."""
    names = {name.rsplit(".", 1)[-1] for name, m in model.base_model.named_modules() if isinstance(m, nn.Linear)}
    usual = sorted(names & set(LORA_TARGETS))
    return usual or sorted(names)


def merge(model: Any) -> Any:
    """The base with its adapter worked in, as a plain model in 16 or 32 bits.

    An adapter was trained against the 4-bit weights, so it is merged into those weights dequantised: into the original
    ones, or rounded to 4 bits again, it would be another model.

    Args:
        model: a peft model from `add_adapter` or `load_tuned`. It is consumed.
    """
    base = model.get_base_model()
    if getattr(base, "is_quantized", False):
        return _merge_dequantised(model)
    return model.merge_and_unload()


def _merge_dequantised(model: Any) -> Any:
    import tempfile

    from peft import PeftModel

    # peft unloads the adapter from the quantised base; the same adapter then goes onto the dequantised base.
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        base = model.unload().dequantize()
        base.support_heads.float()
        return PeftModel.from_pretrained(base, folder).merge_and_unload()


def save_tokenizer_files(source: Path, target: Path) -> None:
    """Put the base's tokenizer beside an adapter, so that the folder is enough to chat with."""
    from transformers import AutoTokenizer

    AutoTokenizer.from_pretrained(source).save_pretrained(target)
