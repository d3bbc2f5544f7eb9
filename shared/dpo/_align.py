"""Preference training of an SFT adapter with trl, and what it did, measured on held-out pairs by our own arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional
from transformers import PrinterCallback

from shared.dpo._pairs import Judged, Pair
from shared.runs import UserError, write_json
from shared.sft import (
    IGNORED,
    load_tuned,
    read_support_file,
    readable_disk_errors,
    require_disk_space,
    token_divergence,
)

START = "ref"  # trl's name for the frozen copy of the adapter that training starts from


@dataclass(frozen=True)
class Alignment:
    """One preference training.

    Attributes:
        objective: "dpo" learns from pairs, "kto" from single judgements.
        loss: trl's name of the loss; "" is the objective's usual one.
        beta: how much a drift from the start costs, positive.
        steps, batch_size, accumulation, learning_rate: as in training; KTO needs a batch of at least 2.
        max_length: tokens of prompt and answer.
        seed: of the order.
    """

    objective: Literal["dpo", "kto"] = "dpo"
    loss: str = ""
    beta: float = 0.1
    steps: int = 100
    batch_size: int = 4
    accumulation: int = 1
    learning_rate: float = 5e-5
    max_length: int = 512
    log_every: int = 5
    seed: int = 0


class Aligned(NamedTuple):
    """The aligned model (its start is the adapter "ref") and the trainer's history."""

    model: Any
    history: list[dict[str, float]]


def align(
    adapter: Path, alignment: Alignment, examples: Sequence[Pair] | Sequence[Judged], tokenizer: Any, *, folder: Path
) -> Aligned:
    """Go on training an SFT adapter on preferences; the reference is the adapter as it was.

    Args:
        adapter: folder of `save_tuned`, method "lora".
        alignment: objective and settings.
        examples: pairs for DPO, judgements for KTO.
        tokenizer: of the adapter.
        folder: for the trainer's files.

    Raises:
        UserError: the adapter is missing, examples are of the wrong kind or too long, or the disk is full.
    """
    if not (adapter / "adapter_config.json").exists():
        raise UserError(
            f"{adapter} holds no adapter: preference training continues one. Tune with method='lora' first."
        )
    _require_kind(alignment, examples)
    require_short_enough(examples, tokenizer, alignment.max_length)
    model = load_tuned(adapter, trainable=True)
    require_disk_space(folder, sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad))
    torch.manual_seed(alignment.seed)
    trainer = _trainer(model, alignment, examples, tokenizer, folder)
    trainer.remove_callback(PrinterCallback)  # it prints each row of the history, which is kept anyway
    with readable_disk_errors(folder):
        trainer.train()
    history = [row for row in trainer.state.log_history if "loss" in row]
    require_finite(history)
    return Aligned(model.eval(), history)


def _require_kind(alignment: Alignment, examples: Sequence[Any]) -> None:
    wanted = Pair if alignment.objective == "dpo" else Judged
    if not examples or not all(isinstance(example, wanted) for example in examples):
        kind = "pairs" if wanted is Pair else "single judgements"
        raise UserError(f"{alignment.objective.upper()} learns from {kind}; none were given.")
    if alignment.objective == "kto" and len({e.liked for e in examples}) < 2:
        raise UserError("KTO needs liked and disliked answers; all of these are of one kind.")
    if alignment.objective == "kto" and alignment.batch_size < 2:
        raise UserError("KTO compares each answer with another prompt's: batch_size must be at least 2.")


def require_finite(history: Sequence[dict[str, float]]) -> None:
    """Refuse a training whose loss was not a number.

    Raises:
        UserError: at which step.
    """
    wrong = [row["step"] for row in history if not np.isfinite(float(row["loss"]))]
    if wrong:
        raise UserError(
            f"The preference loss is not a number at step {wrong[0]}. Nothing was saved. Lower learning_rate."
        )


def _answers(example: Any) -> list[str]:
    return [example.chosen, example.rejected] if isinstance(example, Pair) else [example.answer]


def require_short_enough(examples: Sequence[Any], tokenizer: Any, max_length: int) -> None:
    """Refuse examples that would be cut: a cut answer is another answer.

    Raises:
        UserError: how many are too long, and the longest.
    """
    lengths = [max(len(_encode(e.messages, a, tokenizer)[0]) for a in _answers(e)) for e in examples]
    too_long = sum(length > max_length for length in lengths)
    if too_long:
        raise UserError(
            f"{too_long} example(s) are longer than max_length {max_length} (the longest has {max(lengths)} tokens). "
            "Raise max_length, or leave them out."
        )


def _encode(messages: list[dict[str, str]], answer: str, tokenizer: Any) -> tuple[list[int], int]:
    """Tokens of prompt and answer, and the number of prompt tokens."""
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(
        [*messages, {"role": "assistant", "content": answer}], tokenize=False
    ).rstrip()
    encoded = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    return encoded["input_ids"], sum(end <= len(prompt) for _, end in encoded["offset_mapping"])


def _trainer(model: Any, alignment: Alignment, examples: Sequence[Any], tokenizer: Any, folder: Path) -> Any:
    from datasets import Dataset
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer
    from trl.trainer.kto_config import KTOConfig
    from trl.trainer.kto_trainer import KTOTrainer

    kind: dict[str, tuple[Any, Any, str]] = {
        "dpo": (DPOTrainer, DPOConfig, "sigmoid"),
        "kto": (KTOTrainer, KTOConfig, "kto"),
    }
    trainer, config, usual = kind[alignment.objective]
    return trainer(
        model=model,
        args=config(loss_type=alignment.loss or usual, **_options(alignment, model, folder)),
        train_dataset=Dataset.from_list([_trl_row(e) for e in examples]),
        processing_class=tokenizer,
    )


