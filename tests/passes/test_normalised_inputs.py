"""Pictures that are normalised by channel: int8 files take raw bytes, and lose no more than one step by it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foreign_networks import FUSED, Draft
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.dataset import Dataset, Example, Index, Sample
from tflbuild.core.meaning import Input, Meaning
from tflbuild.evaluation.running import outputs_of
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.testing import artifact, run_pass
from tflbuild.tflite import flatbuffer

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

IMAGENET = {"mean": [123.7, 116.3, 103.5], "std": [58.4, 57.1, 57.4]}
SIDE = 12


@dataclass(frozen=True, kw_only=True)
class Noisy(Dataset):
    """Random pictures without labels."""

    task = "unlabelled"
    modality = "image"

    def read(self, sample: Sample) -> Example:
        pixels = np.random.default_rng(int(sample.key)).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
        return Example(pixels, np.zeros((0, 4), np.float32), np.zeros(0, np.int32))


SAMPLES = tuple(Sample(key=str(key), digest=str(key)) for key in range(40))
INDEX = Index(classes=(), splits={"train": SAMPLES, "val": SAMPLES[:4], "test": SAMPLES[:4]})


def model(folder: Path, **preprocess: Any) -> TFLiteModel:
    """Give a float file whose first layer pads with zeros and weighs the normalised pixels to a sum of at most 1."""
    draft = Draft(3, image=(1, SIDE, SIDE, 3))
    draft.conv("map", "image", 4, FUSED.NONE)
    weights = draft._tensors["map/weights"]
    draft._tensors["map/weights"] = weights / np.abs(weights).sum(axis=(1, 2, 3), keepdims=True)
    path = folder / "float.tflite"
    path.write_bytes(draft.content("map"))
    options = ImageModality.of({**IMAGENET, **preprocess}).to_json()
    inputs = {"image": Input(modality="image", shape=(SIDE, SIDE, 3), preprocess=options)}
    made: TFLiteModel = artifact(TFLiteModel, path, Meaning(task="unlabelled", inputs=inputs))
    return made


def passed(
    name: str, given: TFLiteModel, folder: Path, models: Any = None, **options: Any
) -> tuple[TFLiteModel, dict[str, Any]]:
    plugins.load(None)
    notes: dict[str, Any] = {}
    made = PASSES.get(name)(**options)
    made.check()
    result = run_pass(made, given, folder, data=Noisy(), index=INDEX, notes=notes, models=models)
    return result, notes


def errors(given: TFLiteModel, result: TFLiteModel) -> Any:
    """Give the absolute differences of all outputs on fresh pictures, (pictures, rows, columns, channels)."""
    rng = np.random.default_rng(99)
    pictures = {str(k): rng.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8) for k in range(8)}
    return np.abs(outputs_of(given, pictures)["map"] - outputs_of(result, pictures)["map"])


@pytest.mark.parametrize("method", ["fixed", "auto"])
def test_raw_bytes_cost_no_more_than_one_step_of_the_normalised_tensor(tmp_path: Path, method: str) -> None:
    given = model(tmp_path)
    raw, notes = passed("quantize", given, tmp_path, method=method)
    (entry,) = raw.meta["signature"]["inputs"]
    assert (entry["name"], entry["dtype"], entry["scale"], entry["zero_point"]) == (
        "image",
        "uint8",
        1 / 128,
        128,
    )
    # (x - mean) / std of x = 128 * (v + 1), v in [-1, 1)
    note = notes["normalisation"]["image"]
    assert note["factor"] == pytest.approx([128 / 58.4, 128 / 57.1, 128 / 57.4])
    assert note["shift"] == pytest.approx([(128 - 123.7) / 58.4, (128 - 116.3) / 57.1, (128 - 103.5) / 57.4])
    assert Meaning.of(raw).inputs["image"].kind == ImageModality()
    outside, _ = passed("quantize", given, tmp_path, method=method, input_dtype="float32")
    low, high = ImageModality.of({**IMAGENET}).limits()
    step = (high - low) / 255
    inside, apart = errors(given, raw), errors(given, outside)
    border = np.ones(inside.shape[1:3], bool)
    border[1:-1, 1:-1] = False
    # weights of an output sum up to 1 at most, so that a step of the input is a step of the output
    assert inside.max() <= apart.max() + step
    assert inside[:, border].max() <= apart[:, border].max() + step
    assert inside.mean() <= apart.mean() + step / 4


def test_floats_stay_outside_where_that_is_asked_for(tmp_path: Path) -> None:
    given = model(tmp_path)
    result, notes = passed("quantize", given, tmp_path, method="fixed", input_dtype="float32")
    assert "normalisation" not in notes
    assert [entry["dtype"] for entry in result.meta["signature"]["inputs"]] == ["float32"]
    assert Meaning.of(result).inputs == Meaning.of(given).inputs
    assert "DEPTHWISE_CONV_2D" not in [one.name for one in flatbuffer.operators(result.path)]


@pytest.mark.parametrize("scheme", ["int16x8", "float16", "dynamic"])
def test_schemes_that_take_floats_leave_it_outside(tmp_path: Path, scheme: str) -> None:
    given = model(tmp_path)
    result, notes = passed("quantize", given, tmp_path, scheme=scheme)
    assert "normalisation" not in notes
    assert Meaning.of(result).inputs == Meaning.of(given).inputs
    assert errors(given, result).max() < 0.05


def test_one_scale_for_all_channels_needs_nothing_inside(tmp_path: Path) -> None:
    given = model(tmp_path, mean=[127.5] * 3, std=[127.5] * 3)
    result, notes = passed("quantize", given, tmp_path, method="fixed")
    assert "normalisation" not in notes
    (entry,) = result.meta["signature"]["inputs"]
    assert (entry["dtype"], entry["zero_point"]) == ("uint8", 128)
    assert entry["scale"] == pytest.approx(1 / 127.5)


def test_a_letterbox_of_another_grey_takes_normalised_values_and_says_so(tmp_path: Path) -> None:
    """Its padding is the colour that the mean is, which pixels in [-1, 1) would not be padded with."""
    given = model(tmp_path, aspect="letterbox")
    result, notes = passed("quantize", given, tmp_path, method="fixed")
    assert notes["normalisation"] == {"image": "outside: the input takes normalised values"}
    assert [entry["dtype"] for entry in result.meta["signature"]["inputs"]] == ["int8"]
    assert Meaning.of(result).inputs == Meaning.of(given).inputs
    assert errors(given, result).max() < 0.1
    even = model(tmp_path, aspect="letterbox", mean=[128.0] * 3)
    _, notes = passed("quantize", even, tmp_path, method="fixed")
    assert notes["normalisation"]["image"]["factor"] == pytest.approx([128 / 58.4, 128 / 57.1, 128 / 57.4])


def test_raw_bytes_may_be_signed(tmp_path: Path) -> None:
    given = model(tmp_path)
    result, notes = passed("quantize", given, tmp_path, method="fixed", input_dtype="int8")
    assert "factor" in notes["normalisation"]["image"]
    assert [entry["dtype"] for entry in result.meta["signature"]["inputs"]] == ["int8"]
    assert errors(given, result).max() < 0.1


def test_biases_are_corrected_against_the_float_file_on_the_same_pixels(tmp_path: Path) -> None:
    given = model(tmp_path)
    quantized, _ = passed("quantize", given, tmp_path, method="fixed")
    result, notes = passed("correct_bias", quantized, tmp_path, models={"convert": given})
    found = notes["correct_bias"]
    assert found["left"] == {}
    assert found["error_before"] < 0.1, "of the float file on other pixels it would be near 1"
    assert found["error_after"] < 0.1
    assert errors(given, result).mean() <= errors(given, quantized).mean() * 1.2


def test_sensitivity_and_mixed_precision_measure_the_graph_that_is_delivered(tmp_path: Path) -> None:
    given = model(tmp_path)
    result, notes = passed("sensitivity", given, tmp_path)
    assert result.path.read_bytes() == given.path.read_bytes()
    assert notes["sensitivity"]["error_of_all"] < 0.1
    assert "factor" in notes["normalisation"]["image"]
