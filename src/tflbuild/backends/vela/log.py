"""Read the log of vela: which operators it leaves to the processor and why, and why it fails."""

from __future__ import annotations

import re
import signal
from typing import NamedTuple

COMPLAINT = re.compile(r"^Warning \(supported operators\) operator: ?(\S+?),? ofm: ?(.*)$")
FAILURE = re.compile(r"^\w*(?:Error|Exception): (.*)$")
NOISE = ("Warning: No ", "TfLiteReader: Built-in options type")
"""Beginnings of lines that say nothing about why it fails."""

LONGEST = 400
"""Characters of its words that are given."""


class Complaint(NamedTuple):
    """Why vela leaves an operator to the processor, in its own words.

    Attributes:
        operator: e.g. "CONV_2D"; the activation that the file fuses into an operator is one by itself.
        output: name of the operator's output.
        reason: what it found; "" where it says only what it wants.
        constraint: what it wants; "" where it says nothing.
    """

    operator: str
    output: str
    reason: str
    constraint: str

    @property
    def text(self) -> str:
        """Give its words in one line."""
        said = " - ".join(one for one in (self.reason, self.constraint) if one)
        return said if len(said) <= LONGEST else f"{said[: LONGEST - 3]}..."


def complaints(printed: str) -> list[Complaint]:
    """Read which operators vela leaves to the processor.

    Args:
        printed: what it wrote to its standard output.
    """
    found: list[Complaint] = []
    lines = iter(printed.splitlines())
    for line in lines:
        match = COMPLAINT.match(line)
        if match is None:
            continue
        held: list[str] = []
        for said in lines:
            if not said.strip():
                break
            held.append(said)
        reason = held.pop(0).removeprefix("Reason: ") if held and held[0].startswith("Reason: ") else ""
        wanted = " ".join(" ".join(held).split())
        output = match[2].strip().removeprefix("'").removesuffix("'")
        found.append(Complaint(match[1], output, reason, wanted))
    return found


def failure(code: int, printed: str, errors: str) -> str:
    """Say in vela's own words why it ended without a file.

    Args:
        code: that it ended with; negative for a signal.
        printed: what it wrote to its standard output.
        errors: what it wrote to its standard error.
    """
    lines = [line.strip() for line in (errors or printed).splitlines()]
    said = [line for line in lines if line and not line.startswith(NOISE)]
    ends = [place for place, line in enumerate(said) if FAILURE.match(line)]
    if ends:
        first = FAILURE.match(said[ends[-1]])
        assert first is not None
        said = [first[1].removeprefix("Compilation failed: ").removeprefix("Error: "), *said[ends[-1] + 1 :]]
        return " ".join(line for line in said if not line.startswith("Failed to parse"))[:LONGEST].strip()
    if code < 0:
        return f"it crashed ({signal.Signals(-code).name}){f' after it said: {said[-1]}' if said else ''}"
    return said[-1][:LONGEST] if said else "it said nothing"
