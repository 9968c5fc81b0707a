from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tflbuild.core.dataset import Dropped, FileFacts, Split
from tflbuild.core.errors import DataError
from tflbuild.data.image_folder import (
    ImageFolder,
    _leads_back,
    _refuse_hidden_splits,
)
from tflbuild.data.layouts.labelled import Picture, of_one_class
from tflbuild.modalities.image.files import inspect


def fill(folder: Path, count: int, seed: int = 0) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng([seed, *folder.as_posix().encode()])
    for k in range(count):
        Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).save(folder / f"{k:02d}.PNG")


def test_a_folder_a_class_is_split_by_seed(tmp_path: Path) -> None:
    for label in ("tulip", "rose"):
        fill(tmp_path / label, 10)
    dataset = ImageFolder(root=str(tmp_path))
    index = dataset.index(inspect)
    assert index.classes == ("rose", "tulip")
    # By hand: a fifth of 20 for test, a fifth of the other 16 for val.
    assert [len(index.splits[name]) for name in ("train", "val", "test")] == [13, 3, 4]
    example = Split("test", dataset, index)[0]
    assert example.value.shape == (12, 16, 3)
    assert example.boxes.shape == (0, 4)
    assert example.labels.tolist() == [("rose", "tulip").index(index.splits["test"][0].key.split("/")[0])]


def test_split_folders_are_taken_as_they_stand(tmp_path: Path) -> None:
    for split, count in (("train", 5), ("validation", 2), ("test", 3)):
        for label in ("a", "b"):
            fill(tmp_path / split / label, count)
    index = ImageFolder(root=str(tmp_path)).index(inspect)
    assert [len(index.splits[name]) for name in ("train", "val", "test")] == [10, 4, 6]
    assert index.dropped == ()


def test_what_cannot_be_used_is_dropped_and_reported(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        for label in ("a", "b"):
            fill(tmp_path / split / label, 3)
    (tmp_path / "train/a/01.PNG").write_bytes(b"none")
    (tmp_path / "train/a/notes.txt").write_text("left alone")
    (tmp_path / "train/b/02.PNG").write_bytes((tmp_path / "test/b/00.PNG").read_bytes())
    index = ImageFolder(root=str(tmp_path)).index(inspect)
    assert index.dropped == (
        Dropped("train/a/notes.txt", "not named like an image"),
        Dropped("train/a/01.PNG", "not an image that PIL can read"),
        Dropped("train/b/02.PNG", "left out of train: the same image as test/b/00.PNG in test"),
    )
    assert [len(index.splits[name]) for name in ("train", "val", "test")] == [4, 6, 6]


def test_classes_may_be_chosen(tmp_path: Path) -> None:
    for label in ("a", "b", "c"):
        fill(tmp_path / label, 10)
    index = ImageFolder(root=str(tmp_path), classes=("c", "a")).index(inspect)
    assert index.classes == ("c", "a")
    assert {sample.labels[0] for sample in index.splits["train"]} == {0, 1}
    assert len(index.dropped) == 10


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ({}, "is empty; expected a folder of images for each class"),
        ({"a": 0, "b": 0}, "the train split of '.*' has no usable image"),
        ({"a": 8}, "has only the class 'a'"),
        (
            {"train/a": 3, "train/b": 3, "val/a": 0, "test/a": 2, "test/b": 1},
            "the val split of '.*' has no usable",
        ),
    ],
)
def test_a_root_that_cannot_be_used_is_an_error(
    tmp_path: Path, folders: dict[str, int], message: str
) -> None:
    for name, count in folders.items():
        fill(tmp_path / name, count)
    with pytest.raises(DataError, match=f"^data.root: .*{message}"):
        ImageFolder(root=str(tmp_path)).index(inspect)


def sets(root: Path, *splits: str, labels: tuple[str, ...] = ("a", "b")) -> Path:
    for split in splits:
        for label in labels:
            fill(root / split / label, 3)
    return root


