"""Safety teacher: keep the tuned model's answers to unsafe prompts close to the frozen base's.

The base needs no second copy in memory: it is the same model with its adapter switched off.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from shared.runs import UserError
from shared.sft._lm_loss import IGNORED


class SafetyTeacher:
    """Batches of safety prompts with answers, and the divergence between base and tuned model on the answers.

    Args:
        rows: `input_ids` and `labels` of each, from `tokenise_safety`.
        padding: id of the padding token.
        batch_size: prompts a step.

    Raises:
        UserError: there are no rows.
    """

    def __init__(self, rows: Sequence[Mapping[str, list[int]]], *, padding: int, batch_size: int) -> None:
        if not rows:
            raise UserError(
                "safety_weight is positive, but there are no safety prompts. Name a file in safety_prompts."
            )
        self._rows = list(rows)
        self._padding = padding
        self._size = batch_size

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, step: int, device: torch.device) -> dict[str, Tensor]:
        """The prompts of one optimiser step; a resumed run gets the same ones."""
        chosen = [self._rows[(step * self._size + i) % len(self._rows)] for i in range(self._size)]
        width = max(len(row["input_ids"]) for row in chosen)
        ids = [row["input_ids"] + [self._padding] * (width - len(row["input_ids"])) for row in chosen]
        labels = [row["labels"] + [IGNORED] * (width - len(row["labels"])) for row in chosen]
        mask = [[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in chosen]
        return {
            "input_ids": torch.tensor(ids, device=device),
            "labels": torch.tensor(labels, device=device),
            "attention_mask": torch.tensor(mask, device=device),
        }

    def divergence(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """KL(base ‖ tuned) in nats a token, mean over the answers' tokens; the gradient reaches the adapter only."""
        keep = functional.pad(batch["labels"], (0, 1), value=IGNORED)[:, 1:] != IGNORED
        inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"], "logits_to_keep": keep}
        with torch.no_grad(), model.disable_adapter():
            base = functional.log_softmax(model(**inputs, use_cache=False).logits.float(), dim=-1)
        tuned = functional.log_softmax(model(**inputs, use_cache=False).logits.float(), dim=-1)
        return token_divergence(base, tuned)

    def mean_divergence(self, model: Any) -> float:
        """The divergence over all prompts, without gradients."""
        device = next(model.parameters()).device
        training = model.training
        model.eval()
        with torch.no_grad():
            steps = range(-(-len(self._rows) // self._size))
            values = [float(self.divergence(model, self.batch(step, device))) for step in steps]
        model.train(training)
        return sum(values) / len(values)


def token_divergence(base: Tensor, tuned: Tensor) -> Tensor:
    """Mean over tokens of KL(base ‖ tuned).

    Args:
        base: (..., vocabulary), log-probabilities of the teacher.
        tuned: the same shape, of the student.
    """
    return functional.kl_div(tuned, base, log_target=True, reduction="sum") / base[..., 0].numel()


def tokenise_safety(
    rows: Sequence[Mapping[str, Any]], tokenizer: Any, *, max_length: int
) -> list[dict[str, list[int]]]:
    """Chats with a safe answer as tokens, with labels on the answer.

    Args:
        rows: each with `messages`, the last by the assistant.
        tokenizer: with a chat template.
        max_length: tokens; longer chats are refused, because a cut answer teaches nothing.

    Raises:
        UserError: a chat has no answer or is too long.
    """
    return [_safety_row(row, tokenizer, max_length, number) for number, row in enumerate(rows, start=1)]


def _safety_row(row: Mapping[str, Any], tokenizer: Any, max_length: int, number: int) -> dict[str, list[int]]:
    messages = list(row["messages"])
    if not messages or messages[-1]["role"] != "assistant":
        raise UserError(f"Safety prompt {number} has no assistant turn at its end: the teacher is followed on answers.")
    before = tokenizer.apply_chat_template(messages[:-1], tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    encoded = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
    if len(ids) > max_length:
        raise UserError(f"Safety prompt {number} has {len(ids)} tokens, max_length is {max_length}. Shorten it.")
    return {
        "input_ids": ids,
        "labels": [t if a >= len(before) else IGNORED for t, (a, _) in zip(ids, offsets, strict=True)],
    }
