"""Fashion-MNIST, on made-up files of its form and, where Debian's package is there, on its own."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tflbuild.core.dataset import Dropped, FileFacts, Split
from tflbuild.core.errors import DataError
from tflbuild.data.fashion_mnist import CLASSES, FashionMnist
from tflbuild.recipe.load import load_recipe

PACKAGE = Path(FashionMnist().root)


def never(path: Path) -> FileFacts:
    raise AssertionError(f"{path} was looked at as an image")


def write(path: Path, values: npt.NDArray[np.uint8]) -> None:
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    content = header + values.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give files of 40 training and 12 test images, one pair packed."""
    rng = np.random.default_rng(0)
    for part, count, suffix in (("train", 40, ".gz"), ("t10k", 12, "")):
        write(
            tmp_path / f"{part}-images-idx3-ubyte{suffix}",
            rng.integers(0, 256, (count, 5, 4), dtype=np.uint8),
        )
        write(tmp_path / f"{part}-labels-idx1-ubyte{suffix}", np.arange(count, dtype=np.uint8) % 10)
    return tmp_path


def pixels(root: Path, part: str) -> npt.NDArray[np.uint8]:
    """Read images with no code of ours: 16 bytes of header, then 5 x 4 bytes each."""
    path = root / f"{part}-images-idx3-ubyte"
    content = path.read_bytes() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())
    return np.frombuffer(content[16:], np.uint8).reshape(-1, 5, 4)


def test_official_splits_are_kept_apart_and_val_is_drawn_from_train(root: Path) -> None:
    data = FashionMnist(root=str(root), val=9)
    index = data.index(never)
    assert index.classes == CLASSES
    assert index.dropped == ()
    assert {name: len(samples) for name, samples in index.splits.items()} == {
        "train": 31,
        "val": 9,
        "test": 12,
    }
    keys = [sample.key for name in ("train", "val") for sample in index.splits[name]]
    assert sorted(keys) == [f"train/{number:05d}" for number in range(40)]
    assert [sample.key for sample in index.splits["test"]] == [f"t10k/{number:05d}" for number in range(12)]


def test_grey_becomes_rgb_and_the_label_is_that_of_the_image(root: Path) -> None:
    data = FashionMnist(root=str(root), val=9)
    index = data.index(never)
    for name, part in (("train", "train"), ("val", "train"), ("test", "t10k")):
        split, expected = Split(name, data, index), pixels(root, part)
        for position, sample in enumerate(split.samples):
            number = int(sample.key.split("/")[1])
            image, boxes, labels = split[position]
            assert image.shape == (5, 4, 3)
            for channel in range(3):
                np.testing.assert_array_equal(image[..., channel], expected[number])
            assert boxes.shape == (0, 4)
            assert labels.tolist() == [number % 10] == list(sample.labels)


def test_the_draw_follows_from_content_not_from_order(root: Path, tmp_path: Path) -> None:
    before = FashionMnist(root=str(root), train=12, val=9, test=5).index(never)
    other = tmp_path / "other"
    shutil.copytree(root, other, ignore=shutil.ignore_patterns("other"))
    order = np.random.default_rng(1).permutation(40)
    write(other / "train-images-idx3-ubyte.gz", pixels(root, "train")[order])
    write(other / "train-labels-idx1-ubyte.gz", (np.arange(40) % 10).astype(np.uint8)[order])
    order = np.random.default_rng(2).permutation(12)
    write(other / "t10k-images-idx3-ubyte", pixels(root, "t10k")[order])
    write(other / "t10k-labels-idx1-ubyte", np.arange(12, dtype=np.uint8)[order] % 10)
    after = FashionMnist(root=str(other), train=12, val=9, test=5).index(never)
    for split, count in (("train", 12), ("val", 9), ("test", 5)):
        digests = {sample.digest for sample in before.splits[split]}
        assert len(digests) == count
        assert digests == {sample.digest for sample in after.splits[split]}
    more = FashionMnist(root=str(root), train=20, val=9).index(never).splits["train"]
    assert {sample.digest for sample in before.splits["train"]} < {sample.digest for sample in more}
    seeded = FashionMnist(root=str(root), train=12, val=9, seed=1).index(never).splits["val"]
    assert {s.digest for s in seeded} != {s.digest for s in before.splits["val"]}


def test_a_training_image_that_is_measured_too_is_left_out(root: Path) -> None:
    train = pixels(root, "train").copy()
    train[7] = pixels(root, "t10k")[2]
    write(root / "train-images-idx3-ubyte.gz", train)
    index = FashionMnist(root=str(root), val=1).index(never)
    assert [dropped.file for dropped in index.dropped] == ["train/00007"]
    assert index.dropped[0].reason.endswith("the same image as t10k/00002 in test")
    assert isinstance(index.dropped[0], Dropped)