@pytest.mark.parametrize(
    "names",
    [("train", "val", "test"), ("Train", "Valid", "TEST"), ("TRAINING", "Validation", "testing")],
)
def test_splits_are_known_by_their_usual_names_in_any_case(
    tmp_path: Path, names: tuple[str, str, str]
) -> None:
    index = ImageFolder(root=str(sets(tmp_path, *names))).index(inspect)
    assert [sample.key.split("/")[0] for samples in index.splits.values() for sample in samples[:1]] == list(
        names
    )
    assert (index.classes, index.dropped) == (("a", "b"), ())


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "two folders of one split": (
        ("train/a", "train/b", "Train/a"),
        "'Train' and 'train' in .* both mean the train split",
    ),
    "val and valid": (
        ("train/a", "train/b", "val/a", "valid/a"),
        "'val' and 'valid' in .* both mean the val split",
    ),
    "classes beside splits": (
        ("train/a", "train/b", "c", "d"),
        "named like the train split, but next to it are c, d",
    ),
    "a class called train": (
        ("train", "bus", "car"),
        "named like the train split, but next to it are bus, car",
    ),
    "no train": (("val/a", "val/b", "test/a"), "named like the test split, but there is no train folder"),
    "splits by other names": (
        ("seg_train/a", "seg_train/b", "seg_test/a", "seg_test/b"),
        "'seg_test' and 'seg_train' in .* are named like splits",
    ),
    "flat splits by other names": (("train_images", "test_images"), "are named like splits, not classes"),
    "splits in classes": (
        ("a/train", "a/test", "b/train"),
        "'a' in .* has its images in subfolders .test",
    ),
    "classes in a class": (
        ("x", "animals/cat", "animals/dog"),
        "'animals' in .* has its images in subfolders .cat, dog",
    ),
    "a folder around it": (
        ("data/train/a", "data/train/b", "other"),
        "'data' in .* has its images in subfolders .train",
    ),
    "pictures and masks": (
        ("images", "masks"),
        "it looks like images with labels in a folder of their own .'masks'",
    ),
    "pictures and masks of train": (
        ("train_images", "train_masks"),
        "it looks like images with labels in a folder",
    ),
    "a class that test lacks": (
        ("train/a", "train/b", "train/c", "test/a", "test/b"),
        r"class 'c' of .* has no usable image in test. Add some, or exclude it with data.classes=.a, b.",
    ),
    "a class that train lacks": (
        ("train/a", "train/b", "test/a", "test/b", "test/B"),
        r"class 'B' of .* has no usable image in train. .* Did you mean 'b'",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_folders_that_may_mean_something_else_are_refused(tmp_path: Path, what: str) -> None:
    folders, message = REFUSED[what]
    for folder in folders:
        fill(tmp_path / folder, 3)
    with pytest.raises(DataError, match=f"^data.root: .*{message}"):
        ImageFolder(root=str(tmp_path)).index(inspect)


def test_a_class_may_be_called_like_a_split_where_the_classes_are_named(tmp_path: Path) -> None:
    sets(tmp_path, ".", labels=("train", "bus", "car"))
    index = ImageFolder(root=str(tmp_path), classes=("bus", "car", "train")).index(inspect)
    assert sum(map(len, index.splits.values())) == 9


def test_a_class_of_damaged_images_alone_is_an_error(tmp_path: Path) -> None:
    sets(tmp_path, "train", "val", "test", labels=("a", "b", "c"))
    for path in (tmp_path / "val/c").iterdir():
        path.write_bytes(b"none")
    message = r"class 'c' of .* has no usable image in val; left out: val/c/00.PNG: not an image"
    with pytest.raises(DataError, match=message):
        ImageFolder(root=str(tmp_path)).index(inspect)


def test_a_class_that_a_seeded_part_lacks_is_said(tmp_path: Path) -> None:
    sets(tmp_path, ".", labels=("a", "b"))
    fill(tmp_path / "rare", 1)
    reasons = {
        dropped
        for dropped in ImageFolder(root=str(tmp_path)).index(inspect).dropped
        if dropped.file == "rare"
    }
    assert reasons == {
        Dropped("rare", f"class without an image in {split}, which is a seeded part of the others")
        for split in ("val", "test")
    }


def test_what_is_passed_over_is_named(tmp_path: Path) -> None:
    sets(tmp_path, "train", "val", "test")
    folder = tmp_path / "train/a"
    for name in (".hidden.png", "photo.heic", "notes.txt"):
        (folder / name).write_text("x")
    (folder / "nowhere.png").symlink_to(tmp_path / "gone.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "elsewhere").symlink_to(tmp_path / "val")
    os.mkfifo(folder / "pipe.png")
    (folder / "tw\no.png").write_bytes(b"x")
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png")).write_bytes(b"x")
    (tmp_path / "train/loose.png").write_bytes(b"x")
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "labels.csv").write_text("x")
    (tmp_path / "extra").mkdir()
    (tmp_path / "train/again").symlink_to(tmp_path / "train")
    index = ImageFolder(root=str(tmp_path)).index(inspect)
    assert sorted(index.dropped) == sorted(
        [
            Dropped("extra", "a folder beside the splits, without an image"),
            Dropped("labels.csv", "not named like an image"),
            Dropped("train/again", "a link to a folder of this data set"),
            Dropped("train/loose.png", "an image outside the folders of classes"),
            Dropped("train/a/.hidden.png", "hidden"),
            Dropped("train/a/caf\\udce9.png", "its name is not UTF-8"),
            Dropped("train/a/elsewhere", "a link to a folder"),
            Dropped("train/a/loop.png", "a link that leads to itself"),
            Dropped("train/a/notes.txt", "not named like an image"),
            Dropped("train/a/nowhere.png", "a link that leads nowhere"),
            Dropped("train/a/photo.heic", "not named like an image"),
            Dropped("train/a/pipe.png", "not a regular file"),
            Dropped("train/a/tw\\no.png", "its name has control characters"),
        ]
    )
    assert [len(samples) for samples in index.splits.values()] == [6, 6, 6]


def test_a_class_folder_whose_name_is_no_text_is_an_error(tmp_path: Path) -> None:
    sets(tmp_path, ".")
    os.mkdir(os.fsencode(tmp_path) + b"/caf\xe9")
    with pytest.raises(
        DataError, match=r"the class folder 'caf.udce9' cannot be used: its name is not UTF-8"
    ):
        ImageFolder(root=str(tmp_path)).index(inspect)


def test_an_image_of_two_classes_is_left_out_of_both(tmp_path: Path) -> None:
    sets(tmp_path, "train", "val", "test")
    (tmp_path / "train/b/00.PNG").write_bytes((tmp_path / "train/a/00.PNG").read_bytes())
    index = ImageFolder(root=str(tmp_path)).index(inspect)
    reason = "the same image has several classes: train/a/00.PNG, train/b/00.PNG"
    assert index.dropped == (Dropped("train/a/00.PNG", reason), Dropped("train/b/00.PNG", reason))


def test_images_are_known_by_every_suffix_that_is_read_in_any_case(tmp_path: Path) -> None:
    sets(tmp_path, "train", "val", "test")
    picture = Image.fromarray(np.random.default_rng(5).integers(0, 256, (12, 16, 3), dtype=np.uint8))
    for number, suffix in enumerate(
        (".JPEG", ".jfif", ".Bmp", ".TIF", ".gif", ".ppm", ".WebP", ".jp2", ".avif")
    ):
        picture.rotate(number).save(tmp_path / "train/a" / f"x{suffix.lower()}")
        (tmp_path / "train/a" / f"x{suffix.lower()}").rename(tmp_path / "train/a" / f"{number}{suffix}")
    index = ImageFolder(root=str(tmp_path)).index(inspect)
    assert (len(index.splits["train"]), index.dropped) == (15, ())


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "caf\udce9"])
def test_a_root_that_is_no_name_is_an_error(name: str) -> None:
    with pytest.raises(DataError, match=r"^data.root: "):
        ImageFolder(root=name).index(inspect)


