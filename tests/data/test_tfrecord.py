"""TFRecords of the Object Detection API and others."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.records import boxed, classed, png, write
from tflbuild.core.dataset import Dropped, Index, Split
from tflbuild.core.errors import DataError
from tflbuild.core.left_out import counted
from tflbuild.data.tfrecord import TfRecord
from tflbuild.data.voc import Voc
from tflbuild.engine.memo import FileMemo
from tflbuild.modalities.image.files import inspect

MAP = "item {\n  id: 1\n  name: 'cat'\n}\nitem {\n  id: 2\n  name: 'dog'\n}\n"
CAT = (1, "cat", 0.25, 0.5, 0.75, 1.0)  # exact in float32
DOG = (2, "dog", 0.0, 0.0, 0.5, 0.25)


def index(root: Path, **options: Any) -> Index:
    return TfRecord(root=str(root), **options).index(inspect)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give three files with the classes cat and dog."""
    write(tmp_path / "pets_train.record", boxed(1, CAT, DOG), boxed(2, DOG))
    write(tmp_path / "pets_val.record", boxed(3, CAT))
    write(tmp_path / "pets_test.record", boxed(4, DOG))
    (tmp_path / "label_map.pbtxt").write_text(MAP)
    return tmp_path


def test_splits_classes_boxes_and_pictures_are_those_of_the_records(folder: Path) -> None:
    data = TfRecord(root=str(folder))
    found = data.index(inspect)
    assert (data.task, found.classes, found.dropped) == ("detection", ("cat", "dog"), ())
    assert {
        split: [s.key.rpartition("/")[2] for s in samples] for split, samples in found.splits.items()
    } == {
        "train": ["1.png", "2.png"],
        "val": ["3.png"],
        "test": ["4.png"],
    }
    first = found.splits["train"][0]
    assert (first.boxes, first.labels) == (((0.5, 0.25, 1.0, 0.75), (0.0, 0.0, 0.25, 0.5)), (0, 1))
    assert first.path == str(folder / "pets_train.record")
    # What is read is the picture that was written, at its place.
    for number, sample in enumerate(found.splits["train"], start=1):
        pixels, boxes, labels = data.read(sample)
        assert np.array_equal(pixels, np.random.default_rng(number).integers(0, 256, (20, 40, 3), np.uint8))
        assert (boxes.dtype, labels.dtype, len(boxes)) == (np.float32, np.int32, len(labels))


