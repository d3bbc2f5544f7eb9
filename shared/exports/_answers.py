"""Answers of every model to every prompt: one base in memory, adapters switched in place, resumable by row."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from shared.exports._prompts import Prompt
from shared.runs import UserError, progress
from shared.sft import keep_weights_unpacked, load_tuned

BASE = "base"
FIELDS = ("prompt_id", "prompt", "model", "response", "meta", "decoding")


@dataclass(frozen=True)
class Decoding:
    """How answers are decoded.

    Attributes:
        max_new_tokens: at most.
        temperature: 0 is greedy.
        top_p: share of probability that sampling draws from; only with a temperature.
        seed: of sampling.
        system_prompt: first message of every chat; "" for none.
    """

    max_new_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    system_prompt: str = ""


class Models:
    """A base with adapters on it, loaded once.

    Args:
        adapters: model name to adapter folder; the first one decides which base is loaded.

    Raises:
        UserError: no adapter is given, or a folder is not an adapter.
    """

    def __init__(self, adapters: Mapping[str, Path]) -> None:
        from transformers import AutoTokenizer

        wrong = [name for name, folder in adapters.items() if not (folder / "adapter_config.json").exists()]
        if not adapters or wrong:
            raise UserError(
                f"Not an adapter: {', '.join(wrong) or 'none given'}. The comparison switches adapters on one base, so "
                "tune with method='lora'."
            )
        (first, folder), *others = adapters.items()
        self._model = load_tuned(folder)
        self._names = {first: "default"}
        for name, place in others:
            self._model.load_adapter(place, name)
            self._names[name] = name
        keep_weights_unpacked(self._model)
        self._model.eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.names = [BASE, *adapters]

    @contextlib.contextmanager
    def using(self, name: str) -> Iterator[Any]:
        """The model under one of `names`; "base" switches every adapter off."""
        if name == BASE:
            with self._model.disable_adapter():
                yield self._model
        else:
            self._model.set_adapter(self._names[name])
            yield self._model

    @property
    def longest(self) -> int:
        """Tokens that the base was made for."""
        return int(self._model.config.max_position_embeddings)


def answer_all(
    models: Models, prompts: Sequence[Prompt], decoding: Decoding, *, store: Path, batch_size: int
) -> list[dict[str, Any]]:
    """Every model's answer to every prompt.

    Args:
        models: base and adapters.
        prompts: of all sets.
        decoding: the same for every model.
        store: JSONL file to which each finished batch is appended; a killed export goes on behind it.
        batch_size: prompts at once, of similar length.

    Returns:
        Rows of `FIELDS`, in the order of models and prompts.

    Raises:
        UserError: a prompt leaves no room for the answer.
    """
    chats = [_rendered(models, prompt, decoding) for prompt in prompts]
    require_room(models, prompts, chats, decoding)
    done = _stored(store)
    for name in models.names:
        waiting = [i for i, p in enumerate(prompts) if _key(p, name) not in done]
        batches = _similar(waiting, chats, batch_size)
        with models.using(name) as model:
            for batch in progress(batches, f"batches answered by {name}"):
                answers = _generate(model, models.tokenizer, [chats[i] for i in batch], decoding)
                rows = [_row(prompts[i], name, answer, decoding) for i, answer in zip(batch, answers, strict=True)]
                _append(store, rows)
                done |= {_row_key(row): row for row in rows}
    return [done[_key(prompt, name)] for name in models.names for prompt in prompts]


def _rendered(models: Models, prompt: Prompt, decoding: Decoding) -> str:
    system = [{"role": "system", "content": decoding.system_prompt}] if decoding.system_prompt else []
    own = prompt.messages[0]["role"] == "system"
    messages = prompt.messages if own else [*system, *prompt.messages]
    return str(models.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def require_room(models: Any, prompts: Sequence[Prompt], chats: Sequence[str], decoding: Decoding) -> None:
    """Refuse prompts that, with an answer of full length, are longer than the base was made for.

    Raises:
        UserError: the longest such prompt, and what to do.
    """
    lengths = [len(ids) for ids in models.tokenizer(list(chats), add_special_tokens=False)["input_ids"]]
    longest = max(range(len(prompts)), key=lambda i: lengths[i], default=None)
    if longest is not None and lengths[longest] + decoding.max_new_tokens > models.longest:
        raise UserError(
            f"Prompt '{prompts[longest].prompt_id}' of '{prompts[longest].prompt_set}' has {lengths[longest]} tokens; "
            f"with {decoding.max_new_tokens} new ones that is over the model's {models.longest}. Shorten the prompt or "
            "lower max_new_tokens: a prompt that is cut silently is another prompt."
        )


def _similar(waiting: Sequence[int], chats: Sequence[str], size: int) -> list[list[int]]:
    """Batches of prompts of similar length."""
    ordered = sorted(waiting, key=lambda i: (len(chats[i]), i))
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def _generate(model: Any, tokenizer: Any, chats: Sequence[str], decoding: Decoding) -> list[str]:
    inputs = tokenizer(list(chats), add_special_tokens=False, padding=True, return_tensors="pt")
    inputs = inputs.to(next(model.parameters()).device)
    sampling = {"temperature": decoding.temperature, "top_p": decoding.top_p} if decoding.temperature else {}
    torch.manual_seed(decoding.seed)
    with torch.inference_mode():
        made = model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            max_new_tokens=decoding.max_new_tokens,
            do_sample=bool(decoding.temperature),
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            **sampling,
        )
    answers = made[:, inputs["input_ids"].shape[1] :]
    return [text.strip() for text in tokenizer.batch_decode(answers, skip_special_tokens=True)]


def _row(prompt: Prompt, model: str, answer: str, decoding: Decoding) -> dict[str, Any]:
    return {
        "prompt_id": prompt.prompt_id,
        "prompt": prompt.messages,
        "model": model,
        "response": answer,
        "meta": {**prompt.meta, "set": prompt.prompt_set},
        "decoding": asdict(decoding),
    }


def _key(prompt: Prompt, model: str) -> tuple[str, str, str]:
    return prompt.prompt_set, prompt.prompt_id, model


def _row_key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["meta"]["set"], row["prompt_id"], row["model"]


def _append(store: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with store.open("a", encoding="utf-8") as target:
        target.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        target.flush()
        os.fsync(target.fileno())


def _stored(store: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Rows of an earlier, killed export; a last line that was cut short is dropped from the file too."""
    if not store.exists():
        return {}
    content = store.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        store.write_bytes(whole)
    rows = [json.loads(line) for line in whole.decode("utf-8").splitlines()]
    return {_row_key(row): row for row in rows}
