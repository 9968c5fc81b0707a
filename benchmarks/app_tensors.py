"""Explain tensors that an app made with one mistake or two, on real photos.

    python benchmarks/app_tensors.py ../shared/data/coco128/images/train2017 --count 4

The app is written here by itself, with PIL and NumPy alone, so that no mistake is held to the code that explains it.
A tensor counts as explained where the mistakes that were planted are named first, or make the same tensor of the photo
as those that are (`same`, counted apart).
"""

from __future__ import annotations

import argparse
import io
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from tflbuild.analyses.mistakes.candidates import Pictures, of_picture
from tflbuild.analyses.mistakes.explained import explained
from tflbuild.core.signature import TensorSpec
from tflbuild.modalities.image.files import read
from tflbuild.modalities.image.modality import ImageModality

SIDE = 224
INPUTS = {
    "float -1..1": (ImageModality(scale=1 / 127.5), TensorSpec((1, SIDE, SIDE, 3), "float32")),
    "int8 of -1..1": (ImageModality(), TensorSpec((1, SIDE, SIDE, 3), "int8", 1 / 128, 0)),
    "uint8 of 0..1": (
        ImageModality(scale=1 / 255, offset=0.0),
        TensorSpec((1, SIDE, SIDE, 3), "uint8", 1 / 255, 0),
    ),
}
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


class App(NamedTuple):
    """What an app does at each stage."""

    picture: Callable[[Image.Image], Image.Image] = lambda photo: photo
    fit: Callable[[Image.Image, Image.Resampling], Image.Image] = lambda photo, kernel: photo.resize(
        (SIDE, SIDE), kernel
    )
    kernel: Image.Resampling = Image.Resampling.BILINEAR
    channels: Callable[[Any], Any] = lambda pixels: pixels
    values: Callable[[Any], Any] | None = None
    layout: Callable[[Any], Any] = lambda tensor: tensor


def jpeg(quality: int) -> Callable[[Image.Image], Image.Image]:
    """Give what codes a photo as JPEG."""

    def coded(photo: Image.Image) -> Image.Image:
        content = io.BytesIO()
        photo.save(content, "JPEG", quality=quality)
        return Image.open(content).convert("RGB")

    return coded


def halved(photo: Image.Image) -> tuple[Image.Image, ...]:
    """Give the planes of YCbCr, chroma at half its size."""
    y, cb, cr = photo.convert("YCbCr").split()
    width, height = photo.size
    half = ((width + 1) // 2, (height + 1) // 2)
    cb, cr = (
        plane.resize(half, Image.Resampling.BOX).resize(photo.size, Image.Resampling.NEAREST)
        for plane in (cb, cr)
    )
    return y, cb, cr


def swapped(photo: Image.Image) -> Image.Image:
    """Take U for V."""
    y, cb, cr = halved(photo)
    return Image.merge("YCbCr", (y, cr, cb)).convert("RGB")


def narrow(photo: Image.Image) -> Image.Image:
    """Take 16..235 for 0..255."""
    y, cb, cr = halved(photo)
    y = y.point(lambda level: round(16 + level * 219 / 255))
    cb, cr = (plane.point(lambda level: round(128 + (level - 128) * 224 / 255)) for plane in (cb, cr))
    return Image.merge("YCbCr", (y, cb, cr)).convert("RGB")


def padded(photo: Image.Image, kernel: Image.Resampling) -> Image.Image:
    """Letterbox."""
    return ImageOps.pad(photo, (SIDE, SIDE), kernel, color=PADDING)


def centre(share: float) -> Callable[[Image.Image, Image.Resampling], Image.Image]:
    """Give what cuts a share of the centre out."""

    def cut(photo: Image.Image, kernel: Image.Resampling) -> Image.Image:
        side = int(min(photo.size) * share + 0.5)
        left, top = (photo.width - side) // 2, (photo.height - side) // 2
        return photo.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), kernel)

    return cut


PADDING = (128, 128, 128)

MISTAKES: dict[str, tuple[str, dict[str, Any]]] = {
    "turned_left": ("picture", {"picture": lambda photo: photo.transpose(Image.Transpose.ROTATE_90)}),
    "turned_half": ("picture", {"picture": lambda photo: photo.transpose(Image.Transpose.ROTATE_180)}),
    "mirrored": ("picture", {"picture": ImageOps.mirror}),
    "flipped": ("picture", {"picture": ImageOps.flip}),
    "jpeg75": ("picture", {"picture": jpeg(75)}),
    "jpeg50": ("picture", {"picture": jpeg(50)}),
    "yuv420_range": ("picture", {"picture": narrow}),
    "yuv420_swapped": ("picture", {"picture": swapped}),
    "nearest": ("resize", {"kernel": Image.Resampling.NEAREST}),
    "bicubic": ("resize", {"kernel": Image.Resampling.BICUBIC}),
    "box": ("resize", {"kernel": Image.Resampling.BOX}),
    "letterbox": ("aspect", {"fit": padded}),
    "center_crop": ("aspect", {"fit": centre(1)}),
    "crop_0.875": ("aspect", {"fit": centre(0.875)}),
    "bgr": ("channels", {"channels": lambda pixels: pixels[..., ::-1]}),
    "grey": (
        "channels",
        {"channels": lambda pixels: np.rint(pixels @ [0.299, 0.587, 0.114])[..., None].repeat(3, 2)},
    ),
    "0..255": ("values", {"values": lambda pixels: pixels}),
    "0..1": ("values", {"values": lambda pixels: pixels / 255}),
    "-1..1": ("values", {"values": lambda pixels: pixels / 127.5 - 1}),
    "imagenet": ("values", {"values": lambda pixels: (pixels / 255 - MEAN) / STD}),
    "caffe": ("values", {"values": lambda pixels: pixels[..., ::-1] - (103.939, 116.779, 123.68)}),
    "planes": ("layout", {"layout": lambda tensor: tensor.transpose(2, 0, 1).reshape(tensor.shape)}),
    "transposed": ("layout", {"layout": lambda tensor: tensor.transpose(1, 0, 2)}),
}


