"""Data in YOLO's form, as Ultralytics, Roboflow, CVAT, Label Studio and LabelImg leave them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import Dropped, Index
from tflbuild.core.errors import DataError
from tflbuild.data.layouts import yolo_config
from tflbuild.data.layouts.yolo_labels import is_label
from tflbuild.data.yolo import Yolo
from tflbuild.modalities.image.files import inspect

BOX = "0 0.5 0.4 0.2 0.4"  # by hand: x 0.4..0.6, y 0.2..0.6
NAMES = "names: [cat, dog]\n"


def photo(path: Path, orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(list(path.name.encode())).integers(0, 256, (20, 40, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif)


def text(path: Path, content: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def labelled(root: Path, photos: str, labels: str, *stems: str, lines: str = BOX) -> None:
    for stem in stems:
        photo(root / photos / f"{stem}.jpg")
        text(root / labels / f"{stem}.txt", lines)


def index(root: Path, **options: Any) -> Index:
    return Yolo(root=str(root), **options).index(inspect)


def keys(found: Index) -> dict[str, list[str]]:
    return {split: [Path(s.key).stem for s in samples] for split, samples in found.splits.items()}


def three(
    root: Path, photos: str = "images/{}", labels: str = "labels/{}", words: str = "train val test"
) -> None:
    """Lay three splits."""
    for split, stems in zip(words.split(), ("abc", "de", "fg"), strict=True):
        labelled(root, photos.format(split), labels.format(split), *stems)


SPLITS = {"train": ["a", "b", "c"], "val": ["d", "e"], "test": ["f", "g"]}

LAYOUTS: dict[str, Callable[[Path], Any]] = {
    "Ultralytics": lambda root: (
        three(root),
        text(
            root / "data.yaml", f"path: .\ntrain: images/train\nval: images/val\ntest: images/test\n{NAMES}"
        ),
    ),
    "Ultralytics, names by number, from the folder above": lambda root: (
        three(root),
        text(
            root / "set.yaml",
            f"path: {root.name}\ntrain: images/train\nval: images/val\ntest: images/test\nnc: 2\n"
            "names:\n  1: dog\n  0: cat\n",
        ),
    ),
    "Ultralytics, the path of another machine": lambda root: (
        three(root),
        text(
            root / "data.yaml",
            f"path: /home/ann/datasets/pets\ntrain: images/train\nval: images/val\ntest: images/test\n{NAMES}",
        ),
    ),
    "Ultralytics, of Windows": lambda root: (
        three(root),
        text(
            root / "data.yaml",
            "train: 'C:\\Users\\ann\\pets\\images\\train'\nval: 'C:\\Users\\ann\\pets\\images\\val'\n"
            f"test: 'C:\\Users\\ann\\pets\\images\\test'\n{NAMES}",
        ),
    ),
    "Roboflow": lambda root: (
        three(root, "{}/images", "{}/labels", "train valid test"),
        text(
            root / "data.yaml",
            f"train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 2\n{NAMES}",
        ),
    ),
    "Roboflow, without a prefix": lambda root: (
        three(root, "{}/images", "{}/labels", "train valid test"),
        text(root / "data.yaml", f"train: train/images\nval: valid/images\ntest: test/images\n{NAMES}"),
    ),
    "Roboflow, as darknet": lambda root: (
        three(root, "{}", "{}", "train valid test"),
        [text(root / split / "_darknet.labels", "cat\ndog\n") for split in ("train", "valid", "test")],
    ),
    "lists of photos": lambda root: (
        three(root),
        text(root / "train.txt", "./images/train/a.jpg\nimages/train/b.jpg\n/home/ann/images/train/c.jpg\n"),
        text(root / "val.txt", "data/obj/images/val/d.jpg\nimages\\val\\e.jpg\n"),
        text(root / "test.txt", "images/test/f.jpg\nimages/test/g.jpg"),
        text(root / "data.yaml", f"train: train.txt\nval: val.txt\ntest: test.txt\n{NAMES}"),
    ),
    "several folders": lambda root: (
        labelled(root, "images/one", "labels/one", "a"),
        labelled(root, "images/two", "labels/two", "b", "c"),
        labelled(root, "images/val", "labels/val", "d", "e"),
        labelled(root, "images/test", "labels/test", "f", "g"),
        text(
            root / "data.yaml",
            f"train: [images/one, images/two]\nval: images/val\ntest: images/test\n{NAMES}",
        ),
    ),
    "CVAT": lambda root: (
        labelled(root, "obj_train_data", "obj_train_data", *"abcdefg"),
        text(root / "obj.names", "cat\ndog\n"),
        text(
            root / "obj.data",
            "classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\ntest = data/test.txt\n",
        ),
        text(root / "train.txt", "".join(f"data/obj_train_data/{stem}.jpg\n" for stem in "abc")),
        text(root / "valid.txt", "data/obj_train_data/d.jpg\ndata/obj_train_data/e.jpg\n"),
        text(root / "test.txt", "data/obj_train_data/f.jpg\ndata/obj_train_data/g.jpg\n"),
    ),
    "folders, and classes.txt": lambda root: (three(root), text(root / "classes.txt", "cat\ndog\n")),
    "folders of splits, labels in them": lambda root: (
        three(root, "{}", "{}/labels"),
        text(root / "classes.txt", "cat\ndog\n"),
    ),
}


@pytest.mark.parametrize("what", LAYOUTS)
def test_every_usual_layout_gives_the_same_splits_classes_and_boxes(what: str, tmp_path: Path) -> None:
    root = tmp_path / "pets"
    LAYOUTS[what](root)
    found = index(root)
    assert keys(found) == SPLITS
    assert found.classes == ("cat", "dog")
    boxes = {sample.boxes for samples in found.splits.values() for sample in samples}
    assert np.allclose(list(boxes), [[(0.2, 0.4, 0.6, 0.6)]])
    assert found.dropped == ()


def test_a_folder_without_splits_is_parted_by_seed(tmp_path: Path) -> None:
    labelled(tmp_path, "images", "labels", *"abcdefghij")
    text(tmp_path / "classes.txt", "cat\ndog\n")  # as Label Studio leaves them
    text(tmp_path / "notes.json", "{}")
    found = index(tmp_path)
    assert {split: len(samples) for split, samples in found.splits.items()} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }
    assert found.dropped == ()


def test_classes_that_nothing_names_are_called_by_their_numbers(tmp_path: Path) -> None:
    labelled(tmp_path, ".", ".", *"abcdef", lines=f"10{BOX[1:]}\n2{BOX[1:]}\n")
    data = Yolo(root=str(tmp_path))
    assert data.index(inspect).classes == ("2", "10")
    assert data.resolved()[1][0]["value"] == "by number"


def test_a_path_of_another_machine_is_said(tmp_path: Path) -> None:
    LAYOUTS["Ultralytics, the path of another machine"](tmp_path)
    said = Yolo(root=str(tmp_path)).resolved()[1]
    assert said[0] == {"what": "classes", "value": "2", "evidence": "'data.yaml' numbers them"}
    assert said[1] == {
        "what": "train",
        "value": "images/train",
        "evidence": "data.yaml says 'images/train' in '/home/ann/datasets/pets', which is not there; its end is",
    }


ELSEWHERE: dict[str, tuple[str, str]] = {
    "outside": (
        "train: ../../other/photos\nval: images/val\n",
        "train is '../../other/photos', which is not in",
    ),
    "missing": ("train: pictures\nval: images/val\n", "train is 'pictures', which is not in"),
    "absolute": ("train: /etc\nval: images/val\n", "train is '/etc', which is not in"),
    "the whole machine": ("train: /\nval: images/val\n", "train is '/', which is not in"),
    "two that end alike": (
        "train: /home/ann/one/images\nval: /home/ann/two/images\n",
        "'/home/ann/two/images' of val is not there, and 'images', its end, is that of train, too",
    ),
    "no train": ("val: images/val\n", "names no train split"),
    "a number": ("train: {a: b}\n", "train is {'a': 'b'}; expected a path"),
    "a split twice": (
        "train: images/train\nval: images/val\nvalid: images/val\n",
        "names the val split twice",
    ),
    "a key twice": ("train: images/train\ntrain: images/val\n", "it has 'train' twice, line 2"),
}


@pytest.mark.parametrize("what", ELSEWHERE)
def test_paths_that_lead_elsewhere_are_refused(what: str, tmp_path: Path) -> None:
    content, message = ELSEWHERE[what]
    three(tmp_path / "pets")
    text(tmp_path / "pets/data.yaml", content + NAMES)
    with pytest.raises(DataError, match=rf"^data\.root: data\.yaml.*{re.escape(message)}"):
        index(tmp_path / "pets")


def test_photos_outside_the_root_are_never_read(tmp_path: Path) -> None:
    labelled(tmp_path / "other", "images", "labels", *"xyz")
    three(tmp_path / "pets")
    text(tmp_path / "pets/data.yaml", f"train: {tmp_path}/other/images\nval: images/val\n{NAMES}")
    found = Yolo(root=str(tmp_path / "pets")).resolved()[1]
    assert found[1]["value"] == "images", "the end of the path is in the root"
    text(tmp_path / "pets/data.yaml", f"train: {tmp_path}/other\nval: images/val\n{NAMES}")
    with pytest.raises(DataError, match="no end of that path is"):
        index(tmp_path / "pets")


def test_a_val_that_is_train_again_is_made_of_train_instead(tmp_path: Path) -> None:
    labelled(tmp_path, "images/train", "labels/train", *"abcdefghij")
    text(tmp_path / "data.yaml", f"train: images/train\nval: images/train\n{NAMES}")
    found = index(tmp_path)
    assert {split: len(samples) for split, samples in found.splits.items()} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }
    assert found.dropped == (
        Dropped("data.yaml", "val names the photos of train: a seeded part of them is val instead"),
    )


CLASSES: dict[str, tuple[str, str]] = {
    "two names for one number": ("names: {0: cat, 0: dog}", "it has '0' twice"),
    "two names for one number, spelled otherwise": (
        "names: {0: cat, 00: dog}",
        "gives the number 0 to 'cat' and to 'dog'",
    ),
    "two numbers for one name": ("names: [cat, cat]", "gives the numbers 0 and 1 to 'cat'"),
    "another count": ("nc: 3\nnames: [cat, dog]", "says nc: 3, but names 2 classes"),
    "no words": ("names: [[cat], [dog]]", r"names has ['cat']; expected words"),
    "a word": ("names: cat", "names is cat; expected a list, or a mapping"),
    "an empty name": ("names: ['', dog]", "lists class 0 as ''"),
    "alike but for case": ("names: [Cat, cat]", "the classes 'Cat' and 'cat' of"),
    "alike but for an accent": ("names: [cafe, caf\u00e9]", "differ only by case, accents or blanks"),
    "broken": ("names: [cat", "broken YAML"),
    "code": ("names: !!python/object/apply:os.system [ls]", "lists class 0 as 'ls'"),
}


@pytest.mark.parametrize("what", [name for name in CLASSES if name != "code"])
def test_classes_that_cannot_be_right_are_refused(what: str, tmp_path: Path) -> None:
    content, message = CLASSES[what]
    three(tmp_path)
    text(tmp_path / "data.yaml", f"{content}\n")
    with pytest.raises(DataError, match=rf"^data\.root: .*{re.escape(message)}"):
        index(tmp_path)


def test_words_of_yaml_stay_words(tmp_path: Path) -> None:
    three(tmp_path)
    text(tmp_path / "data.yaml", "names: [no, 007, 1e3]\n")
    assert index(tmp_path).classes == ("no", "007", "1e3")


def test_tags_of_yaml_make_nothing(tmp_path: Path) -> None:
    three(tmp_path)
    text(tmp_path / "data.yaml", "names: !!python/object/apply:os.system [cat]\n")
    assert index(tmp_path).classes == ("cat",)


def test_numbers_with_a_gap_stay_what_they_are(tmp_path: Path) -> None:
    labelled(tmp_path, "images", "labels", *"abcdef", lines=f"5{BOX[1:]}\n3{BOX[1:]}")
    text(tmp_path / "data.yaml", "names: {0: cat, 5: dog}\n")
    data = Yolo(root=str(tmp_path))
    found = data.index(inspect)
    assert found.classes == ("cat", "dog")
    assert {sample.labels for sample in found.splits["train"]} == {(1,)}
    assert "no class has 1, 2, 3, 4" in data.resolved()[1][0]["evidence"]
    assert (
        Dropped("labels/a.txt", "line 2 has class 3, which 'data.yaml' does not list: dropped")
        in found.dropped
    )


def test_a_class_without_a_box_keeps_its_place(tmp_path: Path) -> None:
    labelled(tmp_path, "images", "labels", *"abcdef", lines=f"2{BOX[1:]}")
    text(tmp_path / "data.yaml", "names: [zebra, dog, cat]\n")
    found = index(tmp_path)
    assert found.classes == ("zebra", "dog", "cat")
    assert {s.labels for samples in found.splits.values() for s in samples} == {(2,)}


LINES: dict[str, tuple[str, tuple[float, ...] | None, str]] = {
    # By hand: ymin, xmin, ymax, xmax.
    "a triangle": ("0 0.1 0.2 0.5 0.3 0.3 0.9", (0.2, 0.1, 0.9, 0.5), ""),
    "a turned box": ("0 0.2 0.1 0.6 0.3 0.5 0.7 0.1 0.4", (0.1, 0.1, 0.7, 0.6), ""),
    "a number as a float": ("0.0 0.5 0.4 0.2 0.4", (0.2, 0.4, 0.6, 0.6), ""),
    "rounded beyond the edge": ("0 0.9 0.9 0.2004 0.2", (0.8, 0.7998, 1.0, 1.0), ""),
    "beyond the edge": (
        "0 0.9 0.5 0.4 0.2",
        (0.4, 0.7, 0.6, 1.0),
        "box line 2 (cat) reaches outside its image, x 0.7..1.1, y 0.4..0.6 of 0..1: clipped",
    ),
    "without area": ("0 0.5 0.5 0 0.2", None, "box line 2 (cat) has no area, xmin 0.5 = xmax 0.5: dropped"),
    "outside 0..1": ("0 0.5 1.2 0.2 0.2", None, "line 2 has 1.2, outside 0..1: dropped"),
    "negative": ("0 -0.1 0.2 0.2 0.2", None, "line 2 has -0.1, outside 0..1: dropped"),
    "a point outside": ("0 0.1 0.2 0.5 0.3 0.3 1.9", None, "line 2 has 1.9, outside 0..1: dropped"),
    "a word": ("cat 0.5 0.5 0.2 0.2", None, "line 2 is 'cat 0.5 0.5 0.2 0.2', no numbers: dropped"),
    "half a class": (
        "0.5 0.5 0.5 0.2 0.2",
        None,
        "line 2 is '0.5 0.5 0.5 0.2 0.2', no class and box: dropped",
    ),
    "no number": ("0 nan 0.5 0.2 0.2", None, "line 2 is '0 nan 0.5 0.2 0.2', no class and box: dropped"),
    "an unknown class": (
        "7 0.5 0.5 0.2 0.2",
        None,
        "line 2 has class 7, which 'data.yaml' does not list: dropped",
    ),
    "three numbers": (
        "0 0.5 0.5 0.2",
        None,
        "line 2 has 3 numbers behind its class; expected 4, or 2 for each point of a polygon: dropped",
    ),
    "a confidence": (
        "0 0.5 0.5 0.2 0.2 0.9",
        None,
        "line 2 has 5 numbers behind its class; expected 4, or 2 for each point of a polygon: dropped",
    ),
    "a long line without numbers": (
        f"cat {'x' * 90}",
        None,
        f"line 2 is 'cat {'x' * 56}', no numbers: dropped",
    ),
    "a long line without a class": (
        f"0.{'5' * 90} 0.5",
        None,
        f"line 2 is '0.{'5' * 58}', no class and box: dropped",
    ),
    "twice": (BOX, None, "line 2 appears twice: used once"),
}


@pytest.mark.parametrize("what", LINES)
def test_a_line_is_a_box_or_left_out_by_file_and_line(what: str, tmp_path: Path) -> None:
    line, box, reason = LINES[what]
    three(tmp_path)
    text(tmp_path / "data.yaml", NAMES)
    text(tmp_path / "labels/train/a.txt", f"{BOX}\n{line}\n")
    found = index(tmp_path)
    assert np.allclose(found.splits["train"][0].boxes, [(0.2, 0.4, 0.6, 0.6), *([box] if box else [])])
    assert found.dropped == ((Dropped("labels/train/a.txt", reason),) if reason else ())


def test_labels_in_pixels_are_refused(tmp_path: Path) -> None:
    three(tmp_path)
    text(tmp_path / "data.yaml", NAMES)
    for name in "abcd":
        text(tmp_path / f"labels/{'val' if name == 'd' else 'train'}/{name}.txt", "0 20 10 8 6\n")
    message = r"4 of 7 lines of labels have numbers outside 0\.\.1, e\.g\. labels/train/a\.txt, line 1: 20; expected"
    with pytest.raises(DataError, match=message):
        index(tmp_path)


def test_keypoints_are_no_polygons_where_data_yaml_says_so(tmp_path: Path) -> None:
    three(tmp_path)
    for path in tmp_path.rglob("*.txt"):
        path.write_text(f"{BOX} 0.1 0.1 0.9 0.9\n")
    text(tmp_path / "data.yaml", f"kpt_shape: [2, 2]\n{NAMES}")
    assert np.allclose(index(tmp_path).splits["train"][0].boxes, [(0.2, 0.4, 0.6, 0.6)])


def test_an_empty_label_file_is_background_and_a_missing_one_then_is_none(tmp_path: Path) -> None:
    three(tmp_path)
    text(tmp_path / "data.yaml", NAMES)
    text(tmp_path / "labels/train/a.txt", "")
    (tmp_path / "labels/train/b.txt").unlink()
    found = index(tmp_path)
    assert [(Path(s.key).stem, len(s.boxes)) for s in found.splits["train"]] == [("a", 0), ("c", 1)]
    why = "photo without a label file: left out, since background has an empty label file here"
    assert found.dropped == (Dropped("images/train/b.jpg", why),)


@pytest.mark.parametrize(("lacking", "kept"), [(1, True), (2, False)])
def test_few_photos_without_a_label_file_are_background_where_none_is_empty(
    lacking: int, kept: bool, tmp_path: Path
) -> None:
    labelled(tmp_path, "images/train", "labels/train", *"abcdef")
    labelled(tmp_path, "images/val", "labels/val", *"gh")
    labelled(tmp_path, "images/test", "labels/test", *"ij")
    text(tmp_path / "data.yaml", NAMES)
    for stem in "ab"[:lacking]:
        (tmp_path / f"labels/train/{stem}.txt").unlink()
    found = index(tmp_path)
    assert (Path(found.splits["train"][0].key).stem == "a") is kept
    reason = found.dropped[0].reason
    assert f"{lacking} of 10 photos have none" in reason
    assert ("used as background" in reason, "left out" in reason) == (kept, not kept)
    assert len(found.dropped) == lacking


def test_labels_without_a_photo_are_said_and_other_texts_are_not(tmp_path: Path) -> None:
    three(tmp_path)
    text(tmp_path / "data.yaml", NAMES)
    text(tmp_path / "labels/train/gone.txt", BOX)
    text(tmp_path / "README.roboflow.txt", "hello")
    assert index(tmp_path).dropped == (Dropped("labels/train/gone.txt", "labels without a photo"),)


def test_a_photo_that_exif_turns_is_taken_as_seen_and_said(tmp_path: Path) -> None:
    three(tmp_path)
    text(tmp_path / "data.yaml", NAMES)
    photo(tmp_path / "images/train/a.jpg", orientation=6)
    found = index(tmp_path)
    assert len(found.splits["train"]) == 3
    assert found.dropped == (
        Dropped(
            "labels/train/a.txt",
            "images/train/a.jpg: EXIF orientation 6 turns it, and boxes in 0..1 fit it as stored and as seen: taken as "
            "seen",
        ),
    )


@pytest.mark.parametrize(("lines", "kept"), [(BOX, True), ("1 0.5 0.5 0.1 0.1", False)])
def test_one_image_under_two_names_is_taken_once_or_not_at_all(
    lines: str, kept: bool, tmp_path: Path
) -> None:
    three(tmp_path)
    text(tmp_path / "data.yaml", NAMES)
    (tmp_path / "images/train/z.jpg").write_bytes((tmp_path / "images/train/a.jpg").read_bytes())
    text(tmp_path / "labels/train/z.txt", lines)
    found = index(tmp_path)
    assert ("a" in keys(found)["train"]) is kept
    assert "z" not in keys(found)["train"]
    says = "the same image as images/train/a.jpg"
    assert any(d.file == "labels/train/z.txt" and says in d.reason for d in found.dropped)
    assert len(found.dropped) == (1 if kept else 2)


def test_photos_that_share_a_label_file_are_left_out(tmp_path: Path) -> None:
    three(tmp_path)
    text(tmp_path / "data.yaml", NAMES)
    photo(tmp_path / "images/train/a.png")
    found = index(tmp_path)
    assert keys(found)["train"] == ["b", "c"]
    reason = "is of several photos, images/train/a.jpg, images/train/a.png: left out"
    assert found.dropped == (Dropped("labels/train/a.txt", reason),)


def test_two_lists_of_classes_that_differ_are_refused(tmp_path: Path) -> None:
    three(tmp_path)
    text(tmp_path / "classes.txt", "cat\ndog\n")
    text(tmp_path / "labels/classes.txt", "dog\ncat\n")
    with pytest.raises(
        DataError, match=r"classes\.txt and labels/classes\.txt list other classes; keep only one"
    ):
        index(tmp_path)


def test_coco128_is_read_whole(shared_data: Path) -> None:
    found = index(shared_data / "coco128")
    counts = Counter(label for samples in found.splits.values() for s in samples for label in s.labels)
    # Counted with awk over the label files that have a photo: 929 lines, 254 of them class 0.
    assert (len(found.classes), sum(counts.values()), counts[0]) == (80, 929, 254)
    assert sum(map(len, found.splits.values())) == 128
    assert Counter(dropped.reason.partition(":")[0] for dropped in found.dropped) == {
        "photo without a label file": 2,
        "labels without a photo": 2,
        "val names the photos of train": 1,
    }


def reasons(found: Index) -> list[tuple[str, str]]:
    return [(dropped.file, dropped.reason) for dropped in found.dropped]


def test_a_list_names_photos_that_are_there_and_others_are_said(tmp_path: Path) -> None:
    three(tmp_path)
    text(tmp_path / "train.txt", "images/train/a.jpg\n\n  images/train/gone.jpg\nimages/train/b.jpg\n")
    text(tmp_path / "data.yaml", f"train: train.txt\nval: images/val\ntest: images/test\n{NAMES}")
    found = index(tmp_path)
    assert keys(found)["train"] == ["a", "b"]
    assert reasons(found)[0] == (
        "train.txt",
        "there is no photo 'images/train/gone.jpg', which it lists for train",
    )
    (tmp_path / "train.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"^data\.root: train\.txt cannot be read: "):
        index(tmp_path)


def test_a_test_split_that_is_not_there_is_made_of_the_others(tmp_path: Path) -> None:
    labelled(tmp_path, "images/train", "labels/train", *"abcdefgh")
    labelled(tmp_path, "images/val", "labels/val", *"ij")
    text(tmp_path / "data.yaml", f"train: images/train\nval: images/val\ntest: pictures\n{NAMES}")
    found = index(tmp_path)
    assert reasons(found) == [
        ("data.yaml", "test: 'pictures' does not exist: test is made from the other splits")
    ]
    assert keys(found)["val"] == ["i", "j"]
    assert found.splits["test"]
    assert {*keys(found)["train"], *keys(found)["test"]} == set("abcdefgh")


def test_a_test_that_is_val_again_is_made_of_train_instead(tmp_path: Path) -> None:
    labelled(tmp_path, "images/train", "labels/train", *"abcdefgh")
    labelled(tmp_path, "images/val", "labels/val", *"ij")
    text(tmp_path / "data.yaml", f"train: images/train\nval: images/val\ntest: images/val\n{NAMES}")
    found = index(tmp_path)
    assert reasons(found) == [
        ("data.yaml", "test names the photos of val: a seeded part of train is test instead")
    ]
    assert keys(found)["val"] == ["i", "j"]
    assert {*keys(found)["train"], *keys(found)["test"]} == set("abcdefgh")


CONFIGURED: dict[str, tuple[str, dict[str, str], str]] = {
    "another configuration": (
        f"train: images/train\n{NAMES}",
        {"other.yml": "names: [dog, cat]\n"},
        r"'data\.yaml', 'other\.yml' each describe a data set; keep only one of them\.$",
    ),
    "no mapping": (
        "- |\n  names: [cat]\n",
        {},
        r"data\.yaml is not a mapping; expected train, val and names\.$",
    ),
    "keypoints of one number": (
        f"kpt_shape: [17]\n{NAMES}",
        {},
        r"data\.yaml: kpt_shape is \['17'\]; expected two numbers\.$",
    ),
    "keypoints that are words": (f"kpt_shape: [a, 3]\n{NAMES}", {}, r"expected two numbers\.$"),
    "keypoints beyond counting": (f"kpt_shape: [12345, 3]\n{NAMES}", {}, r"expected two numbers\.$"),
    "a list with no path in it": (
        f"train: [images/train, '']\n{NAMES}",
        {},
        r"data\.yaml: train is \['images/train', ''\]; expected a path\.$",
    ),
    "a number that is not a class": (
        "names: {12345678: cat}\n",
        {},
        r"names is .*; expected a list, or a mapping of numbers and words\.$",
    ),
}


@pytest.mark.parametrize("what", CONFIGURED)
def test_a_configuration_that_cannot_be_right_is_refused(what: str, tmp_path: Path) -> None:
    content, others, message = CONFIGURED[what]
    three(tmp_path)
    text(tmp_path / "data.yaml", content)
    for name, other in others.items():
        text(tmp_path / name, other)
    with pytest.raises(DataError, match=message):
        index(tmp_path)


def test_a_configuration_may_be_there_twice_and_leave_splits_out(tmp_path: Path) -> None:
    three(tmp_path)
    content = f"train: images/train\nval: images/val\ntest: []\nnc: 2\n{NAMES}"
    text(tmp_path / "data.yaml", content)
    text(tmp_path / "copy/data.yml", f"{content}\n")
    text(tmp_path / "run.yaml", "epochs: 100\n")  # which describes no data
    found = index(tmp_path)
    assert found.classes == ("cat", "dog")
    assert set(keys(found)["val"]) == {"d", "e"}
    text(tmp_path / "data.yaml", content.replace("test: []", "test:"))
    text(tmp_path / "copy/data.yml", content.replace("test: []", "test:"))
    assert index(tmp_path).splits == found.splits


@pytest.mark.parametrize(
    ("count", "right"), [("nc: 2", True), ("nc: 6", True), ("nc: 3", False), ("nc: many", True)]
)
def test_a_count_is_of_the_names_or_of_their_numbers(count: str, right: bool, tmp_path: Path) -> None:
    three(tmp_path)
    text(tmp_path / "data.yaml", f"{count}\nnames: {{0: cat, 5: dog}}\n")
    if right:
        assert index(tmp_path).classes == ("cat", "dog")
    else:
        with pytest.raises(DataError, match=r"data\.yaml says nc: 3, but names 2 classes\.$"):
            index(tmp_path)


def test_photos_of_two_splits_or_of_none_beside_splits_are_refused(tmp_path: Path) -> None:
    three(tmp_path / "one")
    photo(tmp_path / "one/train/val/x.jpg")
    with pytest.raises(DataError, match=r"'train/val/x\.jpg' in '.*' lies in folders of two splits\.$"):
        index(tmp_path / "one")
    three(tmp_path / "two")
    photo(tmp_path / "two/images/x.jpg")
    with pytest.raises(DataError, match=r"'images/x\.jpg' in '.*' lies beside folders that are named like"):
        index(tmp_path / "two")
    labelled(tmp_path / "three", "images/val", "labels/val", *"ab")
    with pytest.raises(DataError, match=r"has no photo for train; expected a YOLO folder with images/"):
        index(tmp_path / "three")


ALONE: dict[str, tuple[str, bool]] = {
    "a box": ("0 0.5 0.5 0.2 0.2", True),
    "a box and a polygon": ("0 0.5 0.5 0.2 0.2\n\n12 0.1 0.1 0.9 0.1 0.5 9e-1\n", True),
    "a class as a float": ("3.0 0.5 0.5 0.2 -.2\n", True),
    "a box and a sentence": ("0 0.5 0.5 0.2 0.2\nthe end", False),
    "a sentence and a box": ("labels of a.jpg\n0 0.5 0.5 0.2 0.2", False),
    "three numbers": ("0 0.5 0.5 0.2", False),
    "no class": ("cat 0.5 0.5 0.2 0.2", False),
    "nothing": ("", False),
    "blanks": ("\n  \n", False),
}


@pytest.mark.parametrize("what", ALONE)
def test_a_text_of_no_photo_is_of_labels_where_every_line_is_one(what: str, tmp_path: Path) -> None:
    content, label = ALONE[what]
    three(tmp_path, "{}", "{}")
    text(tmp_path / "train/alone.txt", content)
    text(tmp_path / "classes.txt", "cat\ndog\n")
    wanted = [("train/alone.txt", "labels without a photo")] if label else []
    assert reasons(index(tmp_path)) == wanted
    assert is_label(tmp_path / "train/alone.txt") is label


def test_a_text_that_cannot_be_read_says_nothing_unless_a_photo_has_it(tmp_path: Path) -> None:
    three(tmp_path, "{}", "{}")
    text(tmp_path / "classes.txt", "cat\ndog\n")
    (tmp_path / "train/alone.txt").write_bytes(b"\xff\xfe0")  # UTF-16 that is cut off
    assert not is_label(tmp_path / "train/alone.txt")
    assert not is_label(tmp_path / "train/none.txt")
    assert reasons(index(tmp_path)) == []
    (tmp_path / "train/alone.txt").rename(tmp_path / "train/a.txt")
    with pytest.raises(DataError, match=r"^data\.root: train/a\.txt cannot be read: "):
        index(tmp_path)


def test_all_texts_in_a_folder_of_labels_are_labels(tmp_path: Path) -> None:
    three(tmp_path)
    text(tmp_path / "data.yaml", NAMES)
    text(tmp_path / "labels/train/empty.txt")
    text(tmp_path / "labels.txt", "cat\ndog\n")  # a list of classes, in no folder of labels
    assert reasons(index(tmp_path)) == [("labels/train/empty.txt", "labels without a photo")]


def test_a_yaml_that_cannot_be_read_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    three(tmp_path)
    text(tmp_path / "classes.txt", "cat\ndog\n")
    text(tmp_path / "secret.yaml", "names: [cow]\n")
    text(tmp_path / "huge.yml", "names: [cow]\n")
    (tmp_path / "torn.yaml").write_bytes(b"\xff\xfe0")
    real = yolo_config.read_regular

    def read(path: Path, most: int) -> bytes:
        if path.name == "secret.yaml":
            raise PermissionError(13, "Permission denied")
        if path.name == "huge.yml":
            raise ValueError("it has more bytes than it may have")
        return real(path, most)

    monkeypatch.setattr(yolo_config, "read_regular", read)
    assert index(tmp_path).classes == ("cat", "dog")
