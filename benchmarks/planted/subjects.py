"""The models that faults are planted in, and their data."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import files
from planted.running import surgery, tflbuild
from tflbuild.data.scenes import sign_renderer
from tflbuild.data.scenes.sign_set import CLASSES
from tflbuild.data.sign_crops import SignCrops

UNGATED = ("convert.budget=null", "quantize.budget=null", "budget=null", "quantize.fallback=[]")
"""So that a fault is built, and not stopped by a limit."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model and its data.

    Attributes:
        name: for the table.
        base: the model's file.
        data: words that say where samples are.
        reading: words that say how the model takes them, by key.
        metric: that accuracy is told in.
        made_here: whether tflbuild trained it.
        calibration: model values that a converter calibrates on, an `.npz`; "" for none.
        pictures: a folder of pictures of the kind that it sees; "" for none.
    """

    name: str
    base: str
    data: tuple[str, ...]
    reading: Mapping[str, str]
    metric: str
    made_here: bool = False
    calibration: str = ""
    pictures: str = ""

    def words(self, **changed: str) -> list[str]:
        """Give what is typed to read it, with some keys changed; dots are written as `__`."""
        given = {**self.reading, **{key.replace("__", "."): value for key, value in changed.items()}}
        return [*self.data, *(f"{key}={value}" for key, value in given.items())]


def people(folder: Path) -> Subject:
    """MLPerf's person detector on photos of COCO, by whether a person is on them."""
    root = folder / "people"
    photos = sorted((files.DATA / "coco128/images/train").glob("*.jpg"))
    for path in photos:
        listed = files.DATA / "coco128/labels/train" / f"{path.stem}.txt"
        boxes = listed.read_text().splitlines() if listed.exists() else []
        name = "person" if any(line.split()[0] == "0" for line in boxes) else "no_person"
        (root / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / name)
    values = [_pixels(path, 96) / 255 for path in photos[::2]]
    np.savez(folder / "people.npz", x=np.stack(values).astype(np.float32))
    return Subject(
        name="person detector (MLPerf)",
        base=str(files.MODELS / "mlperf_tiny/vww_96.h5"),
        data=("data.root=people", "data.val_fraction=0.1", "data.test_fraction=0.6"),
        reading={
            "preprocess.scale": "0.00392156862745098",
            "preprocess.offset": "0",
            "data.classes": "[no_person,person]",
        },
        metric="top1",
        calibration="people.npz",
        pictures="people",
    )


def crops(folder: Path) -> Subject:
    """A MobileNet v1 of ours on crops of signs, as a Keras file that does not say how it is used."""
    kept = trained(
        folder, "mobilenet_v1_int8", ("train.steps=1000", "model.activation=relu"), "crops_kept.h5"
    )
    base = surgery(folder, "plain", str(kept), folder / "crops.h5")
    draw_crops(folder / "crops", 130)
    drawn = sorted((folder / "crops").rglob("*.png"))[::8]
    np.savez(folder / "crops.npz", x=np.stack([_pixels(path, 64) / 128 - 1 for path in drawn]))
    return Subject(
        name="sign classifier",
        base=str(base),
        data=("data.root=crops", "data.val_fraction=0.1", "data.test_fraction=0.6"),
        reading={
            "preprocess.scale": "0.0078125",
            "preprocess.offset": "-1",
            "data.classes": f"[{','.join(CLASSES)}]",
        },
        metric="top1",
        made_here=True,
        calibration="crops.npz",
        pictures="crops",
    )


def signs(folder: Path) -> Subject:
    """An SSD MobileNet v1 of ours, which says itself how it is used."""
    base = trained(folder, "ssd_mobilenet_int8", ("train.steps=800", "data.train=1200"), "signs.h5")
    return Subject(
        name="SSD MobileNet v1",
        base=str(base),
        data=("data=signs", "data.test=200", "data.val=60", "data.train=300"),
        reading={},
        metric="map",
        made_here=True,
        pictures="crops",
    )


def blood(_: Path) -> Subject:
    """An SSD MobileNet v2 that the Object Detection API trained on blood cells, and exported."""
    return Subject(
        name="SSD MobileNet v2 (OD API)",
        base=str(files.MODELS / "odapi/ssd_mobilenet_v2/exporter_main_v2"),
        data=(f"data.root={files.DATA / 'bccd'}",),
        reading={"data.classes": "[RBC,WBC,Platelets]"},
        metric="map",
    )


def frames(folder: Path) -> Subject:
    """MLPerf's autoencoder of machine sounds, on frames of spoken digits; without labels."""
    return Subject(
        name="autoencoder (MLPerf)",
        base=str(files.MODELS / "mlperf_tiny/ad01.h5"),
        data=("data.root=frames.npz",),
        reading={},
        metric="fidelity",
        calibration="frames.npz",
    )


def words(folder: Path) -> Subject:
    """MLPerf's keyword model, a float `.tflite`, on spoken digits; without labels."""
    return Subject(
        name="keywords (MLPerf)",
        base=str(files.MODELS / "mlperf_tiny/kws_ref_model_float32.tflite"),
        data=("data.root=mfcc.npz",),
        reading={},
        metric="fidelity",
    )


def photos(folder: Path) -> Subject:
    """MobileNet v1 of ImageNet, a float `.tflite` with metadata, on photos of COCO without labels."""
    return Subject(
        name="MobileNet v1 (ImageNet)",
        base=str(files.MODELS / "tflite_support/mobilenet_v1_0.25_224_1_metadata_1.tflite"),
        data=("data.root=photos",),
        reading={},
        metric="fidelity",
    )


SUBJECTS: Mapping[str, Callable[[Path], Subject]] = {
    "people": people,
    "crops": crops,
    "signs": signs,
    "blood": blood,
    "frames": frames,
    "words": words,
    "photos": photos,
}


def trained(folder: Path, recipe: str, words: tuple[str, ...], name: str) -> Path:
    """Train once; gives the Keras file."""
    if not (folder / name).exists():
        tflbuild(folder, f"recipe={recipe}", "stop_after=train", *words)
        shutil.copy(folder / "outputs" / recipe / "latest" / "train.h5", folder / name)
    return folder / name


def draw_crops(folder: Path, each: int) -> None:
    """Draw pictures into a folder a class; none of them is one that `data=sign_crops` trains on."""
    difficulty = SignCrops().difficulty
    for place, label in enumerate(CLASSES):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            file = folder / label / f"{number:03d}.png"
            if not file.exists():
                example = sign_renderer.crop((77, "field", number), place, 64, difficulty)
                Image.fromarray(example.value).save(file)


def _pixels(path: Path, side: int) -> np.ndarray:
    with Image.open(path) as photo:
        return np.asarray(photo.convert("RGB").resize((side, side), Image.Resampling.BILINEAR), np.float32)
