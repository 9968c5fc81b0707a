"""Quantized files whose float model is gone, compiled anew by one command; real ones against what they compute."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from own_files import write_files, write_photos
from tflbuild.quantization import restored
from tflbuild.tflite import flatbuffer, old_axes
from tflbuild.tflite.dequantization import dequantize
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed
from workspace import Workspace

pytestmark = pytest.mark.slow

REAL = {
    "coral/keras_lstm_mnist_ptq": 0,
    "coral/mobilenet_v1_0.25_128_quant": 0,
    "coral/split_concat": 0,
    "mlperf_tiny/ad01_int8": 0,
    "mlperf_tiny/kws_ref_model": 0,
    "mlperf_tiny/vww_96_int8": 0,
    "tflite_micro/person_detect": 14,
    "tflite_support/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29": 0,
    "tflite_support/mobilenet_v1_0.25_224_quant": 0,
}
"""Files of others, and how many of their biases name an axis that they do not have."""

RELU6 = {
    "tflite_support/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29": 27,
    "tflite_support/mobilenet_v1_0.25_224_quant": 27,
    "mlperf_tiny/ad01_int8": 1,
}
"""Layers whose RELU6 is in their range alone: MobileNet v1 has 27 (Howard et al., 2017, table 1), and SSD all of them.

Calibration put the end of one layer of the autoencoder within one step of 6.
"""


def pictures(folder: Path, shape: tuple[int, ...], low: float, high: float) -> list[Any]:
    """Give eight photos, or noise where a model takes none, over the range of its input."""
    rng, found = np.random.default_rng(0), []
    for path in sorted((folder / "coco128/images/train").glob("*.jpg"))[:8]:
        values = rng.random(shape)
        if len(shape) == 3 and shape[2] == 3:
            image = Image.open(path).convert("RGB").resize((shape[1], shape[0]))
            values = np.asarray(image, np.float64) / 255
        found.append((low + values * (high - low)).astype(np.float32))
    return found


@pytest.mark.parametrize("name", REAL)
def test_the_float_model_of_a_real_file_computes_what_it_does_but_for_its_steps(
    shared_models: Path, shared_data: Path, name: str
) -> None:
    graph = Graph.unpacked((shared_models / f"{name}.tflite").read_bytes())
    assert len(old_axes.mended_axes(graph)) == REAL[name]
    flatbuffer.add_signature(graph.model)
    shipped = Packed(graph.packed())
    floats = shipped.copy()
    ends = flatbuffer.ends_of(floats.model)[0]
    names = {floats.name(index): (end, tuple(floats.tensors[index].shape[1:])) for end, index in ends.items()}
    made = dequantize(floats)
    grids = {end: (made.grids[tensor], shape) for tensor, (end, shape) in names.items()}
    rows = {end: pictures(shared_data, shape, grid.low, grid.high) for end, (grid, shape) in grids.items()}
    samples = [{end: rows[end][place] for end in rows} for place in range(8)]
    found = restored.compared(shipped, Packed(floats), made, samples)
    assert found.breaches == []
    for of in found.outputs.values():  # rounded to the file's own steps, it is nearer by far than one step
        assert of["unexplained"] <= 0.6 * of["step"]
    assert sum(one == "RELU6" for one in made.activations.values()) == RELU6.get(name, 0)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a folder with a small classifier and pictures."""
    folder = tmp_path_factory.mktemp("shipped")
    write_files(folder)
    write_photos(folder / "photos")
    return Workspace(folder)


@pytest.mark.parametrize("scheme", ["int8", "int16x8", "dynamic", "float16"])
def test_what_one_build_delivers_another_quantizes_anew(here: Workspace, scheme: str) -> None:
    words = ["data.root=photos", "budget=null", "quantize.budget=null"]
    here.build(f"recipe={scheme}", "model.path=classifier.tflite", *words)
    shutil.copy(here.folder / f"outputs/{scheme}/latest/model.tflite", here.folder / f"{scheme}.tflite")
    report = here.build("recipe=int8", f"model.path={scheme}.tflite", *words)
    assert report["status"] == "built"
    assert [step["label"] for step in report["passes"]] == ["load", "dequantize", "quantize"]
    assert report["base"]["label"] == "load"
    (found,) = report["passes"][1]["notes"]["dequantize"]["outputs"].values()
    assert found["unexplained"] <= found["bound"]
    (nearer,) = (one for one in report["analyses"] if one["name"] == "nearer")
    assert nearer["findings"][0]["samples"] > 1
    (target,) = report["targets"]
    assert target["metrics"]["fidelity"]["value"] > 0.7
    assert {one["dtype"] for one in target["inputs"]} == {"uint8"}