def _options(alignment: Alignment, model: Any, folder: Path) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "beta": alignment.beta,
        "max_steps": alignment.steps,
        "per_device_train_batch_size": alignment.batch_size,
        "gradient_accumulation_steps": alignment.accumulation,
        "learning_rate": alignment.learning_rate,
        "max_length": alignment.max_length,
        "logging_steps": min(alignment.log_every, alignment.steps),  # a short training has a history as well
        "seed": alignment.seed,
        "bf16": model.get_base_model().dtype == torch.bfloat16,
        "use_cpu": not torch.cuda.is_available(),
        "gradient_checkpointing": torch.cuda.is_available(),
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
    }


def _trl_row(example: Any) -> dict[str, Any]:
    if isinstance(example, Pair):
        answers = {"chosen": _turn(example.chosen), "rejected": _turn(example.rejected)}
        return {"prompt": example.messages, **answers}
    return {"prompt": example.messages, "completion": _turn(example.answer), "label": example.liked}


def _turn(answer: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": answer}]


def dpo_loss(chosen: Tensor, rejected: Tensor, start_chosen: Tensor, start_rejected: Tensor, *, beta: float) -> Tensor:
    """DPO's loss of each pair from log-probabilities of whole answers.

    Args:
        chosen: (pairs,), log-probability of the chosen answer under the model.
        rejected: (pairs,), of the rejected one.
        start_chosen: (pairs,), of the chosen answer under the start.
        start_rejected: (pairs,), of the rejected one under the start.
        beta: positive.

    Returns:
        (pairs,), -log σ(β ((chosen − start_chosen) − (rejected − start_rejected))); ln 2 where nothing moved.

    Source: Rafailov et al. 2023, "Direct Preference Optimization", equation 7.
    """
    return -functional.logsigmoid(beta * ((chosen - start_chosen) - (rejected - start_rejected)))


def measure_pairs(model: Any, pairs: Sequence[Pair], tokenizer: Any, *, beta: float) -> pd.DataFrame:
    """What alignment did to each held-out pair.

    Args:
        model: from `align`, or any peft model whose adapters are "default" (now) and "ref" (start).
        pairs: held out.
        tokenizer: of the model.
        beta: scale of the rewards.

    Returns:
        One row a pair: reward_chosen, reward_rejected (β times the change in log-probability), margin, right (1 if the
        margin is positive), loss, chosen_words, rejected_words, divergence (KL of the start from now, nats a token of
        the chosen answer), prompt.
    """
    return pd.DataFrame([_measure_pair(model, pair, tokenizer, beta) for pair in pairs])


def _measure_pair(model: Any, pair: Pair, tokenizer: Any, beta: float) -> dict[str, Any]:
    now = {a: _log_probabilities(model, "default", pair, a, tokenizer) for a in ("chosen", "rejected")}
    start = {a: _log_probabilities(model, START, pair, a, tokenizer) for a in ("chosen", "rejected")}
    rewards = {a: beta * float(now[a][0] - start[a][0]) for a in now}
    loss = dpo_loss(now["chosen"][0], now["rejected"][0], start["chosen"][0], start["rejected"][0], beta=beta)
    return {
        "prompt": pair.messages[-1]["content"],
        "reward_chosen": rewards["chosen"],
        "reward_rejected": rewards["rejected"],
        "margin": rewards["chosen"] - rewards["rejected"],
        "right": float(rewards["chosen"] > rewards["rejected"]),
        "loss": float(loss),
        "chosen_words": len(pair.chosen.split()),
        "rejected_words": len(pair.rejected.split()),
        "divergence": float(token_divergence(start["chosen"][1], now["chosen"][1])),
    }


def _log_probabilities(model: Any, adapter: str, pair: Pair, which: str, tokenizer: Any) -> tuple[Tensor, Tensor]:
    """Log-probability of a whole answer, and the distributions at its tokens (tokens, vocabulary)."""
    ids, prompt = _encode(pair.messages, getattr(pair, which), tokenizer)
    tokens = torch.tensor([ids], device=next(model.parameters()).device)
    labels = tokens.clone()
    labels[:, :prompt] = IGNORED
    model.set_adapter(adapter)
    with torch.inference_mode():
        logits = model(input_ids=tokens, attention_mask=torch.ones_like(tokens), use_cache=False).logits
    model.set_adapter("default")
    distributions = functional.log_softmax(logits[0, prompt - 1 : -1].float(), dim=-1)
    return distributions.gather(1, tokens[0, prompt:, None]).sum(), distributions


def save_aligned(aligned: Aligned, start: Path, folder: Path, alignment: Alignment) -> None:
    """Write the aligned adapter like an SFT adapter, with what it was aligned by.

    Args:
        aligned: from `align`.
        start: folder of the SFT adapter.
        folder: an existing, empty folder.
        alignment: as trained.
    """
    from dataclasses import asdict

    from transformers import AutoTokenizer

    aligned.model.save_pretrained(folder, selected_adapters=["default"])
    AutoTokenizer.from_pretrained(start).save_pretrained(folder)
    write_json(folder / "support.json", {**read_support_file(start), "alignment": asdict(alignment)})
