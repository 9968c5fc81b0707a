"""The pass correct_bias: on a file whose biases are wrong, and what it refuses; needs no TensorFlow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dense_chain import chain
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.testing import artifact, run_pass, tiny_tflite
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def made(calibration: Calibration, **options: Any) -> Any:
    plugins.load(None)
    return PASSES.get("correct_bias")(calibration=calibration, **options)


def quantized(
    folder: Path, bias: float = 0.0, **options: Any
) -> tuple[TFLiteModel, TFLiteModel, Calibration]:
    """Give a float model and its int8 file, to the outputs of whose last layer something was added."""
    source, calibration = chain(folder)
    quantize = PASSES.get("quantize")(method="fixed", calibration=calibration, **options)
    content = run_pass(quantize, source, folder).path.read_bytes()
    graph = Graph(flatbuffer.unpack(content))
    *_, last = graph.weighted()
    levels = graph.constant(last.inputs[2])
    assert levels is not None
    scale = np.asarray(graph.tensors[last.inputs[2]].quantization.scale)
    graph.set_input(last, 2, (levels + np.rint(bias / scale)).astype(np.int32))
    path = folder / "int8.tflite"
    path.write_bytes(flatbuffer.pack(graph.model))
    return source, artifact(TFLiteModel, path, Meaning.of(source), quantized="int8"), calibration


def corrected(folder: Path, notes: dict[str, Any], bias: float, **options: Any) -> tuple[TFLiteModel, Any]:
    plugins.load(None)
    source, model, calibration = quantized(folder, bias, **options)
    result = run_pass(made(calibration), model, folder, notes=notes, models={"convert": source})
    return model, result


def test_what_was_added_to_a_bias_is_taken_out(tmp_path: Path) -> None:
    notes: dict[str, Any] = {}
    model, result = corrected(tmp_path, notes, bias=4.0)
    found = notes["correct_bias"]
    assert (found["layers"], found["held_out"], found["kept"]) == (2, 12, True)
    assert found["error_after"] < 0.5 * found["error_before"]
    assert result.digest != model.digest
    assert result.meta["quantized"] == "int8"
    assert flatbuffer.read_facts(result.path)["labels"] == ["a", "b", "c"]


def test_a_file_that_gains_nothing_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tflbuild.quantization import bias_correction

    notes: dict[str, Any] = {}
    monkeypatch.setattr(bias_correction, "correct", lambda content, *rest: content)
    model, result = corrected(tmp_path, notes, bias=0.0)
    assert not notes["correct_bias"]["kept"]
    before, after = (flatbuffer.load(found.path) for found in (model, result))
    assert bias_correction.all_but_biases(before) == bias_correction.all_but_biases(after)


def test_the_reference_is_read_and_keyed(tmp_path: Path) -> None:
    plugins.load(None)
    options = made(Calibration(source="data.train"), reference="float")
    assert (options.models(), options.reads()) == (("float",), ("data.train",))


def test_a_reference_that_is_no_float_file_is_refused(tmp_path: Path) -> None:
    plugins.load(None)
    _, model, calibration = quantized(tmp_path)
    with pytest.raises(PassError, match=r"correct_bias\.reference: 'convert' gives no float \.tflite"):
        run_pass(made(calibration), model, tmp_path, models={"convert": model})


def test_a_reference_with_other_layers_is_refused(tmp_path: Path) -> None:
    plugins.load(None)
    _, model, calibration = quantized(tmp_path)
    with pytest.raises(PassError, match="no quantized layer with a bias has the name of one in 'convert'"):
        run_pass(made(calibration), model, tmp_path, models={"convert": tiny_tflite(tmp_path)})


def test_a_file_that_was_equalized_in_between_is_refused(tmp_path: Path) -> None:
    plugins.load(None)
    source, model, calibration = quantized(tmp_path, equalize="activations")
    with pytest.raises(PassError, match=r"the weights of .* are not those of 'convert', rounded"):
        run_pass(made(calibration), model, tmp_path, models={"convert": source})


def test_anything_but_a_bias_that_changed_is_noticed(tmp_path: Path) -> None:
    plugins.load(None)
    _, model, calibration = quantized(tmp_path)
    graph = Graph(flatbuffer.load(model.path))
    operator = next(graph.weighted())
    graph.set_input(operator, 1, -graph.constant(operator.inputs[1]))  # type: ignore[operator]
    path = tmp_path / "other.tflite"
    path.write_bytes(flatbuffer.pack(graph.model))
    with pytest.raises(BrokenPromise, match="nothing but biases was to change"):
        made(calibration).verify(model, replace(model, path=path))
