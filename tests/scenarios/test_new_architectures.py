"""One classifier and one detector of the newer architectures, built as their recipes say, for a few steps."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.quantization.observation import Executable, exposed, without_custom
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph
from workspace import Workspace

pytestmark = pytest.mark.slow

FREE = ("convert.budget=null", "budget=null")
FEW = ("data.train=64", "data.val=16", "data.test=16", "train.steps=3", "train.batch_size=8")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("architectures"))


def operators(path: Path) -> list[tuple[str, str]]:
    """Give the kind of each operator, and the dtype of what it reads."""
    graph = Graph(flatbuffer.load(path))
    return [
        (graph.kind(operator), flatbuffer.DTYPES[graph.tensors[operator.inputs[0]].type])
        for operator in graph.operators
    ]


def raw_outputs(path: Path, image: Any) -> list[Any]:
    """Give the box encodings and the logits that a detector's file finds, for model values."""
    graph = without_custom(Graph(flatbuffer.load(path)))
    scores = [one for one in graph.operators if graph.kind(one) == "LOGISTIC"]
    boxes = [index for index in graph.outputs if graph.tensors[index].shape[-1] == 4]
    names = [graph.name(int(index)) for index in (*boxes, *(one.inputs[0] for one in scores))]
    return Executable(exposed(graph, names)).run({"image": image})


def test_a_classifier_with_hard_swish_becomes_integer(here: Workspace) -> None:
    model = ("model.minimalistic=false", "model.alpha=0.25", "data=sign_crops")
    limits = ("quantize.budget=null", "quantize.fallback=null", "quantize.method=fixed")
    report = here.build("recipe=mobilenet_v3_small_int8", *model, *FEW, *FREE, *limits)
    assert report["status"] == "built"
    found = operators(here.folder / "outputs/mobilenet_v3_small_int8/latest/model.tflite")
    assert found.count(("HARD_SWISH", "int8")) == 19
    assert {dtype for kind, dtype in found if kind in ("MUL", "ADD", "CONV_2D", "MEAN")} == {"int8"}


def test_a_detector_with_shared_heads_becomes_integer_and_gives_what_the_float_file_gives(
    here: Workspace,
) -> None:
    limits = ("quantize.budget=null", "quantize.fallback=null", "quantize.method=fixed")
    model = ("input_size=96", "alpha=0.1", "depth=0.5", "pyramid_filters=16", "pyramids=1", "head_layers=1")
    smaller = [f"model.{option}" for option in model]
    report = here.build("recipe=efficientdet_lite0_int8", *smaller, *FEW, *FREE, *limits)
    assert report["status"] == "built"
    _, converted, quantized = (
        here.folder / "outputs/store/blobs" / one["output"] for one in report["passes"]
    )
    found = operators(here.folder / "outputs/efficientdet_lite0_int8/latest/model.tflite")
    layers = ("ADD", "CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "RESIZE_NEAREST_NEIGHBOR")
    assert {kind for kind, _ in found} >= set(layers)
    assert {dtype for kind, dtype in found if kind in layers} == {"int8"}
    assert found[-1][0] == "TFLite_Detection_PostProcess"
    values = np.random.default_rng(0).uniform(-1, 1, (96, 96, 3)).astype(np.float32)
    floats, integers = (raw_outputs(path, values) for path in (converted, quantized))
    assert [each.shape[-1] for each in floats] == [4, 8]
    sides = (12, 6, 3, 2, 1)  # 96 by the strides; nine boxes a cell
    ends = np.cumsum([0, *(9 * side * side for side in sides)])
    for wanted, given in zip(floats, integers, strict=True):
        assert wanted.shape == given.shape == (ends[-1], wanted.shape[-1])
        for low, high in pairwise(ends):
            assert np.abs(given[low:high] - wanted[low:high]).max() < 0.1 * np.abs(wanted).max(), (low, high)
