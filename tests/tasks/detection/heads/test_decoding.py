"""Each head's decoding, held to its formula with numbers by hand, or to NumPy written from the paper or the tool."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tflbuild.tasks.detection.heads import declared
from tflbuild.tasks.detection.heads.head import Given
from tflbuild.tflite.assembly import Assembly

HEIGHT, WIDTH = 32, 64


def sigmoid(value: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(value, np.float64)))


def decoded(
    name: str,
    options: Mapping[str, Any],
    outputs: Mapping[str, np.ndarray],
    sides: tuple[int, int] = (HEIGHT, WIDTH),
) -> tuple[np.ndarray, np.ndarray]:
    """Give boxes (boxes, 4) ymin, xmin, ymax, xmax and scores (boxes, classes), as the final operator decodes them."""
    given = Given({key: value.shape for key, value in outputs.items()}, *sides)
    kind = declared.named(name).of(options)
    assembly = Assembly({key: given.outputs[key] for key in kind.reads()})
    coded = kind.decode(assembly, given)
    found = assembly.executable([coded.boxes, coded.scores])(
        {key: np.asarray(outputs[key], np.float32) for key in kind.reads()}
    )
    code, anchors = found[coded.boxes][0], coded.anchors
    centres = (
        code[:, :2] * anchors[:, 2:] + anchors[:, :2]
    )  # as TFLite_Detection_PostProcess does, with scales of 1
    half = 0.5 * np.exp(code[:, 2:]) * anchors[:, 2:]
    return np.concatenate([centres - half, centres + half], axis=1), found[coded.scores][0]


def boxes_of(
    name: str, options: Mapping[str, Any], outputs: Mapping[str, np.ndarray], **more: Any
) -> np.ndarray:
    return decoded(name, options, outputs, **more)[0]


def test_rows_of_v8_are_centre_and_sides_in_pixels_then_classes() -> None:
    rows = np.zeros((1, 6, 2), np.float32)
    rows[0, :, 0] = (32, 8, 16, 4, 0.25, 0.75)  # x, y, width, height in pixels, then two classes
    rows[0, :, 1] = (48, 24, 8, 16, 0.5, 0.125)
    options = {"style": "v8", "outputs": ["o"], "layout": "columns", "units": "pixels"}
    boxes, scores = decoded("yolo", options, {"o": rows})
    np.testing.assert_allclose(boxes[0], [6 / 32, 24 / 64, 10 / 32, 40 / 64], rtol=1e-5)
    np.testing.assert_allclose(boxes[1], [16 / 32, 44 / 64, 32 / 32, 52 / 64], rtol=1e-5)
    assert scores.tolist() == [[0.25, 0.75], [0.5, 0.125]]


def test_rows_of_v5_are_multiplied_by_their_objectness_and_may_be_in_units() -> None:
    rows = np.array([[[0.5, 0.25, 0.25, 0.125, 0.5, 0.2, 0.8]]], np.float32)
    options = {"style": "v5", "outputs": ["o"], "units": "unit"}
    boxes, scores = decoded("yolo", options, {"o": rows})
    np.testing.assert_allclose(boxes[0], [0.1875, 0.375, 0.3125, 0.625], rtol=1e-5)
    np.testing.assert_allclose(scores[0], [0.1, 0.4], rtol=1e-6)


def test_maps_of_v5_are_decoded_by_cell_and_anchor() -> None:
    fine, coarse = np.zeros((1, 4, 8, 14), np.float32), np.zeros((1, 2, 4, 14), np.float32)
    fine[0, 1, 2, 7:14] = (
        0.3,
        -0.4,
        0.7,
        -1.1,
        2.0,
        1.5,
        -0.5,
    )  # the second anchor of the cell at row 1, column 2
    options = {
        "style": "v5_maps",
        "outputs": ["fine", "coarse"],
        "strides": [8, 16],
        "anchors": [[10, 13, 16, 30], [33, 23, 30, 61]],
    }
    boxes, scores = decoded("yolo", options, {"fine": fine, "coarse": coarse})
    assert boxes.shape == (4 * 8 * 2 + 2 * 4 * 2, 4)
    place = (1 * 8 + 2) * 2 + 1
    x, y = (2 * sigmoid(0.3) - 0.5 + 2) * 8, (2 * sigmoid(-0.4) - 0.5 + 1) * 8
    width, height = (2 * sigmoid(0.7)) ** 2 * 16, (2 * sigmoid(-1.1)) ** 2 * 30
    wanted = [(y - height / 2) / 32, (x - width / 2) / 64, (y + height / 2) / 32, (x + width / 2) / 64]
    np.testing.assert_allclose(boxes[place], wanted, rtol=1e-4)
    np.testing.assert_allclose(scores[place], sigmoid(2.0) * sigmoid(np.array([1.5, -0.5])), rtol=1e-5)


def test_rows_of_yolox_are_relative_to_their_cell() -> None:
    cells = 4 * 8 + 2 * 4 + 1 * 2
    rows = np.zeros((1, cells, 6), np.float32)
    place = 4 * 8 + 1 * 4 + 3  # stride 16, row 1, column 3
    rows[0, place] = (0.25, -0.5, math.log(2), math.log(0.5), 0.5, 0.5)
    boxes, scores = decoded("yolo", {"style": "yolox", "outputs": ["o"], "strides": [8, 16, 32]}, {"o": rows})
    x, y, width, height = (3 + 0.25) * 16, (1 - 0.5) * 16, 32, 8
    wanted = [(y - height / 2) / 32, (x - width / 2) / 64, (y + height / 2) / 32, (x + width / 2) / 64]
    np.testing.assert_allclose(boxes[place], wanted, rtol=1e-5)
    assert scores[place].tolist() == [0.25]


def test_rows_of_nanodet_are_distances_whose_distributions_are_averaged() -> None:
    cells = 4 * 8 + 2 * 4 + 1 * 2
    rows = np.zeros((1, cells, 2 + 4 * 4), np.float32)
    place = 2 * 8 + 5  # stride 8, row 2, column 5
    rows[0, place, :2] = (0.1, 0.9)
    for side, distance in enumerate(
        (1, 0, 3, 2)
    ):  # left, top, right, bottom, in strides: one bin has all of it
        rows[0, place, 2 + side * 4 + distance] = 50.0
    options = {"style": "nanodet", "outputs": ["o"], "strides": [8, 16, 32], "bins": 4}
    boxes, scores = decoded("yolo", options, {"o": rows})
    x, y = 5 * 8, 2 * 8
    np.testing.assert_allclose(boxes[place], [y / 32, (x - 8) / 64, (y + 16) / 32, (x + 24) / 64], atol=1e-5)
    np.testing.assert_allclose(
        boxes[0], [-12 / 32, -12 / 64, 12 / 32, 12 / 64], atol=1e-5
    )  # even: 1.5 strides
    assert scores[place].tolist() == [np.float32(0.1), np.float32(0.9)]


def test_a_map_of_fastestdet_has_tanh_offsets_and_sigmoid_sides() -> None:
    rows = np.full((1, 2, 4, 7), 0.5, np.float32)
    rows[0, 1, 2] = (0.81, 0.2, -0.3, 0.4, -1.5, 0.36, 0.64)
    options = {"style": "fastestdet", "outputs": ["o"], "strides": [16]}
    boxes, scores = decoded("yolo", options, {"o": rows})
    x, y = (math.tanh(0.2) + 2) / 4, (math.tanh(-0.3) + 1) / 2
    width, height = float(sigmoid(0.4)), float(sigmoid(-1.5))
    wanted = [y - height / 2, x - width / 2, y + height / 2, x + width / 2]
    np.testing.assert_allclose(boxes[1 * 4 + 2], wanted, rtol=1e-5)
    np.testing.assert_allclose(scores[6], [0.81 * 0.36, 0.81 * 0.64], rtol=1e-5)
    _, scores = decoded("yolo", {**options, "powers": [0.6, 0.4]}, {"o": rows})  # as its code for devices
    np.testing.assert_allclose(scores[6], [0.81**0.6 * 0.36**0.4, 0.81**0.6 * 0.64**0.4], rtol=1e-5)


SSD = {"boxes": "b", "scores": "s"}


def test_an_ssd_of_centres_is_what_the_object_detection_api_codes() -> None:
    boxes = np.array([[[1.0, -2.0, 0.5, 1.0]]], np.float32)  # times 10, 10, 5, 5
    scores = np.array([[[0.7, 0.2, 0.1]]], np.float32)
    options = {**SSD, "anchors": [[0.5, 0.25, 0.2, 0.4]], "activation": "none", "background": "first"}
    found, given = decoded("ssd", options, {"b": boxes, "s": scores})
    y, x = 0.5 + 0.1 * 0.2, 0.25 - 0.2 * 0.4
    height, width = 0.2 * math.exp(0.1), 0.4 * math.exp(0.2)
    np.testing.assert_allclose(
        found[0], [y - height / 2, x - width / 2, y + height / 2, x + width / 2], rtol=1e-5
    )
    np.testing.assert_allclose(given[0], [0.2, 0.1], rtol=1e-6)


def test_an_ssd_of_corners_moves_each_by_a_share_of_its_anchor() -> None:
    codes = np.array([[[0.1, -0.2, 0.3, 0.4]]], np.float32)  # x1, y1, x2, y2
    scores = np.array([[[3.0]]], np.float32)
    options = {
        **SSD,
        "coder": "corners",
        "order": "xy",
        "anchor_form": "corners",
        "anchors": [[0.2, 0.1, 0.6, 0.3]],
        "activation": "sigmoid",
    }
    found, given = decoded("ssd", options, {"b": codes, "s": scores})
    wanted = [0.1 - 0.2 * 0.2, 0.2 + 0.1 * 0.4, 0.3 + 0.4 * 0.2, 0.6 + 0.3 * 0.4]
    np.testing.assert_allclose(found[0], wanted, rtol=1e-5)
    np.testing.assert_allclose(given[0], sigmoid([3.0]), rtol=1e-5)


def test_anchors_of_efficientdet_lie_by_cell_octave_and_shape() -> None:
    given = Given({}, 128, 256)
    laid = declared.named("efficientdet").of({"boxes": ["b"], "scores": ["s"]}).laid(given)
    assert laid.shape == (9 * (16 * 32 + 8 * 16 + 4 * 8 + 2 * 4 + 1 * 2), 4)
    octave = 4 * 8 * 2 ** (1 / 3)
    np.testing.assert_allclose(laid[0], [4 / 128, 4 / 256, 32 / 128, 32 / 256], rtol=1e-5)
    wide = [
        4 / 128,
        (4 + 8) / 256,
        octave * 0.7 / 128,
        octave * 1.4 / 256,
    ]  # second cell, second octave, wide shape
    np.testing.assert_allclose(laid[9 + 3 + 1], wide, rtol=1e-5)
    api = declared.named("efficientdet").of({"boxes": ["b"], "scores": ["s"], "order": "ratio"}).laid(given)
    np.testing.assert_allclose(api[1], [4 / 128, 4 / 256, octave / 128, octave / 256], rtol=1e-5)


def test_levels_of_efficientdet_are_joined_anchor_by_anchor() -> None:
    rng = np.random.default_rng(3)
    maps = [(4, 8), (2, 4), (1, 2), (1, 1), (1, 1)]
    outputs = {f"b{k}": rng.normal(size=(1, *one, 36)).astype(np.float32) for k, one in enumerate(maps)}
    outputs |= {f"s{k}": rng.normal(size=(1, *one, 27)).astype(np.float32) for k, one in enumerate(maps)}
    options = {
        "boxes": [f"b{k}" for k in range(5)],
        "scores": [f"s{k}" for k in range(5)],
        "activation": "sigmoid",
    }
    _, scores = decoded("efficientdet", options, outputs)
    place = (1 * 8 + 3) * 9 + 4  # level 3, row 1, column 3, fifth anchor
    np.testing.assert_allclose(scores[place], sigmoid(outputs["s0"][0, 1, 3, 12:15]), rtol=1e-5)
    assert len(scores) == 9 * (32 + 8 + 2 + 1 + 1)


def test_only_peaks_of_centernet_are_centres() -> None:
    heat = np.zeros((1, 4, 8, 2), np.float32)
    heat[0, 1, 2, 0], heat[0, 1, 3, 0], heat[0, 3, 6, 1] = 0.9, 0.8, 0.5
    sizes, offsets = np.zeros((1, 4, 8, 2), np.float32), np.zeros((1, 4, 8, 2), np.float32)
    sizes[0, 1, 2], offsets[0, 1, 2] = (3.0, 2.0), (0.25, 0.5)  # width, height; x, y
    options = {"heatmap": "hm", "sizes": "wh", "offsets": "reg", "activation": "none"}
    boxes, scores = decoded("centernet", options, {"hm": heat, "wh": sizes, "reg": offsets})
    assert np.argwhere(scores > 0).tolist() == [[1 * 8 + 2, 0], [3 * 8 + 6, 1]]
    np.testing.assert_allclose(boxes[10], [0.5 / 4, 0.75 / 8, 2.5 / 4, 3.75 / 8], rtol=1e-5)


@pytest.mark.parametrize("name", sorted(declared.every()))
def test_options_that_are_unknown_or_wrong_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="unknown"):
        declared.named(name).of({"nothing": 1})
    for option in declared.named(name).checks:
        with pytest.raises(ValueError, match=option):
            declared.named(name).of({option: {}})
