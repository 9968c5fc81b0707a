"""From annotations to an index, on made-up facts of files: nothing is read."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.dataset import Dropped, FileFacts, Index, Sample
from tflbuild.core.errors import DataError
from tflbuild.data.coco import Coco
from tflbuild.data.layouts.annotated import assemble
from tflbuild.data.layouts.boxed import Annotated, RawBox

DATA = Coco(root="/nowhere")
CAT, DOG = ("cat", 5, 4, 15, 20), ("dog", 0, 0, 20, 40)  # ymin, xmin, ymax, xmax of 20 x 40 pixels


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def image(name: str, *objects: tuple[Any, ...], size: tuple[int, int] = (20, 40)) -> Annotated:
    boxes = tuple(
        RawBox(str(number), label, *edges) for number, (label, *edges) in enumerate(objects, start=1)
    )
    return Annotated(f"{name}.jpg", f"{name}.xml", f"/data/{name}.jpg", *size, boxes)


def look(path: Path | str) -> FileFacts:
    return FileFacts(f"content of {Path(path).stem[0]}", "", 20, 40)


SPLITS = {
    "train": [image("a", CAT, DOG), image("b", DOG)],
    "val": [image("c", CAT)],
    "test": [image("d", DOG)],
}


def index(data: Coco = DATA, **splits: list[Annotated]) -> Index:
    return assemble(data, SPLITS | splits, look, [])


def test_a_sample_is_named_by_its_image_its_boxes_and_their_classes() -> None:
    first, second = index().splits["train"]
    # By hand: JSON without spaces; y over 20, x over 40; cat is class 0.
    boxes = "[[0.25,0.1,0.75,0.5],[0.0,0.0,1.0,1.0]]"
    assert first == Sample(
        key="a.jpg",
        digest=sha256(f'["content of a",{boxes},[0,1]]'),
        path="/data/a.jpg",
        boxes=((0.25, 0.1, 0.75, 0.5), (0.0, 0.0, 1.0, 1.0)),
        labels=(0, 1),
    )
    assert second.digest == sha256('["content of b",[[0.0,0.0,1.0,1.0]],[1]]')


CHANGES: dict[str, tuple[list[Annotated], bool]] = {
    "the image": ([image("x", CAT, DOG), image("b", DOG)], True),
    "a class": ([image("a", ("dog", *CAT[1:]), DOG), image("b", CAT)], True),
    "ymin": ([image("a", ("cat", 6, 4, 15, 20), DOG), image("b", DOG)], True),
    "xmin": ([image("a", ("cat", 5, 5, 15, 20), DOG), image("b", DOG)], True),
    "ymax": ([image("a", ("cat", 5, 4, 16, 20), DOG), image("b", DOG)], True),
    "xmax": ([image("a", ("cat", 5, 4, 15, 21), DOG), image("b", DOG)], True),
    "a box more": ([image("a", CAT, DOG, CAT), image("b", DOG)], True),
    "a box less": ([image("a", CAT), image("b", DOG)], True),
    "the order of boxes": ([image("a", DOG, CAT), image("b", DOG)], True),
    "the order of images": ([image("b", DOG), image("a", CAT, DOG)], True),
    "an image less": ([image("a", CAT, DOG)], True),
    "the names of files": ([image("a2", CAT, DOG), image("b2", DOG)], False),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_a_split_holds_changes_its_digest_and_what_it_is_called_does_not(what: str) -> None:
    train, changes = CHANGES[what]
    before, after = index(), index(train=train)
    assert (after.digest("train") != before.digest("train")) is changes
    assert after.digest("val") == before.digest("val")


def test_the_order_of_the_classes_changes_labels_and_digests() -> None:
    other = index(replace(DATA, classes=("dog", "cat")))
    assert (other.classes, other.splits["train"][0].labels) == (("dog", "cat"), (1, 0))
    for split in SPLITS:
        assert other.digest(split) != index().digest(split)
        assert other.splits[split][0].digest != index().splits[split][0].digest


def test_classes_have_the_order_that_is_asked_for_and_come_from_train_alone() -> None:
    val = [image("c", CAT, ("emu", 1, 1, 5, 5), ("emu", 2, 2, 5, 5))]
    made = assemble(DATA, SPLITS | {"val": val}, look, [], lambda names: sorted(names, reverse=True))
    assert made.classes == ("dog", "cat")
    assert made.splits["val"][0].labels == (1,)
    assert made.dropped == (Dropped("c.xml", "2 x class 'emu' in val, which train does not have: dropped"),)


def test_classes_that_train_never_has_are_named_in_their_order() -> None:
    val = [image("c", CAT, ("yak", 1, 1, 5, 5), ("emu", 2, 2, 5, 5), ("yak", 3, 3, 5, 5))]
    made = assemble(DATA, SPLITS | {"val": val}, look, [], sorted)
    assert [dropped.reason.partition(" in ")[0] for dropped in made.dropped] == [
        "1 x class 'emu'",
        "2 x class 'yak'",
    ]


def test_boxes_of_classes_that_were_not_chosen_are_counted_over_all_splits() -> None:
    made = index(replace(DATA, classes=("cat",)), test=[image("d", CAT, DOG)])
    assert made.dropped == (Dropped("/nowhere", "boxes of classes not in data.classes: 3 of dog"),)
    made = index(replace(DATA, classes=("cat",)), test=[image("d", ("eel", 1, 1, 5, 5), CAT, DOG)])
    assert made.dropped[0].reason == "boxes of classes not in data.classes: 3 of dog, 1 of eel"


def test_a_mark_counts_as_one_only_where_its_class_is_known() -> None:
    with pytest.raises(DataError) as refused:
        index(test=[image("d", ("emu", 1, 1, 5, 5))])
    assert str(refused.value) == (
        "data.root: the test split of '/nowhere' has no usable box; 1 were dropped, the first: d.xml: "
        "1 x class 'emu' in test, which train does not have: dropped."
    )


def test_a_size_that_nobody_looked_at_is_looked_at(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (40, 20)).save(tmp_path / "a.png")
    first = image("a", CAT, DOG, size=(0, 0))._replace(path=str(tmp_path / "a.png"))

    def unseen(path: Path) -> FileFacts:
        return FileFacts("content of a", "") if path.suffix == ".png" else look(path)

    made = assemble(DATA, SPLITS | {"train": [first]}, unseen, [])
    assert made.splits["train"][0].boxes[0] == (0.25, 0.1, 0.75, 0.5)


def test_a_file_that_cannot_be_read_is_named_itself_and_an_annotation_that_is_wrong_likewise() -> None:
    def broken(path: Path) -> FileFacts:
        return FileFacts("", "does not decode") if path.stem == "b" else look(path)

    train = [SPLITS["train"][0], image("b", DOG), image("e", CAT, size=(40, 20))]
    dropped = [Dropped("before", "it was known")]
    assemble(DATA, SPLITS | {"train": train}, broken, dropped)
    assert dropped == [
        ("before", "it was known"),
        ("b.jpg", "does not decode"),
        ("e.xml", "e.jpg: the annotation says 20 x 40 pixels, but the image has 40 x 20"),
    ]


def test_boxes_that_make_no_sense_are_left_out_one_by_one() -> None:
    made = index(train=[image("a", CAT, ("dog", 3, 3, 3, 9), DOG), image("b", ("dog", 0, -9, 10, 20))])
    assert [sample.labels for sample in made.splits["train"]] == [(0, 1), (1,)]
    assert made.dropped == (
        Dropped("a.xml", "box 2 (dog) has no area, ymin 3 = ymax 3: dropped"),
        Dropped(
            "b.xml", "box 1 (dog) reaches outside its image, x -9..20, y 0..10 in 40 x 20 pixels: clipped"
        ),
    )


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ([], "has no usable image. It looks like YOLO."),
        ([image("d")], "has no usable box."),
    ],
)
def test_a_split_without_images_may_be_of_another_form_and_one_without_boxes_is_not(
    test: list[Annotated], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def looks_like(root: Path, but: str) -> str:
        asked.append((root, but))
        return " It looks like YOLO."

    monkeypatch.setattr("tflbuild.data.layouts.exports.looks_like", looks_like)
    with pytest.raises(DataError) as refused:
        index(test=test)
    assert str(refused.value) == f"data.root: the test split of '/nowhere' {said}"
    assert asked == ([] if test else [(Path("/nowhere"), "coco")])


def test_boxes_of_an_image_that_was_resized_since_refer_to_its_size_before() -> None:
    made = index(train=[image("a", ("cat", 10, 8, 30, 40), DOG, size=(40, 80)), image("b", DOG)])
    assert made.splits["train"][0].boxes[0] == (0.25, 0.1, 0.75, 0.5)
    says = "a.jpg: the annotation says 80 x 40 pixels, but the image has 40 x 20: its boxes are scaled"
    assert made.dropped == (Dropped("a.xml", says),)


def test_boxes_in_fractions_are_refused_before_any_file_is_looked_at() -> None:
    def never(path: Path) -> FileFacts:
        raise AssertionError(f"{path} was looked at")

    with pytest.raises(
        DataError, match=r"^data\.root: 1 of 1 boxes of the val split of '/nowhere' lie in 0\.\.1"
    ):
        assemble(DATA, SPLITS | {"val": [image("c", ("cat", 0.1, 0.2, 0.5, 0.9))]}, never, [])


def test_a_damaged_photo_that_exif_turns_says_nothing_of_how_others_were_annotated() -> None:
    def turned(path: Path) -> FileFacts:
        facts = {
            "a": FileFacts("a", "", 20, 40, 3),
            "b": FileFacts("", "does not decode", 40, 20, 6),
        }
        return facts.get(path.stem, look(path))

    dropped: list[Dropped] = []
    made = assemble(DATA, SPLITS, turned, dropped)
    assert [sample.key for sample in made.splits["train"]] == ["a.jpg"]
    assert dropped == [Dropped("b.jpg", "does not decode")]


def test_where_one_photo_was_annotated_as_stored_no_turned_one_of_any_split_is_trusted() -> None:
    def turned(path: Path) -> FileFacts:
        facts = {"a": FileFacts("a", "", 20, 40, 3), "e": FileFacts("e", "", 40, 20, 6)}
        return facts.get(path.stem, look(path))

    dropped: list[Dropped] = []
    val = [image("c", CAT), image("e", CAT)]
    train = [image("a", CAT, DOG), image("f", CAT, DOG)]
    made = assemble(DATA, SPLITS | {"train": train, "val": val}, turned, dropped)
    assert [sample.key for sample in made.splits["train"]] == ["f.jpg"]
    assert [sample.key for sample in made.splits["val"]] == ["c.jpg"]
    assert [file for file, _ in dropped] == ["a.xml", "e.xml"]