def test_every_split_is_in_the_order_of_its_files_and_may_take_all_there_is(root: Path) -> None:
    index = FashionMnist(root=str(root), train=31, val=9, test=12).index(never)
    for split, count in (("train", 31), ("val", 9), ("test", 12)):
        keys = [sample.key for sample in index.splits[split]]
        assert (keys, len(keys)) == (sorted(keys), count)
    all_but_one = FashionMnist(root=str(root), val=39).index(never)
    assert [len(all_but_one.splits[split]) for split in ("train", "val")] == [1, 39]


def test_val_is_what_the_hash_of_seed_and_content_ranks_first(root: Path) -> None:
    contents = {
        f"train/{number:05d}": hashlib.sha256(image.tobytes()).hexdigest()
        for number, image in enumerate(pixels(root, "train"))
    }
    ranked = sorted(contents, key=lambda key: hashlib.sha256(f"3 {contents[key]}".encode()).digest())
    index = FashionMnist(root=str(root), val=9, train=5, seed=3).index(never)
    assert [sample.key for sample in index.splits["val"]] == sorted(ranked[:9])
    assert [sample.key for sample in index.splits["train"]] == sorted(ranked[9:14])


def test_the_root_decides_where_it_is_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert FashionMnist(root=str(root)).decided_by() == root
    assert FashionMnist(root=str(root / "gone")).decided_by() is None
    monkeypatch.setenv("HOME", str(root.parent))
    assert FashionMnist(root=f"~/{root.name}").decided_by() == root
    assert FashionMnist().code() == ("tflbuild.data.layouts.idx",)


def test_a_split_that_others_use_up_is_said(root: Path) -> None:
    write(root / "train-images-idx3-ubyte.gz", np.repeat(pixels(root, "t10k")[:1], 40, axis=0))
    with pytest.raises(
        DataError, match=r"the train split is empty: left out of val: the same image as t10k/00000"
    ):
        FashionMnist(root=str(root), val=9).index(never)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"val": 40}, "data.val: 40 leaves no images to train on: '.*' has 40 training images"),
        ({"val": 9, "train": 32}, "data.train: 32 images were asked for, but '.*' has 31"),
        ({"val": 9, "test": 13}, "data.test: 13 images were asked for, but '.*' has 12"),
    ],
)
def test_more_than_there_is_is_refused(root: Path, options: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        FashionMnist(root=str(root), **options).index(never)  # type: ignore[arg-type]


def test_files_at_odds_with_one_another_are_refused(root: Path) -> None:
    labels = root / "t10k-labels-idx1-ubyte"
    write(labels, np.zeros(11, np.uint8))
    with pytest.raises(DataError, match=r"holds 12 images, but .* holds 11 labels"):
        FashionMnist(root=str(root), val=9).index(never)
    write(labels, np.full(12, 10, np.uint8))
    with pytest.raises(DataError, match="has the label 10; Fashion-MNIST has 0 to 9"):
        FashionMnist(root=str(root), val=9).index(never)
    write(labels, np.zeros((12, 1), np.uint8))
    with pytest.raises(DataError, match="holds 12 x 1 values of u1; expected bytes along 1 axes"):
        FashionMnist(root=str(root), val=9).index(never)


def test_a_missing_file_says_how_to_get_it(root: Path, tmp_path: Path) -> None:
    (root / "t10k-labels-idx1-ubyte").rename(root / "t10k-labels-idx1-ubyt")
    with pytest.raises(
        DataError, match=r"has no t10k-labels-idx1-ubyte or .*apt-get install dataset-fashion-mnist"
    ):
        FashionMnist(root=str(root), val=9).index(never)
    with pytest.raises(
        DataError, match=r"is not a folder that is there; .*apt-get install dataset-fashion-mnist"
    ):
        FashionMnist(root=str(tmp_path / "nowhere")).index(never)


FROM_IT = ("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_lite0", "resnet")


@pytest.mark.parametrize("name", [f"{model}_int8" for model in FROM_IT])
def test_the_recipes_use_it(name: str) -> None:
    recipe = load_recipe([f"recipe={name}"])
    assert isinstance(recipe.data, FashionMnist)
    assert recipe.model.resolution() == 32


@pytest.mark.skipif(not PACKAGE.is_dir(), reason="apt-get install dataset-fashion-mnist")
def test_the_package_holds_what_its_paper_says() -> None:
    data = FashionMnist()
    index = data.index(never)
    # Section 2 of the paper: 60,000 and 10,000 images, the classes equally often.
    assert len(index.splits["train"]) + len(index.splits["val"]) + len(index.dropped) == 60_000
    counts = np.bincount([sample.labels[0] for sample in index.splits["test"]])
    assert counts.tolist() == [1000] * 10
    assert Split("test", data, index)[0].value.shape == (28, 28, 3)
