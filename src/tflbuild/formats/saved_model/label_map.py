"""Label maps of the Object Detection API (`label_map.pbtxt`): class names by id, from 1 on."""

from __future__ import annotations

from collections.abc import Mapping

from tflbuild.core import text_file
from tflbuild.core.plain_text import plain
from tflbuild.formats.saved_model import prototext

MOST_ID = 1 << 17

UNNAMED = "unnamed "


def names_of(content: bytes, classes: int) -> tuple[str, ...]:
    """Give the names of the ids 1, 2, ... of a map; an id that it leaves out is called "unnamed" with its number.

    Args:
        content: of the file.
        classes: how many the model has.

    Raises:
        ValueError: it is no label map, two names have one id, or it has ids that the model lacks; completes "it ".
    """
    found: dict[int, str] = {}
    for item in prototext.parsed(text_file.decoded(content)).get("item", []):
        number, name = _entry(item)
        if number in found:
            raise ValueError(
                f"gives the id {number} to '{plain(found[number], 40)}' and to '{plain(name, 40)}'"
            )
        found[number] = name
    if not found:
        raise ValueError("names no class")
    if 0 in found and found[0].casefold() != "background":
        raise ValueError(
            f"begins with the id 0, '{plain(found[0], 40)}'; 0 is the background, and classes begin with 1"
        )
    found.pop(0, None)
    if len(set(found.values())) < len(found):
        twice = next(name for name in found.values() if list(found.values()).count(name) > 1)
        raise ValueError(f"has two ids for '{plain(twice, 40)}'")
    if max(found, default=0) != classes:
        raise ValueError(f"has {max(found, default=0)} classes, and the model {classes}")
    return tuple(found.get(number, f"{UNNAMED}{number}") for number in range(1, classes + 1))


def _entry(item: object) -> tuple[int, str]:
    if not isinstance(item, Mapping):
        raise ValueError("has an item that is not a message")
    number = item.get("id", [None])[-1]
    name = (item.get("display_name") or item.get("name") or [""])[-1]
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MOST_ID:
        raise ValueError(f"has an item with the id {plain(number, 40)}")
    if not isinstance(name, str) or not name:
        raise ValueError(f"has no name for the id {number}")
    return number, name
