"""What the shipped int8 recipes try when a gate closes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tflbuild import plugins
from tflbuild.passes.quantizing.options import Quantizing
from tflbuild.recipe import compose

RECIPES = (
    "ssd_mobilenet_int8",
    "ssd_mobilenet_v2_int8",
    "ssd_mobilenet_v2_fpnlite_int8",
    "efficientdet_lite0_int8",
    "mobilenet_v1_int8",
    "mobilenet_v2_int8",
    "mobilenet_v3_small_int8",
    "mobilenet_v3_large_int8",
    "efficientnet_lite0_int8",
    "resnet_int8",
)
CHANGED = {
    "method": "fixed",
    "select": "top1",
    "ranges": "mse",
    "equalize": "weights",
    "relu6": "replace",
    "correct_bias": "true",
    "round": "learned",
    "granularity": "tensor",
    "weight_bits": "4",
    "activations": "symmetric",
    "calibration.source": "elsewhere",
    "calibration.samples": "7",
    "input_dtype": "float32",
    "output_dtype": "int8",
    "scores": "int16",
}
"""Another value than the default for every option of quantization."""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plugins.load(None)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_few_layers_are_kept_first_and_training_comes_second(recipe: str) -> None:
    found = compose.compose([f"recipe={recipe}"])
    trained = "prune" if "prune" in found["pipeline"] else "train"
    assert found["quantize"]["fallback"] == [
        "quantize_mixed",
        {"from": trained, "run": ["fallback_qat", "fallback_convert"]},
    ]
    assert [found[label]["pass"] for label in ("quantize_mixed", "fallback_qat", "fallback_convert")] == [
        *("quantize_mixed", "qat", "convert")
    ]


def test_kept_layers_start_from_what_quantize_was_asked_for() -> None:
    names = {option.name for option in dataclasses.fields(Quantizing)}
    assert names == {name.partition(".")[0] for name in CHANGED}
    plain = compose.compose(["recipe=ssd_mobilenet_int8"])
    words = [f"quantize.{name}={value}" for name, value in CHANGED.items()]
    found = compose.compose(["recipe=ssd_mobilenet_int8", *words])
    for name in names:
        assert found["quantize_mixed"][name] == found["quantize"][name] != plain["quantize"][name]
    mine = compose.compose(["recipe=ssd_mobilenet_int8", "quantize_mixed.calibration.samples=5"])
    assert (mine["quantize_mixed"]["calibration"]["samples"], mine["quantize"]["calibration"]["samples"]) == (
        5,
        200,
    )
