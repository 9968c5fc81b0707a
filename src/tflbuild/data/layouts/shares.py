"""The base of data sets whose splits are drawn by content, so that the order of files or rows decides nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

from annotated_types import Ge

from tflbuild.core.dataset import Dropped
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLITS
from tflbuild.data.layouts.files import RootedDataset, without_leaks

T = TypeVar("T")

SHARE = 4
"""A split that is not given gets one part in so many."""


@dataclass(frozen=True, kw_only=True)
class DrawnDataset(RootedDataset):
    """Base of data sets that give val and test a part of train where they do not say what belongs there.

    Which samples those are follows from `seed` and their content alone; what is the same lies in one split.
    """

    train: Annotated[int, Ge(1)] | None = None
    """Samples to train and calibrate on, drawn by content. null: all that val and test leave. [samples]"""
    val: Annotated[int, Ge(1)] | None = None
    """Samples that budgets between passes are judged on. More make decisions more certain and take longer.
    null: all of the val split, or a quarter where there is none. [samples]"""
    test: Annotated[int, Ge(1)] | None = None
    """Samples of the final numbers. More give narrower intervals and take longer. null: all of the test split,
    or a quarter where there is none. [samples]"""
    seed: Annotated[int, Ge(0)] = 0
    """Seed of the draws that make splits; independent of the recipe's `seed`. [no unit]"""

    def drawn(
        self,
        given: Mapping[str, list[T]],
        content: Callable[[T], str],
        name: Callable[[T], str],
        noun: str,
        dropped: list[Dropped],
    ) -> dict[str, list[T]]:
        """Give every split: those that are missing as parts of train, and of each as many as are wanted.

        Args:
            given: samples by split; train at least.
            content: names what a sample holds.
            name: of a sample, for messages.
            noun: one sample, for messages.
            dropped: gains what two splits hold.

        Raises:
            DataError: there are too few for three splits, or for what is wanted.
        """
        missing = [split for split in SPLITS if split not in given]
        apart, leaks = without_leaks({split: given.get(split, []) for split in SPLITS}, content, name, noun)
        dropped += leaks
        contents = sorted({content(item) for item in apart["train"]}, key=self._rank)
        of = self._parts(contents, missing, noun, dropped) if missing else {}
        parted = {**apart, **{split: [] for split in missing}, "train": []}
        for item in apart["train"]:
            parted[of.get(content(item), "train")].append(item)
        for split in SPLITS:
            if not parted[split]:
                ends = f"the {split} split of '{self.root}' has no usable {noun}"
                raise DataError(f"data.root: {ends}{_first(dropped)}.")
        return {split: self._taken(split, parted[split], content, noun) for split in SPLITS}

    def _parts(
        self, contents: list[str], missing: list[str], noun: str, dropped: list[Dropped]
    ) -> dict[str, str]:
        """Give the split of each content that leaves train, by its rank."""
        takers = f"train{', val' * (len(missing) > 1)} and {missing[-1]}"
        found = f"'{self.root}' has {len(contents)} different usable {noun}{'s' * (len(contents) != 1)}"
        if len(contents) <= len(missing):
            raise DataError(
                f"data.root: {found}; {takers} need one each, {len(missing) + 1} or more{_first(dropped)}."
            )
        usual = max(1, round(len(contents) / SHARE))
        counts = {split: self._wanted(split) or usual for split in missing}
        if sum(counts.values()) >= len(contents):
            split = max(missing, key=lambda split: self._wanted(split) or 0)
            raise DataError(f"data.{split}: {counts[split]} is too many: {found} for {takers}.")
        ranked = iter(contents)
        return {next(ranked): split for split, count in counts.items() for _ in range(count)}

    def _taken(self, split: str, items: list[T], content: Callable[[T], str], noun: str) -> list[T]:
        """Take as many as are wanted, by the rank of their content; in the order that they had."""
        count = self._wanted(split)
        if count is None:
            return items
        if count > len(items):
            raise DataError(
                f"data.{split}: {count} {noun}s were asked for, but '{self.root}' has {len(items)}."
            )
        places = sorted(range(len(items)), key=lambda place: (self._rank(content(items[place])), place))
        return [items[place] for place in sorted(places[:count])]

    def _wanted(self, split: str) -> int | None:
        wanted: int | None = getattr(self, split)
        return wanted

    def _rank(self, content: str) -> bytes:
        return hashlib.sha256(f"{self.seed} {content}".encode()).digest()


def _first(dropped: list[Dropped]) -> str:
    return f"; {len(dropped)} were left out, the first: {plain(': '.join(dropped[0]))}" if dropped else ""
