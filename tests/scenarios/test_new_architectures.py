"""One classifier and one detector of the newer architectures, built as their recipes say, for a few steps."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def test_a_classifier_with_hard_swish_becomes_integer(here: Workspace) -> None:
    model = ("model.minimalistic=false", "model.alpha=0.25", "data=sign_crops")
    limits = ("quantize.budget=null", "quantize.fallback=null", "quantize.method=fixed")
    report = here.build("recipe=mobilenet_v3_small_int8", *model, *FEW, *FREE, *limits)
    assert report["status"] == "built"
    found = operators(here.folder / "outputs/mobilenet_v3_small_int8/latest/model.tflite")
    assert found.count(("HARD_SWISH", "int8")) == 19
    assert {dtype for kind, dtype in found if kind in ("MUL", "ADD", "CONV_2D", "MEAN")} == {"int8"}


def test_an_ssdlite_becomes_integer(here: Workspace) -> None:
    limits = ("quantize.budget=null", "quantize.fallback=null", "quantize.method=fixed")
    report = here.build("recipe=ssd_mobilenet_v2_int8", "model.alpha=0.1", *FEW, *FREE, *limits)
    assert report["status"] == "built"
    found = operators(here.folder / "outputs/ssd_mobilenet_v2_int8/latest/model.tflite")
    assert {dtype for kind, dtype in found if kind in ("ADD", "CONV_2D", "DEPTHWISE_CONV_2D")} == {"int8"}
    assert found[-1][0] == "TFLite_Detection_PostProcess"
