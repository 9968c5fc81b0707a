"""The pass equalize: the same model, and what int8 makes of it; needs no TensorFlow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_network
from conv_network import FUSED, Network
from dense_chain import DenseChain, chain
from on_bytes import OutputError, largest_difference
from samples import Samples, samples
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.passes.quantizing.float_model import make_quantizable
from tflbuild.quantization import equalization
from tflbuild.testing import artifact, run_pass
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph
from tflite_files import network, step

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def made(name: str = "equalize", **options: Any) -> Any:
    plugins.load(None)
    return PASSES.get(name)(**options)


def spoilt(folder: Path) -> tuple[TFLiteModel, Calibration]:
    """Give a small network one channel of whose first layer is 50 times as large, which the next makes up for."""
    values = small_network.constants()
    stem, bias, middle = (values[n].copy() for n in ("stem/Conv2D", "stem/bias", "middle/depthwise"))
    stem[1], bias[1], middle[..., 1] = stem[1] * 50, bias[1] * 50, middle[..., 1] / 50
    changed = {"stem/Conv2D": stem, "stem/bias": bias, "middle/depthwise": middle}
    images = np.random.default_rng(4).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    np.savez(folder / "images.npz", images=images)
    return small_network.model(folder, changed), Calibration(source=str(folder / "images.npz"), samples=40)


def pixels(folder: Path) -> Samples:
    images = np.load(folder / "images.npz")["images"].astype(np.float32)
    return samples(image / np.float32(128) - 1 for image in images)


def int8(model: TFLiteModel, calibration: Calibration, folder: Path, **options: Any) -> bytes:
    quantize = made("quantize", method="fixed", calibration=calibration, **options)
    content: bytes = run_pass(quantize, model, folder).path.read_bytes()
    return content


@pytest.mark.parametrize("balance", ["weights", "activations"])
def test_an_outsized_channel_costs_int8_nothing_any_more(tmp_path: Path, balance: str) -> None:
    model, calibration = spoilt(tmp_path)
    notes: dict[str, Any] = {}
    result = run_pass(made(balance=balance, calibration=calibration), model, tmp_path, notes=notes)
    assert largest_difference(model.path.read_bytes(), result.path.read_bytes(), pixels(tmp_path)) < 1e-5
    assert (notes["equalize"]["layers"], notes["equalize"]["images"]) == (1, 40)
    assert notes["equalize"]["factors"]["stem/Relu"][1] > 5
    reference = OutputError(model.path.read_bytes(), pixels(tmp_path))
    stock, ours = (
        reference.of(int8(m, calibration, tmp_path, granularity="tensor")) for m in (model, result)
    )
    assert stock > 5 * ours


def test_the_file_still_says_what_it_means(tmp_path: Path) -> None:
    model, calibration = spoilt(tmp_path)
    result = run_pass(made(calibration=calibration), model, tmp_path)
    assert flatbuffer.read_facts(result.path)["labels"] == ["cat", "dog"]
    assert result.path.stat().st_size == pytest.approx(model.path.stat().st_size, abs=3000)


def test_a_layer_whose_rescaling_changes_an_output_is_left_as_it_was_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, calibration = spoilt(tmp_path)
    monkeypatch.setattr(equalization, "scaled_inputs", lambda kind, values, factors: values)
    notes: dict[str, Any] = {}
    result = run_pass(made(calibration=calibration), model, tmp_path, notes=notes)
    assert largest_difference(model.path.read_bytes(), result.path.read_bytes(), pixels(tmp_path)) == 0.0
    assert (notes["equalize"]["layers"], notes["equalize"]["largest_difference"]) == (0, 0.0)
    assert "alone it changes an output by" in notes["equalize"]["left"]["stem/Relu"]


def test_a_rescaling_that_does_not_run_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, calibration = spoilt(tmp_path)
    monkeypatch.setattr(
        equalization, "scaled_inputs", lambda kind, values, factors: values * np.float32(np.inf)
    )
    notes: dict[str, Any] = {}
    result = run_pass(made(relu6="replace", calibration=calibration), model, tmp_path, notes=notes)
    assert largest_difference(model.path.read_bytes(), result.path.read_bytes(), pixels(tmp_path)) < np.inf
    assert "stem/Relu" in notes["equalize"]["left"]


def convolutional(folder: Path, fused: int, bias: float = 0.0) -> tuple[TFLiteModel, Calibration]:
    """Give two pointwise convolutions with an activation function between them."""
    network = Network()
    network.conv("one", "image", 4, fused=fused, bias=np.full(4, bias))
    network.conv("two", "one", 3, fused=FUSED.NONE)
    path = folder / "convolutional.tflite"
    path.write_bytes(network.content("two"))
    facts = Meaning.of_image(
        task="classification",
        height=6,
        width=6,
        labels=("a", "b", "c"),
        preprocess={"scale": 0.0078125, "offset": -1.0},
    )
    images = np.random.default_rng(4).integers(0, 256, (20, 6, 6, 3), dtype=np.uint8)
    np.savez(folder / "images.npz", images=images)
    model: TFLiteModel = artifact(TFLiteModel, path, facts)
    return model, Calibration(source=str(folder / "images.npz"), samples=20)


def test_a_replaced_relu6_says_by_how_much_outputs_change(tmp_path: Path) -> None:
    notes: dict[str, Any] = {}
    model, calibration = convolutional(tmp_path, FUSED.RELU6, bias=5.5)
    run_pass(made(relu6="keep", calibration=calibration), model, tmp_path, notes=notes)
    assert notes["equalize"]["largest_difference"] < 1e-5
    run_pass(made(relu6="replace", calibration=calibration), model, tmp_path, notes=notes)
    assert notes["equalize"]["largest_difference"] > 0.01


def test_absorbed_biases_are_counted_and_change_nothing(tmp_path: Path) -> None:
    notes: dict[str, Any] = {}
    model, calibration = convolutional(tmp_path, FUSED.RELU, bias=5.0)
    run_pass(made(absorb_bias=True, calibration=calibration), model, tmp_path, notes=notes)
    assert notes["equalize"]["absorbed_channels"] == 4
    assert notes["equalize"]["largest_difference"] < 1e-5


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"quantized": "int8"}, "the file is quantized already"),
        ({"clusters": {"layers": {}}}, "its kernels are clustered"),
        ({"sparse_encoding": True}, "stored without their zeros"),
    ],
    ids=["quantized", "clustered", "sparse"],
)
def test_what_cannot_be_equalized_is_refused(tmp_path: Path, meta: dict[str, Any], message: str) -> None:
    model, calibration = chain(tmp_path)
    with pytest.raises(PassError, match=message):
        run_pass(made(calibration=calibration), replace(model, meta={**model.meta, **meta}), tmp_path)


def test_another_operator_is_noticed(tmp_path: Path) -> None:
    model, _ = chain(tmp_path)
    with pytest.raises(BrokenPromise, match="the operators were to stay as they are"):
        made().verify(model, small_network.model(tmp_path))


def test_a_squeeze_that_became_a_reshape_is_no_other_operator(tmp_path: Path) -> None:
    tensors: dict[str, Any] = {
        "row": (1, 4),
        "weights": np.ones((3, 4), np.float32),
        "wide": (1, 3),
        "end": (3,),
    }
    steps = [step("FULLY_CONNECTED", ["row", "weights"], ["wide"]), step("SQUEEZE", ["wide"], ["end"])]
    model, _ = chain(tmp_path)
    given, shaped = tmp_path / "given.tflite", tmp_path / "shaped.tflite"
    given.write_bytes(network(tensors, steps, ["row"], ["end"]))
    graph = Graph.unpacked(given.read_bytes())
    assert make_quantizable(graph) == ([], ["end"], [])
    shaped.write_bytes(graph.packed())
    made().verify(replace(model, path=given), replace(model, path=shaped))


def test_the_chain_of_ill_size_is_mended(tmp_path: Path) -> None:
    model, calibration = chain(tmp_path)
    result = run_pass(made(balance="activations", calibration=calibration), model, tmp_path)
    dense = DenseChain()
    reference = OutputError(dense.content(), dense.samples)
    before, after = (reference.of(int8(m, calibration, tmp_path)) for m in (model, result))
    assert before > 0.3
    assert after < 0.06
