"""List image files below a folder, and name everything that is left out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

IMAGE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".bmp", ".dib", ".webp", ".gif"),
        *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".avifs"),
        *(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
    }
)
"""Suffixes of the formats that are read, in lower case."""


class LeftOut(NamedTuple):
    """A file or folder that was left out of a listing, relative to the folder that was listed, and why."""

    name: str
    reason: str


class Below(NamedTuple):
    """The entries below a folder, by their paths relative to it.

    Attributes:
        images: what is named like an image, folder by folder in order.
        others: regular files that are not named like an image, likewise.
        left_out: what cannot be used at all: hidden things, links to folders, devices, names that are no text.
    """

    images: list[str]
    others: list[str]
    left_out: list[LeftOut]


def is_image_name(name: str) -> bool:
    """Tell whether a file is named like an image."""
    return name[name.rfind(".") :].lower() in IMAGE_SUFFIXES


def fault_of_name(name: str) -> str:
    r"""Say why a name can be neither shown nor stored; "" if it can.

    >>> fault_of_name("a.png"), fault_of_name("a\n.png")
    ('', 'its name has control characters')
    """
    if name.isascii():
        return "" if name.isprintable() else "its name has control characters"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    return "its name has control characters" if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in name) else ""


def below(folder: str) -> Below:
    """List what lies in a folder and its sub-folders; links to folders are not followed.

    Raises:
        OSError: a folder cannot be read.
    """
    images: list[str] = []
    others: list[str] = []
    left_out: list[LeftOut] = []
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        with os.scandir(os.path.join(folder, prefix)) as entries:
            for entry in entries:
                name = entry.name
                reason = _unusable(entry)
                if reason:
                    left_out.append(LeftOut(prefix + name, reason))
                elif is_image_name(name) and entry.is_file():
                    images.append(prefix + name)
                elif entry.is_dir():
                    waiting.append(f"{prefix}{name}/")
                else:
                    others.append(prefix + name)
    return Below(_by_folder(images), _by_folder(others), sorted(left_out))


def _by_folder(names: list[str]) -> list[str]:
    if not any("/" in name for name in names):
        return sorted(names)
    return sorted(names, key=lambda name: name.split("/"))


def _unusable(entry: os.DirEntry[str]) -> str:
    """Say why an entry is neither a file nor a folder to look into; "" where it is one."""
    name = entry.name
    if name[0] == ".":
        return "hidden"
    if not (name.isascii() and name.isprintable()) and (fault := fault_of_name(name)):
        return fault
    if entry.is_file(follow_symlinks=False):
        return ""
    if entry.is_symlink():
        return _fault_of_link(entry)
    return "" if entry.is_dir(follow_symlinks=False) else "not a regular file"


def _fault_of_link(entry: os.DirEntry[str]) -> str:
    """Say why a link cannot be used; one to a regular file can."""
    try:
        if entry.is_dir():
            return "a link to a folder"
        if not os.path.exists(entry.path):
            return "a link that leads nowhere"
    except OSError:
        return "a link that leads to itself"
    return "" if entry.is_file() else "not a regular file"


def entries_of(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Give what lies directly in a folder, in the order of names.

    Raises:
        OSError: it cannot be read.
    """
    with os.scandir(folder) as entries:
        yield from sorted(entries, key=lambda entry: entry.name)
