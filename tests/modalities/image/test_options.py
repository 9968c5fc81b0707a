"""Options of what becomes of images: their ends, and what a recipe gets that says nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.modalities.image.augment import Augment, Colour, Crop, ZoomOut
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.recipe.validation import typed
from tflbuild.tasks.detection.detector import AnchorOptions, Postprocess

ENDS: list[tuple[Any, str, list[float], list[float]]] = [
    # option, values that are taken, values that are not
    (Crop, "probability", [0, 1], [-0.01, 1.01]),
    (Crop, "min_area", [0.001, 1], [0, 1.01]),
    (Crop, "min_aspect", [0.001, 1], [0, 1.01]),
    (Crop, "max_aspect", [1, 9], [0.99]),
    (ZoomOut, "probability", [0, 1], [-0.01, 1.01]),
    (ZoomOut, "max_scale", [1, 9], [0.99]),
    (Colour, "brightness", [0, 0.99], [-0.01, 1]),
    (Colour, "contrast", [0, 0.99], [-0.01, 1]),
    (Colour, "saturation", [0, 0.99], [-0.01, 1]),
    (Colour, "hue", [0, 0.5], [-0.01, 0.51]),
    (AnchorOptions, "min_scale", [0.001, 1], [0, 1.01]),
    (AnchorOptions, "max_scale", [0.001, 1], [0, 1.01]),
    (Postprocess, "max_detections", [1, 1000], [0, 1001]),
    (Postprocess, "score_threshold", [0, 1], [-0.01, 1.01]),
    (Postprocess, "iou_threshold", [0.001, 1], [0, 1.01]),
    (ImageModality, "scale", [0.001, 300], [0, -1]),
    (ImageModality, "crop", [0.001, 1], [0, 1.01]),
]


@pytest.mark.parametrize(("options", "name", "right", "wrong"), ENDS)
def test_numbers_that_make_no_sense_are_refused(
    options: Any, name: str, right: list[float], wrong: list[float]
) -> None:
    for value in right:
        assert getattr(typed(options, {name: value}, "x"), name) == value
    for value in wrong:
        with pytest.raises(RecipeError, match=rf"x\.{name}: {value}"):
            typed(options, {name: value}, "x")


def test_the_overlaps_of_a_crop_are_fractions() -> None:
    assert typed(Crop, {"min_overlap": [0.0, 1.0]}, "x").min_overlap == (0.0, 1.0)
    for wrong in (-0.1, 1.1):
        with pytest.raises(RecipeError, match=rf"x\.min_overlap.*{wrong}"):
            typed(Crop, {"min_overlap": [0.5, wrong]}, "x")


def test_a_channel_is_divided_by_more_than_nothing() -> None:
    assert typed(ImageModality, {"std": [0.001, 1.0, 300.0]}, "x").std == (0.001, 1.0, 300.0)
    assert typed(ImageModality, {"mean": [-1.0, 0.0, 300.0]}, "x").mean == (-1.0, 0.0, 300.0)
    for wrong in (0.0, -1.0):
        with pytest.raises(RecipeError, match=rf"x\.std.*{wrong}"):
            typed(ImageModality, {"std": [1.0, wrong, 1.0]}, "x")


def test_what_an_augmentation_does_that_says_nothing() -> None:
    """As docs and recipes of earlier runs have it: another default would change what they mean."""
    assert asdict(Augment()) == {
        "enabled": True,
        "crop": {
            "probability": 0.5,
            "min_area": 0.3,
            "min_aspect": 0.75,
            "max_aspect": 1.333,
            "min_overlap": (0.3, 0.5, 0.7, 0.9),
        },
        "zoom_out": {"probability": 0.3, "max_scale": 1.6},
        "flip": False,
        "flip_except": (),
        "colour": {"brightness": 0.15, "contrast": 0.25, "saturation": 0.25, "hue": 0.02},
    }


def test_default_anchors_have_the_ratios_of_the_object_detection_api() -> None:
    assert AnchorOptions().aspect_ratios == (1.0, 2.0, 0.5, 3.0, 1 / 3)
