"""Fashion-MNIST: 70,000 grey pictures of clothes, from its four IDX files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

from annotated_types import Ge

from tflbuild.core.dataset import Dataset, Dropped, Example, Index, Look, Sample, dataset
from tflbuild.core.errors import DataError, did_you_mean
from tflbuild.data.layouts import idx
from tflbuild.data.layouts.files import without_leaks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLASSES = (
    "t_shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle_boot",
)

EXPECTED = (
    "the IDX files of Fashion-MNIST, as Debian's package has them: apt-get install dataset-fashion-mnist; without "
    "apt, train-images-idx3-ubyte.gz and the other three from github.com/zalandoresearch/fashion-mnist (data/fashion) "
    "in a folder, and data.root=FOLDER"
)


class _Picture(NamedTuple):
    """One image with its class, by content."""

    key: str
    digest: str
    label: int


@dataset("fashion_mnist")
class FashionMnist(Dataset):
    """Fashion-MNIST: clothes of ten classes, 28 x 28 grey pixels, given as RGB with three equal channels.

    The official test split is the test split. Val and train are drawn from the official training images by their
    content, so that the order of a file decides nothing. Training images that are also in val or test are left out
    and reported.

    References:
        Xiao, Rasul and Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
        Algorithms, 2017.
    """

    task = "classification"

    root: str = "/usr/share/datasets/fashion-mnist"
    """The folder with the four IDX files, `.gz` or unpacked; the default is where Debian's package
    dataset-fashion-mnist puts them."""
    train: Annotated[int, Ge(1)] | None = None
    """Images to train on, drawn by content. null: all that val leaves. [images]"""
    val: Annotated[int, Ge(1)] = 5000
    """Images taken from train that budgets between passes are judged on. More make decisions more certain. [images]"""
    test: Annotated[int, Ge(1)] | None = None
    """Images of the final numbers. null: all 10,000. [images]"""
    seed: Annotated[int, Ge(0)] = 0
    """Seed of the draw of val; independent of the recipe's `seed`. [no unit]"""

    def index(self, look: Look) -> Index:
        """List the splits by the content of the images.

        Raises:
            DataError: a file is missing, broken or at odds with another, or a split asks for more than there is.
        """
        given = self._pictures("train")
        held = self._drawn("test", self._pictures("t10k"), self.test)
        drawn = self._ranked(given)
        val, rest = drawn[: self.val], drawn[self.val :]
        if not rest:
            raise DataError(
                f"data.val: {self.val} leaves no images to train on: '{self.root}' has {len(given)} training images."
            )
        train = self._drawn("train", rest, self.train)
        splits, dropped = without_leaks(
            {"train": sorted(train), "val": sorted(val), "test": sorted(held)},
            lambda picture: picture.digest,
            lambda picture: picture.key,
        )
        return Index(
            classes=CLASSES,
            splits={split: _samples(split, pictures, dropped) for split, pictures in splits.items()},
            dropped=tuple(dropped),
        )

    def decided_by(self) -> Path | None:
        """Name the root folder, if it is there."""
        root = self._root()
        return root if root.is_dir() else None

    def read(self, sample: Sample) -> Example:
        """Give one image."""
        import numpy as np

        part, number = sample.key.split("/")
        grey = _array(self._file(f"{part}-images-idx3-ubyte"))[int(number)]
        image = np.repeat(grey[:, :, None], 3, axis=2)
        return Example(image, np.zeros((0, 4), np.float32), np.array(sample.labels, np.int32))

    def code(self) -> tuple[str, ...]:
        """Name what reads the files."""
        return ("tflbuild.data.layouts.idx",)

    def _pictures(self, part: str) -> list[_Picture]:
        """Give the images of the official split `train` or `t10k`, in the order of its files."""
        images = idx.read(images_at := self._file(f"{part}-images-idx3-ubyte"))
        labels = idx.read(labels_at := self._file(f"{part}-labels-idx1-ubyte"))
        for found, path, axes in ((images, images_at, 3), (labels, labels_at, 1)):
            if found.dtype != "|u1" or len(found.shape) != axes:
                sides = " x ".join(map(str, found.shape))
                raise DataError(
                    f"data.root: {path} holds {sides} values of {found.dtype[1:]}; expected bytes along {axes} axes."
                )
        if images.shape[0] != labels.shape[0]:
            raise DataError(
                f"data.root: {images_at} holds {images.shape[0]} images, but {labels_at} holds "
                f"{labels.shape[0]} labels."
            )
        worst = max(labels.data, default=0)
        if worst >= len(CLASSES):
            raise DataError(
                f"data.root: {labels_at} has the label {worst}; Fashion-MNIST has 0 to {len(CLASSES) - 1}."
            )
        size = images.shape[1] * images.shape[2]
        return [
            _Picture(
                f"{part}/{number:05d}",
                hashlib.sha256(images.data[number * size : (number + 1) * size]).hexdigest(),
                label,
            )
            for number, label in enumerate(labels.data)
        ]

    def _ranked(self, pictures: Sequence[_Picture]) -> list[_Picture]:
        """Shuffle by content."""
        salt = f"{self.seed} ".encode()
        return sorted(
            pictures,
            key=lambda picture: (
                hashlib.sha256(salt + picture.digest.encode()).digest() + picture.key.encode()
            ),
        )

    def _drawn(self, split: str, pictures: Sequence[_Picture], count: int | None) -> list[_Picture]:
        """Draw so many by content; all of them where no number is given."""
        if count is None:
            return list(pictures)
        if count > len(pictures):
            raise DataError(
                f"data.{split}: {count} images were asked for, but '{self.root}' has {len(pictures)}."
            )
        return self._ranked(pictures)[:count]

    def _root(self) -> Path:
        return Path(self.root).expanduser().absolute()

    def _file(self, name: str) -> Path:
        """Find one of the four files, packed or not.

        Raises:
            DataError: it is not there.
        """
        root = self._root()
        for path in (root / name, root / f"{name}.gz"):
            if path.is_file():
                return path
        if not root.is_dir():
            raise DataError(f"data.root: '{self.root}' is not a folder that is there; expected {EXPECTED}.")
        near = did_you_mean(name, [path.name for path in root.iterdir()])
        raise DataError(f"data.root: '{self.root}' has no {name} or {name}.gz; expected {EXPECTED}.{near}")


def _samples(split: str, pictures: Sequence[_Picture], dropped: Sequence[Dropped]) -> tuple[Sample, ...]:
    if not pictures:
        raise DataError(f"data.root: the {split} split is empty: {dropped[0].reason}.")
    return tuple(
        Sample(
            key=picture.key,
            digest=hashlib.sha256(f'["{picture.digest}",{picture.label}]'.encode()).hexdigest(),
            labels=(picture.label,),
        )
        for picture in pictures
    )


@lru_cache(maxsize=2)
def _array(path: Path) -> NDArray[np.uint8]:
    """Give the (images, height, width) of a file, unpacked once a process."""
    import numpy as np

    found = idx.read(path)
    return np.frombuffer(found.data, found.dtype).reshape(found.shape)