def test_pictures_above_the_limit_are_left_out(tmp_path: Path) -> None:
    sets(tmp_path, "train", "val", "test")
    Image.new("RGB", (40, 30)).save(tmp_path / "train/a/large.png")
    data = ImageFolder(root=str(tmp_path), max_pixels=1000)
    index = data.index(lambda path: inspect(path, 1000))
    reason = "has 40 x 30 pixels, more than data.max_pixels=1000"
    assert index.dropped == (Dropped("train/a/large.png", reason),)
    with pytest.raises(DataError, match=r"more than data\.max_pixels=1000"):
        data.read(index.splits["train"][0]._replace(path=str(tmp_path / "train/a/large.png")))


NESTED = [
    # images of the class folder `a`, and what is shown where they are refused
    (["1.png"], ""),
    (["x/1.png"], ""),
    (["x/p/1.png", "x/p/2.png"], ""),
    (["1.png", "x/2.png", "y/3.png"], ""),
    (["1.png", "x/p/2.png", "x/q/3.png"], ""),
    (["x/1.png", "y/2.png"], "x, y"),
    (["x/p/1.png", "x/q/2.png"], "x"),
    (["1.png", "Train/2.png"], "Train"),
    (["y/1.png", "test/2.png"], "test"),
    ([f"{name}/1.png" for name in "fedcba"], "a, b, c, d, e"),
    ([], ""),
]


