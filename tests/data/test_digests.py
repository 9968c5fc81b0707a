"""What names a split: everything that decides its content or its pixels, and nothing else.

A part of a digest is enumerated from the declaration, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.dataset import Dataset, Dropped, FileFacts, Index, Sample, Split
from tflbuild.data import signs
from tflbuild.data.fashion_mnist import FashionMnist
from tflbuild.data.image_folder import ImageFolder
from tflbuild.data.layouts.external import external_split
from tflbuild.data.sign_crops import SignCrops
from tflbuild.data.signs import Difficulty, Signs

READ_ONLY = {field.name for field in fields(Dataset)}
"""What every data set has: it decides how an example is read or prepared and stands in keys of its own."""


def sha256(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def never(path: Path) -> FileFacts:
    raise AssertionError(f"{path} was looked at")


def test_a_split_is_named_by_its_classes_and_its_samples_in_order() -> None:
    train = (Sample("a", "1", "/a", ((0.0, 0.0, 1.0, 1.0),), (0,)), Sample("b", "2"))
    index = Index(classes=("dog", "cat"), splits={"train": train, "val": ()})
    assert index.digest("train") == sha256('[["dog","cat"],["1","2"]]')
    assert index.digest("val") == sha256('[["dog","cat"],[]]')


@pytest.mark.parametrize(
    ("classes", "digests", "same"),
    [
        (("dog", "cat"), "12", True),
        (("cat", "dog"), "12", False),
        (("dog",), "12", False),
        (("dog", "cat", "emu"), "12", False),
        (("dog", "cat"), "21", False),
        (("dog", "cat"), "1", False),
        (("dog", "cat"), "122", False),
        (("dog", "cat"), "13", False),
    ],
)
def test_classes_and_samples_each_decide(classes: tuple[str, ...], digests: str, same: bool) -> None:
    def named(classes: tuple[str, ...], digests: str) -> str:
        samples = tuple(Sample(f"key {number}", digest) for number, digest in enumerate(digests))
        return Index(classes=classes, splits={"train": samples}).digest("train")

    assert (named(classes, digests) == named(("dog", "cat"), "12")) is same


def test_an_index_that_went_through_json_is_the_same_with_the_same_digests() -> None:

    index = Index(
        classes=("b", "a"),
        splits={
            "train": (Sample("k", "1", "/k", ((0.1, 0.2, 0.3, 0.4), (0.0, 0.5, 1.0, 1.0)), (1, 0)),),
            "val": (Sample("l", "2", None, (), (1,)),),
            "test": (),
        },
        dropped=(Dropped("c.jpg", "does not decode"),),
    )
    again = Index.from_json(json.loads(json.dumps(index.to_json())))
    assert again == index
    assert [again.digest(split) for split in index.splits] == [index.digest(split) for split in index.splits]
    assert list(again.splits) == ["train", "val", "test"]


OTHER: dict[str, Any] = {
    "min_size": 0.26,
    "max_size": 0.61,
    "rotation": 13,
    "perspective": 0.26,
    "clutter": 4.5,
    "occlusion": 0.26,
    "blur": 0.31,
    "noise": 15,
    "lighting": 0.51,
}
"""Another value for every knob of what is drawn."""


@pytest.mark.parametrize("kind", [Signs, SignCrops])
@pytest.mark.parametrize("knob", [field.name for field in fields(Difficulty)])
def test_every_knob_of_what_is_drawn_changes_every_sample(kind: type[Signs | SignCrops], knob: str) -> None:
    data = kind(train=9, val=9, test=9)
    harder = replace(data, difficulty=replace(data.difficulty, **{knob: OTHER[knob]}))
    for split, samples in data.index(never).splits.items():
        others = harder.index(never).splits[split]
        assert all(one.digest != other.digest for one, other in zip(samples, others, strict=True))


DRAWN: dict[str, Any] = {"seed": 1, "image_size": 96, "max_objects": 2, "difficulty": Difficulty(noise=3)}
COUNTS = {"train", "val", "test"}


@pytest.mark.parametrize("kind", [Signs, SignCrops])
def test_every_option_of_what_is_drawn_decides_its_samples_or_how_many_they_are(
    kind: type[Signs | SignCrops],
) -> None:
    data = kind(train=9, val=9, test=9)
    before = data.index(never)
    for option in {field.name for field in fields(kind)} - READ_ONLY:
        after = replace(data, **{option: 11 if option in COUNTS else DRAWN[option]}).index(never)
        for split in COUNTS:
            changes = option not in COUNTS or option == split
            assert (before.digest(split) != after.digest(split)) is changes, (option, split)


KNOBS = (
    '{"blur":0.3,"clutter":4.0,"lighting":0.5,"max_size":0.6,"min_size":0.25,"noise":14,"occlusion":0.25,'
    '"perspective":0.25,"rotation":12}'
)
"""`Difficulty()` as JSON, by hand."""


@pytest.mark.parametrize(
    ("data", "causes"),
    [
        (Signs(seed=3, image_size=64, max_objects=2), f'["signs",1,3,64,2,{KNOBS}]'),
        (SignCrops(seed=3, image_size=64, difficulty=Difficulty()), f'["sign_crops",1,3,64,{KNOBS}]'),
    ],
)
def test_a_drawn_sample_is_named_by_what_decides_its_pixels_and_its_number(
    data: Signs | SignCrops, causes: str
) -> None:
    sample = data.index(never).splits["val"][7]
    assert (sample.key, sample.digest) == ("val/00007", sha256(f"{sha256(causes)} val/00007"))


@pytest.mark.parametrize("kind", [Signs, SignCrops])
def test_the_version_of_the_renderer_is_in_the_digest(
    kind: type[Signs | SignCrops], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kind(train=9, val=9, test=9).index(never)
    monkeypatch.setattr(f"{kind.__module__}.RENDERER", signs.RENDERER + 1)
    assert kind(train=9, val=9, test=9).index(never).digest("test") != before.digest("test")


def test_scenes_and_crops_of_one_difficulty_are_not_taken_for_each_other() -> None:
    scenes = Signs(train=9, val=9, test=9).index(never)
    crops = SignCrops(train=9, val=9, test=9, image_size=128, difficulty=Difficulty()).index(never)
    assert not {s.digest for s in scenes.splits["test"]} & {s.digest for s in crops.splits["test"]}


def test_no_two_drawn_samples_share_a_digest_and_their_code_is_named() -> None:
    for data in (Signs(train=20, val=20, test=20), SignCrops(train=20, val=20, test=20)):
        splits = data.index(never).splits
        assert len({sample.digest for samples in splits.values() for sample in samples}) == 60
        drawing = {f"tflbuild.data.scenes.{name}" for name in RENDERERS}
        assert set(data.code()) == {*drawing, "tflbuild.data.layouts.draws"}


RENDERERS = ("sign_renderer", "sign_backdrop", "sign_shapes")
"""By hand: what `sign_renderer` imports of this package and draws with."""


def folder(root: Path, **contents: list[str]) -> Path:
    """Write files of one letter each; `a__b` is the class b of the split a."""
    for place, letters in contents.items():
        where = root.joinpath(*place.split("__"))
        where.mkdir(parents=True)
        for number, letter in enumerate(letters):
            (where / f"{number}.png").write_text(letter)
    return root


def look(path: Path) -> FileFacts:
    return FileFacts(sha256(path.read_bytes()), "")


def test_a_picture_of_a_class_is_named_by_its_bytes_and_its_class(tmp_path: Path) -> None:
    folder(tmp_path, train__a=["1"], train__b=["2"], val__a=["3"], val__b=["4"], test__a=["5"], test__b=["6"])
    index = ImageFolder(root=str(tmp_path)).index(look)
    assert index.splits["train"] == (
        Sample("train/a/0.png", sha256(f'["{sha256("1")}",0]'), f"{tmp_path}/train/a/0.png", (), (0,)),
        Sample("train/b/0.png", sha256(f'["{sha256("2")}",1]'), f"{tmp_path}/train/b/0.png", (), (1,)),
    )


def test_every_option_of_a_folder_decides_its_splits(tmp_path: Path) -> None:
    folder(tmp_path, a=list("abcdefghij"), b=list("klmnopqrst"), c=list("uvwxyzABCD"))
    data = ImageFolder(root=str(tmp_path))
    before = data.index(look)
    other: dict[str, Any] = {"classes": ("b", "a", "c"), "val_fraction": 0.5, "test_fraction": 0.5, "seed": 1}
    for option in {field.name for field in fields(ImageFolder)} - READ_ONLY - {"root"}:
        after = replace(data, **{option: other[option]}).index(look)
        assert after.digest("train") != before.digest("train"), option
        assert after.digest("val") != before.digest("val"), option


def test_a_moved_folder_has_the_digests_that_it_had(tmp_path: Path) -> None:
    root = folder(tmp_path / "one", a=list("abcdefghij"), b=list("klmnopqrst"))
    before = ImageFolder(root=str(root)).index(look)
    root.rename(tmp_path / "two")
    after = ImageFolder(root=str(tmp_path / "two")).index(look)
    assert [after.digest(split) for split in COUNTS] == [before.digest(split) for split in COUNTS]


def idx(path: Path, values: np.ndarray[Any, Any]) -> None:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(side.to_bytes(4, "big") for side in values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


def test_a_picture_of_fashion_mnist_is_named_by_its_pixels_and_its_class(tmp_path: Path) -> None:
    for part, first in (("train", 0), ("t10k", 100)):
        idx(tmp_path / f"{part}-images-idx3-ubyte", np.arange(first, first + 24).reshape(4, 3, 2))
        idx(tmp_path / f"{part}-labels-idx1-ubyte", np.array([3, 1, 4, 9]))
    index = FashionMnist(root=str(tmp_path), val=1).index(never)
    pixels = [sha256(bytes(range(100 + 6 * number, 106 + 6 * number))) for number in range(4)]
    assert index.splits["test"] == tuple(
        Sample(f"t10k/{number:05d}", sha256(f'["{pixels[number]}",{label}]'), None, (), (label,))
        for number, label in enumerate((3, 1, 4, 9))
    )


def test_images_for_calibration_are_named_by_their_file_and_row(tmp_path: Path) -> None:
    rows = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    np.save(tmp_path / "rows.npy", rows)
    content = sha256((tmp_path / "rows.npy").read_bytes())
    data = Dataset(preprocess={"aspect": "letterbox"}, max_pixels=1234)
    split = external_split(str(tmp_path / "rows.npy"), data)
    path = str(tmp_path / "rows.npy")
    assert split.samples == (Sample("0", f"{content}/0", path), Sample("1", f"{content}/1", path))
    assert (split.dataset.preprocess, split.dataset.max_pixels) == (data.preprocess, 1234)
    assert (split.name, split.classes) == (path, ())
    np.testing.assert_array_equal(split[1].value, rows[1])


def test_what_cannot_be_used_for_calibration_is_passed_over_and_the_rest_keeps_its_place(
    tmp_path: Path,
) -> None:
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_text(name)

    def facts(path: Path) -> FileFacts:
        return FileFacts(sha256(path.read_bytes()), "damaged" if path.name == "b.png" else "")

    split = external_split(str(tmp_path), Dataset(), facts)
    assert split.samples == tuple(
        Sample(name, sha256(name), str(tmp_path / name)) for name in ("a.png", "c.png")
    )


def test_a_part_of_a_split_holds_its_samples_from_the_first_to_before_the_last() -> None:
    samples = tuple(Sample(f"key {number}", str(number)) for number in range(5))
    index = Index(classes=("a",), splits={"train": samples, "val": ()})
    whole = Split("train", Dataset(), index)
    part = whole.part(1, 4)
    assert (part.samples, part.name, part.classes, len(part)) == (samples[1:4], "train", ("a",), 3)
    assert part.digest == sha256('[["a"],["1","2","3"]]')
    assert part.dataset is whole.dataset


def test_whether_a_digest_was_asked_for_makes_no_difference_and_text_from_outside_is_shown() -> None:
    one, other = (
        Index(classes=(), splits={"train": ()}, dropped=(Dropped("a\x1b", "b" * 700),)) for _ in "ab"
    )
    one.digest("train")
    assert one == other
    assert "digests" not in repr(one)
    with pytest.raises(TypeError):
        Index(classes=(), splits={}, _digests={"train": "x"})  # type: ignore[call-arg]
    assert one.dropped == (Dropped("a\\x1b", f"{'b' * 599}…"),)


def test_the_largest_image_takes_192_million_bytes_of_memory() -> None:
    assert 3 * Dataset().max_pixels == 192_000_000
