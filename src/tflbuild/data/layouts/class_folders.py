"""Tell folders of classes from folders of splits and of something else, by the names of folders and images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tflbuild.core.split_names import SPLIT_OF


def folders_inside(images: Sequence[str]) -> list[str]:
    """Name the folders in a class folder that may be classes, or splits, themselves; none where they are neither.

    Args:
        images: those below the class folder, relative to it.
    """
    inner = {name.partition("/")[0] for name in images if "/" in name}
    direct = any("/" not in name for name in images)
    splits = sorted(name for name in inner if name.lower() in SPLIT_OF)
    if not splits and (direct or len(inner) < 2) and not (inner and not direct and _two_deep(images)):
        return []
    return splits or sorted(inner)


def _two_deep(images: Sequence[str]) -> bool:
    """Tell whether images lie in several folders two levels down."""
    return len({tuple(name.split("/")[:2]) for name in images if name.count("/") > 1}) > 1


def hidden_splits(names: Iterable[str]) -> Mapping[str, str]:
    """Give the folders that are splits by another name, such as `seg_train` and `seg_test`; {} for one alone."""
    meant: dict[str, str] = {}
    for name in names:
        for word in re.findall(r"[a-z]+", name.lower()):
            split = SPLIT_OF.get(word) or next(
                (s for s in ("train", "test") if word.startswith(s) or word.endswith(s)), None
            )
            if split:
                meant.setdefault(split, name)
    return meant if len(meant) > 1 else {}


def by_folder(images: Iterable[str]) -> dict[str, list[str]]:
    """Give the images below each folder, relative to it; what lies in none is in "".

    >>> by_folder(["a.png", "cat/b.png", "cat/more/c.png"])
    {'': ['a.png'], 'cat': ['b.png', 'more/c.png']}
    """
    found: dict[str, list[str]] = {}
    for name in images:
        folder, _, rest = name.rpartition("/") if "/" not in name else name.partition("/")
        found.setdefault(folder, []).append(rest)
    return found
