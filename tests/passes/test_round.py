"""The pass `round`, and what `quantize` makes of its result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_network
from tflbuild import plugins
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.testing import run_pass
from tflbuild.tflite.weights import weights_in

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Forty images of noise in an `.npz`."""
    path = tmp_path / "images.npz"
    np.savez(path, images=np.random.default_rng(1).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8))
    return str(path)


def made(name: str, source: str, **options: Any) -> Any:
    plugins.load(None)
    return PASSES.get(name)(calibration=Calibration(source=source, samples=40), **options)


@pytest.mark.parametrize("bits", [8, 4])
def test_the_result_is_float_and_lies_on_the_grid_of_its_bits(source: str, tmp_path: Path, bits: int) -> None:
    model, notes = small_network.model(tmp_path), dict[str, Any]()
    result = run_pass(made("round", source, bits=bits, steps=40), model, tmp_path, notes=notes)
    for kernel in weights_in(result.path):
        most = 7 if bits == 4 and kernel.operator != "DEPTHWISE_CONV_2D" else 127
        levels = np.abs(
            np.moveaxis(kernel.values, kernel.axis, -1).reshape(-1, kernel.values.shape[kernel.axis])
        )
        ratios = levels / levels.max(axis=0) * most
        assert kernel.dtype == "float32"
        assert ratios == pytest.approx(np.rint(ratios), abs=1e-4)
    assert [entry["layer"] for entry in notes["round"]] == ["stem/Relu", "middle/Relu6", "head/BiasAdd"]
    assert [entry["weights"] for entry in notes["round"]] == [
        108,
        36,
        128,
    ]  # 4 * 3 * 3 * 3, 3 * 3 * 4, 2 * 64
    assert all(
        (entry["learned_error"] < entry["nearest_error"]) == bool(entry["turned"]) for entry in notes["round"]
    )


def test_its_result_is_quantized_without_another_rounding(source: str, tmp_path: Path) -> None:
    rounded = run_pass(made("round", source, steps=40), small_network.model(tmp_path), tmp_path)
    result = run_pass(made("quantize", source, method="fixed"), rounded, tmp_path)
    floats = {kernel.name: kernel.values for kernel in weights_in(rounded.path)}
    for kernel in weights_in(result.path):
        assert kernel.dequantized() == pytest.approx(floats[kernel.name], rel=1e-5, abs=1e-7)


def test_the_same_seed_gives_the_same_file(source: str, tmp_path: Path) -> None:
    model = small_network.model(tmp_path)
    first, second = (run_pass(made("round", source, steps=10), model, tmp_path) for _ in range(2))
    assert first.digest == second.digest


def test_a_model_that_was_not_rounded_breaks_the_promise(source: str, tmp_path: Path) -> None:
    model = small_network.model(tmp_path)
    with pytest.raises(BrokenPromise, match="weights lie between two levels of 8 bits"):
        made("round", source).verify(model, model)


def test_rounding_a_quantized_model_is_refused(source: str, tmp_path: Path) -> None:
    result = run_pass(made("quantize", source, method="fixed"), small_network.model(tmp_path), tmp_path)
    with pytest.raises(PassError, match="rounding comes before 'quantize'"):
        run_pass(made("round", source), result, tmp_path)