@pytest.mark.parametrize(("images", "shown"), NESTED, ids=[" ".join(row[0]) for row in NESTED])
def test_sub_folders_that_may_be_classes_or_splits_are_refused(images: list[str], shown: str) -> None:
    data = ImageFolder(root="set")
    if not shown:
        data._refuse_nested("train/a", images)
        return
    with pytest.raises(DataError) as refused:
        data._refuse_nested("train/a", images)
    assert str(refused.value) == (
        f"data.root: the class folder 'train/a' in 'set' has its images in subfolders ({shown}), which may "
        f"be classes or splits; expected a folder of images for each class, root/CLASS/* or "
        f"root/{{train,val,test}}/CLASS/*."
    )


HIDDEN = [
    (["cat", "dog"], ""),
    (["seg_train", "dog"], ""),
    (["seg_train", "seg_test"], "'seg_train' and 'seg_test'"),
    (["trainset", "mytest"], "'trainset' and 'mytest'"),
    (["a valid", "b_training", "c-testing"], "'a valid' and 'b_training' and 'c-testing'"),
    (["train", "train_2"], ""),
    (["invalid", "contested"], ""),
    (["Test1", "TRAIN1", "test2"], "'Test1' and 'TRAIN1'"),
]


@pytest.mark.parametrize(("names", "shown"), HIDDEN, ids=[" ".join(row[0]) for row in HIDDEN])
def test_folders_that_are_splits_by_other_names_are_refused(names: list[str], shown: str) -> None:
    if not shown:
        _refuse_hidden_splits(names, "set")
        return
    with pytest.raises(DataError) as refused:
        _refuse_hidden_splits(names, "set")
    assert str(refused.value) == (
        f"data.root: the folders {shown} in 'set' are named like splits, not classes; call them train, val and test. "
        f"If these are classes, name all of them in data.classes."
    )


def test_pictures_of_several_classes_go_and_those_that_a_class_has_twice_stay() -> None:
    def picture(key: str, label: str, digest: str) -> Picture:
        return Picture(key, f"/{key}", label, digest)

    pictures = [
        picture(*row.split()) for row in ("1 a x", "2 a x", "3 b x", "4 b y", "5 c x", "6 a z", "7 a z")
    ]
    dropped: list[Dropped] = []
    assert of_one_class(pictures, dropped) == [pictures[3], pictures[5], pictures[6]]
    reason = "the same image has several classes: 1, 5"
    assert dropped == [Dropped(key, reason) for key in "1235"]
    dropped.clear()
    assert of_one_class(pictures[3:4] + pictures[5:], dropped) == pictures[3:4] + pictures[5:]
    assert dropped == []


def test_links_into_the_data_set_or_around_it_lead_back(tmp_path: Path) -> None:
    root = tmp_path / "set"
    for folder in ("set/a", "set2", "other"):
        (tmp_path / folder).mkdir(parents=True)
    for name, target, back in (
        ("own", root, True),
        ("inner", root / "a", True),
        ("around", tmp_path, True),
        ("top", Path("/"), True),
        ("beside", tmp_path / "set2", False),
        ("other", tmp_path / "other", False),
    ):
        (root / name).symlink_to(target)
        assert _leads_back(str(root / name), root) is back, name


