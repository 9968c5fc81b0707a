"""An export of the Object Detection API, compiled by one command and held to what its own converter makes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ai_edge_litert.interpreter import Interpreter

from tflbuild.tflite import flatbuffer
from workspace import Workspace

pytestmark = pytest.mark.slow

EXPORT = "odapi/ssd_mobilenet_v2/exporter_main_v2"


def test_an_export_becomes_a_detector_as_if_trained_here(
    shared_models: Path, shared_data: Path, tmp_path: Path
) -> None:
    """Measured by hand, the TensorFlow converter's int8 of this export has map50 0.7402, its float file 0.7339."""
    here, export = Workspace(tmp_path), tmp_path / "export"
    shutil.copytree(shared_models / EXPORT, export, copy_function=shutil.copyfile)
    shutil.copyfile(shared_models / "odapi/bccd_tfrecord/label_map.pbtxt", export / "label_map.pbtxt")
    words = ["recipe=int8", f"model.path={export}", f"data.root={shared_data / 'bccd'}"]
    report = here.build(*words)
    said = {one["what"]: one["value"] for one in report["recognised"]}
    assert said["order of classes"] == "RBC, WBC, Platelets"
    assert [one["label"] for one in report["passes"]] == ["load", "quantize"]
    (target,) = report["targets"]
    metrics, base = target["metrics"], report["base"]["metrics"]
    assert base["map50"]["value"] == pytest.approx(0.734, abs=0.005)
    assert base["map50"]["value"] - metrics["map50"]["value"] <= 0.01
    made = tmp_path / "outputs/int8/latest/model.tflite"
    assert flatbuffer.operators(made)[-1].name == "TFLite_Detection_PostProcess"
    (given,) = Interpreter(model_path=str(made)).get_input_details()
    assert (given["shape"].tolist(), given["dtype"].__name__) == ([1, 192, 192, 3], "uint8")
    scale, zero_point = given["quantization"]
    assert (scale, zero_point) == (pytest.approx(2 / 255, rel=1e-5), 128)
    outputs = {one["name"]: one["shape"] for one in flatbuffer.signature(made)["outputs"]}
    assert outputs == {
        "detection_boxes": [1, 100, 4],
        "detection_classes": [1, 100],
        "detection_scores": [1, 100],
        "num_detections": [1],
    }
