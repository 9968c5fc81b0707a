"""Files of others through every pass that takes a `.tflite`: no TensorFlow, no picture, no label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foreign_networks import NETWORKS, noise, samples_of, written
from on_bytes import OutputError, input_tensors
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.budget import Limit, Verdict
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.judgement import Judgement
from tflbuild.core.metric import Measurement
from tflbuild.testing import run_pass
from tflbuild.tflite import flatbuffer

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors"),
    pytest.mark.parametrize("network", NETWORKS),
]


def passed(name: str, model: TFLiteModel, folder: Path, **given: Any) -> tuple[TFLiteModel, dict[str, Any]]:
    """Run a pass on noise; options of `run_pass` stand beside those of the pass."""
    plugins.load(None)
    data, index = noise(model.path.read_bytes(), 48)
    running = {key: given.pop(key) for key in ("judge", "models") if key in given}
    options, notes = PASSES.get(name)(**given), dict[str, Any]()
    options.check()
    return run_pass(options, model, folder, data=data, index=index, notes=notes, **running), notes


def error(model: TFLiteModel, result: TFLiteModel) -> float:
    """Give the output error by output, on samples that nothing was calibrated on."""
    content = model.path.read_bytes()
    outputs = len(flatbuffer.unpack(content).subgraphs[0].outputs)
    return OutputError(content, samples_of(content, 16)).of(result.path.read_bytes()) / outputs


SCHEMES = [
    ({"scheme": "int8"}, "int8", "float32", 0.08),
    ({"scheme": "int8", "method": "fixed", "input_dtype": "float32"}, "float32", "float32", 0.08),
    ({"scheme": "int8", "method": "fixed", "output_dtype": "int8"}, "int8", "int8", 0.2),
    ({"scheme": "int8", "method": "fixed", "output_dtype": "uint8"}, "int8", "uint8", 0.2),
    ({"scheme": "int8", "method": "fixed", "activations": "symmetric"}, "int8", "float32", 0.15),
    ({"scheme": "int16x8"}, "float32", "float32", 0.05),
    ({"scheme": "float16"}, "float32", "float32", 0.002),
    ({"scheme": "dynamic"}, "float32", "float32", 0.05),
]


@pytest.mark.parametrize(("options", "entry", "exit_", "most"), SCHEMES, ids=lambda value: str(value))
def test_every_scheme_is_near_the_float_model(
    network: str, options: dict[str, Any], entry: str, exit_: str, most: float, tmp_path: Path
) -> None:
    model = written(tmp_path, NETWORKS[network]())
    result, _ = passed("quantize", model, tmp_path, **options)
    signature, before = result.meta["signature"], flatbuffer.signature(model.path)
    for side, dtype in (("inputs", entry), ("outputs", exit_)):
        assert {given["dtype"] for given in signature[side]} == {dtype}
        assert [given["name"] for given in signature[side]] == [given["name"] for given in before[side]]
        assert [given["shape"] for given in signature[side]] == [given["shape"] for given in before[side]]
    assert error(model, result) < most
    assert flatbuffer.read_facts(result.path) == model.meta["facts"]


def test_equalized_and_rounded_files_quantize_too(network: str, tmp_path: Path) -> None:
    model = written(tmp_path, NETWORKS[network]())
    equal, notes = passed("equalize", model, tmp_path)
    assert notes["equalize"]["left"] == {}
    rounded, notes = passed("round", equal, tmp_path, steps=60)
    assert [layer["reason"] for layer in notes["round"]] == [""] * len(notes["round"])
    result, _ = passed("quantize", rounded, tmp_path, method="fixed")
    assert error(model, result) < 0.1


def test_biases_are_corrected_against_the_float_file(network: str, tmp_path: Path) -> None:
    model = written(tmp_path, NETWORKS[network]())
    plain, _ = passed("quantize", model, tmp_path, method="fixed")
    result, notes = passed("correct_bias", plain, tmp_path, models={"convert": model})
    assert notes["correct_bias"]["left"] == {}
    assert error(model, result) < 0.1


def test_sensitivity_has_a_line_for_each_input(network: str, tmp_path: Path) -> None:
    model = written(tmp_path, NETWORKS[network]())
    result, notes = passed("sensitivity", model, tmp_path, method="fixed")
    assert result.path.read_bytes() == model.path.read_bytes()
    inputs = input_tensors(model.path.read_bytes())
    found = [layer["tensor"] for layer in notes["sensitivity"]["layers"] if layer["operator"] == "INPUT"]
    assert sorted(found) == sorted(inputs)


@pytest.mark.parametrize("keep", ["float32", "int16x8"])
def test_layers_are_kept_until_the_budget_holds(network: str, keep: str, tmp_path: Path) -> None:
    model = written(tmp_path, NETWORKS[network]())
    judged: list[float] = []

    def judge(candidate: Any) -> Judgement:
        judged.append(error(model, candidate))
        ok = judged[-1] < 0.9 * judged[0]
        limit = Limit(metric="error", form="max", bound=0.9 * judged[0])
        verdict = Verdict(
            limit=limit,
            baseline=None,
            value=judged[-1],
            low=None,
            high=None,
            ok=ok,
            decided=True,
            text=f"error {judged[-1]:.4f}",
        )
        return Judgement(verdicts=(verdict,), metrics={"error": Measurement(value=judged[-1], unit="1")})

    options = {"method": "fixed", "keep": keep, "max_kept": 1.0}
    result, notes = passed("quantize_mixed", model, tmp_path, judge=judge, **options)
    assert notes["mixed"]["failed"] == []
    assert len(judged) > 1
    assert error(model, result) == pytest.approx(min(judged), rel=0.5)
    assert np.isfinite(judged).all()
