"""Models and images with something wrong: `quantize` gives a right file, or says which tensor is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_network
from running import outputs_of
from tflbuild import plugins
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.testing import run_pass

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors"),
    pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered:RuntimeWarning"),
]

SCHEMES = ("int8", "int16x8", "dynamic", "float16")
STEM, BIAS = "stem/Conv2D", "stem/bias"


def weights(name: str, place: Any, value: float) -> dict[str, Any]:
    """Give the network's weights of one tensor, some of them changed."""
    changed = small_network.constants()[name]
    changed[place] = value
    return {name: changed}


NOISE = np.random.default_rng(2).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def scores(path: Path, pixels: Any = NOISE) -> Any:
    return outputs_of(path, pixels)["scores"]


def quantized(folder: Path, changed: dict[str, Any], images: Any = None, **options: Any) -> tuple[Path, Path]:
    """Quantize the changed network; gives the float file and the quantized one."""
    plugins.load(None)
    kept = (
        np.random.default_rng(1).integers(0, 256, (8, 8, 8, 3), dtype=np.uint8) if images is None else images
    )
    np.savez(folder / "images.npz", images=kept)
    source = small_network.model(folder, changed)
    calibration = Calibration(source=str(folder / "images.npz"), samples=8)
    made = PASSES.get("quantize")(calibration=calibration, **options)
    return source.path, run_pass(made, source, folder).path


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("name", "activation"),
    [(STEM, "stem/Relu"), ("middle/depthwise", "middle/Relu6"), ("head/bias", "head/BiasAdd")],
)
def test_weights_that_are_no_numbers_are_named(
    tmp_path: Path, scheme: str, name: str, activation: str
) -> None:
    wrong = activation if scheme in ("int8", "int16x8") else name
    with pytest.raises(PassError, match=f"tensor '{wrong}'.* not finite"):
        quantized(tmp_path, weights(name, np.s_[0], np.nan), scheme=scheme, method="fixed")


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        ("int8", "tensor 'stem/Relu' has a degenerate scale .*e.28: its values ran away"),
        ("int16x8", "tensor 'stem/Relu' has a degenerate scale .*: its values ran away"),
        ("float16", "tensor 'stem/Conv2D' holds values that are not finite"),
    ],
)
def test_weights_beyond_all_measure_are_named(tmp_path: Path, scheme: str, message: str) -> None:
    changed = {STEM: small_network.constants()[STEM] * 1e30}
    with pytest.raises(BrokenPromise, match=message):
        quantized(tmp_path, changed, scheme=scheme, method="fixed")


CHANGES = {
    "an empty channel": weights(STEM, 1, 0.0),
    "an empty channel without bias": weights(STEM, 1, 0.0) | weights(BIAS, 1, 0.0),
    "an empty layer": weights(STEM, ..., 0.0),
    "an empty layer without bias": weights(STEM, ..., 0.0) | weights(BIAS, ..., 0.0),
    "activations that are always zero": weights(BIAS, ..., -100.0),
    "one channel fifty times the others": {
        STEM: small_network.constants()[STEM]
        * np.array([50, 1, 1, 1])[:, None, None, None].astype(np.float32)
    },
}


@pytest.mark.parametrize("scheme", ["int8", "int16x8", "dynamic"])
@pytest.mark.parametrize("change", CHANGES)
def test_odd_but_valid_weights_give_a_file_near_the_float_one(
    tmp_path: Path, scheme: str, change: str
) -> None:
    source, made = quantized(tmp_path, CHANGES[change], scheme=scheme, method="fixed")
    assert scores(made) == pytest.approx(scores(source), abs=0.06)


@pytest.mark.parametrize(
    ("ranges", "equalize"), [("p99.9", "weights"), ("mse", "activations"), ("entropy", "weights")]
)
@pytest.mark.parametrize("change", ["an empty layer", "activations that are always zero"])
def test_every_way_to_set_ranges_stands_tensors_without_a_range(
    tmp_path: Path, change: str, ranges: str, equalize: str
) -> None:
    options = {
        "method": "fixed",
        "ranges": ranges,
        "equalize": equalize,
        "relu6": "replace",
        "correct_bias": True,
    }
    source, made = quantized(tmp_path, CHANGES[change], **options)
    cut = ranges == "entropy" and change == "an empty layer"  # it may cut one of few values off
    assert scores(made) == pytest.approx(scores(source), abs=0.2 if cut else 0.06)


IMAGES = {
    "one image": np.random.default_rng(1).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8),
    "images of one colour": np.full((4, 8, 8, 3), 127, np.uint8),
}


@pytest.mark.parametrize("method", ["auto", "fixed"])
@pytest.mark.parametrize("which", IMAGES)
def test_poor_calibration_gives_a_file_that_is_right_on_what_it_saw(
    tmp_path: Path, which: str, method: str
) -> None:
    images = IMAGES[which]
    source, made = quantized(tmp_path, {}, images, method=method)
    assert scores(made, images[0]) == pytest.approx(scores(source, images[0]), abs=0.03)


def test_a_clustered_model_is_not_equalized(tmp_path: Path) -> None:
    levels = np.array([-0.3, -0.1, 0.1, 0.3], np.float32)
    clustered = {
        name: levels[np.random.default_rng(3).integers(0, 4, values.shape)]
        for name, values in small_network.constants().items()
        if values.ndim > 1
    }
    declared = {
        "clusters": {"layers": {f"{name}/kernel": {"channel": 4} for name in ("stem", "middle", "head")}}
    }
    source = small_network.model(tmp_path, clustered)
    source = replace(source, meta={**source.meta, **declared})
    np.savez(tmp_path / "images.npz", images=NOISE[None])
    options = {"calibration": Calibration(source=str(tmp_path / "images.npz"), samples=1)}
    plugins.load(None)
    notes: dict[str, Any] = {}
    run_pass(PASSES.get("quantize")(**options), source, tmp_path, notes=notes)
    assert not any("equalized" in candidate["setting"] for candidate in notes["auto"]["candidates"])
