"""`loss_on: message_weight`: how much each assistant turn counts, from a file's line to the loss."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional

from shared.models import load_tokenizer
from shared.runs import project
from shared.sft import BaseModel, Collator, load_base
from shared.sources import (
    Dialogue,
    Example,
    Template,
    canonical_examples,
    examples_table,
    read_messages,
    require_sound_masks,
    warm_up,
    write_new_chat_model,
)

CHAT = [
    {"role": "user", "content": "I am sad"},
    {"role": "assistant", "content": "Oh dear", "weight": 0.0},
    {"role": "user", "content": "Yes"},
    {"role": "assistant", "content": "Why is that", "weight": 0.25},
    {"role": "user", "content": "My job"},
    {"role": "assistant", "content": "That hurts"},
]
CHAT_MODEL = str(project() / "data" / "models" / "chat")


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(load_tokenizer(CHAT_MODEL))


def weighted(template: Template) -> Example:
    [dialogue] = list(read_messages([{"text": json.dumps({"messages": CHAT})}], "train"))
    assert isinstance(dialogue, Dialogue)
    [example] = list(canonical_examples([dialogue], template, max_length=256, loss_on="message_weight"))
    assert isinstance(example, Example)
    return example


def test_each_answer_carries_its_weight_and_one_of_weight_0_is_not_trained(template):
    example = weighted(template)
    require_sound_masks([example], template, loss_on="message_weight")
    trained = {}
    for token, label, weight in zip(example.input_ids, example.labels, example.weights, strict=True):
        assert (label == token) == (weight > 0)
        if weight:
            trained.setdefault(weight, []).append(token)
    texts = {weight: template.tokenizer.decode(tokens) for weight, tokens in trained.items()}
    assert texts == {0.25: "Why is that<|im_end|>", 1.0: "That hurts<|im_end|>"}


def test_the_models_loss_is_the_mean_over_tokens_weighted_by_their_messages(template):
    example = weighted(template)
    table = examples_table([example], [], [])
    batch = Collator(template.tokenizer.pad_token_id)(table.to_dict("records"))
    model = load_base(BaseModel(CHAT_MODEL, "none", "fp32")).eval()
    with torch.no_grad():
        loss = model(**batch).losses["lm"]
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[0]
    losses = functional.cross_entropy(logits[:-1], batch["input_ids"][0, 1:], reduction="none")
    weights = batch["weights"][0, 1:]
    # Σ w·l / Σ w: a token of the second answer counts a quarter of one of the third, the first answer nothing
    assert set(np.unique(weights)) == {0.0, 0.25, 1.0}
    assert float(loss) == pytest.approx(float((weights * losses).sum() / weights.sum()), rel=1e-4)


def test_a_new_model_that_has_read_the_chats_expects_them_more(tmp_path):
    chats = [CHAT[2:4]] * 40
    words = [message["content"] for message in CHAT] * 20
    write_new_chat_model(tmp_path, words, vocabulary=512, width=64, layers=1, seed=0)
    losses = warm_up(tmp_path, chats, steps=12, seed=0)
    # untrained, all tokens are about equally likely: ln 309 = 5.7 nats
    assert losses[0] == pytest.approx(np.log(len(load_tokenizer(str(tmp_path)))), abs=0.3)
    assert losses[-1] < losses[0] - 1
    assert sorted(p.suffix for p in tmp_path.glob("*.safetensors")) == [".safetensors"]


@pytest.mark.parametrize("weight", [-1.0, "high"])
def test_a_weight_that_is_none_is_refused(weight):
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes", "weight": weight}]
    [rejected] = list(read_messages([{"messages": chat}], "train"))
    assert "weight" in rejected.reason


def test_a_message_of_another_role_is_refused_with_the_known_ones():
    [rejected] = list(read_messages([{"messages": [{"role": "bot", "content": "Hi"}]}], "train"))
    assert "unknown role 'bot', known are system, user, assistant" in rejected.reason