def test_reading_a_picture_reads_its_bytes_and_no_more(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = TfRecord(root=str(folder))
    split = Split("train", data, data.index(inspect))
    read: list[tuple[int, int]] = []
    real = Path.open

    class Watched:
        def __init__(self, path: Path) -> None:
            self.file = real(path, "rb")

        def __enter__(self) -> Watched:
            return self

        def __exit__(self, *error: object) -> None:
            self.file.close()

        def seek(self, offset: int) -> None:
            self.file.seek(offset)

        def read(self, count: int) -> bytes:
            read.append((self.file.tell(), count))
            return self.file.read(count)

    record = folder / "pets_train.record"

    def watched(path: Path, *given: Any, **named: Any) -> Any:
        return Watched(path) if path == record else real(path, *given, **named)

    monkeypatch.setattr(Path, "open", watched)
    split[1]
    content = png(2)
    monkeypatch.undo()
    assert read == [(record.read_bytes().index(content), len(content))]


def test_test_images_are_known_by_their_own_content(folder: Path) -> None:
    data = TfRecord(root=str(folder))
    found = data.index(inspect)

    def look(path: Path) -> Any:
        raise AssertionError(f"{path} was read as a whole")

    contents = data.contents(found.splits["test"], look)
    assert contents == {hashlib.sha256(png(4)).hexdigest(): found.splits["test"][0].key}


def test_a_file_that_changed_since_is_an_error(folder: Path) -> None:
    data = TfRecord(root=str(folder))
    sample = data.index(inspect).splits["val"][0]
    (folder / "pets_val.record").write_bytes(b"")
    with pytest.raises(DataError, match=r"3\.png was readable when the build started"):
        data.read(sample)
    with pytest.raises(DataError, match="names no place in a file"):
        data.read(sample._replace(key="3.png"))


def test_shards_and_folders_of_splits_are_read(tmp_path: Path) -> None:
    write(tmp_path / "train/a.tfrecord-00000-of-00002", boxed(1, CAT))
    write(tmp_path / "train/a.tfrecord-00001-of-00002", boxed(2, DOG))
    write(tmp_path / "valid/a.tfrecord", boxed(3, CAT))
    write(tmp_path / "test/a.tfrecord", boxed(4, CAT))
    for split in ("train", "valid", "test"):
        (tmp_path / split / "a_label_map.pbtxt").write_text(MAP)  # as Roboflow does
    found = index(tmp_path)
    assert {split: len(samples) for split, samples in found.splits.items()} == {
        "train": 2,
        "val": 1,
        "test": 1,
    }
    assert found.dropped == ()


def test_one_id_of_several_images_is_said_once_and_all_are_taken(folder: Path) -> None:
    numbered = [
        boxed(seed, CAT, image__source_id=[said])
        for seed, said in ((5, b"7"), (6, b"8"), (7, b"7"), (8, b"7"))
    ]
    write(folder / "pets_train.record", *numbered)
    write(
        folder / "pets_val.record", boxed(3, CAT, image__source_id=[7])
    )  # splits may count from the beginning
    found = index(folder)
    assert len(found.splits["train"]) == 4
    assert found.dropped == (
        Dropped(
            "pets_train.record",
            "the id '7' is of several images, record 1 of pets_train.record and record 3 of pets_train.record: not "
            "used, all are taken",
        ),
    )
    assert counted(found.dropped) == ["1 id shared by several images"]


def test_images_without_ids_and_empty_ids_are_no_twins(folder: Path) -> None:
    write(folder / "pets_train.record", *(boxed(seed, CAT, image__source_id=[b""]) for seed in (5, 6)))
    assert index(folder).dropped == ()


def test_one_image_under_two_ids_is_taken_once_and_said(folder: Path) -> None:
    twins = [boxed(5, CAT, image__source_id=[said]) for said in (b"7", b"8")]
    write(folder / "pets_train.record", boxed(1, DOG), *twins)
    found = index(folder)
    assert len(found.splits["train"]) == 2
    (said,) = found.dropped
    assert said.file == "pets_train.record"
    assert re.search(r"5\.png: the same image as pets_train\.record@\d+\+\d+/5\.png: used once$", said.reason)


def test_whoever_waits_is_told_of_every_record(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    with FileMemo(inspect, looking=lambda done, total: told.append((done, total))) as memo:
        TfRecord(root=str(folder)).index(memo)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_missing_shard_is_an_error(tmp_path: Path) -> None:
    for number in (0, 2):
        write(tmp_path / f"train.record-0000{number}-of-00003", boxed(number + 1, CAT))
    with pytest.raises(DataError, match=r"'train\.record' has 2 of 3 shards; number 00001 is missing\.$"):
        index(tmp_path)


def test_copies_further_in_are_not_read_and_said(folder: Path) -> None:
    write(folder / "sharded/pets_test.record-00000-of-00001", boxed(4, DOG))
    assert index(folder).dropped == (
        Dropped(
            "sharded/pets_test.record-00000-of-00001",
            "records of test further in than 'pets_test.record': not read",
        ),
    )


def test_a_file_without_the_name_of_a_split_is_parted_by_seed(tmp_path: Path) -> None:
    write(tmp_path / "all.record", *(boxed(n, CAT, DOG) for n in range(10)))
    assert {s: len(samples) for s, samples in index(tmp_path).splits.items()} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }


def test_records_with_a_class_are_for_classification(tmp_path: Path) -> None:
    # As slim's scripts write them: numbers from 0, and labels.txt.
    write(tmp_path / "flowers_train.tfrecord", *(classed(n, n % 2) for n in range(6)))
    write(tmp_path / "flowers_val.tfrecord", *(classed(n, n % 2) for n in range(6, 10)))
    (tmp_path / "labels.txt").write_text("0:rose\n1:tulip\n")
    data = TfRecord(root=str(tmp_path))
    found = data.index(inspect)
    assert (data.task, found.classes) == ("classification", ("rose", "tulip"))
    assert [s.labels for s in found.splits["val"]] == [(0,), (1,), (0,), (1,)]
    example = data.read(found.splits["val"][1])
    assert (example.boxes.shape, example.labels.tolist()) == ((0, 4), [1])


@pytest.mark.parametrize(
    ("features", "classes"),
    [
        ({"text": True, "number": True}, ("zebra", "ant")),  # by number: zebra is 5, ant 9
        ({"text": True, "number": False}, ("ant", "zebra")),
        ({"text": False, "number": True}, ("5", "9")),
    ],
)
def test_classes_without_a_label_map_are_what_the_records_say(
    features: dict[str, bool], classes: tuple[str, ...], tmp_path: Path
) -> None:
    for split, start in (("train", 0), ("val", 6), ("test", 9)):
        words = [(5, "zebra"), (9, "ant")]
        records = [
            classed(
                n,
                *(
                    value if features[key] else None
                    for key, value in zip(("number", "text"), words[n % 2], strict=True)
                ),
            )
            for n in range(start, start + 3)
        ]
        write(tmp_path / f"{split}.record", *records)
    assert index(tmp_path).classes == classes


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "cut off": (
        lambda path: path.write_bytes(path.read_bytes()[:-40]),
        r"pets_train\.record is cut off in record 2\.$",
    ),
    "a wrong checksum": (
        lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\0"),
        r"pets_train\.record is damaged: record 2, at byte \d+, does not have its checksum\.$",
    ),
    "empty": (lambda path: path.write_bytes(b""), r"the train split .*pets_train\.record: has no record"),
    "packed": (
        lambda path: path.rename(f"{path}.gz"),
        r"'pets_train\.record\.gz' is compressed, and a record in it cannot be found again; unpack it first\.$",
    ),
    "no train": (
        lambda path: path.unlink(),
        r"has no TFRecord file for train \(there is pets_test\.record, pets_val\.record\)",
    ),
    "two names for one id": (
        lambda path: path.with_name("label_map.pbtxt").write_text(MAP.replace("id: 2", "id: 1")),
        r"label_map\.pbtxt gives the number 1 to 'cat' and to 'dog'; a number must mean one class\.$",
    ),
    "one name for two ids": (
        lambda path: path.with_name("label_map.pbtxt").write_text(MAP.replace("dog", "cat")),
        r"label_map\.pbtxt gives the numbers 1 and 2 to 'cat'",
    ),
    "a label map of something else": (
        lambda path: path.with_name("label_map.pbtxt").write_text("<html>"),
        r"label_map\.pbtxt cannot be read as a list of classes: ",
    ),
    "a label map turned round": (
        lambda path: path.with_name("label_map.pbtxt").write_text(
            MAP.replace("cat", "x").replace("dog", "cat").replace("x", "dog")
        ),
        r"record 1 of pets_train\.record has the class 'cat' with the number 1, which label_map\.pbtxt gives to 'dog'",
    ),
    "a label map that counts from 0": (
        lambda path: path.with_name("label_map.pbtxt").write_text(
            MAP.replace("id: 1", "id: 0").replace("id: 2", "id: 1")
        ),
        r"record 1 of pets_train\.record has the class 'cat' with the number 1, which label_map\.pbtxt gives to 'dog'",
    ),
    "another label map": (
        lambda path: path.with_name("other.pbtxt").write_text(MAP.replace("dog", "cow")),
        r"label_map\.pbtxt and other\.pbtxt list other classes; keep only one of them\.$",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_right_as_a_whole_is_refused(what: str, folder: Path) -> None:
    change, message = BROKEN[what]
    change(folder / "pets_train.record")
    with pytest.raises(DataError, match=rf"^data\.root: .*{message}"):
        index(folder)


def without(features: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in features.items() if key not in keys}


XMAX = "image/object/bbox/xmax"
ODD: dict[str, tuple[dict[str, Any], str]] = {
    "no image": (
        without(boxed(9, CAT), "image/encoded"),
        "record 3 has no image in 'image/encoded'; its keys are image/filename, image/height, image/width, "
        "image/object/bbox/xmin, image/object/bbox/ymin, image/object/bbox/xmax, image/object/bbox/ymax, "
        "image/object/class/label, image/object/class/text: left out",
    ),
    "no edge": (without(boxed(9, CAT), XMAX), f"record 3 has no '{XMAX}': left out"),
    "edges of another count": (
        boxed(9, CAT) | {XMAX: [0.5, 0.5]},
        "record 3 has 1 and 2 values in keys of one box each: left out",
    ),
    "no class": (
        without(boxed(9, CAT), "image/object/class/text", "image/object/class/label"),
        "record 3 has neither 'image/object/class/text' nor 'image/object/class/label': left out",
    ),
}


@pytest.mark.parametrize("what", ODD)
def test_a_record_with_keys_missing_is_left_out_with_its_number(what: str, folder: Path) -> None:
    features, reason = ODD[what]
    write(folder / "pets_train.record", boxed(1, CAT, DOG), boxed(2, DOG), features)
    found = index(folder)
    assert len(found.splits["train"]) == 2
    assert found.dropped == (Dropped("pets_train.record", reason),)


def test_records_without_pictures_are_refused_with_their_keys(folder: Path) -> None:
    for split in ("train", "val", "test"):
        write(folder / f"pets_{split}.record", {"serialized": [b"x"], "label": [1]})
    with pytest.raises(DataError, match=r"has no image in 'image/encoded'; its keys are serialized, label"):
        index(folder)


BOXES: dict[str, tuple[tuple[int, str, float, float, float, float], str]] = {
    "without area": (
        (1, "cat", 0.5, 0.25, 0.5, 0.75),
        "box 1 of record 3 (cat) has no area, xmin 0.5 = xmax 0.5: dropped",
    ),
    "turned round": (
        (1, "cat", 0.75, 0.25, 0.5, 0.75),
        "box 1 of record 3 (cat) has no area, xmin 0.75 > xmax 0.5: dropped",
    ),
    "outside": (
        (1, "cat", 1.25, 0.25, 1.5, 0.75),
        "box 1 of record 3 (cat) lies outside its image, x 1.25..1.5, y 0.25..0.75 of 0..1: dropped",
    ),
    "in pixels": (
        (1, "cat", 4.0, 5.0, 20.0, 15.0),
        "box 1 of record 3 (cat) lies outside 0..1, x 4..20, y 5..15, as pixels where fractions are expected: dropped",
    ),
    "no number": (
        (1, "cat", float("nan"), 0.25, 0.5, 0.75),
        "box 1 of record 3 (cat) has an edge that is not a number: dropped",
    ),
}


@pytest.mark.parametrize("what", BOXES)
def test_a_box_that_makes_no_sense_is_left_out(what: str, folder: Path) -> None:
    box, reason = BOXES[what]
    write(folder / "pets_train.record", boxed(1, CAT, DOG), boxed(2, DOG), boxed(9, box))
    found = index(folder)
    assert [len(s.boxes) for s in found.splits["train"]] == [2, 1, 0]
    assert found.dropped == (Dropped("pets_train.record", reason),)


def test_boxes_in_pixels_are_refused(folder: Path) -> None:
    box = (1, "cat", 4.0, 5.0, 20.0, 15.0)
    write(folder / "pets_train.record", boxed(1, box), boxed(2, DOG))
    message = (
        "1 of 2 boxes of the train split of '.*' are not fractions of their image, e.g. box 1 of record 1 in "
    )
    with pytest.raises(DataError, match=message):
        index(folder)


def test_a_number_that_the_label_map_lacks_is_no_class(folder: Path) -> None:
    (folder / "label_map.pbtxt").write_text("item { id: 2 name: 'dog' } item { id: 5 name: 'cow' }")
    features = without(boxed(1, CAT, DOG), "image/object/class/text")
    write(folder / "pets_train.record", features, boxed(2, DOG))
    write(folder / "pets_val.record", boxed(3, DOG))
    data = TfRecord(root=str(folder))
    found = data.index(inspect)
    assert found.classes == ("dog", "cow")
    assert found.dropped == (
        Dropped(
            "pets_train.record", "record 1: box 1 has class 1, which 'label_map.pbtxt' does not list: dropped"
        ),
    )
    assert data.resolved()[1][2]["evidence"] == "'label_map.pbtxt' numbers them; no class has 3, 4"


def test_a_label_map_from_0_is_refused_where_nothing_shows_how_records_count(folder: Path) -> None:
    (folder / "label_map.pbtxt").write_text(MAP.replace("id: 1", "id: 0").replace("id: 2", "id: 1"))
    for split, numbers in (("train", (1,)), ("val", (1,)), ("test", (1,))):
        boxes = [(number, "", *CAT[2:]) for number in numbers]
        features = without(boxed(len(split), *boxes), "image/object/class/text")
        write(folder / f"pets_{split}.record", features, boxed(99))
    with pytest.raises(
        DataError, match=r"label_map\.pbtxt in '.*' counts from 0, and no record has the number 0"
    ):
        index(folder)
    features = without(boxed(7, (0, "", *CAT[2:])), "image/object/class/text")
    write(folder / "pets_train.record", features, boxed(8, DOG[:0] or (1, "dog", *DOG[2:])))
    assert index(folder).classes == ("cat", "dog")


def test_the_background_of_a_label_map_is_no_class(folder: Path) -> None:
    (folder / "label_map.pbtxt").write_text("item { id: 0 name: 'background' } " + MAP)
    assert index(folder).classes == ("cat", "dog")


def test_a_crowd_is_left_out(folder: Path) -> None:
    write(folder / "pets_val.record", boxed(3, CAT, DOG, image__object__is_crowd=[0, 1]))
    assert index(folder).dropped == (Dropped("pets_val.record", "record 1: box 2 (dog) is a crowd: dropped"),)


def test_two_classes_of_one_number_are_refused_without_a_label_map(folder: Path) -> None:
    (folder / "label_map.pbtxt").unlink()
    write(folder / "pets_val.record", boxed(3, (1, "cow", *CAT[2:])))
    with pytest.raises(
        DataError, match=r"record 1 of pets_val\.record gives the number 1 to 'cow', and others to 'cat'"
    ):
        index(folder)


def test_a_picture_of_another_size_than_declared_is_left_out(folder: Path) -> None:
    write(
        folder / "pets_train.record",
        boxed(1, CAT),
        boxed(2, DOG),
        boxed(9, CAT, image__height=[40], image__width=[20]),
    )
    reason = "says 20 x 40 pixels, but the image has 40 x 20"
    dropped = index(folder).dropped
    assert len(dropped) == 1
    assert reason in dropped[0].reason


def test_an_index_is_the_same_when_it_was_remembered(folder: Path) -> None:
    data = TfRecord(root=str(folder))
    found = data.index(inspect)
    again = Index.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    assert np.array_equal(data.read(again.splits["test"][0]).value, data.read(found.splits["test"][0]).value)


def test_the_same_records_in_shards_are_the_same_samples(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    for path in folder.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    (other / "pets_train.record").unlink()
    write(other / "pets_train.record-00000-of-00002", boxed(1, CAT, DOG))
    write(other / "pets_train.record-00001-of-00002", boxed(2, DOG))
    assert index(other).digest("train") == index(folder).digest("train")


BCCD = {  # by ../shared/models/odapi/README.md; one box each of train and val has no area
    "train": (205, {"RBC": 2381, "WBC": 214, "Platelets": 209}),
    "val": (87, {"RBC": 967, "WBC": 87, "Platelets": 83}),
    "test": (72, {"RBC": 805, "WBC": 71, "Platelets": 69}),
}


def test_records_of_the_real_api_hold_the_boxes_of_their_voc(shared_models: Path, shared_data: Path) -> None:
    data = TfRecord(root=str(shared_models / "odapi/bccd_tfrecord"))
    found, voc = data.index(inspect), Voc(root=str(shared_data / "bccd")).index(inspect)
    assert found.classes == ("RBC", "WBC", "Platelets")
    for split, (count, boxes) in BCCD.items():
        samples = found.splits[split]
        assert len(samples) == count
        assert Counter(found.classes[label] for s in samples for label in s.labels) == boxes
        marked = {Path(s.key).name: marks(s, voc.classes) for s in voc.splits[split]}
        mine = {Path(s.key).name: marks(s, found.classes) for s in samples}
        assert mine.keys() == marked.keys()
        for name, rows in mine.items():
            assert [row[0] for row in rows] == [row[0] for row in marked[name]]
            assert np.allclose([row[1] for row in rows], [row[1] for row in marked[name]], atol=1e-6)
    degenerate = [d.reason for d in found.dropped if "has no area" in d.reason]
    assert len(degenerate) == 2
    assert all(
        re.search(r"\(RBC\) has no area, xmin (\S+) = xmax \1: dropped", reason) for reason in degenerate
    )


def marks(sample: Any, classes: tuple[str, ...]) -> list[tuple[str, tuple[float, ...]]]:
    """Give the boxes in an order that rounding does not change."""
    rows = [(classes[label], box) for label, box in zip(sample.labels, sample.boxes, strict=True)]
    return sorted(rows, key=lambda row: (row[0], [round(edge, 4) for edge in row[1]]))


def test_a_photo_that_exif_turns_and_whose_boxes_fit_it_as_stored_is_left_out(folder: Path) -> None:
    pixels = Image.fromarray(np.random.default_rng(9).integers(0, 256, (20, 40, 3), dtype=np.uint8))
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    pixels.save(out, "jpeg", exif=exif)  # 40 wide as stored, 20 as seen; the API reads it as stored
    write(
        folder / "pets_train.record",
        boxed(1, CAT, DOG),
        boxed(9, CAT, image__encoded=[out.getvalue()], image__filename=[b"turned.jpg"]),
    )
    found = index(folder)
    assert len(found.splits["train"]) == 1
    assert len(found.dropped) == 1
    assert (
        "its boxes fit the photo as stored, 40 x 20 pixels; EXIF orientation 6 turns it"
        in found.dropped[0].reason
    )


def test_records_of_no_split_beside_those_of_splits_are_named(folder: Path) -> None:
    write(folder / "more.record", boxed(5, CAT))
    assert index(folder).dropped == (Dropped("more.record", "records of no split: not read"),)
    (folder / "pets_train.record").unlink()
    with pytest.raises(
        DataError, match=r"nothing says which split 'more\.record' in '.*' is; rename it to train\.record"
    ):
        index(folder)


def said(data: TfRecord) -> dict[str, tuple[str, str]]:
    return {one["what"]: (one["value"], one["evidence"]) for one in data.resolved()[1]}


def test_what_was_recognised_is_said_with_what_shows_it(folder: Path) -> None:
    assert said(TfRecord(root=str(folder))) == {
        "splits": (
            "train, val, test",
            "train: pets_train.record; val: pets_val.record; test: pets_test.record",
        ),
        "task": ("detection", "keys of the first record, as 'image/object/bbox/xmin'"),
        "classes": ("2", "'label_map.pbtxt' numbers them"),
    }
    (folder / "label_map.pbtxt").unlink()
    assert said(TfRecord(root=str(folder)))["classes"] == (
        "as they come",
        "no label_map.pbtxt: texts or numbers of the records",
    )


def test_of_many_shards_two_are_named_and_the_others_counted(tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path / f"train.tfrecord-0000{number}-of-00005", classed(number, number % 2))
    write(tmp_path / "val-00000-of-00002.tfrecord", classed(7, 0))
    write(tmp_path / "val-00001-of-00002.tfrecord", classed(8, 1))
    shown = said(TfRecord(root=str(tmp_path)))
    assert shown["splits"] == (
        "train, val",
        "train: train.tfrecord-00000-of-00005, train.tfrecord-00001-of-00005 and 3 more; "
        "val: val-00000-of-00002.tfrecord, val-00001-of-00002.tfrecord",
    )
    assert shown["task"] == ("classification", "keys of the first record, as 'image/class/label'")


def test_a_folder_that_is_not_there_is_said_when_it_is_listed_and_not_before(tmp_path: Path) -> None:
    data = TfRecord(root=str(tmp_path / "gone"))
    assert data.task == "detection"
    with pytest.raises(DataError, match="gone"):
        data.index(inspect)
