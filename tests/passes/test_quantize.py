"""Quantization of a float flatbuffer; needs no TensorFlow."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from running import Running
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES, DataFacts
from tflbuild.core.dataset import Dataset, Example, Index, Sample
from tflbuild.core.errors import BrokenPromise, DataError, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing import writing
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.testing import run_pass, tiny_tflite
from tflbuild.tflite import flatbuffer

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


@pytest.fixture
def images(tmp_path: Path) -> str:
    """Ten images of noise in an `.npz`."""
    path = tmp_path / "images.npz"
    np.savez(path, images=np.random.default_rng(1).integers(0, 256, (10, 20, 20, 3), dtype=np.uint8))
    return str(path)


@pytest.fixture
def model(tmp_path: Path) -> TFLiteModel:
    return tiny_tflite(tmp_path)


def quantized(
    model: TFLiteModel, folder: Path, source: str, notes: dict[str, Any] | None = None, **options: Any
) -> Any:
    plugins.load(None)
    made = PASSES.get("quantize")(calibration=Calibration(source=source, samples=8), **options)
    made.check()
    return run_pass(made, model, folder, notes=notes)


def scores(path: Path) -> Any:
    pixels = np.random.default_rng(2).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Running(path).run(pixels)["scores"]


@pytest.mark.parametrize(
    ("options", "dtype", "tolerance"),
    [
        ({"scheme": "int8"}, "uint8", 0.05),
        ({"scheme": "int8", "method": "fixed", "ranges": "p99.99"}, "uint8", 0.05),
        ({"scheme": "int8", "input_dtype": "int8", "output_dtype": "int8"}, "int8", 0.05),
        ({"scheme": "int8", "input_dtype": "float32"}, "float32", 0.05),
        ({"scheme": "int16x8"}, "float32", 0.02),
        ({"scheme": "dynamic"}, "float32", 0.05),
        ({"scheme": "float16"}, "float32", 0.005),
    ],
    ids=str,
)
def test_every_scheme_runs_and_stays_near_the_float_model(
    model: TFLiteModel, images: str, tmp_path: Path, options: dict[str, Any], dtype: str, tolerance: float
) -> None:
    result = quantized(model, tmp_path, images, **options)
    assert result.meta["signature"]["inputs"][0]["dtype"] == dtype
    assert scores(result.path) == pytest.approx(scores(model.path), abs=tolerance)
    assert flatbuffer.read_facts(result.path)["labels"] == ["cat", "dog"]


def test_the_uint8_input_takes_raw_bytes_whatever_calibration_saw(model: TFLiteModel, tmp_path: Path) -> None:
    dark = tmp_path / "dark.npz"
    np.savez(dark, images=np.random.default_rng(1).integers(90, 120, (10, 8, 8, 3), dtype=np.uint8))
    entry = quantized(model, tmp_path, str(dark)).meta["signature"]["inputs"][0]
    assert (entry["scale"], entry["zero_point"]) == (0.0078125, 128)


def test_calibration_is_reported_and_seeded(model: TFLiteModel, images: str, tmp_path: Path) -> None:
    notes: dict[str, Any] = {}
    first = quantized(model, tmp_path, images, notes)
    named = notes["calibration"].pop("named")
    assert [fault["cause"] for fault in named] == ["calibration.few"]
    assert notes["calibration"] == {"source": images, "samples": 8, "of": 10}
    assert quantized(model, tmp_path, images).digest == first.digest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"scheme": "float16", "input_dtype": "uint8"},
            "input_dtype: 'uint8' is only possible with scheme int8",
        ),
        ({"scheme": "dynamic", "output_dtype": "int8"}, "output_dtype: 'int8'"),
    ],
)
def test_borders_that_a_scheme_cannot_have_are_refused(
    model: TFLiteModel, images: str, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        quantized(model, tmp_path, images, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"ranges": "mse"},
            "ranges: 'mse' has no effect with method=auto, which chooses it; set {step}.method=fixed",
        ),
        ({"ranges": "minmax"}, "ranges: 'minmax' has no effect with method=auto"),  # though fixed takes it
        ({"equalize": "none"}, "equalize: 'none' has no effect with method=auto"),
        ({"relu6": "replace"}, "relu6: 'replace' has no effect with method=auto"),
        ({"correct_bias": False}, "correct_bias: false has no effect with method=auto"),
        (
            {"method": "fixed", "relu6": "replace"},
            "relu6: 'replace' has no effect where nothing is equalized",
        ),
        ({"method": "fixed", "select": "top1"}, "select: 'top1' has no effect with method=fixed"),
        (
            {"scheme": "int16x8", "select": "top1"},
            "select: 'top1' is only possible with scheme int8; use error",
        ),
        (
            {"scheme": "int16x8", "relu6": "replace"},
            "relu6: 'replace' has no effect where nothing is equalized",
        ),
        (
            {"scheme": "dynamic", "ranges": "mse"},
            "ranges: 'mse' is only possible with scheme int8 or int16x8",
        ),
        (
            {"scheme": "float16", "correct_bias": True},
            "correct_bias: true is only possible with scheme int8 or",
        ),
    ],
    ids=str,
)
def test_options_without_effect_are_refused(options: dict[str, Any], message: str) -> None:
    plugins.load(None)
    with pytest.raises(ValueError, match=re.escape(message)):
        PASSES.get("quantize")(**options).check()


FACTS = DataFacts(task="classification", train=1, classes=2, input_size=8, integer_only=False)


@pytest.mark.parametrize(
    ("options", "ways"),
    [
        ({}, (None, None, None, None)),
        ({"method": "fixed"}, ("minmax", "none", "keep", False)),
        ({"method": "fixed", "ranges": "mse"}, ("mse", "none", "keep", False)),
        ({"scheme": "int16x8", "ranges": "mse", "equalize": "weights"}, ("mse", "weights", "keep", False)),
        ({"scheme": "dynamic"}, (None, None, None, None)),
    ],
    ids=str,
)
def test_what_fixed_takes_is_said_in_the_plan(options: dict[str, Any], ways: tuple[Any, ...]) -> None:
    plugins.load(None)
    made = PASSES.get("quantize")(**options)
    made.check()
    resolved: Any = made.resolve(FACTS)
    resolved.check()
    assert (resolved.ranges, resolved.equalize, resolved.relu6, resolved.correct_bias) == ways


def test_calibration_images_that_are_no_raw_pixels_are_refused(model: TFLiteModel, tmp_path: Path) -> None:
    path = tmp_path / "floats.npz"
    np.savez(path, images=np.zeros((3, 8, 8, 3), np.float32))
    with pytest.raises(DataError, match="uint8"):
        quantized(model, tmp_path, str(path))


def test_no_calibration_image_is_an_error(model: TFLiteModel, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names no image"):
        quantized(model, tmp_path, str(tmp_path / "nowhere"))


def test_an_empty_split_is_an_error_that_names_the_option(model: TFLiteModel, tmp_path: Path) -> None:
    plugins.load(None)
    index = Index(classes=("a",), splits={"train": (), "val": (), "test": ()})
    options = PASSES.get("quantize")(calibration=Calibration(source="data.train"))
    with pytest.raises(DataError, match=r"^quantize\.calibration\.source: 'data\.train' holds no sample\.$"):
        run_pass(options, model, tmp_path, data=Grey(), index=index)


def test_a_float_file_does_not_pass_for_full_integer(model: TFLiteModel) -> None:
    with pytest.raises(BrokenPromise, match="FULLY_CONNECTED 'logits' computes in float32"):
        writing.check_full_integer(model.path, "int8")
    with pytest.raises(BrokenPromise, match="a uint8 input was promised, but 'image' is float32"):
        writing.check_inputs(model, {"image": "uint8"})


def test_a_wrong_input_scale_is_noticed(model: TFLiteModel, images: str, tmp_path: Path) -> None:
    result = quantized(model, tmp_path, images)
    meaning = Meaning.of(result)
    other = replace(meaning.only, preprocess={"scale": 1 / 255, "offset": 0.0})
    facts = replace(meaning, inputs={"image": other}).to_json()
    wrong = replace(result, meta={**result.meta, "facts": facts})
    with pytest.raises(
        BrokenPromise,
        match=r"scale 0\.0078125 and zero point 128 of the input 'image' are not those of the pre",
    ):
        writing.check_inputs(wrong, {"image": "uint8"})


def test_auto_notes_every_candidate_and_builds_the_chosen_one(
    model: TFLiteModel, images: str, tmp_path: Path
) -> None:
    notes: dict[str, Any] = {}
    result = quantized(model, tmp_path, images, notes)
    found = notes["auto"]
    assert set(found) == {"chosen", "error", "held_out", "seconds", "steps", "candidates", "failed"}
    assert found["held_out"] == 2  # of 8
    (best,) = (each for each in found["candidates"] if each["setting"] == found["chosen"])
    assert best["error"] == found["error"]
    assert set(best) >= {"ranges", "equalize", "relu6", "correct_bias", "seconds"}
    assert {each["ranges"] for each in found["candidates"]} == {
        *("minmax", "p99.9", "p99.99", "p99.999", "mse", "entropy")
    }
    assert any(each["correct_bias"] for each in found["candidates"])
    assert notes["islands"] == [
        {"operator": "SOFTMAX", "tensor": "scores", "dtype": "int16", "reason": "final scores"}
    ]
    assert result.meta["signature"]["outputs"][0]["dtype"] == "float32"


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_small_channels_are_lifted_only_where_each_has_its_scale(
    model: TFLiteModel, images: str, tmp_path: Path, granularity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def searched(bench: Any, shared: Any, *, learning: bool) -> Any:
        asked.extend(way for way, _ in shared)
        raise PassError("enough.")

    monkeypatch.setattr("tflbuild.quantization.remembered.searched", searched)
    with pytest.raises(PassError, match="enough"):
        quantized(model, tmp_path, images, granularity=granularity)
    assert ("noise" in asked) == (granularity == "channel")
    assert "activations" in asked


def test_lifting_asked_for_with_one_scale_a_tensor_is_refused(
    model: TFLiteModel, images: str, tmp_path: Path
) -> None:
    options = {"method": "fixed", "granularity": "tensor", "equalize": "noise"}
    with pytest.raises(ValueError, match="equalize: 'noise' counts on a scale for each channel"):
        quantized(model, tmp_path, images, **options)


def test_scores_of_8_bits_have_steps_of_a_256th(model: TFLiteModel, images: str, tmp_path: Path) -> None:
    fine, coarse = (
        scores(quantized(model, tmp_path, images, scores=bits, method="fixed").path) * 256
        for bits in ("int16", "int8")
    )
    assert np.abs(coarse - np.rint(coarse)).max() < 1e-4
    assert np.abs(fine - np.rint(fine)).max() > 1e-3


class Grey(Dataset):
    """Grey images, told apart by their brightness."""

    task = "classification"

    def index(self, look: Any) -> Index:
        samples = tuple(Sample(str(n), str(n), labels=(n % 2,)) for n in range(10))
        return Index(classes=("cat", "dog"), splits={"train": samples, "val": (), "test": ()})

    def read(self, sample: Sample) -> Example:
        level = 25 * int(sample.key)
        return Example(np.full((8, 8, 3), level, np.uint8), np.zeros((0, 4)), np.array(sample.labels))


def test_labels_decide_where_they_are_asked_for(model: TFLiteModel, tmp_path: Path) -> None:
    notes: dict[str, Any] = {}
    plugins.load(None)
    made = PASSES.get("quantize")(select="top1", calibration=Calibration(source="data.train", samples=10))
    made.check()
    run_pass(made, model, tmp_path, data=Grey(), notes=notes)
    candidates = notes["auto"]["candidates"]
    assert {each["top1"] for each in candidates} <= {0.0, 1 / 3, 2 / 3, 1.0}  # of 3 held-out images
    assert [each["top1"] for each in candidates] == sorted((e["top1"] for e in candidates), reverse=True)


def test_labels_of_images_that_have_none_are_refused(model: TFLiteModel, images: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"select: 'top1' needs labels, .*use data\.train"):
        quantized(model, tmp_path, images, select="top1")


def test_a_detector_has_no_top1(model: TFLiteModel, tmp_path: Path) -> None:
    facts = {**model.meta["facts"], "task": "detection"}
    detector = replace(model, meta={**model.meta, "facts": facts})
    made = PASSES.get("quantize")(select="top1", calibration=Calibration(source="data.train"))
    with pytest.raises(PassError, match=r"quantize\.select: 'top1' is of classification"):
        run_pass(made, detector, tmp_path, data=Grey())
