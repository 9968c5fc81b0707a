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


def kinds(path: Path) -> list[str]:
    graph = Graph(flatbuffer.load(path))
    return [graph.kind(operator) for operator in graph.operators]


def test_a_classifier_with_hard_swish_becomes_integer(here: Workspace) -> None:
    model = ("model.minimalistic=false", "model.alpha=0.25", "data=sign_crops")
    limits = ("quantize.budget=null", "quantize.fallback=null", "quantize.method=fixed")
    report = here.build("recipe=mobilenet_v3_small_int8", *model, *FEW, *FREE, *limits)
    assert report["status"] == "built"
    found = kinds(here.folder / "outputs/mobilenet_v3_small_int8/latest/model.tflite")
    assert found.count("HARD_SWISH") == 19
    assert "DEQUANTIZE" not in found


def test_a_detector_with_shared_heads_is_trained_for_integers(here: Workspace) -> None:
    steps = ("+passes@qat=qat", "pipeline=[train,qat,convert]", "qat.steps=2", "qat.batch_size=8")
    model = ("model.head_layers=1", "model.head_filters=16", "model.alpha=0.1")
    report = here.build("recipe=ssd_mobilenet_v2_fpnlite_int8", *steps, *model, *FEW, *FREE)
    assert report["status"] == "built"
    found = kinds(here.folder / "outputs/ssd_mobilenet_v2_fpnlite_int8/latest/model.tflite")
    assert found.count("RESIZE_NEAREST_NEIGHBOR") == 2
    assert found[-1] == "TFLite_Detection_PostProcess"
