"""Ids of images in TFRecords, which writers number by hand: that one is of several images is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tflbuild.core.dataset import Dropped
from tflbuild.core.plain_text import plain
from tflbuild.data.layouts.tf_examples import Feature

KEY = "image/source_id"


class Ids:
    """The ids of the records of one split, and which images they are of."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, str, str]] = {}
        self._torn: dict[str, str] = {}

    def add(
        self, features: Mapping[str, Feature], content: bytes, digest: str, name: str, number: int
    ) -> None:
        """Take the id of a record.

        Args:
            features: of the record.
            content: of the record.
            digest: of its image file.
            name: of the file that it lies in.
            number: of the record in there.
        """
        said = _id(features.get(KEY, Feature()), content)
        where = f"record {number} of {name}"
        if said and self._first.setdefault(said, (digest, where, name))[0] != digest:
            self._torn.setdefault(said, where)

    def remarks(self) -> Iterator[Dropped]:
        """Say of each id that is of several images which the first two are; boxes lie in the records themselves."""
        for said, other in self._torn.items():
            _, where, name = self._first[said]
            reason = f"the id '{plain(said, 60)}' is of several images, {where} and {other}: not used, all are taken"
            yield Dropped(name, reason)


def _id(feature: Feature, content: bytes) -> str:
    if feature.spans:
        start, stop = feature.spans[0]
        return content[start:stop].decode("utf-8", "replace")
    return str(feature.integers[0]) if feature.integers else ""
