from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from shared.serving import export_classifier
from shared.serving._channels import best_divisors, even_out
from shared.serving._export import _write_int8
from shared.serving._onnx import OnnxClassifier
from tests.serving.conftest import TEXTS, tiny_classifier


@pytest.fixture(scope="module")
def loud_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export in which one channel of every normalised layer is a hundred times as loud as the others."""
    model = tiny_classifier()
    for name, weight in model.network.named_parameters():
        if name.endswith("LayerNorm.weight"):
            weight.data[3] = 100.0
    home = tmp_path_factory.mktemp("loud")
    model.save(home / "trained")
    return export_classifier(home / "trained", home / "fp32", TEXTS).folder


def test_a_loud_channel_is_turned_down_to_the_level_of_the_next_one() -> None:
    random = np.random.default_rng(0)
    states = random.normal(size=(20, 64)).astype(np.float32)
    states[:, 5] *= 40
    divisors = best_divisors([states], random.normal(size=(64, 8)).astype(np.float32))
    assert divisors is not None and divisors.argmax() == 5
    # One step for all is 80 times |5|'s spread / 255 before; after, the loudest is level with some other channel.
    quieter = np.abs(states / divisors).max(0)
    assert quieter[5] <= np.sort(quieter)[-2] * 1.001


def test_channels_that_are_equally_loud_stay() -> None:
    states = np.array([[1.0, -1, 1, -1], [-1, 1, -1, 1]], dtype=np.float32)
    assert best_divisors([states], np.eye(4, dtype=np.float32)) is None


def test_silence_needs_no_division() -> None:
    assert best_divisors([np.zeros((3, 4), dtype=np.float32)], np.eye(4, dtype=np.float32)) is None


def test_evening_out_changes_no_result_of_the_fp32_model(loud_export: Path, tmp_path: Path) -> None:
    reader, model = OnnxClassifier.load(loud_export), onnx.load(loud_export / "model.onnx")
    assert even_out(model, [reader.tensors([text]) for text in TEXTS]) > 0
    onnx.save(model, tmp_path / "model.onnx")
    for name in ("tokenizer.json", "node.json"):
        (tmp_path / name).write_bytes((loud_export / name).read_bytes())
    even, exact = OnnxClassifier.load(tmp_path).logits(TEXTS), reader.logits(TEXTS)
    assert even == pytest.approx(exact, rel=1e-4, abs=1e-4 * float(np.abs(exact).max()))


def test_a_product_in_int8_errs_less_on_states_that_did_not_choose_the_divisors(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    weights = random.normal(size=(64, 8)).astype(np.float32)
    weights[5] /= 20  # as in trained encoders: what is loud is listened to softly
    heard, unheard = (random.normal(size=(30, 64)).astype(np.float32) for _ in range(2))
    heard[:, 5], unheard[:, 5] = heard[:, 5] * 40, unheard[:, 5] * 40
    errors = [
        np.abs(int8_product(weights, texts, unheard, tmp_path) - unheard @ weights).mean() for texts in ([], [heard])
    ]
    # One step is 1/255 of the range: some 40 * 5 of it before, 5 or so after.
    assert errors[1] < errors[0] / 3


def int8_product(weights: np.ndarray, heard: list[np.ndarray], states: np.ndarray, folder: Path) -> np.ndarray:
    """`states @ weights` by onnxruntime in INT8, evened out on what was heard."""
    shape = {name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, None]) for name in ("x", "y")}
    product = helper.make_node("MatMul", ["x", "w"], ["y"], name="product")
    graph = helper.make_graph([product], "one", [shape["x"]], [shape["y"]], [numpy_helper.from_array(weights, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if heard:
        even_out(model, [{"x": one} for one in heard])
    _write_int8(model, folder / "int8.onnx")
    session = onnxruntime.InferenceSession(folder / "int8.onnx", providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": states})[0])
