"""Training from start, or from where it was killed, to an adapter folder."""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from shared.models import resolve_model
from shared.runs import UserError, write_json
from shared.sft._examples import Collator, Examples, mixture_order
from shared.sft._heads import fit_heads
from shared.sft._model import add_adapter, compute_dtype, load_base
from shared.sft._rows import checkpoint_layers
from shared.sft._safety import SafetyTeacher
from shared.sft._settings import HEADS, BaseModel, Training
from shared.sft._trainer import MarkComplete, ShowProgress, SupportTrainer, WriteMetrics, latest_complete

SUPPORT_FILE = "support.json"
_SPARE_BYTES = 64 * 2**20


class Trained(NamedTuple):
    """A finished training.

    Attributes:
        model: the tuned model (a peft model, or the model itself after full tuning), in evaluation mode.
        history: the trainer's rows.
        order: indices of the training examples in the order they were used.
        resumed_from: step of the checkpoint that the training went on from, 0 for none.
        seconds: wall time of this part of the training.
        optimiser_bytes: size of the optimiser's state.
    """

    model: Any
    history: list[dict[str, float]]
    order: np.ndarray
    resumed_from: int
    seconds: float
    optimiser_bytes: int


def train(
    base: BaseModel,
    training: Training,
    examples: pd.DataFrame,
    *,
    padding: int,
    folder: Path,
    safety: SafetyTeacher | None = None,
    evaluate_heads: Callable[[Any], dict[str, float]] | None = None,
    quiet: bool = False,
) -> Trained:
    """Tune the base model on a mixture of corpora; goes on from the newest complete checkpoint in `folder`.

    Args:
        base: the model, its quantisation and the sizes of its heads.
        training: steps, weights, adapter.
        examples: rows of the canonical table, training split only.
        padding: id of the padding token.
        folder: for checkpoints and metrics; the same folder resumes.
        safety: teacher for the divergence on safety prompts, needed if `training.safety_weight` is positive.
        evaluate_heads: metrics of the current model, see `Training.eval_every`.
        quiet: show no progress of the steps.

    Raises:
        UserError: unusable settings, no examples, a loss that is not a number, or a full disk.
    """
    from transformers import PrinterCallback

    training.check()
    if examples.empty:
        raise UserError("There are no training examples. Check the stage `sources` and max_train_examples.")
    order = mixture_order(list(examples["source"]), draws=_draws(training), alpha=training.alpha, seed=training.seed)
    model = _prepared(base, training, examples, padding)
    require_disk_space(folder, _checkpoint_bytes(model))
    trainer = SupportTrainer(
        training=training,
        safety=safety if training.safety_weight else None,
        evaluate_heads=evaluate_heads,
        model=model,
        args=_arguments(base, training, folder),
        train_dataset=Examples(examples, order),
        data_collator=Collator(padding),
        callbacks=[MarkComplete(), WriteMetrics(folder), *([] if quiet else [ShowProgress()])],
    )
    start = latest_complete(folder)
    # Trainer would print every logged row; the metrics files hold them.
    trainer.remove_callback(PrinterCallback)
    with readable_disk_errors(folder):
        result = trainer.train(resume_from_checkpoint=str(start) if start else None)
    fit_heads(model, examples, training, padding=padding)
    return Trained(
        model.eval(),
        list(trainer.state.log_history),
        order,
        int(start.name.rsplit("-", 1)[-1]) if start else 0,
        float(result.metrics["train_runtime"]),
        _optimiser_bytes(trainer.optimizer),
    )


def _prepared(base: BaseModel, training: Training, examples: pd.DataFrame, padding: int) -> Any:
    model = load_base(base)
    # Before the adapter, so that the base keeps such heads too. A resumed training overwrites them with its own.
    fit_heads(model, examples, training, padding=padding)
    if training.method == "lora":
        return add_adapter(model, training)
    if training.gradient_checkpointing:
        checkpoint_layers(model)
    return model


def _draws(training: Training) -> int:
    import os

    return training.steps * training.batch_size * training.accumulation * int(os.environ.get("WORLD_SIZE", "1"))


def _arguments(base: BaseModel, training: Training, folder: Path) -> Any:
    from transformers import TrainingArguments

    dtype = compute_dtype(base.precision)
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=training.steps,
        per_device_train_batch_size=training.batch_size,
        gradient_accumulation_steps=training.accumulation,
        learning_rate=training.learning_rate,
        warmup_steps=int(training.warmup_ratio * training.steps),
        lr_scheduler_type=training.scheduler,
        max_grad_norm=training.clip,
        weight_decay=training.weight_decay,
        optim=optimiser_name(training),
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        use_cpu=not torch.cuda.is_available(),
        activation_checkpointing=training.gradient_checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False} if training.gradient_checkpointing else None,
        logging_steps=training.log_every,
        logging_nan_inf_filter=False,
        eval_strategy="no",
        save_strategy="steps" if training.save_every else "no",
        save_steps=training.save_every or training.steps,
        save_total_limit=2,
        report_to=[],
        seed=training.seed,
        data_seed=training.seed,
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_num_workers=0,
    )


