"""A cure that the target `cpu` names is an override that cures: the file is quantized again with it, and measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foreign_networks import noise, written
from placement_files import constant, file_of, operator, told
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.targets.cpu import Cpu
from tflbuild.testing import run_pass

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

SLIDING = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}


def network() -> bytes:
    """Give a convolution, a depthwise one, and a sigmoid."""
    draw = np.random.default_rng(0)
    tensors = {
        "x": told((1, 8, 8, 4)),
        "w": constant(draw.normal(size=(8, 3, 3, 4))),
        "b": constant(draw.normal(size=8)),
        "a": told((1, 8, 8, 8)),
        "v": constant(draw.normal(size=(1, 3, 3, 8))),
        "d": told((1, 8, 8, 8)),
        "y": told((1, 8, 8, 8)),
    }
    steps = [
        operator("CONV_2D", ["x", "w", "b"], ["a"], "Conv2DOptions", **SLIDING),
        operator(
            "DEPTHWISE_CONV_2D",
            ["a", "v", "b"],
            ["d"],
            "DepthwiseConv2DOptions",
            depthMultiplier=1,
            **SLIDING,
        ),
        operator("LOGISTIC", ["d"], ["y"]),
    ]
    return file_of(tensors, steps, ["x"], ["y"])


def left(model: TFLiteModel, folder: Path, **options: Any) -> dict[str, str]:
    """Quantize, and give the cures of what XNNPACK leaves, by the operator's name."""
    data, index = noise(model.path.read_bytes(), 24)
    made = run_pass(PASSES.get("quantize")(**options), model, folder, data=data, index=index)
    placed = Cpu().place(made.path)
    assert placed is not None
    assert placed["remarks"] == []
    return {one["name"]: one["cure"] for one in placed["operators"] if not one["on"]}


@pytest.mark.parametrize(
    ("options", "names", "cure"),
    [
        ({"scheme": "int16x8"}, {"CONV_2D", "DEPTHWISE_CONV_2D"}, {"scheme": "int8"}),
        ({"scheme": "int8", "method": "fixed"}, {"LOGISTIC"}, {"scores": "int8"}),
        ({"scheme": "int8", "method": "fixed", "weight_bits": 4}, {"CONV_2D"}, {"weight_bits": 8}),
        ({"scheme": "dynamic"}, {"DEPTHWISE_CONV_2D"}, {"scheme": "int8"}),
        ({"scheme": "dynamic"}, {"DEPTHWISE_CONV_2D"}, {"scheme": "float16"}),
    ],
)
def test_the_cure_that_is_named_cures(
    options: dict[str, Any], names: set[str], cure: dict[str, Any], tmp_path: Path
) -> None:
    plugins.load(None)
    model = written(tmp_path, network())
    before = left(model, tmp_path, **options)
    (override,) = (f"quantize.{key}={value}" for key, value in cure.items())
    assert names <= {name for name, said in before.items() if override in said.split(" or ")}
    fixed = {"method": "fixed"} if cure.get("scheme") == "int8" else {}
    assert not names & left(model, tmp_path, **{**options, **fixed, **cure}).keys()
