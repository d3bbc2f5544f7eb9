"""A chat model in this process, through transformers."""

import threading
from pathlib import Path
from typing import Any

from shared.llm._chat import Refused, Reply, Request
from shared.runs import UserError, digest_of, resolve_path


class LocalChat:
    """A causal language model with a chat template, from a local folder or a hub id, loaded on first use.

    Args:
        model: folder (a relative one starts at the project) or hub id; safetensors only, no remote code.
        name: how reports call it; by default the last part of the folder or id.
        adapter: folder of a peft adapter to put on the model; "" for none.

    The name ends with a digest of a folder's content: a model trained anew at the same place answers anew.

    Requests are answered one after the other: the threads of `ask_all` wait for the lock, so more concurrency
    neither helps nor harms.
    """

    def __init__(self, model: str, *, name: str = "", adapter: str = "") -> None:
        self._where, self._adapter = _place(model), _place(adapter) if adapter else ""
        self.name = " + ".join([name or _shown(self._where), *([_shown(self._adapter)] if adapter else [])])
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    def complete(self, asked: Request) -> Reply:
        """Generate up to `max_tokens` tokens; greedy at temperature 0, else sampled with the request's seed."""
        with self._lock:
            model, tokenizer = self._loaded = self._loaded or _load(self._where, self._adapter)
            return _generate(model, tokenizer, asked, self.name)


def _place(model: str) -> str:
    # A notebook's working folder is not the project's, and the same words must mean the same model in both.
    folder = resolve_path(model)
    return str(folder) if folder.is_dir() else model


def _shown(model: str) -> str:
    folder = Path(model)
    return f"{folder.name} ({digest_of(folder)[:8]})" if folder.is_dir() else model


def _load(where: str, adapter: str) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(where)
    except OSError as error:
        raise UserError(
            f"'{where}' is neither a folder with a chat model nor one that could be fetched from the hub. Check its "
            "spelling; data/models/chat ships with the project, and 'template' needs no model."
        ) from error
    if tokenizer.chat_template is None:
        raise UserError(f"{where}: its tokenizer has no chat template. Use a chat (instruct) model.")
    model = AutoModelForCausalLM.from_pretrained(where, use_safetensors=True, device_map=_device())
    return (_with_adapter(model, adapter) if adapter else model).eval(), tokenizer


def _with_adapter(model: Any, adapter: str) -> Any:
    from peft import PeftModel

    return PeftModel.from_pretrained(model, adapter)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _generate(model: Any, tokenizer: Any, asked: Request, name: str) -> Reply:
    import torch

    prompt = tokenizer.apply_chat_template(
        asked.as_messages(), add_generation_prompt=True, return_tensors="pt", return_dict=True
    ).to(model.device)
    read = prompt["input_ids"].shape[1]
    longest = getattr(model.config, "max_position_embeddings", None)
    if longest is not None and read + asked.max_tokens > longest:
        raise Refused(f"{read} prompt tokens and {asked.max_tokens} for the answer exceed the model's {longest}")
    torch.manual_seed(asked.seed + asked.repeat)
    with torch.inference_mode():
        tokens = model.generate(**prompt, **_decoding(asked), pad_token_id=_padding(tokenizer))[0, read:]
    cut = len(tokens) == asked.max_tokens and tokens[-1].item() != tokenizer.eos_token_id
    text = tokenizer.decode(tokens, skip_special_tokens=True)
    return Reply(text, "length" if cut else "stop", read, len(tokens), name)


def _decoding(asked: Request) -> dict[str, Any]:
    sampled = {"do_sample": True, "temperature": asked.temperature} if asked.temperature > 0 else {"do_sample": False}
    return {"max_new_tokens": asked.max_tokens, **sampled}


def _padding(tokenizer: Any) -> int:
    return tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
