"""A detector that loses channels, built as its recipe says for a few steps; later passes work on what is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph
from workspace import Workspace

pytestmark = pytest.mark.slow

RECIPE = "ssd_mobilenet_channels_int8"
FEW = ("data.train=64", "data.val=16", "data.test=16", "train.steps=3", "train.batch_size=8")
FREE = (
    "budget=null",
    "prune_channels.budget=null",
    "convert.budget=null",
    "quantize.budget=null",
    "quantize.fallback=null",
    "quantize.method=fixed",
)
SHORT = ("prune_channels.rounds=1", "prune_channels.round_steps=2", "prune_channels.batch_size=8")
FOLLOWED = (
    "+passes@qat=qat",
    "pipeline=[train,prune_channels,qat,convert]",
    "qat.steps=2",
    "qat.batch_size=8",
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("channels"))


def output_channels(path: Path) -> int:
    """Count the output channels of all convolutions in a file, which all compute in int8."""
    graph = Graph(flatbuffer.load(path))
    kernels = [graph.tensors[op.inputs[1]] for op in graph.operators if graph.kind(op) == "CONV_2D"]
    assert {flatbuffer.DTYPES[kernel.type] for kernel in kernels} == {"int8"}
    return sum(int(kernel.shape[0]) for kernel in kernels)


def test_a_smaller_detector_becomes_integer(here: Workspace) -> None:
    report = here.build(f"recipe={RECIPE}", *FEW, *FREE, *SHORT)
    assert report["status"] == "built"
    note = next(step["notes"]["channels"] for step in report["passes"] if step["label"] == "prune_channels")
    assert note["macs"]["after"] <= 0.5 * note["macs"]["before"]
    left = sum(group["after"] for group in note["groups"]) + sum(one["channels"] for one in note["whole"])
    assert output_channels(here.folder / f"outputs/{RECIPE}/latest/model.tflite") == left


def test_training_for_quantization_works_on_it(here: Workspace) -> None:
    report = here.build(f"recipe={RECIPE}", *FEW, *FREE, *SHORT, *FOLLOWED)
    assert report["status"] == "built"
    outcomes = {step["label"]: step["outcome"] for step in report["passes"]}
    assert outcomes["prune_channels"] == "cached"
    assert outcomes["qat"] == "ran"
