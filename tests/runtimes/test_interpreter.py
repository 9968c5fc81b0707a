"""LiteRT's interpreter on models made by hand; TensorFlow is not needed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stateful_files
from tflbuild.core.errors import BrokenPromise, RecipeError
from tflbuild.core.signature import TensorSpec
from tflbuild.runtimes import interpreter as litert
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Tensors, assemble
from tflbuild.tflite.suppression import OUTPUTS, SuppressionOptions, output_shapes, suppression
from tflbuild.tflite.tiny import brightness_detector


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    path = tmp_path / "detector.tflite"
    path.write_bytes(brightness_detector())
    return path


@pytest.fixture
def classifier(float_classifier: Path) -> Path:
    return float_classifier


def white() -> dict[str, np.ndarray]:
    """Give a model value of 127/128 everywhere, a white pixel's."""
    return {"image": np.full((1, 8, 8, 3), 127 / 128, np.float32)}


def test_a_model_says_what_it_takes_and_gives(detector: Path, integer_classifier: Path) -> None:
    signature = litert.Loaded(detector).signature
    assert signature.inputs == {"image": TensorSpec((1, 8, 8, 3), "float32")}
    assert list(signature.outputs) == [
        "detection_boxes",
        "detection_classes",
        "detection_scores",
        "num_detections",
    ]
    integer = litert.Loaded(integer_classifier).signature
    assert integer.inputs == {"image": TensorSpec((1, 8, 8, 3), "int8", pytest.approx(1 / 128, rel=1e-6), 0)}


def test_a_model_is_run_by_the_names_of_its_inputs_and_outputs(detector: Path) -> None:
    found = litert.Loaded(detector).run(white())
    assert found["num_detections"].tolist() == [1.0]
    assert found["detection_boxes"][0, 0].tolist() == [0.0, 0.0, 0.5, 0.5]
    assert found["detection_classes"][0, 0] == 0.0
    # sigmoid(8 * (255 / 128 - 1)), by hand
    assert found["detection_scores"][0, 0] == pytest.approx(1 / (1 + math.exp(-8 * 127 / 128)), abs=1e-5)
    middle = litert.Loaded(detector).run({"image": np.zeros((1, 8, 8, 3), np.float32)})
    assert middle["detection_scores"][0, :2].tolist() == pytest.approx([0.5, 0.5], abs=1e-6)


def test_outputs_are_what_the_tensors_hold(classifier: Path, integer_classifier: Path) -> None:
    zeros = np.zeros((1, 8, 8, 3), np.float32)
    assert litert.Loaded(classifier).run({"image": zeros})["scores"].tolist() == [pytest.approx([0.5, 0.5])]
    found = litert.Loaded(integer_classifier).run({"image": zeros.astype(np.int8)})["scores"]
    assert found.dtype == np.int8
    assert found.tolist() == [[0, 0]]  # a half of 256 levels from -128


@pytest.mark.parametrize("name", ["test", "one more"])
def test_a_file_without_a_signature_is_run_by_the_names_of_its_tensors(classifier: Path, name: str) -> None:
    def change(model: Any) -> None:
        model.signatureDefs = []
        model.subgraphs[0].tensors[0].name = name.encode()

    plain = litert.Loaded(classifier).run(white())["scores"]
    loaded = litert.Loaded(edited(classifier, change))
    assert (list(loaded.signature.inputs), list(loaded.signature.outputs)) == ([name], ["scores"])
    assert np.array_equal(loaded.run({name: white()["image"]})["scores"], plain)


def test_results_do_not_depend_on_threads(classifier: Path) -> None:
    values = np.random.default_rng(2).uniform(-1, 1, (1, 8, 8, 3)).astype(np.float32)
    results = [litert.Loaded(classifier, threads).run({"image": values})["scores"] for threads in (1, 2)]
    assert np.array_equal(*results)


@pytest.mark.parametrize(
    ("kernels", "named"), [("default", "xnnpack"), ("builtin", "builtin"), ("reference", "reference")]
)
def test_a_loaded_model_names_the_kernels_that_execute_it(
    classifier: Path, kernels: litert.Kernels, named: str
) -> None:
    assert litert.Loaded(classifier, kernels=kernels).kernels == named


