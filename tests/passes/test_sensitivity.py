"""The pass that says which layer costs what; needs no TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dense_chain import chain
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import BrokenPromise
from tflbuild.core.meaning import Meaning
from tflbuild.testing import artifact, run_pass

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def made(**options: Any) -> Any:
    plugins.load(None)
    return PASSES.get("sensitivity")(**options)


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_the_file_stays_and_the_report_has_every_layer(tmp_path: Path, scheme: str) -> None:
    model, calibration = chain(tmp_path)
    notes: dict[str, Any] = {}
    result = run_pass(made(calibration=calibration, scheme=scheme), model, tmp_path, notes=notes)
    assert result.path.read_bytes() == model.path.read_bytes()
    assert (result.fingerprint, result.meta["facts"]) == (model.fingerprint, model.meta["facts"])
    found = notes["sensitivity"]
    assert {layer["layer"] for layer in found["layers"]} >= {"first", "second"}
    assert set(found["layers"][0]) == {
        *("layer", "tensor", "operator", "weights", "activations", "alone", "left_out", "bytes", "macs")
    }
    assert found["seconds"] > 0
    assert found["guilty"] == ("activations" if scheme == "int8" else "weights")


def test_int16_activations_cost_less_than_int8_and_the_weights_the_same(tmp_path: Path) -> None:
    model, calibration = chain(tmp_path)
    errors = {}
    for scheme in ("int8", "int16x8"):
        notes: dict[str, Any] = {}
        run_pass(made(calibration=calibration, scheme=scheme), model, tmp_path, notes=notes)
        errors[scheme] = notes["sensitivity"]
    # what is left is what held-out images have beyond the ranges
    assert errors["int16x8"]["error_of_activations"] < 0.1 * errors["int8"]["error_of_activations"]
    assert errors["int16x8"]["error_of_weights"] == pytest.approx(
        errors["int8"]["error_of_weights"], rel=0.01
    )


def test_a_file_that_changed_is_noticed(tmp_path: Path) -> None:
    model, _ = chain(tmp_path)
    other = artifact(TFLiteModel, tmp_path / "images.npz", Meaning.of(model))
    with pytest.raises(BrokenPromise, match="its bytes changed"):
        made().verify(model, other)
