"""From the features of a record to an image with boxes or a class, by the keys of the Object Detection API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.data.layouts.boxed import RawBox
from tflbuild.data.layouts.class_lists import BACKGROUND, ClassList
from tflbuild.data.layouts.tf_examples import Feature, Span

ENCODED = ("image/encoded", "image", "image_raw")
NAMES = ("image/filename", "image/source_id", "image/id", "filename", "image/key")
NUMBER = ("image/class/label", "label")
TEXT = ("image/class/text", "label/text")
EDGES = tuple(f"image/object/bbox/{edge}" for edge in ("ymin", "xmin", "ymax", "xmax"))
BOX_NUMBER, BOX_TEXT = "image/object/class/label", "image/object/class/text"
CROWD = ("image/object/is_crowd", "image/object/group_of")


class Unusable(ValueError):
    """A record cannot be a sample; the message completes "record N "."""


class Words(NamedTuple):
    """Meanings of the numbers and texts of classes.

    Attributes:
        listed: the list of classes beside the records; None for none.
        seen: names by number, as records have them; grows.
        bare: numbers that came without a text; grows.
    """

    listed: ClassList | None
    seen: dict[int, str]
    bare: set[int]

    def declared(self, root: str) -> list[str]:
        """Give the classes that the list has, in the order of their numbers; none where there is no list.

        Raises:
            DataError: it counts from 0 where 0 is the background, and nothing shows that records do, too.
        """
        if self.listed is None:
            return []
        names = dict(self.listed.names)
        if names.get(0, "").casefold() == BACKGROUND:
            del names[0]
        elif 0 in names and self.bare and 0 not in self.bare:
            raise DataError(
                f"data.root: {plain(self.listed.source)} in '{root}' counts from 0, and no record has the number 0, "
                f"which is the background for the Object Detection API: it is unclear whether the records "
                f"count from 1; number the list as the records do."
            )
        return [names[number] for number in sorted(names)]

    def ordered(self, names: Iterable[str]) -> list[str]:
        """Put names in the order of their numbers; those without one behind them."""
        numbers = {name: number for number, name in self.seen.items()}
        return sorted(names, key=lambda name: (name not in numbers, numbers.get(name, 0), name))

    def name(self, number: int | None, text: str | None, where: str) -> str:
        """Give the name of a class; "" where nothing says it.

        Raises:
            DataError: a number and its text mean two classes.
        """
        known = self.listed.names if self.listed else {}
        if text:
            meant = self.listed.numbers().get(text) if self.listed else None
            shown = known[meant] if meant is not None else text
            if number is not None and self.listed and meant != number:
                raise DataError(
                    f"data.root: {plain(where)} has the class '{plain(text)}' with the number {number}, which "
                    f"{plain(self.listed.source)} gives to {_quoted(known.get(number))}."
                )
            if number is not None and self.seen.setdefault(number, shown) != shown:
                raise DataError(
                    f"data.root: {plain(where)} gives the number {number} to '{plain(shown)}', and others to "
                    f"'{plain(self.seen[number])}'."
                )
            return shown
        if number is None:
            return ""
        self.bare.add(number)
        return known.get(number, "") if self.listed else self.seen.setdefault(number, str(number))


def _quoted(name: str | None) -> str:
    return f"'{plain(name)}'" if name else "no class"


def encoded(features: Mapping[str, Feature]) -> Span:
    """Give where the image file lies in its record.

    Raises:
        Unusable: it has none.
    """
    for key in ENCODED:
        if key in features and len(features[key].spans) == 1:
            return features[key].spans[0]
    keys = ", ".join(plain(key, 60) for key in list(features)[:12]) or "none"
    raise Unusable(f"has no image in 'image/encoded'; its keys are {keys}")


def named(features: Mapping[str, Feature], record: bytes, number: int) -> str:
    """Give the name of an image as its record has it, without folders; else its number."""
    for key in NAMES:
        spans = features.get(key, Feature()).spans
        if spans:
            text = record[spans[0].start : spans[0].stop].decode("utf-8", "replace")
            last = text.replace("\\", "/").rpartition("/")[2].strip()
            if last:
                return plain(last, 100).replace("/", "_")
    return f"{number:05d}"


def size(features: Mapping[str, Feature]) -> tuple[int, int]:
    """Give the declared height and width; 0 where a record does not say."""
    height, width = (
        next(iter(features.get(f"image/{side}", Feature()).integers), 0) for side in ("height", "width")
    )
    return max(0, height), max(0, width)


def is_boxed(features: Mapping[str, Feature]) -> bool:
    """Tell whether a record is one of boxes."""
    return any(key.startswith("image/object/") for key in features)


def boxes(
    features: Mapping[str, Feature], record: bytes, words: Words, where: str
) -> tuple[tuple[RawBox, ...], list[str]]:
    """Give the boxes of a record, and what is wrong with some.

    Raises:
        Unusable: keys are missing, or are not of the same length.
        DataError: a class contradicts the label map.
    """
    missing = [key for key in EDGES if key not in features]
    if missing:
        raise Unusable(f"has no '{missing[0]}'")
    edges = [_numbers(features[key]) for key in EDGES]
    count = len(edges[0])
    texts = [
        record[s.start : s.stop].decode("utf-8", "replace") for s in features.get(BOX_TEXT, Feature()).spans
    ]
    numbers = list(features.get(BOX_NUMBER, Feature()).integers)
    lengths = {len(values) for values in edges} | {len(values) for values in (texts, numbers) if values}
    if len(lengths) > 1:
        raise Unusable(f"has {' and '.join(map(str, sorted(lengths)))} values in keys of one box each")
    if count and not texts and not numbers:
        raise Unusable(f"has neither '{BOX_TEXT}' nor '{BOX_NUMBER}'")
    crowds = {at for key in CROWD for at, one in enumerate(features.get(key, Feature()).integers) if one}
    found, problems = [], []
    for at in range(count):
        number = numbers[at] if numbers else None
        name = words.name(number, texts[at] if texts else None, where)
        if not name:
            problems.append(f"box {at + 1} has class {number}, which {_source(words)} does not list: dropped")
        elif at in crowds:
            problems.append(f"box {at + 1} ({name}) is a crowd: dropped")
        else:
            found.append(RawBox(str(at + 1), name, *(values[at] for values in edges)))
    return tuple(found), problems


def label(features: Mapping[str, Feature], record: bytes, words: Words, where: str) -> str:
    """Give the class of a record.

    Raises:
        Unusable: it has none, or several.
        DataError: it contradicts the label map.
    """
    numbers = next((features[key].integers for key in NUMBER if key in features), ())
    spans: Sequence[Span] = next((features[key].spans for key in TEXT if key in features), ())
    if len(numbers) > 1 or len(spans) > 1:
        raise Unusable("has several classes")
    text = record[spans[0].start : spans[0].stop].decode("utf-8", "replace") if spans else None
    if not numbers and not text:
        raise Unusable(f"has neither '{NUMBER[0]}' nor '{TEXT[0]}'")
    name = words.name(numbers[0] if numbers else None, text, where)
    if not name:
        raise Unusable(f"has class {numbers[0]}, which {_source(words)} does not list")
    return name


def _source(words: Words) -> str:
    return f"'{plain(words.listed.source)}'" if words.listed else "nothing"


def _numbers(feature: Feature) -> tuple[float, ...]:
    return feature.floats or tuple(map(float, feature.integers))
