"""Layers named by patterns: which fit, and an error for a pattern that fits none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

from tflbuild.core.errors import PassError

NEAREST = 3
"""Layer names that an error offers."""

V = TypeVar("V")


def fitting(layers: Sequence[str], patterns: Iterable[str], key: str, what: str) -> set[str]:
    """Give the layers that fit one of the patterns.

    >>> sorted(fitting(["conv_0", "conv_1", "head"], ["conv_*"], "prune.exclude", "can be pruned"))
    ['conv_0', 'conv_1']

    Args:
        layers: names to choose from.
        patterns: shell patterns of names.
        key: names the option in messages: "prune.exclude".
        what: what the layers have in common: "can be pruned".

    Raises:
        PassError: a pattern fits no layer; it names the nearest.
    """
    found = set()
    for pattern in patterns:
        names = {layer for layer in layers if fnmatchcase(layer, pattern)}
        if not names:
            raise PassError(f"{key}: '{pattern}' fits no layer that {what}; {_nearest(pattern, layers)}")
        found |= names
    return found


def value_of(layer: str, special: Mapping[str, V], usual: V) -> V:
    """Give the value of the first pattern that a layer fits.

    >>> value_of("conv_1", {"conv_1": 4, "conv_*": 8}, 16), value_of("head", {"conv_*": 8}, 16)
    (4, 16)

    Args:
        layer: its name.
        special: value by pattern.
        usual: of a layer that fits none.
    """
    return next((value for pattern, value in special.items() if fnmatchcase(layer, pattern)), usual)


def _nearest(pattern: str, layers: Sequence[str]) -> str:
    words = pattern.strip("*?")
    near = difflib.get_close_matches(words, layers, n=NEAREST, cutoff=0.3) or list(layers)[:NEAREST]
    if not near:
        return "the model has none."
    return f"the nearest are {', '.join(near)}." if len(near) > 1 else f"the nearest is {near[0]}."