def made(photo: Image.Image, app: App, kind: ImageModality, spec: TensorSpec) -> Any:
    """Give the tensor of an app."""
    pixels = app.channels(np.asarray(app.fit(app.picture(photo), app.kernel)).astype(np.float64))
    values = app.values(pixels) if app.values else pixels * kind.scale + kind.offset
    if spec.scale:
        limits = np.iinfo(spec.dtype)
        values = np.round(values / spec.scale + spec.zero_point).clip(limits.min, limits.max)
    return app.layout(values.astype(spec.dtype))[None]


def usable(name: str, other: str, kind: ImageModality) -> bool:
    """Leave out what is right anyway, and pairs of one kind."""
    right = "0..1" if kind.offset == 0 else "-1..1"
    kinds = MISTAKES[name][0], MISTAKES[other][0] if other else ""
    return right not in (name, other) and kinds[0] != kinds[1] and {name, other} != {"caffe", "bgr"}


def judged(
    photo: Path, plan: tuple[str, ...], kind: ImageModality, spec: TensorSpec
) -> tuple[str, str, float]:
    """Plant mistakes and explain them; gives the verdict, what was named, and the seconds."""
    global PADDING
    picture = read(photo)
    wrong = ImageModality(**{**kind.to_json(), **(VALUES_OF.get(plan[0]) or VALUES_OF.get(plan[-1]) or {})})
    fill = wrong.fill
    PADDING = (fill,) * 3 if isinstance(fill, int) else tuple(round(level) for level in fill)
    stages: dict[str, Any] = {}
    for name in plan:
        stages |= MISTAKES[name][1]
    tensor = made(Image.fromarray(picture), App(**stages), kind, spec)
    start = time.monotonic()
    found = explained(tensor, spec, of_picture(kind, spec), Pictures(picture, kind, spec).made)
    took = time.monotonic() - start
    if found.found is None:
        return (
            "none",
            str([([one.name for one in near.mistakes], round(near.distance, 3)) for near in found.nearest]),
            took,
        )
    first = {one.name for one in found.found.mistakes}
    same = [{one.name for one in some} for some in found.found.same]
    said = f"{sorted(first)} at {found.found.distance:.3f}"
    return ("first" if first == set(plan) else "same" if set(plan) in same else "wrong"), said, took


VALUES_OF: dict[str, dict[str, Any]] = {
    "0..255": {"scale": 1.0, "offset": 0.0},
    "0..1": {"scale": 1 / 255, "offset": 0.0},
    "-1..1": {"scale": 1 / 127.5, "offset": -1.0},
    "imagenet": {"mean": tuple(MEAN * 255), "std": tuple(STD * 255)},
    "caffe": {"mean": (103.939, 116.779, 123.68), "channels": "bgr"},
}


def main() -> None:
    """Plant, explain and count."""
    global SIDE
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=4, help="photos")
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inputs", nargs="*", default=list(INPUTS))
    parser.add_argument("--side", type=int, default=SIDE, help="of the input")
    asked = parser.parse_args()
    SIDE = asked.side
    rng = random.Random(asked.seed)
    photos = rng.sample(sorted(asked.photos.rglob("*.jpg")), asked.count)
    for title in asked.inputs:
        kind, spec = INPUTS[title]
        spec = spec._replace(shape=(1, SIDE, SIDE, 3))
        singles = [(name,) for name in MISTAKES if usable(name, "", kind)]
        every = [(a, b) for a in MISTAKES for b in MISTAKES if a < b and usable(a, b, kind)]
        for what, plans in (("single", singles), ("pair", rng.sample(every, asked.pairs)), ("right", [()])):
            counts: dict[str, int] = {}
            slowest = 0.0
            for number, plan in enumerate(plans):
                chosen = photos if what != "pair" else [photos[number % len(photos)]]
                for photo in chosen:
                    verdict, said, took = (
                        judged(photo, plan or ("right",), kind, spec) if plan else right(photo, kind, spec)
                    )
                    counts[verdict] = counts.get(verdict, 0) + 1
                    slowest = max(slowest, took)
                    if verdict != "first":
                        print(f"    {verdict}: {photo.name} {'+'.join(plan)} -> {said}", flush=True)
            print(f"{title}: {what}: {counts} of {sum(counts.values())}, slowest {slowest:.1f} s", flush=True)


def right(photo: Path, kind: ImageModality, spec: TensorSpec) -> tuple[str, str, float]:
    """Explain what no mistake was made in."""
    picture = read(photo)
    tensor = made(Image.fromarray(picture), App(), kind, spec)
    start = time.monotonic()
    found = explained(tensor, spec, of_picture(kind, spec), Pictures(picture, kind, spec).made).found
    said = str(found)
    return ("first" if found is not None and not found.mistakes else "wrong"), said, time.monotonic() - start


if __name__ == "__main__":
    main()
