"""The arrays of a file as samples: which go in, which are labels, and of which split, by names, types and shapes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tflbuild.core.array_file import Held
from tflbuild.core.dataset import Dropped
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLIT_OF, SPLITS

LABELS = ("labels", "y", "label", "targets")
"""Names of arrays that are labels where nobody says which are, in any case."""

_WORDS = "|".join(sorted(SPLIT_OF, key=len, reverse=True))
_OF_A_SPLIT = re.compile(
    rf"(?P<first>{_WORDS})[_\-. ]+(?P<rest>.+)|(?P<begin>.+?)[_\-. ]+(?P<last>{_WORDS})|(?P<alone>{_WORDS})",
    re.IGNORECASE,
)


class Part(NamedTuple):
    """The arrays of one split, which have a row for each sample.

    Attributes:
        rows: how many samples it has.
        inputs: by the name of an input, the array that holds it.
        labels: the array of class numbers; "" where there is none.
    """

    rows: int
    inputs: Mapping[str, str]
    labels: str


class ArrayLayout(NamedTuple):
    """The samples of a file of arrays.

    Attributes:
        parts: by split; `train` alone where names say no split.
        pictures: whether every input holds pictures: uint8 (n, height, width), with 1 or 3 channels behind or none.
        left_out: arrays that are not used, and why.
    """

    parts: Mapping[str, Part]
    pictures: bool
    left_out: tuple[Dropped, ...]


def arranged(held: Mapping[str, Held], labels: str | None = None) -> ArrayLayout:
    """Tell what the arrays of a file are.

    Args:
        held: the arrays by name.
        labels: the name of the array of labels, without that of a split; None to recognise it.

    Raises:
        ValueError: they are no samples, or may be several things; the message completes "FILE ".
    """
    left_out: list[Dropped] = []
    by_split = _by_split(held, left_out)
    classes, none = _labels(by_split["train"], held, labels)
    parts = {}
    for split, arrays in by_split.items():
        left_out += [
            Dropped(
                array, f"an array of {held[array]}, named like labels, which are whole numbers, one per row"
            )
            for name, array in arrays.items()
            if name in none
        ]
        parts[split] = _part(
            split, {k: v for k, v in arrays.items() if k not in none}, classes, held, left_out
        )
    for split, part in parts.items():
        if part.inputs.keys() != parts["train"].inputs.keys():
            here, there = _listed(part.inputs.values()), _listed(parts["train"].inputs.values())
            raise ValueError(
                f"has {here} for {split}, and {there} for train; expected the same for each split"
            )
    every = [held[name] for part in parts.values() for name in part.inputs.values()]
    return ArrayLayout(parts, all(map(_are_pictures, every)), tuple(left_out))


def _by_split(held: Mapping[str, Held], left_out: list[Dropped]) -> dict[str, dict[str, str]]:
    """Give the arrays of every split by name without that of the split; all are of train where no name says one."""
    found: dict[str, dict[str, str]] = {}
    loose = []
    for name in held:
        split, rest = parted(name)
        if not split:
            loose.append(name)
        elif rest in found.setdefault(split, {}):
            raise ValueError(f"has '{plain(found[split][rest])}' and '{plain(name)}', which mean the same")
        else:
            found[split][rest] = name
    if not found:
        return {"train": {name: name for name in loose}}
    if "train" not in found:
        names = _listed(name for arrays in found.values() for name in arrays.values())
        raise ValueError(f"has {names}, and no array named like one of train")
    for name in loose:
        twin = next((arrays[name] for arrays in found.values() if name in arrays), "")
        if twin:
            raise ValueError(f"has '{plain(name)}', which names no split, beside '{plain(twin)}'")
        left_out.append(Dropped(name, f"an array of {held[name]}, whose name says no split"))
    return {split: found[split] for split in SPLITS if split in found}


def parted(name: str) -> tuple[str, str]:
    """Take the name of a split off that of an array.

    >>> parted("x_train"), parted("val_images"), parted("Test"), parted("features")
    (('train', 'x'), ('val', 'images'), ('test', 'x'), ('', 'features'))
    """
    found = _OF_A_SPLIT.fullmatch(name)
    if found is None:
        return "", name
    word = found["first"] or found["last"] or found["alone"]
    return SPLIT_OF[word.lower()], found["rest"] or found["begin"] or "x"


def _labels(
    arrays: Mapping[str, str], held: Mapping[str, Held], said: str | None
) -> tuple[str, frozenset[str]]:
    """Give the name of the labels, without that of a split, and names of labels that cannot be used.

    Args:
        arrays: those of train.
        held: the arrays by name.
        said: as the recipe names the labels.

    Returns:
        "" where there are no labels, and names of arrays that are neither labels nor go in.
    """
    if said is not None:
        name = next((rest for rest, array in arrays.items() if said in (rest, array)), "")
        if not name:
            there = _listed(arrays)
            raise ValueError(f"has no array '{plain(said)}', which data.labels names; it has {there}")
        return name, frozenset()
    named = [name for name in arrays if name.lower() in LABELS]
    if not any(held[array].is_numbers for name, array in arrays.items() if name not in named):
        return "", frozenset()
    found = [name for name in named if _are_labels(held[arrays[name]])]
    if len(found) > 1:
        raise ValueError(f"has {_listed(found)}, which may be the labels; say which with data.labels")
    return found[0] if found else "", frozenset(named) - frozenset(found)


def _part(
    split: str,
    arrays: Mapping[str, str],
    classes: str,
    held: Mapping[str, Held],
    left_out: list[Dropped],
) -> Part:
    """Give the arrays of one split, held to have as many rows as one another."""
    inputs = {}
    for name, array in arrays.items():
        if name == classes:
            continue
        if reason := _why_none(held[array], array):
            left_out.append(Dropped(array, f"an array of {held[array]}, {reason}"))
        else:
            inputs[name] = array
    if not inputs:
        said = ", ".join(f"'{plain(array)}' {held[array]}" for array in list(arrays.values())[:5])
        raise ValueError(f"has no array of numbers with a row for each sample; it has {said or 'none'}")
    labels = arrays.get(classes, "") if classes else ""
    if classes and not labels:
        raise ValueError(f"has no '{plain(classes)}' for {split}, which train has")
    if labels and not _are_labels(held[labels]):
        raise ValueError(
            f"has labels '{plain(labels)}' of {held[labels]}; expected whole numbers, one per row"
        )
    first, *others = [*inputs.values(), *([labels] if labels else [])]
    rows = held[first].shape[0]
    for array in others:
        if held[array].shape[0] != rows:
            ours, theirs = f"{rows} rows in '{plain(first)}'", f"{held[array].shape[0]} in '{plain(array)}'"
            raise ValueError(f"has {ours} and {theirs}; expected as many in each, one per sample")
    for array in inputs.values():
        if 0 in held[array].shape:
            raise ValueError(f"has nothing in '{plain(array)}' {held[array]}")
    return Part(rows, inputs, labels)


def _why_none(held: Held, name: str) -> str:
    """Say why an array does not go in; "" where it does."""
    if not held.is_numbers:
        return "which are not numbers"
    if not held.shape:
        return "one number for all rows"
    if held.dtype == "|u1" and len(held.shape) == 3 and held.shape[2] == 3:
        raise ValueError(
            f"has '{plain(name)}' {held}, which may be one picture: save array[None], or numbers as float32"
        )
    return ""


def _are_labels(held: Held) -> bool:
    return held.is_whole and (len(held.shape) == 1 or (len(held.shape) == 2 and held.shape[1] == 1))


def _are_pictures(held: Held) -> bool:
    shape = held.shape
    return (
        held.dtype == "|u1"
        and (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3)))
        and 0 not in shape
    )


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(f"'{plain(name, 60)}'" for name in listed[:8]) + (", ..." if len(listed) > 8 else "")
