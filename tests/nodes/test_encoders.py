"""DistilBERT, BERT, RoBERTa and ALBERT, each from a folder, from fine-tuning to the answer of its INT8 export."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    AlbertConfig,
    AlbertModel,
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from shared.models import FineTuning
from shared.nodes import labelled_texts, train_seeds
from shared.serving import IntentClassifierModel, export_classifier, quantise

SENTENCE = "where is my card please I feel sad and tired today hello there good morning what a day"
WORDS = SENTENCE.split()
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
ENCODERS: dict[str, tuple[Any, Any]] = {
    "distilbert": (DistilBertModel, DistilBertConfig(dim=32, n_layers=2, n_heads=4, hidden_dim=64, vocab_size=200)),
    "bert": (BertModel, BertConfig(**SMALL, vocab_size=200)),
    # RoBERTa counts positions from the padding token's id on, so its folder needs two positions more than tokens.
    "roberta": (RobertaModel, RobertaConfig(**SMALL, vocab_size=200, pad_token_id=0, max_position_embeddings=66)),
    "albert": (AlbertModel, AlbertConfig(**SMALL, vocab_size=200, embedding_size=16)),
}


def messages(n: int) -> pd.DataFrame:
    """Two labels that a word tells apart, of different lengths, so that batches are padded."""
    rows = [(" ".join(np.roll(WORDS, i)[: 3 + i % 9]), "sad" if i % 2 else "other") for i in range(n)]
    frame = pd.DataFrame(rows, columns=["message", "label"])
    frame["message"] += frame["label"].map({"sad": " sad", "other": " morning"})
    return frame.assign(group=frame["message"])


def small_tokenizer(segments: bool) -> PreTrainedTokenizerFast:
    special = ["<pad>", "<cls>", "<sep>", "<unk>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(WORDS, trainers.BpeTrainer(vocab_size=150, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<cls> $A <sep>", pair="<cls> $A <sep> $B:1 <sep>:1", special_tokens=[("<cls>", 1), ("<sep>", 2)]
    )
    inputs = ["input_ids", "token_type_ids", "attention_mask"] if segments else ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", cls_token="<cls>", sep_token="<sep>", unk_token="<unk>",
        model_input_names=inputs,
    )  # fmt: skip


@pytest.mark.parametrize("architecture", list(ENCODERS))
def test_an_encoder_from_a_folder_is_tuned_exported_and_answers_in_int8(architecture: str, tmp_path: Path) -> None:
    maker, config = ENCODERS[architecture]
    maker(config).save_pretrained(tmp_path / "encoder")
    small_tokenizer(architecture in ("bert", "albert")).save_pretrained(tmp_path / "encoder")
    # 32 messages in batches of 16: two steps an epoch
    settings = FineTuning(model=str(tmp_path / "encoder"), epochs=1, batch_size=16, learning_rate=1e-3, max_tokens=32)
    train, validation = labelled_texts(messages(32)), labelled_texts(messages(12))
    (run,) = train_seeds(train, validation, replace(settings, patience=0), [0], tmp_path / "checkpoints")
    run.model.save(tmp_path / "trained")

    texts = ["sad", "good morning", " ".join(WORDS)]
    exact = export_classifier(tmp_path / "trained", tmp_path / "fp32", texts)
    small = quantise(exact.folder, tmp_path / "int8", validation.texts[:6])
    assert exact.largest_difference < 1e-5 * max(1.0, exact.scale)
    # both layers' attention is one operator each, and nothing of its parts is left
    kinds = [node.op_type for node in onnx.load(exact.folder / "model.onnx").graph.node]
    assert kinds.count("Attention") == 2 and "Softmax" not in kinds
    by_torch, by_onnx, by_int8 = (
        IntentClassifierModel(folder).probabilities(texts) for folder in (tmp_path / "trained", exact.folder, small)
    )
    assert by_onnx == pytest.approx(by_torch, abs=1e-5)
    assert by_int8 == pytest.approx(by_torch, abs=0.05)
    assert IntentClassifierModel(small).predict("hello")["category"] in ("sad", "other")