def empty(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def named(path: Path) -> FileFacts:
    return FileFacts(str(path), "")


def read(
    root: Path, **options: object
) -> tuple[tuple[str, ...], dict[str, list[str]], list[tuple[str, str]]]:
    index = ImageFolder(root=str(root), **options).index(named)  # type: ignore[arg-type]
    keys = {split: [sample.key for sample in samples] for split, samples in index.splits.items()}
    return index.classes, keys, [tuple(dropped) for dropped in index.dropped]


GIVEN = tuple(
    f"{split}/{label}/{n}.png" for split in ("train", "val", "test") for label in "ab" for n in (1, 2)
)


def test_documents_beside_folders_go_without_a_word_and_nothing_else_does(tmp_path: Path) -> None:
    documents = ("README.md", "license", "LICENCE.txt", "Copying", "CITATION.cff", "train/readme.txt")
    loose = ("notes.txt", ".hidden", "loose.png", "val/MY-README")
    root = empty(tmp_path, *GIVEN, *documents, *loose)
    (root / "gone").symlink_to(root / "nowhere")
    (root / ".git").mkdir()
    classes, keys, dropped = read(root)
    assert classes == ("a", "b")
    assert keys["train"] == ["train/a/1.png", "train/a/2.png", "train/b/1.png", "train/b/2.png"]
    assert sorted(dropped) == [
        (".git", "hidden"),
        (".hidden", "hidden"),
        ("gone", "a link that leads nowhere"),
        ("loose.png", "an image outside the folders of classes"),
        ("notes.txt", "not named like an image"),
        ("val/MY-README", "not named like an image"),
    ]


def test_images_of_classes_that_were_not_chosen_are_named_split_by_split(tmp_path: Path) -> None:
    classes, keys, dropped = read(empty(tmp_path, *GIVEN), classes=("b",))
    assert classes == ("b",)
    assert keys["val"] == ["val/b/1.png", "val/b/2.png"]
    assert dropped == [
        (f"{split}/a/{number}.png", f"class 'a' in {split}, not in data.classes: dropped")
        for split in ("train", "val", "test")
        for number in (1, 2)
    ]


def test_one_class_is_enough_where_it_was_chosen_and_two_where_not(tmp_path: Path) -> None:
    root = empty(tmp_path, *(name for name in GIVEN if "/a/" in name))
    with pytest.raises(
        DataError, match=r"^data\.root: '.*' has only the class 'a'; expected a folder of images"
    ):
        read(root)
    assert read(root, classes=("a",))[0] == ("a",)


def test_chosen_classes_may_be_called_like_splits_beside_which_others_lie(tmp_path: Path) -> None:
    names = [f"{label}/{number}.png" for label in ("test", "bus", "train") for number in range(4)]
    root = empty(tmp_path, *names)
    with pytest.raises(DataError) as refused:
        read(root)
    assert str(refused.value).startswith(
        f"data.root: 'test' in '{root}' is named like the test split, but next to it is bus; expected a folder"
    )
    assert str(refused.value).endswith("If these are classes, name all of them in data.classes.")
    assert read(root, classes=("test", "bus", "train"))[0] == ("test", "bus", "train")


@pytest.mark.parametrize(
    ("classes", "message"), [(None, "is not a folder of classes"), (("images", "masks"), "")]
)
def test_a_folder_of_another_form_is_refused_unless_its_folders_are_named_as_classes(
    classes: tuple[str, ...] | None, message: str, tmp_path: Path
) -> None:
    root = empty(tmp_path, *(f"{label}/{number}.png" for label in ("images", "masks") for number in range(9)))
    if not message:
        assert read(root, classes=classes)[0] == classes
        return
    with pytest.raises(DataError, match=message):
        read(root)


def test_a_folder_nested_a_thousand_deep_is_looked_through(tmp_path: Path) -> None:
    sets(tmp_path, "train", "val", "test")
    here = os.open(tmp_path / "train/a", os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    try:
        assert len(ImageFolder(root=str(tmp_path)).index(inspect).splits["train"]) == 6
    finally:
        subprocess.run(
            ["rm", "-rf", str(tmp_path / "train")], check=True
        )  # shutil.rmtree would not come so deep


def test_folders_that_differ_by_case_or_accents_are_refused_unless_they_are_named(tmp_path: Path) -> None:
    for name in ("Caf\u00e9", "cafe", "tea"):
        fill(tmp_path / name, 10)
    with pytest.raises(
        DataError, match=r"the classes 'Caf\u00e9' and 'cafe' of '.*' differ only by case, accents or blanks"
    ):
        ImageFolder(root=str(tmp_path)).index(inspect)
    chosen = ("cafe", "tea", "Caf\u00e9")
    assert ImageFolder(root=str(tmp_path), classes=chosen).index(inspect).classes == chosen
