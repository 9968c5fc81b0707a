"""Figures of predictions and truth that are files, on models made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pictures import CLASSES, Greys, meaning_of, split_of
from tflbuild.core.artifact import TFLiteModel
from tflbuild.evaluation import arrays as array_files
from tflbuild.evaluation import measuring as evaluation
from tflbuild.evaluation.predictions import predict_file
from tflbuild.evaluation.truth import truth_file
from tflbuild.runtimes.litert import Litert
from tflbuild.tflite.tiny import brightness_detector


def test_a_detector_is_measured_from_file_to_file(tmp_path: Path) -> None:
    path = tmp_path / "detector.tflite"
    path.write_bytes(brightness_detector())
    meta = {"facts": meaning_of("detection").to_json()}
    detector = TFLiteModel(path=path, digest="d", fingerprint="d", meta=meta)
    found, wanted = tmp_path / "predictions.npz", tmp_path / "truth.npz"
    told: list[tuple[float, float]] = []
    data = split_of(Greys())
    kernels = predict_file(Litert(), detector, data, found, lambda done, total: told.append((done, total)))
    truth_file(data, wanted)
    assert kernels == "xnnpack"
    assert told[-1] == (5, 5)
    measured = evaluation.measure("map", found, wanted)
    assert measured.value == evaluation.measure("map50", found, wanted).value == 1.0
    assert measured.n == 5
    assert evaluation.compare("map", found, found, wanted).value == 0.0


def test_a_difference_of_files_is_after_less_before(tmp_path: Path) -> None:
    for name, classes in (("before", [0, 0]), ("after", [0, 1])):
        array_files.store({"scores": np.eye(2, dtype=np.float32)[classes]}, tmp_path / name)
    array_files.store({"labels": np.array([0, 1]), "names": np.array(CLASSES)}, tmp_path / "truth")
    files = tmp_path / "before", tmp_path / "after", tmp_path / "truth"
    assert evaluation.compare("top1", *files).value == 0.5
    assert evaluation.measure("top1", files[1], files[2]).value == 1.0
