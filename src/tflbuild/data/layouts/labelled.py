"""Build a classification set's index from images with a label each: looks, twins, classes, splits, leaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from tflbuild.core import digest
from tflbuild.core.dataset import Dropped, FileFacts, Index, Look, Sample
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLITS
from tflbuild.data.layouts.files import FileDataset, facts_of, without_leaks


class Picture(NamedTuple):
    """One image that decodes, with its class."""

    key: str
    path: str
    label: str
    digest: str


class Labelled(NamedTuple):
    """One image as labelled.

    Attributes:
        key: names it within the data set.
        source: the file that labels it, relative to the root, for messages.
        path: the file that it is, or lies in.
        label: its class.
        facts: of the image, where who listed it knows them.
    """

    key: str
    source: str
    path: str
    label: str
    facts: FileFacts | None = None


def assemble(
    dataset: FileDataset,
    splits: Mapping[str, list[Labelled]],
    look: Look,
    dropped: list[Dropped],
    order: Callable[[Iterable[str]], Sequence[str]] = sorted,
    declared: Sequence[str] = (),
    noun: str = "image",
) -> Index:
    """Build the index of a classification set.

    Args:
        dataset: its options decide on classes and missing splits.
        splits: images by split; train at least.
        look: gives facts of an image file.
        dropped: what was left out so far; grows.
        order: puts class names in order.
        declared: classes that the data list by number, with images or without; () where they list none.
        noun: names a sample for messages.

    Raises:
        DataError: a split ends without images, or there are fewer than two classes.
    """
    found = {
        split: _once(of_one_class(_seen(images, look, dropped), dropped, noun), dropped, noun)
        for split, images in splits.items()
    }
    complete = dataset.completed(found, key=lambda picture: picture.key)
    apart, leaks = without_leaks(complete, lambda picture: picture.digest, lambda picture: picture.key, noun)
    dropped += leaks
    in_train = {picture.label for picture in apart["train"]}
    everywhere = {picture.label for pictures in apart.values() for picture in pictures} | set(declared)
    classes = dataset.chosen_classes(declared or order(in_train), everywhere)
    samples = {split: _samples(split, apart[split], classes, dropped) for split in SPLITS}
    for split in SPLITS:
        if not samples[split]:
            first = (
                f"; {len(dropped)} were left out, the first: {plain(': '.join(dropped[0]))}"
                if dropped
                else ""
            )
            raise DataError(f"data.root: the {split} split of '{dataset.root}' has no usable {noun}{first}.")
    if dataset.classes is None and len(classes) < 2:
        raise DataError(
            f"data.root: '{dataset.root}' has only the class '{plain(classes[0])}'; expected two or more."
        )
    return Index(classes=classes, splits=samples, dropped=tuple(dropped))


def _seen(images: Sequence[Labelled], look: Look, dropped: list[Dropped]) -> list[Picture]:
    """Look at the images; those that do not decode are left out."""
    pictures = []
    for image, facts in zip(images, facts_of(images, look), strict=True):
        if facts.problem:
            dropped.append(Dropped(image.key, facts.problem))
        else:
            pictures.append(Picture(image.key, image.path, image.label, facts.digest))
    return pictures


def of_one_class(pictures: list[Picture], dropped: list[Dropped], noun: str = "image") -> list[Picture]:
    """Leave out images that a split has in several classes: which is right cannot be told."""
    first: dict[str, Picture] = {}
    torn: dict[str, str] = {}
    for picture in pictures:
        twin = first.setdefault(picture.digest, picture)
        if twin.label != picture.label:
            torn[picture.digest] = f"{twin.key}, {picture.key}"
    for picture in pictures:
        if picture.digest in torn:
            dropped.append(
                Dropped(picture.key, f"the same {noun} has several classes: {torn[picture.digest]}")
            )
    return [picture for picture in pictures if picture.digest not in torn] if torn else pictures


def _once(pictures: list[Picture], dropped: list[Dropped], noun: str) -> list[Picture]:
    """Leave out images that a split has twice."""
    first: dict[str, Picture] = {}
    kept = []
    for picture in pictures:
        twin = first.setdefault(picture.digest, picture)
        if twin is picture:
            kept.append(picture)
        else:
            dropped.append(Dropped(picture.key, f"the same {noun} as {twin.key}: used once"))
    return kept


def _samples(
    split: str, pictures: list[Picture], classes: tuple[str, ...], dropped: list[Dropped]
) -> tuple[Sample, ...]:
    unknown = Counter(picture.label for picture in pictures if picture.label not in classes)
    for label, count in sorted(unknown.items()):
        dropped.append(
            Dropped(split, f"{count} x class '{label}', which is not among the classes of train: dropped")
        )
    return tuple(sample_of(picture, classes) for picture in pictures if picture.label in classes)


def sample_of(picture: Picture, classes: tuple[str, ...]) -> Sample:
    """Give a picture as a sample."""
    label = classes.index(picture.label)
    content = digest.of_bytes(f'["{picture.digest}",{label}]'.encode())  # of_json of both, but for very many
    return Sample(key=picture.key, digest=content, path=picture.path, labels=(label,))
