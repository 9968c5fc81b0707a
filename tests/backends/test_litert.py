"""LiteRT's interpreter on models made by hand; TensorFlow is not needed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tflbuild.backends import litert
from tflbuild.backends.tiny import brightness_detector
from tflbuild.core.errors import BrokenPromise, RecipeError

SCALE, OFFSET = 1 / 128, -1.0


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    path = tmp_path / "detector.tflite"
    path.write_bytes(brightness_detector())
    return path


@pytest.fixture
def classifier(float_classifier: Path) -> Path:
    return float_classifier


def grey(value: int) -> np.ndarray:
    return np.full((8, 8, 3), value, np.uint8)


def spec(dtype: type, scale: float, zero_point: int) -> litert.InputSpec:
    return litert.InputSpec("image", (1, 8, 8, 3), dtype, scale, zero_point)


def test_a_detector_gives_only_as_many_entries_as_it_found(detector: Path) -> None:
    runner = litert.Runner(detector, scale=SCALE, offset=OFFSET)
    white, middle = runner.run(grey(255)), runner.run(grey(128))
    assert white["detection_boxes"].tolist() == [[0.0, 0.0, 0.5, 0.5]]
    assert white["detection_classes"].tolist() == [0.0]
    # sigmoid(8 * (255 / 128 - 1)), by hand
    assert white["detection_scores"][0] == pytest.approx(1 / (1 + math.exp(-8 * 127 / 128)), abs=1e-5)
    assert middle["detection_scores"].tolist() == pytest.approx([0.5, 0.5], abs=1e-6)
    assert set(white) == {"detection_boxes", "detection_classes", "detection_scores"}


def test_a_float_input_takes_normalised_pixels(classifier: Path) -> None:
    runner = litert.Runner(classifier, scale=SCALE, offset=OFFSET)
    assert runner.input == litert.InputSpec("image", (1, 8, 8, 3), np.float32, 0.0, 0)
    assert not runner.raw_bytes
    scores = runner.run(grey(128))["scores"]
    assert scores.tolist() == pytest.approx([0.5, 0.5])  # the input is 0, and the bias too


def test_an_int8_input_takes_raw_bytes_less_128(classifier: Path, integer_classifier: Path) -> None:
    runner = litert.Runner(integer_classifier, scale=SCALE, offset=OFFSET)
    assert runner.raw_bytes
    assert runner.input.dtype is np.int8
    pixels = np.random.default_rng(1).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    wanted = litert.Runner(classifier, scale=SCALE, offset=OFFSET).run(pixels)["scores"]
    assert runner.run(pixels)["scores"] == pytest.approx(wanted, abs=0.02)
    assert np.array_equal(runner._as_input(pixels), pixels.astype(int) - 128)


def test_an_integer_input_of_another_scale_takes_quantized_values(integer_classifier: Path) -> None:
    runner = litert.Runner(integer_classifier, scale=1 / 255, offset=0.0)
    assert not runner.raw_bytes
    # White is 1.0 to this preprocessing, which saturates at level 127; black is 0.0, level 0.
    assert runner._as_input(grey(255)).max() == 127
    assert runner._as_input(grey(0)).max() == 0


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "preprocess", "raw"),
    [
        (np.uint8, 1 / 128, 128, (1 / 128, -1.0), True),
        (np.int8, 1 / 128, 0, (1 / 128, -1.0), True),
        (np.uint8, 1 / 255, 0, (1 / 255, 0.0), True),
        (np.uint8, 1 / 127.5, 128, (1 / 127.5, -1.0), True),  # true zero point 127.5: half a level off
        (np.uint8, 1 / 128, 126, (1 / 128, -1.0), False),
        (np.uint8, 1.01 / 128, 128, (1 / 128, -1.0), False),
        (np.int16, 1 / 32768, 0, (1 / 128, -1.0), False),
        (np.float32, 0.0, 0, (1 / 128, -1.0), False),
    ],
)
def test_raw_bytes_are_right_only_where_scale_and_zero_point_say_so(
    dtype: type, scale: float, zero_point: int, preprocess: tuple[float, float], raw: bool
) -> None:
    assert litert._takes_raw_bytes(spec(dtype, scale, zero_point), *preprocess) is raw


def test_quantizing_rounds_half_to_even_and_saturates() -> None:
    values = np.array([-2.0, -1.0, 0.0, 0.5 / 128, 1.5 / 128, 5.0], np.float32)
    assert litert.quantized(values, spec(np.int8, 1 / 128, 0)).tolist() == [-128, -128, 0, 0, 2, 127]


def test_results_do_not_depend_on_threads(classifier: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    results = [
        litert.Runner(classifier, scale=SCALE, offset=OFFSET, threads=threads).run(pixels)["scores"]
        for threads in (1, 2)
    ]
    assert np.array_equal(*results)


@pytest.mark.parametrize(
    ("kernels", "named"), [("default", "xnnpack"), ("builtin", "builtin"), ("reference", "reference")]
)
def test_a_runner_names_the_kernels_that_execute_it(
    classifier: Path, kernels: litert.Kernels, named: str
) -> None:
    assert litert.Runner(classifier, scale=SCALE, offset=OFFSET, kernels=kernels).kernels == named


def test_operators_are_those_of_the_file(detector: Path) -> None:
    assert litert.operators(detector) == [
        "FULLY_CONNECTED",
        "FULLY_CONNECTED",
        "LOGISTIC",
        "RESHAPE",
        "RESHAPE",
        "TFLite_Detection_PostProcess",
    ]


def test_delegation_names_what_xnnpack_leaves(detector: Path, classifier: Path) -> None:
    assert litert.delegation(detector) == {
        "name": "xnnpack",
        "delegated": 5,
        "total": 6,
        "left": ["TFLite_Detection_PostProcess"],
    }
    assert litert.delegation(classifier) == {"name": "xnnpack", "delegated": 2, "total": 2, "left": []}


def test_latency_says_how_it_was_measured(classifier: Path) -> None:
    found = litert.latency(classifier, threads=1, runs=7)
    assert 0 < found["median"] <= found["p90"]
    assert (found["threads"], found["runs"], found["kernels"]) == (1, 7, "xnnpack")
    assert found["cpu"]


def test_a_file_that_runs_is_accepted(detector: Path, classifier: Path) -> None:
    litert.check_runs(detector)
    litert.check_runs(classifier)


def test_a_file_that_does_not_run_breaks_its_promise(tmp_path: Path) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"not a flatbuffer")
    with pytest.raises(BrokenPromise, match="does not run in LiteRT"):
        litert.check_runs(path)


def test_an_operator_that_litert_does_not_know_is_named(tmp_path: Path) -> None:
    path = tmp_path / "unknown.tflite"
    path.write_bytes(
        brightness_detector().replace(b"TFLite_Detection_PostProcess", b"TFLite_Detection_PostProcesz")
    )
    with pytest.raises(BrokenPromise, match="TFLite_Detection_PostProcesz"):
        litert.check_runs(path)


def test_a_file_that_is_missing_or_no_model_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere\.tflite cannot be read as a TensorFlow Lite file"):
        litert.interpreter(tmp_path / "nowhere.tflite")
    (tmp_path / "text.tflite").write_text("no model, but longer than a header")
    with pytest.raises(RecipeError, match=r"text\.tflite is no TensorFlow Lite file"):
        litert.interpreter(tmp_path / "text.tflite")


def test_quiet_gives_stderr_back(capfd: pytest.CaptureFixture[str]) -> None:
    import os

    with litert.quiet():
        os.write(2, b"chatter\n")
    os.write(2, b"said\n")
    assert capfd.readouterr().err == "said\n"
