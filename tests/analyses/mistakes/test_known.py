"""Ways to prepare pictures otherwise, and how each is typed."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.analyses.mistakes.known import cause_of, mistakes, readings
from tflbuild.analyses.mistakes.mistake import Mistake, joined
from tflbuild.modalities.altered_image import AlteredImage
from tflbuild.modalities.image.modality import ImageModality


def names(**options: Any) -> list[str]:
    return [one.name for one in readings(ImageModality(**options))]


def named(name: str, now: ImageModality) -> Mistake:
    return next(one for one in mistakes(now) if one.name == name)


@pytest.mark.parametrize(
    ("options", "without"),
    [
        ({}, {"-1..1", "bilinear", "stretch", "rgb"}),
        ({"scale": 1.0, "offset": 0.0, "channels": "bgr"}, {"0..255", "bilinear", "stretch", "bgr"}),
        (
            {"resize": "nearest", "aspect": "letterbox"},
            {"-1..1", "nearest", "antialias", "letterbox", "rgb"},
        ),
        ({"aspect": "center_crop", "crop": 0.875}, {"-1..1", "bilinear", "crop_0.875", "rgb"}),
        (
            {"channels": "grey", "scale": 1 / 255, "offset": 0.0},
            {"0..1", "imagenet", "caffe", "rgb", "bgr", "bilinear", "stretch"},
        ),
    ],
)
def test_what_is_right_is_no_mistake(options: dict[str, Any], without: set[str]) -> None:
    values = {"0..255", "0..1", "-1..1", "imagenet", "caffe"}
    shapes = {"nearest", "bilinear", "bicubic", "box", "antialias"}
    fits = {"stretch", "letterbox", "center_crop", "crop_0.875"}
    assert set(names(**options)) == (values | shapes | fits | {"rgb", "bgr"}) - without
    assert len(names(**options)) <= 20


def test_each_is_another_modality_that_holds_to_its_own_rules() -> None:
    for now in (
        ImageModality(),
        ImageModality(mean=(1.0, 2.0, 3.0), channels="bgr", aspect="center_crop", crop=0.9),
    ):
        for one in mistakes(now):
            then = one.applied(now)
            then.check()
            assert then != now, one.name
            assert bool(one.override) is not isinstance(then, AlteredImage)


def test_values_of_all_channels_take_the_place_of_those_by_channel_and_the_reverse() -> None:
    by_channel = ImageModality(mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0))
    assert named("0..1", by_channel).applied(by_channel) == ImageModality(scale=1 / 255, offset=0.0)
    assert named("caffe", by_channel).applied(by_channel).affine == (
        (1.0,) * 3,
        (-103.939, -116.779, -123.68),
    )
    blue_first = ImageModality(channels="bgr")
    # torchvision: (x / 255 - 0.406) / 0.225 of blue, 0.485 and 0.229 of red; a white pixel
    white = [
        s * 255 + o for s, o in zip(*named("imagenet", blue_first).applied(blue_first).affine, strict=True)
    ]
    assert white == pytest.approx([(1 - 0.406) / 0.225, (1 - 0.456) / 0.224, (1 - 0.485) / 0.229])


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("0..1", "preprocess.scale=0.003921569 preprocess.offset=0"),
        ("bgr", "preprocess.channels=bgr"),
        ("antialias", "preprocess.antialias=false"),
        ("crop_0.875", "preprocess.aspect=center_crop preprocess.crop=0.875"),
        ("caffe", "'preprocess.mean=[103.939,116.779,123.68]' preprocess.channels=bgr"),
        ("jpeg50", ""),
    ],
)
def test_each_is_said_as_it_is_typed(name: str, typed: str) -> None:
    assert named(name, ImageModality()).override == typed


def test_a_crop_is_undone_where_the_whole_picture_is_stretched() -> None:
    assert named("stretch", ImageModality(aspect="center_crop", crop=0.875)).override == (
        "preprocess.aspect=stretch preprocess.crop=1"
    )


@pytest.mark.parametrize(
    ("name", "now", "cause"),
    [
        ("bgr", {}, "pixels.channels"),
        ("nearest", {}, "pixels.resize"),
        ("antialias", {}, "pixels.resize"),
        ("letterbox", {}, "pixels.aspect"),
        ("0..1", {}, "pixels.scale"),
        ("-1..1", {"offset": 0.0}, "pixels.offset"),
        ("0..1", {"scale": 1 / 255, "offset": -1.0}, "pixels.offset"),
        ("caffe", {}, "pixels.scale"),
    ],
)
def test_each_stands_for_a_cause(name: str, now: dict[str, Any], cause: str) -> None:
    given = ImageModality(**now)
    assert cause_of(named(name, given), given) == cause


def test_two_at_once_have_the_options_of_both_and_the_cause_of_the_first() -> None:
    now = ImageModality()
    both = joined(named("bgr", now), named("0..1", now))
    assert both.applied(now) == ImageModality(channels="bgr", scale=1 / 255, offset=0.0)
    assert (both.kind, cause_of(both, now)) == ("channels+values", "pixels.channels")
