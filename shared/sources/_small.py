"""A small chat model of Qwen2's architecture: a seeded configuration, and a tokenizer trained on a study's own texts.

It exists so that everything runs without a hub: the code paths (4-bit weights, adapters, heads, generation) are those
of the large model, the quality is not. Its chat template is ChatML with `{% generation %}` markers.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from shared.models import autocast
from shared.runs import UserError, progress
from shared.sources._readers import Message

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast, Qwen2Config

END_OF_TURN = "<|im_end|>"
PADDING = "<|endoftext|>"
_BEGIN = "<|im_start|>"
_CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
_HEAD = 32  # width of one attention head
_BLOCK = 128  # tokens of a row while a new model is warmed up
_ROWS = 16
_WARM_RATE = 2e-3


def write_new_chat_model(
    folder: Path, texts: Iterable[str], *, vocabulary: int, width: int, layers: int, seed: int
) -> None:
    """Write an untrained chat model: config.json, model.safetensors with seeded random weights, and a tokenizer.

    Args:
        folder: an existing folder.
        texts: what the tokenizer is trained on; training split only.
        vocabulary: tokens of the tokenizer, at least 512.
        width: hidden size, a multiple of 64 so that it can be stored in 4-bit blocks.
        layers: decoder layers.
        seed: of the weights.

    Raises:
        UserError: width or vocabulary is unusable.
    """
    import torch
    from transformers import Qwen2ForCausalLM

    if width % 64 or vocabulary < 512:
        raise UserError(
            f"new_width is {width} (a multiple of 64 is needed), new_vocabulary {vocabulary} (at least 512)."
        )
    tokenizer = _train_tokenizer(texts, vocabulary)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(_config(len(tokenizer), width, layers, tokenizer))
    model.save_pretrained(folder)


def warm_up(folder: Path, chats: Iterable[list[Message]], *, steps: int, seed: int) -> list[float]:
    """Let a new model read chats, so that tuning does not begin from noise: plain next-token training.

    Args:
        folder: of `write_new_chat_model`; its weights are replaced.
        chats: messages, training split only.
        steps: of `_ROWS` blocks of `_BLOCK` tokens each.
        seed: of the order.

    Returns:
        The loss of each step in nats a token.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [str(tokenizer.apply_chat_template(chat, tokenize=False)) for chat in chats]
    blocks = _blocks([i for ids in tokenizer(texts)["input_ids"] for i in ids])
    model = AutoModelForCausalLM.from_pretrained(folder).train()
    torch.manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=_WARM_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _WARM_RATE, total_steps=steps, pct_start=0.05)
    losses = []
    for _step in progress(range(steps), "warm-up steps"):
        rows = blocks[torch.randint(len(blocks), (_ROWS,))]
        with autocast():
            loss = model(input_ids=rows, labels=rows).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        losses.append(float(loss.detach()))
    model.save_pretrained(folder)
    return losses


def _blocks(tokens: list[int]) -> "Tensor":
    """Rows of `_BLOCK` tokens, one chat behind the other; the last row is filled from the beginning."""
    import numpy as np
    import torch

    return torch.from_numpy(np.resize(tokens, (-(-len(tokens) // _BLOCK), _BLOCK)))


def _train_tokenizer(texts: Iterable[str], vocabulary: int) -> "PreTrainedTokenizerFast":
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PADDING, _BEGIN, END_OF_TURN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END_OF_TURN, pad_token=PADDING, chat_template=_CHAT_TEMPLATE
    )


def _config(tokens: int, width: int, layers: int, tokenizer: "PreTrainedTokenizerFast") -> "Qwen2Config":
    from transformers import Qwen2Config

    heads = width // _HEAD
    return Qwen2Config(
        vocab_size=tokens,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=max(1, heads // 2),
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
