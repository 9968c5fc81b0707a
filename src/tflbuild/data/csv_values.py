"""Photos with a table of numbers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tflbuild.core import digest
from tflbuild.core.dataset import Dropped, FileFacts, Index, Look, Sample, dataset
from tflbuild.core.errors import DataError
from tflbuild.core.image_files import fault_of_name
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLIT_OF, SPLITS
from tflbuild.data.layouts import value_tables
from tflbuild.data.layouts.files import FileDataset, looked_at, without_leaks
from tflbuild.data.layouts.value_tables import Line

EXPECTED = "a folder with files and a table, e.g. values.csv, of their names and values, or the table itself"


@dataclass(frozen=True, kw_only=True)
class TabledValues(FileDataset):
    """Base of data sets of files whose values a table says."""

    noun: ClassVar[str] = "image"

    file_column: str | None = None
    """The column of files. null: the one called filename, path, image or the like."""
    columns: tuple[str, ...] | None = None
    """The columns of values, in the order in which the model gives them. null: all others that hold nothing but
    numbers."""

    def index(self, look: Look) -> Index:
        """List the splits, reading every table.

        Raises:
            DataError: a table lacks a column, a value is no number, or a split would end empty.
        """
        place = self.place(EXPECTED)
        if self.classes is not None:
            raise DataError("data.classes: numbers have no classes; name the values by data.columns.")
        tabled = value_tables.read(place, self.root, self.file_column, self.columns)
        folder = place.parent if place.is_file() else place
        dropped: list[Dropped] = []
        without = tabled.lines.pop("", [])
        tabled.lines["train"] = tabled.lines.get("train", []) + without
        samples = {
            split: self._samples(folder, split, lines, look, dropped)
            for split, lines in tabled.lines.items()
            if lines
        }
        if not samples.get("train"):
            raise self._empty("train", dropped)
        apart, leaks = without_leaks(
            self.completed(samples, key=lambda sample: sample.key),
            lambda sample: sample.digest,
            lambda sample: sample.key,
            self.noun,
        )
        dropped += leaks
        for split in SPLITS:
            if not apart[split]:
                raise self._empty(split, dropped)
        splits = {split: tuple(map(_decided, apart[split])) for split in SPLITS}
        self._refuse_constant(tabled.names, splits["train"])
        return Index(classes=tabled.names, splits=splits, dropped=tuple(dropped))

    def decided_by(self) -> Path | None:
        """Name the folder or the table, if it is there."""
        root = self._root()
        return root if self.root.strip() and os.path.exists(root) else None

    def fault(self, facts: FileFacts) -> str:
        """Say why a file cannot be used; "" where it can."""
        return facts.problem

    def _empty(self, split: str, dropped: list[Dropped]) -> DataError:
        first = (
            f"; {len(dropped)} were left out, the first: {plain(': '.join(dropped[0]), 400)}"
            if dropped
            else ""
        )
        return DataError(f"data.root: the {split} split of '{self.root}' has no usable {self.noun}{first}.")

    def _samples(
        self, folder: Path, split: str, lines: list[Line], look: Look, dropped: list[Dropped]
    ) -> list[Sample]:
        """Find the file of each line; one that is missing or broken is left out."""
        found: list[tuple[Line, str]] = []
        for line in lines:
            path = self._file(folder, split, line)
            if path is None:
                dropped.append(Dropped(line.source, f"line {line.number}: there is no file '{line.name}'"))
            else:
                found.append((line, path))
        base = f"{folder}{os.sep}"
        keys = [path.removeprefix(base) for _, path in found]
        kept = value_tables.once([line for line, _ in found], keys, dropped)
        facts = looked_at([found[place][1] for place in kept], look)
        samples = []
        for place, known in zip(kept, facts, strict=True):
            line, path = found[place]
            if fault := self.fault(known):
                dropped.append(Dropped(keys[place], fault))
            else:
                samples.append(Sample(key=keys[place], digest=known.digest, path=path, numbers=line.values))
        return self._of_one_value(samples, dropped)

    def _of_one_value(self, samples: list[Sample], dropped: list[Dropped]) -> list[Sample]:
        """Leave out files of the same content: both where their values differ, since nobody knows which is right."""
        by_content: dict[str, list[Sample]] = {}
        for sample in samples:
            by_content.setdefault(sample.digest, []).append(sample)
        kept = []
        for twins in by_content.values():
            first = twins[0].key
            if len({sample.numbers for sample in twins}) > 1:
                said = f"the same {self.noun} as {twins[1].key}, but with other values: not used"
                dropped.append(Dropped(first, said))
                continue
            kept.append(twins[0])
            dropped += [Dropped(one.key, f"the same {self.noun} as {first}: used once") for one in twins[1:]]
        return kept

    def _file(self, folder: Path, split: str, line: Line) -> str | None:
        """Find a file beside the table, in the root, or in a folder named after the split; never outside."""
        if fault_of_name(line.name):
            return None
        names = [name for name, meant in SPLIT_OF.items() if meant == split]
        for under in ("", os.path.dirname(line.source), *names, "images", "photos"):
            base = os.path.join(folder, under)
            path = os.path.normpath(os.path.join(base, line.name.replace("\\", "/")))
            if path.startswith(f"{base.rstrip(os.sep)}{os.sep}") and os.path.isfile(path):
                return path
        return None

    def _refuse_constant(self, names: tuple[str, ...], samples: tuple[Sample, ...]) -> None:
        """Refuse values that are the same in every sample of train.

        Raises:
            DataError: names it.
        """
        for place, name in enumerate(names):
            if len({sample.numbers[place] for sample in samples}) == 1:
                raise DataError(
                    f"data.columns: '{plain(name)}' is {samples[0].numbers[place]:g} in every sample of train, so that "
                    f"nothing can be learnt of it; leave it out."
                )


def _decided(sample: Sample) -> Sample:
    """Let the values decide a sample, too."""
    return sample._replace(digest=digest.of_json([sample.digest, sample.numbers]))


@dataset("csv_values")
class CsvValues(TabledValues):
    """Photos with a table of numbers: a file and its values a line, for regression.

    The first line names the columns. The delimiter is recognised. A table is of the split that its name, its folder or
    a column says; without any, parts of it become val and test. Files that are missing or broken, a file with two
    lines of other values, and photos that are the same with other values are left out and reported; a value that is no
    number is an error that names the line.
    """

    task = "regression"
