"""A tiny classifier, fine-tuned for seconds' sake on a random two-layer encoder, and its exports."""

from pathlib import Path

import pytest

from shared.models import TextClassifier, load_tokenizer
from shared.serving import Export, export_classifier, quantise

LABELS = ("chitchat", "emotional", "rag_query")
TEXTS = ["hello there", "what is the refund policy for orders?", "i feel sad today", "hi", "how do i reset my password"]


def tiny_classifier() -> TextClassifier:
    import torch
    from transformers import BertConfig, BertModel

    from shared.models._network import TextNetwork

    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, initializer_range=0.3
    )
    network = TextNetwork(BertModel(config, add_pooling_layer=False), len(LABELS), "mean", 0.1).eval()
    return TextClassifier(network, load_tokenizer("builtin"), LABELS, max_tokens=32, temperature=1.3)


@pytest.fixture(scope="session")
def classifier_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classifier")
    tiny_classifier().save(folder)
    return folder


@pytest.fixture(scope="session")
def export(classifier_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    return export_classifier(classifier_folder, tmp_path_factory.mktemp("export"), TEXTS)


@pytest.fixture(scope="session")
def export_folder(export: Export) -> Path:
    return export.folder


@pytest.fixture(scope="session")
def int8_folder(export_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantise(export_folder, tmp_path_factory.mktemp("int8"))
