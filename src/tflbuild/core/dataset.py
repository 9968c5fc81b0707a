"""Data sets: what is in them, without reading a pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

from annotated_types import Ge

from tflbuild.core import digest
from tflbuild.core.plain_text import plain
from tflbuild.core.registry import Registry

DATASETS: Registry[Dataset] = Registry("data set", "dataset", "data")

MAX_PIXELS = 64_000_000
"""Pixels of an image file above which it is left out, unless the recipe says otherwise: 192 MB in memory."""


class Sample(NamedTuple):
    """One image of a split, by reference.

    Attributes:
        key: names the image within its data set, e.g. a file name.
        digest: SHA-256 of what decides the image and its annotation.
        path: the image file; None where the image is generated.
        boxes: (ymin, xmin, ymax, xmax) in 0..1, one per object; empty for classification and where
            annotations are generated.
        labels: class indices: one per box, or exactly one for classification.
        numbers: what the data say in numbers, as `Example.labels` then holds it; () for tasks of classes.
    """

    key: str
    digest: str
    path: str | None = None
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    labels: tuple[int, ...] = ()
    numbers: tuple[float, ...] | tuple[tuple[float, ...], ...] = ()


class Dropped(NamedTuple):
    """One file or annotation that a loader left out, and why."""

    file: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Index:
    """The contents of a data set: its class names, and the samples of each split.

    Attributes:
        classes: class names, by index.
        splits: samples of `train`, `val` and `test`.
        dropped: what was left out: unreadable images, degenerate boxes, broken annotations; as plain text.
        remarks: what is done to samples before a model sees them, where people may not expect it.
    """

    classes: tuple[str, ...]
    splits: Mapping[str, tuple[Sample, ...]]
    dropped: tuple[Dropped, ...] = ()
    remarks: tuple[str, ...] = ()
    _digests: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make text from outside fit to be shown; names that are data stay whole."""
        shown = tuple(Dropped(plain(file), plain(reason, 600)) for file, reason in self.dropped)
        object.__setattr__(self, "dropped", shown)

    def digest(self, split: str) -> str:
        """Give a digest of a split's content: the classes, and the digests of its samples in order."""
        if split not in self._digests:
            content = [list(self.classes), [sample.digest for sample in self.splits[split]]]
            self._digests[split] = digest.of_json(content)
        return self._digests[split]

    def thinned(self, split: str, most: int) -> Index:
        """Keep fewer samples of one split, spread evenly since it may be sorted by class; other splits stay whole.

        >>> index = Index(classes=(), splits={"test": tuple(Sample(str(k), "") for k in range(5))})
        >>> [sample.key for sample in index.thinned("test", 3).splits["test"]]
        ['0', '2', '4']
        """
        samples = self.splits[split]
        if len(samples) <= most:
            return self
        last = len(samples) - 1
        places = sorted({round(last * place / max(1, most - 1)) for place in range(most)})
        taken = tuple(samples[place] for place in places)
        return replace(self, splits={**self.splits, split: taken})

    def to_json(self) -> dict[str, Any]:
        """Give a JSON-able form for another process."""
        return {
            "classes": list(self.classes),
            "splits": {name: [list(sample) for sample in samples] for name, samples in self.splits.items()},
            "dropped": [list(dropped) for dropped in self.dropped],
            "remarks": list(self.remarks),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Index:
        """Read what `to_json` gave."""
        return cls(
            classes=tuple(value["classes"]),
            splits={
                name: tuple(
                    Sample(key, sha, path, tuple(map(tuple, boxes)), tuple(labels), _numbers(numbers))
                    for key, sha, path, boxes, labels, numbers in rows
                )
                for name, rows in value["splits"].items()
            },
            dropped=tuple(Dropped(*row) for row in value["dropped"]),
            remarks=tuple(value.get("remarks", ())),
        )


def _numbers(given: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(tuple(one) if isinstance(one, list | tuple) else one for one in given)


class FileFacts(NamedTuple):
    """Facts of one file: its digest, its size as an image, and why it cannot be used.

    Attributes:
        digest: SHA-256 of its bytes; "" where it cannot be read.
        problem: why it cannot be used; "" where it can.
        height: of an image as seen, in pixels.
        width: likewise.
        orientation: by which EXIF turns the stored picture before it is seen; 1 for not at all.
        rate: of a recording, samples a second.
        frames: of a recording, samples of each channel.
        channels: of a recording.
    """

    digest: str
    problem: str
    height: int = 0
    width: int = 0
    orientation: int = 1
    rate: int = 0
    frames: int = 0
    channels: int = 0


Look = Callable[[Path], FileFacts]
"""Gives the facts of an image file. The engine's also has `many(paths)`, which is faster for very many files."""


class Example(NamedTuple):
    """One sample with its annotation, in memory.

    Attributes:
        value: as its modality takes it: the pixels of a picture, an array of numbers, ...; or, for a model of several
            inputs, a mapping of their names to one each.
        boxes: (objects, 4) float32, ymin, xmin, ymax, xmax in 0..1; (0, 4) where there are none.
        labels: (objects,) int32; (1,) for classification; (0,) where there are none. Of a regression (values,)
            float64; of keypoints (points + 1, 4) float64, see `tflbuild.tasks.keypoints.annotation`.
    """

    value: Any
    boxes: Any
    labels: Any


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Base of every data set: a frozen dataclass whose fields are its options under `data:`.

    A data set says without reading a pixel what it holds (`index`), and reads one example at a
    time (`read`), in a worker process. Declared with `@dataset("name")`.
    """

    name: ClassVar[str] = ""
    task: ClassVar[str] = ""
    modality: ClassVar[str] = "image"
    """Name of the modality of its samples."""

    preprocess: Mapping[str, Any] = field(default_factory=dict)
    """How a sample becomes the model's input, for training, calibration, evaluation and the device; see
    `tflbuild describe preprocess`."""
    augment: Mapping[str, Any] = field(default_factory=dict)
    """How training images are varied; see `tflbuild describe augment`."""
    max_pixels: Annotated[int, Ge(1)] = MAX_PIXELS
    """Pixels above which an image file is left out before it is decoded. Larger allows larger photos and needs
    more memory, 3 bytes per pixel. [pixels]"""

    def index(self, look: Look) -> Index:
        """List the splits `train`, `val` and `test`.

        Args:
            look: gives the digest of an image file and whether it decodes; remembers both.

        Raises:
            DataError: the root is missing or empty, or a split ends empty.
        """
        raise NotImplementedError

    def resolved(self) -> tuple[Dataset, tuple[Mapping[str, str], ...]]:
        """Give the data set that this one stands for (`auto` stands for another), and what was recognised at its root.

        Returns:
            A data set with its options; and `what`, `value` and `evidence`, in words, of all that was recognised.

        Raises:
            DataError: what lies there is nothing that is known, or may be several things.
        """
        return self, ()

    def decided_by(self) -> Path | None:
        """Name the folder or file that, with the options, decides the index; None if something else decides it, too."""
        return None

    def contents(self, samples: Sequence[Sample], look: Look) -> Mapping[str, str]:
        """Give the keys of samples by the SHA-256 of their files; a sample inside a larger file has its own digest.

        Args:
            samples: of one split.
            look: gives the facts of a file.
        """
        held = {sample.path: sample.key for sample in samples if sample.path}
        many: Callable[[Sequence[str]], list[FileFacts]] | None = getattr(look, "many", None)
        facts = many(list(held)) if many else [look(Path(path)) for path in held]
        return {known.digest: key for known, key in zip(facts, held.values(), strict=True)}

    def read(self, sample: Sample) -> Example:
        """Read one example."""
        raise NotImplementedError

    def code(self) -> tuple[str, ...]:
        """Name further modules that affect what `read` gives; they enter the cache key."""
        return ()


class Split:
    """A split as a pass or a metric sees it: examples by position.

    Attributes:
        name: "train", "val", "test", or the calibration source.
        classes: class names, by index.
        samples: what the split holds, in order.
        digest: names the content.
        dataset: the data set that reads the samples.
    """

    def __init__(self, name: str, dataset: Dataset, index: Index) -> None:
        self.name = name
        self.dataset = dataset
        self.classes = index.classes
        self.samples = index.splits[name]
        self.digest = index.digest(name)

    def part(self, start: int, stop: int) -> Split:
        """Give the images from `start` to `stop` as a split of the same name."""
        samples = {self.name: self.samples[start:stop]}
        return Split(self.name, self.dataset, Index(classes=self.classes, splits=samples))

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, position: int) -> Example:
        return self.dataset.read(self.samples[position])


dataset = DATASETS.declare
"""Class decorator: declare a data set under a name."""
