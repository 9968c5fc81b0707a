"""Tell normal recordings from abnormal ones by the names of folders and files; needs no NumPy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tflbuild.core.split_names import SPLIT_OF
from tflbuild.data.layouts.recordings import is_recording_name

NORMAL, ABNORMAL = "normal", "abnormal"

SIDES = (NORMAL, ABNORMAL)
"""Names of the two sides, by label."""

SIDE_OF: Mapping[str, str] = {
    "normal": NORMAL,
    "abnormal": ABNORMAL,
    "anomaly": ABNORMAL,
    "anomalies": ABNORMAL,
    "anomalous": ABNORMAL,
}
"""Words that name a side, as a folder or at the beginning of a file's name."""

_BEGINNING = re.compile(rf"({'|'.join(SIDE_OF)})(?=[_.\- ])", re.IGNORECASE)


def side_of(name: str) -> str:
    """Give the side of a file: by the last folder that names one, else by the beginning of its own name; "" for none.

    >>> side_of("fan/normal/00.wav"), side_of("test/anomaly_id_00_00000003.wav"), side_of("normally.wav")
    ('normal', 'abnormal', '')
    """
    *folders, file = name.split("/")
    for folder in reversed(folders):
        if side := SIDE_OF.get(folder.lower()):
            return side
    found = _BEGINNING.match(file)
    return SIDE_OF[found.group(1).lower()] if found else ""


class Found(NamedTuple):
    """Recordings by their side, as the names below a folder show it.

    Attributes:
        evidence: what shows it.
        sure: whether it can be nothing else, as two classes could.
    """

    evidence: str
    sure: bool


def found_in(names: Sequence[str]) -> Found | None:
    """Tell whether the recordings below a folder are normal and abnormal ones; None where they are not.

    It is sure where they are named so themselves, as DCASE does, or where train holds normal ones alone.

    Args:
        names: files relative to the folder.
    """
    heard = [name for name in names if is_recording_name(name)]
    sides = {name: side_of(name) for name in heard}
    counts = Counter(sides.values())
    if not heard or counts[""] or not (counts[NORMAL] and counts[ABNORMAL]):
        return None
    said = f"{_counted(counts[NORMAL], NORMAL)} and {_counted(counts[ABNORMAL], ABNORMAL)}"
    by_file = sum(_BEGINNING.match(name.rpartition("/")[2]) is not None for name in heard)
    if by_file == len(heard):
        return Found(f"{said}, by the names of the files, e.g. '{heard[0].rpartition('/')[2]}'", sure=True)
    trained = {side for name, side in sides.items() if SPLIT_OF.get(name.split("/")[0].lower()) == "train"}
    if trained == {NORMAL}:
        return Found(f"{said}, by the names of folders, and train holds normal ones alone", sure=True)
    return Found(f"{said}, by the names of folders", sure=False)


def _counted(count: int, side: str) -> str:
    return f"{count} {side} recording{'s' * (count != 1)}"
