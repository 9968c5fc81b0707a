from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tflbuild.core.dataset import Example, FileFacts, Split
from tflbuild.core.errors import DataError
from tflbuild.data.layouts.draws import Draws
from tflbuild.data.scenes import sign_renderer, sign_shapes
from tflbuild.data.sign_crops import SignCrops
from tflbuild.data.signs import CLASSES, Difficulty, Signs

# Every knob is given, so that these scenes stay when defaults are tuned.
PINNED = Signs(
    image_size=128,
    max_objects=4,
    difficulty=Difficulty(
        min_size=0.25,
        max_size=0.6,
        rotation=12,
        perspective=0.25,
        clutter=4.0,
        occlusion=0.25,
        blur=0.3,
        noise=14,
        lighting=0.5,
    ),
)


def never(path: Path) -> FileFacts:
    raise AssertionError(f"signs has no files, but {path} was looked at")


def split(dataset: Signs | SignCrops, name: str = "train") -> Split:
    return Split(name, dataset, dataset.index(never))


def sha256(example: Example) -> str:
    return hashlib.sha256(
        example.value.tobytes() + example.boxes.tobytes() + example.labels.tobytes()
    ).hexdigest()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "71b852550864399502bd7cf2b054fe4252e3c9919389b3d8e6e69cbccb48eac1"),
        (1, "542b23f6161fcddde71b7baf912771a0dd4574745ea0b26cd1153b88dc412640"),
        (2, "3840c5906837bc59ddab2e4c34e09c1bb2898c93e99722fc76fbc76cc91a3490"),
    ],
)
def test_a_scene_has_the_same_bytes_on_every_machine(number: int, expected: str) -> None:
    # Recorded on x86-64 with NumPy 2.4; raise RENDERER when they change.
    assert sha256(split(PINNED)[number]) == expected


def test_a_crop_has_the_same_bytes_on_every_machine() -> None:
    crops = SignCrops(image_size=64, difficulty=PINNED.difficulty)
    assert sha256(split(crops)[5]) == "3a1e234a9e8c8a370776685778f71082f3e8b526b956b4200d1440762a3e530b"


def test_random_numbers_are_those_of_pcg64() -> None:
    # The stream of a bit generator is NumPy's promise; this is the seeding on top of it.
    entropy = hashlib.sha256(b"('a', 1)").digest()
    raw = np.random.PCG64(int.from_bytes(entropy[:16], "big")).random_raw(64)
    draws = Draws("a", 1)
    assert [draws.below(1000) for _ in range(3)] == [
        int(raw[-k] >> np.uint64(32)) * 1000 >> 32 for k in (1, 2, 3)
    ]


def test_the_default_split_sizes_decide_a_gate() -> None:
    index = Signs().index(never)
    assert {name: len(samples) for name, samples in index.splits.items()} == {
        "train": 2400,
        "val": 300,
        "test": 500,
    }
    assert index.classes == CLASSES
    assert len(CLASSES) == 8
    assert index.dropped == ()


def test_no_scene_occurs_twice() -> None:
    splits = [split(PINNED, name) for name in ("train", "val", "test")]
    scenes = {scenes[k].value.tobytes() for scenes in splits for k in range(20)}
    assert len(scenes) == 60


def test_every_scene_has_signs_with_sound_boxes() -> None:
    scenes = split(PINNED)
    for k in range(50):
        image, boxes, labels = scenes[k]
        assert image.dtype == np.uint8
        assert max(image.shape[:2]) == 128
        assert min(image.shape[:2]) >= 96
        assert 1 <= len(boxes) == len(labels) <= 4
        assert boxes.dtype == np.float32
        assert labels.dtype == np.int32
        assert ((boxes >= 0) & (boxes <= 1)).all()
        sides = (boxes[:, 2:] - boxes[:, :2]) * image.shape[:2]
        assert sides.min() >= 0.15 * min(image.shape[:2])


def test_every_class_occurs_about_equally_often() -> None:
    scenes = split(replace(PINNED, image_size=32))
    labels = np.concatenate([scenes[k].labels for k in range(150)])
    counts = np.bincount(labels, minlength=8)
    assert counts.min() > 0.6 * counts.mean()


@pytest.mark.parametrize("rotation", [0, 30])
@pytest.mark.parametrize("perspective", [0.0, 0.45])
def test_a_box_is_tight_around_the_pixels_of_its_sign(rotation: int, perspective: float) -> None:
    """Draw signs on black and find them again."""
    bare = Difficulty(
        rotation=rotation,
        perspective=perspective,
        clutter=0,
        occlusion=0,
        blur=0,
        noise=0,
        lighting=0,
        min_size=0.4,
    )
    for k in range(20):
        draws = Draws("box", k)
        blank = np.zeros((128, 128, 3), np.uint8)
        picture = sign_shapes.sign(k % 8)
        pose = sign_renderer._pose(draws, 128, 128, 30.0, bare, overhang=0.0)
        box = sign_renderer._bounds(pose, picture, 128, 128)
        sign_renderer._paste(blank, picture, pose, np.full(3, 256, np.int32))
        rows, columns = np.nonzero(blank.any(axis=2))
        drawn = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
        np.testing.assert_allclose(box, drawn, atol=1.5)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"image_size": 96},
        {"max_objects": 2},
        {"difficulty": replace(PINNED.difficulty, noise=3)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_changes_the_pixels_changes_the_digest(change: dict[str, object]) -> None:
    changed = replace(PINNED, **change)
    assert changed.index(never).digest("test") != PINNED.index(never).digest("test")
    assert any(sha256(split(changed)[k]) != sha256(split(PINNED)[k]) for k in range(5))


def test_more_training_images_leave_the_others_as_they_were() -> None:
    more = replace(PINNED, train=5000)
    assert more.index(never).digest("test") == PINNED.index(never).digest("test")
    assert more.index(never).splits["train"][:2400] == PINNED.index(never).splits["train"]


def test_signs_of_no_size_are_an_error() -> None:
    with pytest.raises(DataError, match=r"data.difficulty.min_size: 0.7 is larger than max_size, 0.6"):
        Signs(difficulty=Difficulty(min_size=0.7)).index(never)


def test_signs_of_one_size_are_signs() -> None:
    assert Signs(train=1, difficulty=Difficulty(min_size=0.6)).index(never).splits["train"]


def test_crops_hold_every_class_equally_often_and_say_so_without_drawing() -> None:
    dataset = SignCrops()
    index = dataset.index(never)
    for samples in index.splits.values():
        assert set(np.bincount([sample.labels[0] for sample in samples])) == {len(samples) // 8}
    example = split(dataset)[3]
    assert example.value.shape == (64, 64, 3)
    assert example.labels.tolist() == [3]
    assert example.boxes.shape == (0, 4)


def test_declarations_import_neither_numpy_nor_pil() -> None:
    script = (
        "import sys, tflbuild.data.signs, tflbuild.data.sign_crops, tflbuild.data.voc, tflbuild.data.coco,"
        "tflbuild.data.image_folder, tflbuild.modalities.image.modality, tflbuild.modalities.image.augment;"
        "tflbuild.data.signs.Signs(train=9).index(None);"
        "print({'numpy', 'PIL', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
