"""Say in one line what a data set or a source left out, counted by kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tflbuild.core.dataset import Dropped
from tflbuild.core.plain_text import plain

KINDS = (
    (r"^photo without annotation", "photo without annotation", "photos without annotation"),
    (
        r"^(the file is missing|there is no image|its image )",
        "missing image or annotation",
        "missing images or annotations",
    ),
    (r"the same row as", "row twice", "rows twice"),
    (r"^left out of |(^|: )(the )?same image", "image twice", "images twice"),
    (r"^has \d+ x \d+ pixels, more than", "image too large", "images too large"),
    (r"^(not an image|does not decode)", "damaged image", "damaged images"),
    (r"EXIF", "turned photo", "turned photos"),
    (r"(scaled|they fit the image)$", "resized image", "resized images"),
    (r"^box .*clipped$", "box clipped", "boxes clipped"),
    (r"^\d+ x class", "class missing in train", "classes missing in train"),
    (r"^(box|annotation) ", "invalid annotation", "invalid annotations"),
    (r"^boxes of classes", "group of boxes outside data.classes", "groups of boxes outside data.classes"),
    (r"^class ", "image of a class that was not chosen", "images of classes that were not chosen"),
    (r"^in no list of", "annotation in no list", "annotations in no list"),
    (r"^the id .* is of several images", "id shared by several images", "ids shared by several images"),
    (r"fits? several|which differ$", "name that fits several files", "names that fit several files"),
    (r"(its name|cannot be used: ) ?", "name that cannot be used", "names that cannot be used"),
    (r"^not a regular file", "entry that is not a file", "entries that are not files"),
    (
        r"an image outside the folders",
        "image outside the folders of classes",
        "images outside the folders of classes",
    ),
    (
        r"an image beside the folders",
        "image beside the folders of splits",
        "images beside the folders of splits",
    ),
    (r"^a link", "link", "links"),
    (r"^an array", "array that is not used", "arrays that are not used"),
    (r"^hidden", "hidden file or folder", "hidden files and folders"),
    (r"^not named like", "file that is not named like an image", "files that are not named like images"),
)
"""Patterns of reasons with what they are called, once and many times; the first that fits counts."""


def summary(dropped: Sequence[Dropped]) -> str:
    """Count what a data set left out by kind, with the first of it.

    >>> summary([Dropped("a.jpg", "does not decode: x"), Dropped("b.jpg", "not an image that PIL can read")])
    'data: 2 damaged images skipped, e.g. a.jpg: does not decode: x; all are in report.json'
    """
    file, reason = dropped[0]
    first = f"e.g. {plain(file)}: {plain(reason)}"
    return f"data: {', '.join(counted(dropped))} skipped, {first}; all are in report.json"


def listed(dropped: Sequence[Dropped], key: str, most: int = 20) -> str:
    """Count what a source of the recipe left out by kind, with all of it, since nothing else names it.

    >>> listed([Dropped("a.jpg", "does not decode: x")], "quantize.calibration.source")
    'quantize.calibration.source: 1 damaged image skipped: a.jpg: does not decode: x'
    """
    named = [f"{plain(file)}: {plain(reason)}" for file, reason in dropped[:most]]
    more = [f"and {len(dropped) - most} more"] if len(dropped) > most else []
    return f"{key}: {', '.join(counted(dropped))} skipped: {'; '.join([*named, *more])}"


def counted(dropped: Iterable[Dropped]) -> list[str]:
    """Give e.g. `["3 photos without annotation", "1 damaged image"]`, the most first."""
    counts: dict[tuple[str, str], int] = {}
    for one in dropped:
        kind = _kind(one.reason)
        counts[kind] = counts.get(kind, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return [f"{count} {kind[0] if count == 1 else kind[1]}" for kind, count in ordered]


def _kind(reason: str) -> tuple[str, str]:
    for pattern, one, many in KINDS:
        if re.search(pattern, reason):
            return one, many
    return "other entry", "other entries"
