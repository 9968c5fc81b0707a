"""Kinds of inputs, and how their pixels are scaled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tflite_files
from tflbuild.core.model_format import Evidence
from tflbuild.core.signature import TensorSpec
from tflbuild.evaluation.feeding import takes_codes
from tflbuild.formats.pictures import ASSUMED, Kind
from tflbuild.formats.tflite.graph import Graph
from tflbuild.formats.tflite.inputs import kind_of
from tflbuild.formats.tflite.metadata_form import TensorMetadata
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.tflite.model import Model
from tflite_files import Typed, classifier, network, step

UNSAID = TensorMetadata()


def read(
    shape: tuple[int, ...] = (1, 16, 16, 3), typed: Typed | None = None, known: TensorMetadata = UNSAID
) -> Kind:
    graph = Graph(Model(classifier("SOFTMAX", shape=shape, typed={"image": typed} if typed else {})))
    return kind_of(graph, graph.inputs[0], known)


def test_three_channels_are_a_picture_of_which_nothing_else_is_known() -> None:
    assert read() == Kind(
        "image",
        {},
        (
            Evidence("input", "image, (1, 16, 16, 3) float32", "three channels"),
            Evidence("preprocess", "assumed", ASSUMED),
        ),
    )


@pytest.mark.parametrize(
    ("shape", "typed", "modality", "reason"),
    [
        ((1, 640), None, "vector", "it has 2 axes; a picture has 4: batch, height, width, channels"),
        ((1, 49, 10, 1), None, "vector", "49 x 10 is an unusual size for a picture"),
        (
            (1, 96, 64, 1),
            None,
            "vector",
            "one channel and not square: it may be a spectrogram or a grey",
        ),
        (
            (1, 28, 28, 1),
            None,
            "image",
            "one channel and square, like most pictures; but it may be",
        ),
        (
            (1, 96, 96, 1),
            Typed("int8", 1 / 127.5, -1),  # person_detect.tflite of TensorFlow Lite Micro
            "image",
            "one channel, and its range -0.9961..1.004 is one of pixels, -1..1",
        ),
        (
            (1, 64, 48, 1),
            Typed("uint8", 1 / 255, 0),
            "image",
            "one channel, and its range 0..1 is one of pixels, 0..1",
        ),
        (
            (1, 96, 96, 1),
            Typed("int8", 0.5847029, 83),  # as the keyword spotter of MLPerf Tiny has it
            "vector",
            "one channel, and its range -123.4..25.73 is not a usual one of pixels",
        ),
        ((1, 16, 16, 3), Typed("int8", 0.5847029, 83), "image", "three channels"),
        ((1, 16, 16, 3), Typed("int32"), "vector", "a picture cannot be int32"),
        ((1, 16, 16, 3), Typed("bool"), "vector", "a picture cannot be bool"),
        (
            (1, 3, 16, 16),
            None,
            "vector",
            "its channels come first; expected channels last",
        ),
        ((1, 16, 16, 4), None, "vector", "it has 4 channels; a picture has 1 or 3"),
        ((1, 128, 1, 3), None, "vector", "128 x 1 is an unusual size for a picture"),
    ],
)
def test_a_kind_is_told_by_shape_and_range(
    shape: tuple[int, ...], typed: Typed | None, modality: str, reason: str
) -> None:
    found = read(shape, typed)
    assert found.modality == modality
    assert found.recognised[0].evidence.startswith(reason)
    assert ("channels" in found.options) is (modality == "image" and shape[-1] == 1)
    if modality == "vector":
        assert (found.options, len(found.recognised)) == ({}, 1)


@pytest.mark.parametrize(
    ("shape", "content", "modality"),
    [
        ((1, 49, 10, 1), "image", "image"),
        ((1, 16, 16, 3), "feature", "vector"),
        ((1, 96, 96, 1), "feature", "vector"),
        ((1, 640), "image", "vector"),
    ],
)
def test_metadata_say_what_an_input_is(shape: tuple[int, ...], content: str, modality: str) -> None:
    assert read(shape, known=TensorMetadata(content=content)).modality == modality


@pytest.mark.parametrize(
    ("shape", "colour", "channels"),
    [
        ((1, 16, 16, 3), "rgb", {"channels": "rgb"}),
        ((1, 16, 16, 3), "", {}),
        ((1, 16, 16, 3), "grey", {}),
        ((1, 16, 16, 1), "grey", {"channels": "grey"}),
        ((1, 16, 16, 1), "rgb", {"channels": "grey"}),
    ],
)
def test_channels_are_said_where_the_file_says_them(
    shape: tuple[int, ...], colour: str, channels: dict[str, str]
) -> None:
    assert read(shape, known=TensorMetadata(content="image", colour=colour)).options == channels


def scaling(found: Kind) -> tuple[dict[str, Any], str, str]:
    last = found.recognised[-1]
    return dict(found.options), last.value, last.evidence


@pytest.mark.parametrize(
    ("typed", "words", "ends"),  # what black and white mean, by hand: (code - zero point) x scale
    [
        (Typed("uint8", 1 / 255, 0), "pixels in 0..1", (0, 1)),
        (Typed("int8", 1 / 255, -128), "pixels in 0..1", (0, 1)),
        (Typed("uint8", 1 / 128, 128), "pixels in -1..1", (-1, 127 / 128)),
        (Typed("uint8", 1 / 127.5, 127), "pixels in -1..1", (-127 / 127.5, 128 / 127.5)),
        (Typed("int8", 1 / 127.5, -1), "pixels in -1..1", (-127 / 127.5, 128 / 127.5)),
        (Typed("uint8", 1.0, 0), "pixels in 0..255", (0, 255)),
        (Typed("int8", 1.0, 0), "pixels in -128..127", (-128, 127)),
        (Typed("uint8", 1 / 255, 128), "pixels in -0.5..0.5", (-128 / 255, 127 / 255)),
        (Typed("int8", 0.995, -128), "pixels in 0..255", (0, 0.995 * 255)),
    ],
)
def test_bytes_are_pixels_where_their_range_is_a_usual_one(
    typed: Typed, words: str, ends: tuple[float, float]
) -> None:
    options, value, evidence = scaling(read(typed=typed))
    assert value == words
    assert evidence.endswith(", a usual range of pixels")
    found = [options["scale"] * pixel + options["offset"] for pixel in (0, 255)]
    assert found == pytest.approx(ends, rel=1e-6, abs=1e-9)
    spec = TensorSpec((1, 16, 16, 3), typed.dtype, float(np.float32(typed.scale)), typed.zero_point)
    assert takes_codes(spec, ImageModality(**options))


def test_an_unusual_range_is_that_of_calibration_and_says_nothing() -> None:
    """The quantized detector of the Object Detection API, which takes x / 127.5 - 1."""
    options, value, evidence = scaling(read(typed=Typed("uint8", 0.00602845, 89)))
    assert (options, value) == ({}, "assumed")
    assert evidence.startswith(
        "scale 0.00602845 and zero point 89 span -0.5365..1.001, which is not a usual one of pixels; "
        "nothing in the file"
    )


def test_the_range_of_imagenets_means_says_mean_and_std() -> None:
    """Red black is -123.675 / 58.395 = -2.118, and blue white (255 - 103.53) / 57.375 = 2.64."""
    typed = Typed("int8", (2.64 + 2.1179) / 255, round(-128 + 2.1179 / ((2.64 + 2.1179) / 255)))
    options, value, _ = scaling(read(typed=typed))
    assert options == {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
    assert value == "mean and std, -2.12..2.64, those of ImageNet's means and deviations"


NORMALIZED = TensorMetadata(content="image", mean=(127.5,), std=(127.5,))


def test_metadata_normalize_a_float_input() -> None:
    options, value, evidence = scaling(read(known=NORMALIZED))
    assert options == {"scale": 1 / 127.5, "offset": -1.0}
    assert value == "pixels in -1..1"
    assert evidence == "its metadata normalize by mean 127.5 and std 127.5"


def test_metadata_normalize_by_channel() -> None:
    known = TensorMetadata(mean=(123.0, 116.0, 103.0), std=(58.0,))
    options, value, evidence = scaling(read(known=known))
    assert options == {"mean": [123.0, 116.0, 103.0], "std": [58.0, 58.0, 58.0]}
    assert (value, evidence) == (
        "mean and std of each channel",
        "its metadata normalize by mean 123, 116, 103 and std 58",
    )
    assert scaling(read(known=TensorMetadata(mean=(9.0,) * 3, std=(3.0,) * 3)))[0] == {
        "scale": 1 / 3,
        "offset": -3.0,
    }


def test_no_offset_is_zero_without_a_sign() -> None:
    options, _, _ = scaling(read(known=TensorMetadata(mean=(0.0,), std=(255.0,))))
    assert repr(options["offset"]) == "0.0"
    options, _, _ = scaling(read(typed=Typed("uint8", 1 / 255, 0)))
    assert repr(options["offset"]) == "0.0"


def test_bytes_whose_range_is_usual_are_taken_as_they_are_whatever_metadata_round() -> None:
    """127.5 for a scale of 1/128 would shift the whitest pixel by a level."""
    options, _, evidence = scaling(read(typed=Typed("uint8", 1 / 128, 128), known=NORMALIZED))
    assert options == {"scale": 1 / 128, "offset": -1.0}
    assert evidence.endswith("a usual range of pixels; metadata say mean 127.5 and std 127.5")


def test_metadata_count_where_the_range_is_that_of_calibration() -> None:
    options, _, _ = scaling(read(typed=Typed("uint8", 0.00602845, 89), known=NORMALIZED))
    assert options == {"scale": 1 / 127.5, "offset": -1.0}


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [
        ((1.0, 2.0), (1.0,), "its metadata give 2 means for 3 channels, which is impossible"),
        ((1.0,), (1.0,) * 4, "its metadata give 4 deviations for 3 channels, which is impossible"),
        ((1e10,), (1.0,), "its metadata give means of 1e+10, which is impossible"),
        ((1.0,), (1e10,), "its metadata give deviations of 1e+10, which is impossible"),
        ((1.0,), (1e-10,), "its metadata give deviations of 1e-10, which is impossible"),
    ],
)
def test_metadata_that_cannot_be_are_left_out(mean: Any, std: Any, said: str) -> None:
    options, value, evidence = scaling(read(known=TensorMetadata(mean=mean, std=std)))
    assert (options, value) == ({}, "assumed")
    assert evidence.startswith(said)


def test_bytes_that_are_not_quantized_are_raw_pixels() -> None:
    assert scaling(read(typed=Typed("uint8")))[:2] == ({"scale": 1.0, "offset": 0.0}, "raw pixels, 0..255")
    assert scaling(read(typed=Typed("int8")))[:2] == ({}, "assumed")


IMAGE = (1, 8, 8, 3)


def test_a_float_input_that_is_quantized_at_once_is_known_by_what_it_becomes() -> None:
    tensors = {"image": IMAGE, "codes": IMAGE, "out": IMAGE}
    steps = [step("QUANTIZE", ["image"], ["codes"]), step("TANH", ["codes"], ["out"])]
    made = network(tensors, steps, ["image"], ["out"], {"codes": Typed("int8", 1 / 255, -128)})
    graph = Graph(Model(made))
    options, value, _ = scaling(kind_of(graph, graph.inputs[0], UNSAID))
    assert options == pytest.approx({"scale": 1 / 255, "offset": 0.0})
    assert value == "pixels in 0..1"


@pytest.mark.parametrize(
    ("factor", "scale", "words"), [(1 / 255, 1.0, "raw pixels, 0..255"), (2.0, 1 / 255, "pixels in 0..1")]
)
def test_a_model_that_scales_pixels_itself_says_which_it_takes(
    factor: float, scale: float, words: str
) -> None:
    tensors = {"image": IMAGE, "factor": np.full((1,), factor, np.float32), "out": IMAGE}
    graph = Graph(Model(network(tensors, [step("MUL", ["image", "factor"], ["out"])], ["image"], ["out"])))
    options, value, evidence = scaling(kind_of(graph, graph.inputs[0], UNSAID))
    assert (options, value) == ({"scale": scale, "offset": 0.0}, words)
    assert evidence.startswith("the graph begins with MUL by ")


def test_several_inputs_are_told_apart_by_name() -> None:
    graph = Graph(Model(tflite_files.classifier("SOFTMAX")))
    found = kind_of(graph, graph.inputs[0], UNSAID, "left")
    assert [one.what for one in found.recognised] == ["input left", "preprocess of left"]


def test_options_are_those_of_the_modality() -> None:
    for typed in (None, Typed("uint8", 1 / 128, 128), Typed("uint8")):
        for known in (UNSAID, NORMALIZED, TensorMetadata(mean=(1.0, 2.0, 3.0), std=(1.0,), colour="rgb")):
            for shape in ((1, 16, 16, 3), (1, 16, 16, 1)):
                options = read(shape, typed, known).options
                ImageModality.check_options("preprocess.", options)
                ImageModality.of(options).check()
