"""Mistakes that people make when they prepare a picture for a model, each relative to the way that is right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tflbuild.analyses.first_look.readings import ALIKE, SCALES
from tflbuild.analyses.mistakes.mistake import Mistake
from tflbuild.modalities.image.modality import ImageModality

VALUES, CHANNELS, RESIZE, ASPECT, PICTURE = "values", "channels", "resize", "aspect", "picture"
"""Kinds of mistakes; two of one kind exclude one another."""

ALTERED = "altered_image"
"""The modality that alters a picture before it prepares it."""

MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Of red, green and blue in ImageNet, in 0..255, as torchvision has them."""

CAFFE = (103.939, 116.779, 123.68)
"""Mean of blue, green and red that Keras subtracts in its mode `caffe`."""

PICTURES: Mapping[str, str] = {
    "turned_left": "rotated 90 degrees, as stored with EXIF orientation 6",
    "turned_half": "rotated 180 degrees, as stored with EXIF orientation 3",
    "jpeg90": "compressed before as JPEG of quality 90",
    "jpeg75": "compressed before as JPEG of quality 75",
    "jpeg50": "compressed before as JPEG of quality 50",
    "yuv420": "from a camera's YUV 4:2:0",
    "yuv420_range": "from a camera's YUV 4:2:0 whose range 16..235 is read as 0..255",
    "yuv420_swapped": "from a camera's YUV 4:2:0 with U and V swapped (NV21 for NV12)",
}
"""Alterations of a picture by cameras and apps before it is prepared; words behind "the picture is"."""


def readings(now: ImageModality) -> list[Mistake]:
    """Give the other ways that options can say, unlike the present one."""
    every = (*_values(now), *_channels(now), *_resizes(now), *_aspects(now))
    return [one for one in every if not _alike(one, now)]


def mistakes(now: ImageModality) -> list[Mistake]:
    """Give all of them: other ways to prepare a picture, and what is done to it before."""
    altered = (Mistake(name, PICTURE, how, {"altered": name}, ALTERED) for name, how in PICTURES.items())
    return [*readings(now), *altered]


def _values(now: ImageModality) -> Iterator[Mistake]:
    names = ("0..255", "0..1", "-1..1")
    for name, reading in zip(names, SCALES, strict=False):
        yield Mistake(name, VALUES, reading.how, {"scale": reading.scale, "offset": reading.offset})
    if now.channels == "grey":
        return
    step = -1 if now.channels == "bgr" else 1
    by_channel = {"mean": list(MEAN)[::step], "std": list(DEVIATION)[::step]}
    yield Mistake("imagenet", VALUES, "pixels minus ImageNet's mean, divided by its deviation", by_channel)
    caffe = {"mean": list(CAFFE), "channels": "bgr"}
    yield Mistake("caffe", VALUES, "pixels of 0..255 minus ImageNet's mean, blue first (caffe)", caffe)


def _channels(now: ImageModality) -> Iterator[Mistake]:
    if now.channels != "grey":
        other, first = ("bgr", "blue") if now.channels == "rgb" else ("rgb", "red")
        yield Mistake(other, CHANNELS, f"channels in reverse, {first} first", {"channels": other})


def _resizes(now: ImageModality) -> Iterator[Mistake]:
    for kernel in ("nearest", "bilinear", "bicubic", "box"):
        if kernel != now.resize:
            yield Mistake(kernel, RESIZE, f"resized with the kernel {kernel}", {"resize": kernel})
    if now.resize != "nearest":
        how = (
            "resized without averaging (antialias=false)"
            if now.antialias
            else "resized with averaging (antialias=true)"
        )
        yield Mistake("antialias", RESIZE, how, {"antialias": not now.antialias})


def _aspects(now: ImageModality) -> Iterator[Mistake]:
    words = {
        "stretch": "stretched to the input's shape",
        "letterbox": "padded to the input's shape (letterbox)",
    }
    for aspect, how in words.items():
        if aspect != now.aspect:
            undone = {} if now.crop == 1 else {"crop": 1.0}
            yield Mistake(aspect, ASPECT, how, {"aspect": aspect, **undone})
    for crop, name in ((1.0, "center_crop"), (0.875, "crop_0.875")):
        if now.aspect != "center_crop" or now.crop != crop:
            share = "" if crop == 1 else f", {crop:g} of each side"
            yield Mistake(name, ASPECT, f"cut to its centre{share}", {"aspect": "center_crop", "crop": crop})


def _alike(one: Mistake, now: ImageModality) -> bool:
    """Say whether a way gives nearly the values that are right anyway."""
    if one.kind != VALUES:
        return False
    then = _applied(one, now)
    if then.channels != now.channels:
        return False
    ends, right = [
        [p * s + o for p in (0, 255) for s, o in zip(*of.affine, strict=True)] for of in (then, now)
    ]
    span = max(255 * scale for of in (then, now) for scale in of.affine[0])
    return all(abs(a - b) <= ALIKE * span for a, b in zip(ends, right, strict=True))


def cause_of(one: Mistake, now: ImageModality) -> str:
    """Name the cause that a better way stands for."""
    kind = one.kind.partition("+")[0]
    if kind == CHANNELS or (
        "channels" in one.options and one.options["channels"] != now.channels and kind != VALUES
    ):
        return "pixels.channels"
    if kind != VALUES:
        return f"pixels.{kind}"
    then = _applied(one, now)
    ratio = sum(then.affine[0]) / sum(now.affine[0])
    return "pixels.offset" if abs(ratio - 1) <= ALIKE else "pixels.scale"


def _applied(one: Mistake, now: ImageModality) -> ImageModality:
    made = one.applied(now)
    assert isinstance(made, ImageModality)
    return made
