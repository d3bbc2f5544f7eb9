"""Memory of one QLoRA step at the widths of Qwen2.5-3B: what the ledger predicts beside what a step takes.

Run: python tests/benchmarks/bench_sft_memory.py [rows] [tokens] (2 and 2048 by default; two layers, 36 in the model).

Every tensor that the step allocates is followed from birth to death, so the peak needs no GPU. Memory that an operation
takes inside itself (workspaces, fragments) is not seen. Prints a line of JSON, `{name, ratio, target, ours, peer,
unit}`: ours is the peak, peer the prediction, and a ratio of at least 0.9 says that the ledger does not promise too
much (predicted over measured).
"""

import json
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from shared.sft import BaseModel, Training, add_adapter, load_base, predict_memory

LAYERS = 2
STEP_PARTS = ("activations", "passing", "gradients")


class Living(TorchDispatchMode):
    """Bytes of the tensors that live, other than `known` ones."""

    def __init__(self, known: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._sizes = dict.fromkeys((t.untyped_storage()._cdata for t in known), 0)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        tree_map_only(torch.Tensor, self._born, result)
        return result

    def _born(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._sizes:
            self._sizes[storage._cdata] = storage.nbytes()
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._died, storage._cdata)

    def _died(self, key: int) -> None:
        self.now -= self._sizes.pop(key, 0)


def write_base(folder: Path) -> None:
    """Two layers of Qwen2.5-3B's widths with random weights."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=151_936, hidden_size=2048, intermediate_size=11_008, num_hidden_layers=LAYERS,
        num_attention_heads=16, num_key_value_heads=2, tie_word_embeddings=True,
    )  # fmt: skip
    torch.set_default_dtype(torch.bfloat16)
    Qwen2ForCausalLM(config).save_pretrained(folder)
    torch.set_default_dtype(torch.float32)


def batch(rows: int, tokens: int) -> dict[str, torch.Tensor]:
    """Random tokens, the last quarter of each row supervised."""
    ids = torch.randint(3, 151_936, (rows, tokens))
    prompt = tokens * 3 // 4
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": torch.where(torch.arange(tokens) < prompt, -100, ids),
        "prompt_length": torch.full((rows,), prompt),
        "emotion": torch.zeros(rows, dtype=torch.long),
        "strategy": torch.zeros(rows, dtype=torch.long),
        "valence_arousal": torch.zeros(rows, 2),
    }


def measured_peak(base: BaseModel, training: Training, rows: int, tokens: int) -> int:
    """Peak of what one forward and backward pass allocate."""
    model = add_adapter(load_base(base), training).train()
    inputs = batch(rows, tokens)
    living = Living([*model.parameters(), *model.buffers()])
    with living:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = sum(model(**inputs).losses.values())
        loss.backward()
    return living.peak


def main(rows: int = 2, tokens: int = 2048) -> None:
    """Predict and measure a checkpointed step."""
    training = Training(batch_size=rows, gradient_checkpointing=True, optimiser="paged_adamw_8bit")
    with tempfile.TemporaryDirectory() as folder:
        write_base(Path(folder))
        base = BaseModel(folder, "nf4", "bf16", n_emotions=28, n_strategies=8)
        lines = predict_memory(base, training, tokens=tokens, supervised=0.25)
        predicted = sum(line.predicted for line in lines if line.component in STEP_PARTS)
        measured = measured_peak(base, training, rows, tokens)
    print(f"{rows} x {tokens} tokens: predicted {predicted / 2**20:,.0f} MiB, measured {measured / 2**20:,.0f} MiB")
    row = {"name": "sft: memory ledger of a checkpointed QLoRA step", "ratio": predicted / measured, "target": 0.9}
    print(json.dumps({**row, "ours": measured / 2**20, "peer": predicted / 2**20, "unit": "MiB"}))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
