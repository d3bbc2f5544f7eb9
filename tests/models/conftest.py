"""An encoder of one small random layer with the built-in tokenizer: training takes a second, not minutes."""

import pytest

from shared.models import LabelledTexts, load_tokenizer

ANIMALS, TOOLS = ["cat", "dog", "horse", "bird"], ["hammer", "saw", "drill", "nail"]


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny")
    config = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    load_tokenizer("builtin").save_pretrained(folder)
    return str(folder)


@pytest.fixture
def words() -> LabelledTexts:
    texts = [f"{how} {noun}" for how in ("a", "the", "my old") for noun in (*ANIMALS, *TOOLS)]
    return LabelledTexts(texts, ["animal" if text.split()[-1] in ANIMALS else "tool" for text in texts])
