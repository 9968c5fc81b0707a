"""Recognise the head of a detector whose outputs are not suppressed yet, by names and shapes, or as it is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tflbuild.core.plain_text import plain
from tflbuild.tasks.detection.heads import declared
from tflbuild.tasks.detection.heads.head import Found, Given

AUTO = "auto"
COMMON = ("type", "suppression")
"""Options of every head."""

SHOWN = 6


class Recognised(NamedTuple):
    """A head, or the reason that there is none.

    Attributes:
        name: of the head; "" for none.
        found: what was found.
        reason: why none was, in words for people.
    """

    name: str = ""
    found: Found | None = None
    reason: str = ""


def recognised(given: Given, said: Mapping[str, Any]) -> Recognised:
    """Find the head.

    Args:
        given: the detector.
        said: `type`, and options of the head.

    Raises:
        ValueError: what is said contradicts the file, or is not enough; "head.strides: ...".
        RecipeError: there is no head of that name.
    """
    name = str(said.get("type", AUTO))
    options = {key: value for key, value in said.items() if key not in COMMON}
    if name != AUTO:
        return _as_said(name, given, options)
    if options:
        raise ValueError(f"head: {', '.join(options)} belongs to a head; say which, model.head=NAME")
    fitting: dict[str, Found] = {}
    reasons = []
    for one, kind in declared.every().items():
        try:
            found = kind.recognise(given, {})
        except ValueError as error:
            reasons.append(f"{one}: {error}")
        else:
            fitting |= {one: found} if found else {}
    if len(fitting) == 1 and not reasons:
        return Recognised(*next(iter(fitting.items())))
    if fitting:
        both = [*(f"{one} ({found.evidence})" for one, found in fitting.items()), *reasons]
        return Recognised(reason=f"they fit several heads, {'; '.join(both)}: say which, model.head=NAME")
    return Recognised(reason="; ".join(reasons))


def _as_said(name: str, given: Given, options: Mapping[str, Any]) -> Recognised:
    kind = declared.named(name)
    try:
        kind.of(options)
        found = kind.recognise(given, options)
    except ValueError as error:
        raise ValueError(f"head: {error}") from error
    if found is None:
        shapes = [f"'{plain(one, 40)}' {shape}" for one, shape in list(given.outputs.items())[:SHOWN]]
        raise ValueError(
            f"head: '{name}' with what is said of it does not fit the outputs {', '.join(shapes)} of a picture of "
            f"{given.height} x {given.width}"
        )
    return Recognised(name, found)
