"""Exceptions of a tool that cannot do what it was asked, so that something else can be tried instead.

Only this is caught around a candidate, and its reason is always kept for the report: a fault of ours that looks like
one of a tool's is seen there, and any other ends the pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tflbuild.core.errors import PassError
from tflbuild.core.plain_text import plain
from tflbuild.tflite import flatbuffer, scales

REFUSALS = (PassError, RuntimeError, ValueError, ArithmeticError)
"""Exceptions that LiteRT, its quantizer, NumPy and our own checks raise."""

TOLD = 3
"""Different reasons that one sentence tells."""


def reason(error: Exception) -> str:
    """Give the reason in one line, without the full stop of a sentence."""
    said = re.sub(r"\s+", " ", str(error)).strip().rstrip(".;") or type(error).__name__
    return plain(f"{type(error).__name__}: {said}" if isinstance(error, ArithmeticError) else said)


def first_reasons(reasons: Iterable[str]) -> str:
    """Give the first different reasons for one sentence."""
    return "; ".join(list(dict.fromkeys(reasons))[:TOLD])


@contextmanager
def executing(content: bytes) -> Iterator[None]:
    """Turn what LiteRT raises while it loads or runs a file into one sentence.

    Raises:
        PassError: LiteRT refused the file; names the layers that XNNPACK refuses, which LiteRT does not.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        found = list(scales.beyond_xnnpack(flatbuffer.unpack(content)))
        raise PassError(f"LiteRT cannot execute it: {found[0] if found else reason(error)}.") from error
