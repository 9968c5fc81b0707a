"""Samples from outside the data set, for calibration: a folder, a glob, a list file, an `.npy` or an `.npz`."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.array_file import is_array_name
from tflbuild.core.dataset import Dropped, FileFacts
from tflbuild.core.errors import DataError
from tflbuild.core.image_files import below, fault_of_name
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.core.text_file import decoded

LISTS = frozenset({".txt", ".list", ".lst"})
MOST_BYTES = 1 << 28
"""Bytes of a list file that are read."""

EXPECTED = "data.<split>, a folder, a glob, a list file (.txt), an .npy or an .npz"
EXPECTED_OTHERS = {
    "array": "data.<split>, an .npy or an .npz",
    "recording": "data.<split>, a folder of recordings, a glob or a list file (.txt)",
}


class Source(NamedTuple):
    """The files that a source names, in a fixed order and each once, and those that are left out."""

    files: tuple[Path, ...]
    left_out: tuple[Dropped, ...]


def files_of(
    source: str, key: str = "calibration.source", noun: str = "image", suffixes: tuple[str, ...] = ()
) -> Source:
    """List the files that a source names.

    Args:
        source: a folder (searched with its sub-folders), a glob, a text file with one path a line (relative to the
            text file's folder), one image, or an `.npy` or `.npz` with pictures; of numbers an `.npy` or `.npz` with a
            row for each sample.
        key: the recipe key, for the error message.
        noun: what a file of samples is called, "image", "array" or "recording".
        suffixes: ends of the names of files that a folder is searched for; () for those of images.

    Raises:
        DataError: it names nothing.
    """
    expected = EXPECTED_OTHERS.get(noun, EXPECTED)
    if not source.strip():
        raise DataError(f"{key}: not given; expected {expected}.")
    try:
        found = _found(source, Path(source).expanduser(), noun, suffixes)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{key}: '{plain(source)}' cannot be read: {reason}.") from error
    if not found.files:
        raise DataError(
            f"{key}: '{plain(source)}' names no {noun}; expected {expected}.{_first(found.left_out)}"
        )
    return found


def usable(
    source: str, found: Source, facts: Sequence[FileFacts], key: str, noun: str = "image"
) -> tuple[list[int], list[Dropped]]:
    """Tell the files that can be used from those that are left out.

    Args:
        source: as the recipe has it.
        found: what it names.
        facts: of each of its files.
        key: the recipe key, for the error message.
        noun: what a file of samples is called, "image", "array" or "recording".

    Returns:
        Positions of the usable files; and all that is left out, with reasons.

    Raises:
        DataError: none can be used, or an array cannot.
    """
    good, left_out = [], list(found.left_out)
    for position, (path, known) in enumerate(zip(found.files, facts, strict=True)):
        if not known.problem:
            good.append(position)
        elif is_array_name(path):
            raise DataError(f"{key}: {plain(path)} {known.problem}.")
        else:
            left_out.append(Dropped(str(path), known.problem))
    if not good:
        what = f"none of the {len(found.files)} files of '{plain(source)}' is" if len(found.files) > 1 else ""
        raise DataError(f"{key}: {what or f'{plain(source)!r} is not'} a usable {noun}.{_first(left_out)}")
    return good, left_out


def _first(left_out: Sequence[Dropped]) -> str:
    if not left_out:
        return ""
    file, reason = left_out[0]
    more = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
    return f" Left out: {plain(file)}: {plain(reason)}{more}."


def _found(source: str, path: Path, noun: str, suffixes: tuple[str, ...]) -> Source:
    if path.is_dir():
        return _in_folder(path, noun, suffixes)
    if path.suffix.lower() in LISTS:
        return _listed(path, noun) if path.exists() else Source((), ())
    if path.exists():
        return Source((path,), ())
    return _named(sorted(glob.glob(os.path.expanduser(source), recursive=True)))


def _in_folder(folder: Path, noun: str, suffixes: tuple[str, ...]) -> Source:
    found = below(os.fspath(folder))
    taken, others = found.images, found.others
    if suffixes:
        every = sorted([*found.images, *found.others])
        taken = [name for name in every if name.lower().endswith(suffixes)]
        others = [name for name in every if not name.lower().endswith(suffixes)]
    arrays = [name for name in others if is_array_name(Path(name))]
    left_out = [Dropped(name, reason) for name, reason in found.left_out]
    left_out += [Dropped(name, f"not named like {_a(noun)}") for name in others if name not in arrays]
    left_out += [Dropped(name, "an array in a folder: name it as the source") for name in arrays]
    return Source(tuple(folder / name for name in taken), tuple(left_out))


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _named(names: list[str]) -> Source:
    """Take the files among names; folders that a glob fits are no images and go without a word."""
    files, left_out = [], []
    for name in names:
        fault = fault_of_name(name)
        if fault:
            left_out.append(Dropped(plain(name), fault))
        elif not os.path.isdir(name):
            files.append(Path(name))
    return Source(tuple(files), tuple(left_out))


def _listed(path: Path, noun: str) -> Source:
    lines = (line.strip() for line in decoded(read_regular(path, MOST_BYTES)).splitlines())
    names = dict.fromkeys(line for line in lines if line and not line.startswith("#"))
    found = _named([str(path.parent / name) for name in names])
    folders = [name for name in names if (path.parent / name).is_dir()]
    return found._replace(
        left_out=(*found.left_out, *(Dropped(plain(name), f"a folder, not {_a(noun)}") for name in folders))
    )
