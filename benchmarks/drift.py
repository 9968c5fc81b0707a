"""False alarms of `tflbuild drift`, and what it names: `python benchmarks/drift.py`.

Photos of coco128 are halved at random, 20 times: one half is training, the other the field, without any change. Then 30
photos of the other half are altered: darker by exposure and by gamma, blurred at the size of the model's input, or as
another camera gives them (colour temperature, noise, JPEG). The model is MLPerf's person detector, its float and its
int8 file.

    --models FOLDER   with mlperf_tiny/ in it; else $TFLBUILD_TEST_MODELS, else ../shared/models
    --data FOLDER     with coco128/ in it; else $TFLBUILD_TEST_DATA, else ../shared/data
    --draws N         halves of the photos

Bars: at most 1 false alarm in 20 draws, and every altered set named.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from tflbuild.analyses.field import causes, judging
from tflbuild.analyses.field.observing import Observed, Ranges, observed
from tflbuild.analyses.field.reporting import Report
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Dataset
from tflbuild.core.meaning import IMAGE, Input, Meaning
from tflbuild.data.layouts.external import external_split
from tflbuild.testing import artifact
from tflbuild.tflite import flatbuffer

CHECKOUT = Path(__file__).resolve().parents[1]
SIDE = 96
UNIT = {"scale": 1 / 255, "offset": 0.0}
FIELD = 30
LEAST = 0.2
FALSE_ALARMS = 1

Alter = Callable[[Any], Any]


def exposed(factor: float) -> Alter:
    """Multiply by a factor."""
    return lambda picture: picture * factor


def curved(gamma: float) -> Alter:
    """Apply a gamma below 1 the dark way."""
    return lambda picture: 255 * (picture / 255) ** (1 / gamma)


def blurred(sigma: float) -> Alter:
    """Blur by a deviation in pixels of the model's input."""

    def alter(picture: Any) -> Any:
        wide = sigma * max(picture.shape[:2]) / SIDE
        return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(wide)))

    return alter


def camera(warmth: float, noise: float, quality: int) -> Alter:
    """Change the colour temperature, add noise, and compress."""
    rng = np.random.default_rng(0)

    def alter(picture: Any) -> Any:
        made = picture * np.array([1 + warmth, 1.0, 1 - warmth]) + rng.normal(0, noise, picture.shape)
        packed = io.BytesIO()
        Image.fromarray(made.clip(0, 255).astype(np.uint8)).save(packed, "JPEG", quality=quality)
        return np.asarray(Image.open(packed).convert("RGB"))

    return alter


SETS: Mapping[str, tuple[str, Alter]] = {
    "same": ("", lambda picture: picture),
    "exposure 0.4": (causes.DARK, exposed(0.4)),
    "exposure 0.6": (causes.DARK, exposed(0.6)),
    "gamma 0.4": (causes.DARK, curved(0.4)),
    "gamma 0.6": (causes.DARK, curved(0.6)),
    "blurred 1.5 px": (causes.BLURRED, blurred(1.5)),
    "blurred 3 px": (causes.BLURRED, blurred(3)),
    "camera warm": (causes.CAMERA, camera(0.15, 8, 40)),
    "camera cool": (causes.CAMERA, camera(-0.15, 8, 40)),
}


def model(path: Path) -> TFLiteModel:
    """Give a file with its meaning; its input and output are those that it has."""
    names = flatbuffer.signature(path)
    meaning = Meaning(
        task="classification",
        labels=("no_person", "person"),
        inputs={names["inputs"][0]["name"]: Input(modality=IMAGE, shape=(SIDE, SIDE, 3), preprocess=UNIT)},
        head={"outputs": {"scores": names["outputs"][0]["name"]}},
    )
    made: TFLiteModel = artifact(TFLiteModel, path, meaning)
    return made


def seen(photos: list[Path], alter: Alter, models: Mapping[str, TFLiteModel], ranges: Ranges) -> Observed:
    """Look at altered photos, and run the models on them."""
    with tempfile.TemporaryDirectory() as folder:
        for path in photos:
            made = (
                np.asarray(alter(np.asarray(Image.open(path).convert("RGB")))).clip(0, 255).astype(np.uint8)
            )
            Image.fromarray(made).save(Path(folder) / f"{path.stem}.bmp")
        return observed(external_split(folder, Dataset()), models, ranges)


def main() -> int:
    """Print what each set gives over all draws."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = CHECKOUT.parent / "shared"
    parser.add_argument(
        "--models", type=Path, default=os.environ.get("TFLBUILD_TEST_MODELS", shared / "models")
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("TFLBUILD_TEST_DATA", shared / "data"))
    parser.add_argument("--draws", type=int, default=20)
    given = parser.parse_args()
    folder = Path(given.models) / "mlperf_tiny"
    models = {"model": model(folder / "vww_96_int8.tflite"), "float": model(folder / "vww_96_float.tflite")}
    ranges = Ranges(models["model"])
    photos = sorted((Path(given.data) / "coco128/images").rglob("*.jpg"))
    looked = {name: seen(photos, alter, models, ranges) for name, (_, alter) in SETS.items()}
    print(f"{len(photos)} photos, {given.draws} draws, {len(photos) // 2} of training")
    missed = 0
    for name, (cause, _) in SETS.items():
        reports = [drawn(looked, name, draw, ranges) for draw in range(given.draws)]
        verdicts = Counter(report.verdict for report in reports)
        named = Counter(sign for report in reports for sign in report.signs)
        print(f"{name:15} {reports[0].field.count} field photos: {dict(verdicts)}; named: {dict(named)}")
        fine = judging.FINE if not cause else ""
        misses = sum(report.verdict != fine if fine else cause not in report.signs for report in reports)
        missed += misses > FALSE_ALARMS if fine else misses > 0
    return int(missed > 0)


def drawn(looked: Mapping[str, Observed], name: str, draw: int, ranges: Ranges) -> Report:
    """Halve the photos, and hold one half, altered, to the other."""
    train = looked["same"]
    order = np.random.default_rng(draw).permutation(train.count)
    half = train.count // 2
    field = order[half:] if name == "same" else order[half : half + FIELD]
    return Report(train.part(sorted(order[:half])), looked[name].part(sorted(field)), ranges, LEAST, draw)


if __name__ == "__main__":
    sys.exit(main())
