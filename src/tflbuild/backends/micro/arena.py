"""Measure the arena that a file needs: the smallest that it runs in, and what lies in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.backends.micro.session import MicroSession, Refused

ALIGNMENT = 16
"""Bytes that the start of an arena is aligned to; sizes are tried in steps of it."""

SLACK = 1 << 16
"""Bytes beyond what is used in the end in which planning surely finds room; doubled until it does."""

TOTAL = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")
PART = re.compile(r"'([^']+)' used (\d+) bytes")


class Arena(NamedTuple):
    """Memory for tensors and for the interpreter's own structures.

    Attributes:
        smallest: size of the smallest arena in which the file is allocated and runs. [bytes]
        used: bytes of it that hold something in the end.
        head: of these, tensors, which share memory when they are not needed at the same time.
        tail: of these, what stays: structures, and what operators keep.
        parts: bytes of the tail by what they hold.
    """

    smallest: int
    used: int
    head: int
    tail: int
    parts: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Give the form that report.json holds."""
        return self._asdict()


def measure(path: Path) -> Arena:
    """Measure a file, with the kernels of the package on this machine.

    Raises:
        Refused: it does not run at all.
    """
    with MicroSession(path) as session:
        session.load()
        printed = session.allocations()
        totals = {what: int(count) for what, count in TOTAL.findall(printed)}
        smallest = _smallest(session, totals["total"])
        session.load(smallest)
    return Arena(
        smallest=smallest,
        used=totals["total"],
        head=totals["head"],
        tail=totals["tail"],
        parts={name: int(count) for name, count in PART.findall(printed)},
    )


def _smallest(session: MicroSession, used: int) -> int:
    """Find the smallest size that is allocated: between what is used, which planning may exceed, and a size that is."""
    low = used // ALIGNMENT - 1
    slack = SLACK
    while not _fits(session, used + slack):
        slack *= 2
    high = -(-(used + slack) // ALIGNMENT)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _fits(session, middle * ALIGNMENT) else (middle, high)
    return high * ALIGNMENT


def _fits(session: MicroSession, size: int) -> bool:
    """Say whether an arena of a size is enough; where it is far too small, the interpreter crashes."""
    try:
        session.load(size)
    except Refused:
        return False
    return True
