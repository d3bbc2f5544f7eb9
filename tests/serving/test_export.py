import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from shared.models import TextClassifier, load_tokenizer
from shared.runs import UserError
from shared.serving import Export, IntentClassifierModel, export_classifier, folder_bytes
from tests.serving.conftest import LABELS, TEXTS, tiny_classifier


def test_the_export_gives_the_numbers_of_torch_for_every_batch_and_length(
    classifier_folder: Path, export_folder: Path
) -> None:
    texts = [*TEXTS, "", "word " * 100]  # empty, and longer than the 32 tokens that the model reads
    torch_answers = IntentClassifierModel(classifier_folder).probabilities(texts)
    assert IntentClassifierModel(export_folder).probabilities(texts) == pytest.approx(torch_answers, abs=1e-5)


def test_the_difference_to_torch_is_reported(export: Export) -> None:
    assert 0 <= export.largest_difference < 1e-4 * max(export.scale, 1.0)


def test_temperature_and_labels_travel_with_the_export(export_folder: Path) -> None:
    about = json.loads((export_folder / "node.json").read_text())
    assert (about["temperature"], about["labels"], about["weights"]) == (1.3, list(LABELS), "fp32")


def test_int8_is_smaller_and_answers_alike(export_folder: Path, int8_folder: Path) -> None:
    # Embeddings and matrices go from 4 bytes a weight to 1; the tokenizer (0.7 MB) stays.
    assert (int8_folder / "model.onnx").stat().st_size < 0.4 * (export_folder / "model.onnx").stat().st_size
    assert folder_bytes(int8_folder) < folder_bytes(export_folder)
    exact, small = (IntentClassifierModel(f).probabilities(TEXTS) for f in (export_folder, int8_folder))
    assert np.abs(exact - small).max() < 0.2


def test_answering_from_an_export_loads_no_torch(int8_folder: Path) -> None:
    code = (
        "import sys; from shared.serving import IntentClassifierModel; "
        f"answer = IntentClassifierModel({str(int8_folder)!r}).predict('hello'); "
        "assert 0 <= answer['confidence'] <= 1, answer; "
        "print([name for name in ('torch', 'transformers', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_an_encoder_without_segment_ids_is_exported_and_many_labels_keep_their_thresholds(tmp_path: Path) -> None:
    from transformers import DistilBertConfig, DistilBertModel

    from shared.models._network import TextNetwork

    network = TextNetwork(
        DistilBertModel(DistilBertConfig(dim=32, n_layers=1, n_heads=2, hidden_dim=64)), 3, "first", 0.0
    )
    tokenizer = load_tokenizer("builtin")
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    thresholds = np.array([0.49, 0.5, 0.51])
    model = TextClassifier(network.eval(), tokenizer, LABELS, "multi", max_tokens=16, thresholds=thresholds)
    model.save(tmp_path / "distil")
    export_classifier(tmp_path / "distil", tmp_path / "export")
    trained, exported = (IntentClassifierModel(tmp_path / name) for name in ("distil", "export"))
    assert exported.probabilities(TEXTS) == pytest.approx(trained.probabilities(TEXTS), abs=1e-5)
    assert [a["categories"] for a in exported.predict_batch(TEXTS)] == [
        a["categories"] for a in trained.predict_batch(TEXTS)
    ]


def test_an_encoder_whose_attention_is_not_plain_is_exported_node_by_node(tmp_path: Path) -> None:
    # MPNet adds a learned bias to every score, which the single operator would leave out without a word.
    from transformers import MPNetConfig, MPNetModel

    from shared.models._network import TextNetwork

    config = MPNetConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, vocab_size=30522
    )
    tokenizer = load_tokenizer("builtin")
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    network = TextNetwork(MPNetModel(config, add_pooling_layer=False), 3, "mean", 0.0).eval()
    TextClassifier(network, tokenizer, LABELS, max_tokens=16).save(tmp_path / "mpnet")
    made = export_classifier(tmp_path / "mpnet", tmp_path / "export", TEXTS)
    assert made.largest_difference < 1e-5
    assert "Attention" not in {node.op_type for node in onnx.load(made.folder / "model.onnx").graph.node}


def test_a_model_of_numbers_is_not_exported(tmp_path: Path) -> None:
    from dataclasses import replace

    replace(tiny_classifier(), kind="values", centre=np.zeros(3), scale=np.ones(3)).save(tmp_path / "values")
    with pytest.raises(UserError, match="predicts numbers"):
        export_classifier(tmp_path / "values", tmp_path / "export")
    with pytest.raises(UserError, match="predicts numbers"):
        IntentClassifierModel(tmp_path / "values")
