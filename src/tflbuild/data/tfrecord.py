"""Samples in TFRecord files, as the Object Detection API and others write them; read without TensorFlow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from tflbuild.core import digest
from tflbuild.core.dataset import Dataset, Dropped, Example, FileFacts, Index, Look, Sample, dataset
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.data.layouts import annotated, labelled, record_samples
from tflbuild.data.layouts.boxed import Annotated
from tflbuild.data.layouts.files import FileDataset
from tflbuild.data.layouts.labelled import Labelled
from tflbuild.data.layouts.record_files import count, records
from tflbuild.data.layouts.record_ids import Ids
from tflbuild.data.layouts.record_samples import Unusable, Words
from tflbuild.data.layouts.record_set import EXPECTED, RecordSet, found_in
from tflbuild.data.layouts.tf_examples import Feature, Span, features

AT_ONCE = 32
"""Records in memory while their images are looked at."""

PLACE = re.compile(r"@(\d+)\+(\d+)/[^/]*$")
"""Where an image lies in its file, in the key of its sample: offset and length in bytes."""


class _Held(NamedTuple):
    """One record with an image in it."""

    number: int
    offset: int
    content: bytes
    features: Mapping[str, Feature]
    image: Span


class _Counting:
    """How many records were read, and of how many, for whoever waits.

    Args:
        look: the engine's is told through `looking`.
        paths: of the record files.
    """

    def __init__(self, look: Look, paths: Sequence[Path]) -> None:
        self._tell: Callable[[int, int], None] | None = getattr(look, "looking", None)
        self._done = self._total = 0
        if self._tell is not None:
            with suppress(OSError):  # who reads the file says it
                self._total = sum(map(count, paths))

    def one(self) -> None:
        """Count a record."""
        self._done += 1
        if self._tell is not None:
            self._tell(self._done, max(self._done, self._total))


@dataset("tfrecord")
class TfRecord(FileDataset):
    """TFRecord files of tf.train.Example: images with boxes by the Object Detection API's keys, or with a class each.

    Files are `.record`, `.tfrecord` or shards (`-00000-of-00003`, all of which must be there); a split is what a file's
    name or its folder says. `label_map.pbtxt`, or a `labels.txt`, says what numbers mean; a number and a text that mean
    two classes are an error, and so is a file that is cut off or does not have its checksums. Boxes are fractions of
    the image. Records without an image or with keys missing, and boxes without area, are left out and reported by file
    and record. An image is read from its place in the file, never the file as a whole. All classes of a label map
    count, in the order of their numbers.
    """

    _boxed: ClassVar[bool] = True
    """Whether its records are of boxes, by the first when this was made."""

    def __post_init__(self) -> None:
        """Tell the task by the first record; what is wrong with the files is said when they are listed."""
        boxed = self._is_boxed()
        object.__setattr__(self, "_boxed", boxed)
        object.__setattr__(self, "task", "detection" if boxed else "classification")

    def _is_boxed(self) -> bool:
        try:
            root = self._root()
            if not self.root.strip() or not root.is_dir():
                return True
            files = found_in(root, self.root, []).files["train"]
            return record_samples.is_boxed(features(next(records(root / files[0])).content))
        except (OSError, ValueError, StopIteration, DataError):
            return True

    def resolved(self) -> tuple[Dataset, tuple[Mapping[str, str], ...]]:
        """Say what the first record shows, and where splits and classes were found."""
        if self.decided_by() is None:  # as the index says
            return self, ()
        found = found_in(self.folder(EXPECTED), self.root, [])
        files = "; ".join(f"{split}: {_some(names)}" for split, names in found.files.items())
        said: list[Mapping[str, str]] = [
            {"what": "splits", "value": ", ".join(found.files), "evidence": files}
        ]
        key = "image/object/bbox/xmin" if self._boxed else "image/class/label"
        said.append({"what": "task", "value": self.task, "evidence": f"keys of the first record, as '{key}'"})
        said.append(_said_of_classes(found))
        return self, tuple(said)

    def index(self, look: Look) -> Index:
        """List the splits, reading every record once and holding it to its checksum."""
        root = self.folder(EXPECTED)
        dropped: list[Dropped] = []
        found = found_in(root, self.root, dropped)
        words = Words(found.classes, {}, set())
        counting = _Counting(look, [root / name for names in found.files.values() for name in names])
        listed = {}
        for split, names in found.files.items():
            ids = Ids()
            listed[split] = [
                one for name in names for one in self._listed(root, name, words, ids, counting, dropped)
            ]
            dropped += ids.remarks()
        build: Any = annotated.assemble if self._boxed else labelled.assemble
        index: Index = build(self, listed, look, dropped, words.ordered, words.declared(self.root))
        return index

    def read(self, sample: Sample) -> Example:
        """Read one image from its place in its file.

        Raises:
            DataError: it is not there any more.
        """
        import numpy as np

        from tflbuild.modalities.image import files as image

        try:
            pixels = image.decoded(_bytes(sample), self.max_pixels)
        except OSError as error:
            raise DataError(
                f"data.root: {plain(sample.key)} was readable when the build started, but is not now: {error}"
            ) from error
        boxes = np.array(sample.boxes, np.float32).reshape(-1, 4)
        return Example(pixels, boxes, np.array(sample.labels, np.int32))

    def contents(self, samples: Sequence[Sample], look: Look) -> Mapping[str, str]:
        """Give the keys of samples by the SHA-256 of their images; the record files are not read as a whole."""
        try:
            return {digest.of_bytes(_bytes(sample)): sample.key for sample in samples}
        except OSError as error:
            raise DataError(
                f"data.root: '{plain(self.root)}' cannot be read: {error.strerror or error}."
            ) from error

    def _listed(
        self, root: Path, name: str, words: Words, ids: Ids, counting: _Counting, dropped: list[Dropped]
    ) -> Iterator[Annotated | Labelled]:
        """Give the images of a file with their boxes, or their class; what is wrong goes to `dropped`."""
        listed = _with_boxes if self._boxed else _with_class
        for held, facts in self._seen(root, name, counting, dropped):
            ids.add(held.features, held.content, facts.digest, name, held.number)
            try:
                one, problems = listed(root, name, held, words, facts)
            except Unusable as error:
                dropped.append(Dropped(name, f"record {held.number} {error}: left out"))
                continue
            dropped += [Dropped(name, f"record {held.number}: {problem}") for problem in problems]
            yield one

    def _seen(
        self, root: Path, name: str, counting: _Counting, dropped: list[Dropped]
    ) -> Iterator[tuple[_Held, FileFacts]]:
        """Give the records of a file that hold an image, with its facts; a few are in memory at once."""
        from tflbuild.modalities.image import files as image

        def facts(held: _Held) -> FileFacts:
            return image.facts_of(held.content[held.image.start : held.image.stop], self.max_pixels)

        holding = _holding(root / name, name, counting, dropped)
        with ThreadPoolExecutor(4) as pool:
            while some := list(islice(holding, AT_ONCE)):
                yield from zip(some, pool.map(facts, some), strict=True)


def _bytes(sample: Sample) -> bytes:
    """Read the image file of a sample from its place.

    Raises:
        OSError: the file cannot be read.
        DataError: the sample names no place.
    """
    place = PLACE.search(sample.key)
    if sample.path is None or place is None:
        raise DataError(f"data.root: {plain(sample.key)} names no place in a file.")
    with Path(sample.path).open("rb") as file:
        file.seek(int(place[1]))
        return file.read(int(place[2]))


def _holding(path: Path, name: str, counting: _Counting, dropped: list[Dropped]) -> Iterator[_Held]:
    """Give the records of a file that hold an image.

    Raises:
        DataError: the file is cut off or damaged.
    """
    number = 0
    try:
        for number, record in enumerate(records(path), start=1):
            counting.one()
            try:
                found = features(record.content)
                yield _Held(number, record.offset, record.content, found, record_samples.encoded(found))
            except ValueError as error:
                dropped.append(Dropped(name, f"record {number} {error}: left out"))
    except OSError as error:
        raise DataError(f"data.root: {plain(name)} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise DataError(f"data.root: {plain(name)} {error}.") from error
    if not number:
        dropped.append(Dropped(name, "has no record"))


def _key(name: str, held: _Held) -> str:
    """Name an image by its file, its place in there, and what its record calls it."""
    start, stop = held.image
    said = record_samples.named(held.features, held.content, held.number)
    return f"{name}@{held.offset + start}+{stop - start}/{said}"


def _with_boxes(
    root: Path, name: str, held: _Held, words: Words, facts: FileFacts
) -> tuple[Annotated, list[str]]:
    where = f"record {held.number} of {name}"
    boxes, problems = record_samples.boxes(held.features, held.content, words, where)
    said = tuple(box._replace(number=f"{box.number} of record {held.number}") for box in boxes)
    size = record_samples.size(held.features)
    return Annotated(_key(name, held), name, str(root / name), *size, said, True, facts), problems


def _with_class(
    root: Path, name: str, held: _Held, words: Words, facts: FileFacts
) -> tuple[Labelled, list[str]]:
    label = record_samples.label(held.features, held.content, words, f"record {held.number} of {name}")
    return Labelled(_key(name, held), name, str(root / name), label, facts), []


def _said_of_classes(found: RecordSet) -> Mapping[str, str]:
    if found.classes is None:
        evidence = "no label_map.pbtxt: texts or numbers of the records"
        return {"what": "classes", "value": "as they come", "evidence": evidence}
    return {"what": "classes", "value": str(len(found.classes.names)), "evidence": found.classes.evidence()}


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(plain(name, 80) for name in names[:2]) + more
