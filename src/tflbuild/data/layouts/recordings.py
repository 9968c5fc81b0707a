"""Recordings by their names, and folders of classes of them: what needs no NumPy."""

from __future__ import annotations

from collections.abc import Sequence

from tflbuild.core.split_names import SPLIT_OF
from tflbuild.modalities.audio.modality import Audio

SUFFIXES = Audio.suffixes
"""Suffixes of the files that are read, in lower case."""


def is_recording_name(name: str) -> bool:
    """Tell whether a file is named like a recording."""
    return name[name.rfind(".") :].lower() in SUFFIXES


def classes_of(names: Sequence[str]) -> list[str]:
    """Name the class folders that recordings lie in, below the folders of splits where there are some.

    Args:
        names: files relative to the root.

    >>> classes_of(["train/yes/a.wav", "train/no/b.wav", "test/yes/c.wav"]), classes_of(["a.wav"])
    (['no', 'yes'], [])
    """
    found = set()
    for name in names:
        folders = name.split("/")[:-1]
        if folders and folders[0].lower() in SPLIT_OF and len(folders) > 1:
            folders = folders[1:]
        if is_recording_name(name) and folders and folders[0].lower() not in SPLIT_OF:
            found.add(folders[0])
    return sorted(found)