def optimiser_name(training: Training) -> str:
    """The optimiser that "auto" stands for here: paged 8-bit AdamW needs a GPU to page to and from."""
    if training.optimiser != "auto":
        return training.optimiser
    return "paged_adamw_8bit" if torch.cuda.is_available() else "adamw_torch"


def _checkpoint_bytes(model: Any) -> int:
    """Adapter or model, and two moments for each trained weight."""
    trained = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    return 3 * trained


def _optimiser_bytes(optimiser: Any) -> int:
    states = getattr(optimiser, "optimizer", optimiser).state.values()
    return sum(v.numel() * v.element_size() for s in states for v in s.values() if torch.is_tensor(v))


def require_disk_space(folder: Path, needed: int) -> None:
    """Refuse before training if two checkpoints and the result do not fit on the disk.

    Raises:
        UserError: less space than that is free.
    """
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < 3 * needed + _SPARE_BYTES:
        raise UserError(
            f"The disk of {folder} has {free / 2**20:,.0f} MiB free; checkpoints and the result need about "
            f"{(3 * needed + _SPARE_BYTES) / 2**20:,.0f} MiB. Free some space, or set COLLOQUY_HOME to another disk."
        )


@contextmanager
def readable_disk_errors(folder: Path) -> Iterator[None]:
    """Turn "no space left", however a library words it, into one message; what was half written is removed.

    Raises:
        UserError: the disk is full.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if not _disk_is_full(error, folder):
            raise
        latest_complete(folder)
        raise UserError(
            f"The disk of {folder} is full ({str(error).splitlines()[0]}). Nothing half-written was kept. Free some "
            "space and run the stage again: it goes on from the last complete checkpoint."
        ) from error


def _disk_is_full(error: Exception, folder: Path) -> bool:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or "No space left" in str(error) or shutil.disk_usage(folder).free < 2**20


def save_tuned(
    trained: Trained, base: BaseModel, training: Training, folder: Path, labels: dict[str, list[str]]
) -> None:
    """Write adapter and heads (or the whole model) as safetensors, the tokenizer, and what is needed to load them.

    Args:
        trained: from `train`.
        base: as trained.
        training: as trained.
        folder: an existing, empty folder.
        labels: names of emotions and strategies in id order.
    """
    from transformers import AutoTokenizer

    trained.model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(resolve_model(base.name)).save_pretrained(folder)
    facts = {"base": base.name, "quantisation": base.quantisation, "precision": base.precision, "seed": base.seed}
    write_json(folder / SUPPORT_FILE, {**facts, **labels, "training": training.as_dict()})


def load_tuned(folder: Path, *, trainable: bool = False) -> Any:
    """A tuned model from the folder that `save_tuned` wrote, ready to answer; heads included.

    Args:
        folder: of an adapter, or of a fully tuned model.
        trainable: let an adapter be trained further.

    Raises:
        UserError: the folder is not one of `save_tuned`, or was written before heads read a standardised state.
    """
    from peft import PeftModel

    facts = read_support_file(folder)
    if "head_examples" not in facts["training"]:
        raise UserError(f"{folder} was tuned before heads read a standardised state. Run the stage `sft` again.")
    base = BaseModel(
        name=facts["base"] if (folder / "adapter_config.json").exists() else str(folder),
        quantisation=facts["quantisation"],
        precision=facts["precision"],
        n_emotions=len(facts["emotions"]),
        n_strategies=len(facts["strategies"]),
        seed=facts["seed"],
    )
    model = load_base(base)
    if (folder / "adapter_config.json").exists():
        model = PeftModel.from_pretrained(model, folder, is_trainable=trainable)
    return model.train() if trainable else model.eval()


def read_support_file(folder: Path) -> dict[str, Any]:
    """What `save_tuned` wrote beside the weights.

    Raises:
        UserError: there is no such file.
    """
    import json

    path = folder / SUPPORT_FILE
    if not path.exists():
        raise UserError(f"{folder} is not a tuned support model: {SUPPORT_FILE} is missing. Run the stage `sft` first.")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def save_plain(model: Any, base: BaseModel, folder: Path) -> None:
    """Write a merged or fully tuned model as an ordinary causal LM without heads, for any tool that loads one.

    Args:
        model: from `merge`, or a fully tuned model.
        base: for the tokenizer and the number format.
        folder: an existing, empty folder.
    """
    import json

    from transformers import AutoTokenizer

    dtype = compute_dtype(base.precision)
    weights = {name: w.to(dtype) for name, w in model.state_dict().items() if not name.startswith(HEADS)}
    if model.config.tie_word_embeddings:
        weights.pop("lm_head.weight", None)
    model.save_pretrained(folder, state_dict=weights)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    plain = {name: value for name, value in config.items() if name not in (HEADS, "quantization_config")}
    architectures = [name.removeprefix("Support") for name in config["architectures"]]
    write_json(folder / "config.json", {**plain, "architectures": architectures, "dtype": str(dtype).split(".")[-1]})
    AutoTokenizer.from_pretrained(resolve_model(base.name)).save_pretrained(folder)


def tokenizer_of(folder: Path) -> Any:
    """The tokenizer that `save_tuned` put beside the weights."""
    from transformers import AutoTokenizer

    read_support_file(folder)
    return AutoTokenizer.from_pretrained(folder)