def test_operators_are_those_of_the_file(detector: Path) -> None:
    assert litert.operators(detector) == [
        "FULLY_CONNECTED",
        "FULLY_CONNECTED",
        "LOGISTIC",
        "RESHAPE",
        "RESHAPE",
        "TFLite_Detection_PostProcess",
    ]


class Clock:
    """A clock that a run advances, and the interpreter that runs."""

    def __init__(self, path: Path, seconds: list[float]) -> None:
        self.now, self._seconds = 100.0, iter(seconds)
        self.inputs: list[np.ndarray] = []
        self._loaded = litert.interpreter(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded, name)

    def invoke(self) -> None:
        self.now += next(self._seconds)

    def set_tensor(self, index: int, value: np.ndarray) -> None:
        self.inputs.append(value)


def test_latency_is_that_of_warm_runs_alone(classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # five runs of ten seconds warm up; then 1 to 11 ms, unordered: the median is 6, nine tenths of the way 10 by hand
    clock = Clock(classifier, [10.0] * 5 + [k / 1000 for k in (11, 1, 10, 2, 9, 3, 8, 4, 7, 5, 6)])
    asked: list[tuple[Path, int]] = []
    monkeypatch.setattr(
        litert, "interpreter", lambda path, threads: (asked.append((path, threads)), clock)[1]
    )
    monkeypatch.setattr(litert.time, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(litert, "cpu_name", lambda: "a processor")
    found = litert.latency(classifier, threads=3, runs=11)
    assert found == {
        "median": pytest.approx(6.0),
        "p90": pytest.approx(10.0),
        "threads": 3,
        "runs": 11,
        "kernels": "xnnpack",
        "cpu": "a processor",
    }
    assert asked == [(classifier, 3)]
    (given,) = clock.inputs
    assert given.shape == (1, 8, 8, 3)
    assert given.min() < -0.5 < 0.5 < given.max()  # noise, which no kernel can shorten


def test_kernels_that_took_nothing_are_not_named_xnnpack(
    classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = litert.interpreter(classifier, kernels="builtin")
    monkeypatch.setattr(litert, "interpreter", lambda path, threads: plain)
    found = litert.latency(classifier, runs=1)
    assert (found["kernels"], found["threads"]) == ("builtin", 1)


def filled(dtype: type, noisy: bool = True) -> np.ndarray:
    details = {"shape": np.array([200, 50]), "dtype": dtype}
    return litert._filler(details, np.random.default_rng(0) if noisy else None)


def test_noise_fills_the_range_of_an_input() -> None:
    for dtype, least, most in (
        (np.int8, -128, 127),
        (np.uint8, 0, 255),
        (np.int32, -128, 127),  # most likely an index
        (np.int64, -128, 127),
    ):
        found = filled(dtype)
        assert (found.dtype, found.min(), found.max()) == (dtype, least, most)
    assert filled(np.int16).min() < -32000 < 32000 < filled(np.int16).max()
    floats = filled(np.float32)
    assert (floats.dtype, floats.shape) == (np.float32, (200, 50))
    assert -1 <= floats.min() < -0.99 < 0.99 < floats.max() <= 1
    assert not filled(np.bool_).any()
    for dtype in (np.float32, np.int8):
        assert not filled(dtype, noisy=False).any()


def test_a_file_is_run_on_zeros_and_on_noise(classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[np.ndarray] = []

    class Loaded:
        details = litert.interpreter(classifier).get_input_details()

        def get_input_details(self) -> Any:
            return self.details

        def set_tensor(self, index: int, value: np.ndarray) -> None:
            given.append(value)

        def invoke(self) -> None:
            given.append(np.array([]))

    monkeypatch.setattr(litert, "interpreter", lambda path: Loaded())
    litert.check_runs(classifier)
    zeros, ran, noise, again = given
    assert not zeros.any()
    assert noise.any()
    assert len(ran) == len(again) == 0


def test_what_fails_while_it_runs_is_told_once(classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(path: Path) -> None:
        raise RecipeError(f"{path}: the reason")

    monkeypatch.setattr(litert, "interpreter", fails)
    with pytest.raises(BrokenPromise, match=r"^the file it wrote does not run in LiteRT: the reason$"):
        litert.check_runs(classifier)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("  first\nsecond"), "first"),
        (RuntimeError(""), "RuntimeError"),
        (OSError("\n one"), "one"),
    ],
)
def test_an_error_of_litert_is_one_line(
    error: Exception, said: str, classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**options: Any) -> None:
        raise error

    monkeypatch.setattr(litert, "Interpreter", fails)
    with pytest.raises(RecipeError) as caught:
        litert.interpreter(classifier)
    assert str(caught.value) == f"{classifier}: LiteRT cannot load it: {said}"


def test_kernels_and_threads_reach_the_interpreter(classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []

    class Loaded:
        def __init__(self, **options: Any) -> None:
            given.append(options)

        def allocate_tensors(self) -> None:
            given[-1]["allocated"] = True

    monkeypatch.setattr(litert, "Interpreter", Loaded)
    litert.interpreter(classifier, 7)
    litert.interpreter(classifier, 7, "builtin")
    litert.interpreter(classifier, 7, "reference")
    types = litert.OpResolverType
    assert [one["experimental_op_resolver_type"] for one in given] == [
        types.AUTO,
        types.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        types.BUILTIN_REF,
    ]
    for one in given:
        assert (one["model_path"], one["num_threads"], one["allocated"]) == (str(classifier), 7, True)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_no_class_is_lost_with_several_threads(threads: int, tmp_path: Path) -> None:
    """LiteRT 2.3 shares five classes among two threads so that one is never looked at, and gives none of its boxes."""
    count = 5
    options = SuppressionOptions(
        classes=count,
        box_scales=(10, 10, 5, 5),
        max_detections=10,
        class_wise=True,
        score_threshold=1e-8,
        iou_threshold=0.5,
    )
    apart = np.array([[0.1 + 0.15 * k, 0.1 + 0.15 * k, 0.1, 0.1] for k in range(count)], np.float32)
    shapes = {"box_encodings": (1, count, 4), "class_scores": (1, count, count)}
    step = suppression(["box_encodings", "class_scores", "anchors"], options)
    tensors: Tensors = {**shapes, "anchors": apart, **output_shapes(10)}
    path = tmp_path / "detector.tflite"
    path.write_bytes(assemble(tensors, [step], list(shapes), OUTPUTS))
    scores = np.diag(np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32))[None]
    found = litert.Loaded(path, threads).run(
        {"box_encodings": np.zeros((1, count, 4), np.float32), "class_scores": scores}
    )
    assert found["num_detections"][0] == count
    assert found["detection_classes"][0, :count].tolist() == [0, 1, 2, 3, 4]


def test_every_run_starts_afresh_whatever_the_file_keeps_between_calls(tmp_path: Path) -> None:
    path = tmp_path / "lstm.tflite"
    path.write_bytes(stateful_files.lstm(6, clip=0.0, peepholes=False))
    rows = np.random.default_rng(1).normal(size=(2, 1, 6, 3)).astype(np.float32)
    for kernels in ("default", "builtin", "reference"):
        loaded = litert.Loaded(path, kernels=kernels)  # type: ignore[arg-type]
        first = loaded.run({"rows": rows[0]})["out"].copy()
        assert not np.array_equal(loaded.run({"rows": rows[1]})["out"], first)
        np.testing.assert_array_equal(loaded.run({"rows": rows[0]})["out"], first)


def edited(path: Path, change: Any) -> Path:
    model = flatbuffer.unpack(path.read_bytes())
    change(model)
    made = path.with_name("edited.tflite")
    made.write_bytes(flatbuffer.pack(model))
    return made


@pytest.mark.parametrize(
    ("chip", "said"), [("edgetpu-custom-op", "an Edge TPU"), ("ethos-u", "an Ethos-U NPU")]
)
def test_the_chip_of_a_file_is_named(chip: str, said: str, classifier: Path) -> None:
    def change(model: Any) -> None:
        code = model.operatorCodes[1]
        code.builtinCode = code.deprecatedBuiltinCode = 32
        code.customCode = chip.encode()

    with pytest.raises(RecipeError, match=rf"is compiled for {said} \(operator '{chip}'\) and cannot"):
        litert.interpreter(edited(classifier, change))


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
    with pytest.raises(RecipeError, match=r"text\.tflite is not a TensorFlow Lite file"):
        litert.interpreter(tmp_path / "text.tflite")
