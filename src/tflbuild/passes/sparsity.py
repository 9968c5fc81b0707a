"""How many zeros each layer is to have, by patterns of layer names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from tflbuild.core.errors import PassError

NEAREST = 3
"""Layer names that an error offers."""


def shares_of(
    layers: Sequence[str], usual: float, special: Mapping[str, float], exclude: Iterable[str], label: str
) -> dict[str, float]:
    """Give the share of zeros of every layer.

    >>> shares_of(["conv_0", "conv_1", "head"], 0.5, {"conv_1": 0.7, "conv_*": 0.6}, ["head"], "prune")
    {'conv_0': 0.6, 'conv_1': 0.7, 'head': 0.0}

    Args:
        layers: names of the layers that can be pruned.
        usual: of a layer that no pattern names.
        special: share by pattern; the first that fits counts.
        exclude: patterns of layers that stay dense, whatever `special` says.
        label: names the step of the recipe in messages.

    Raises:
        PassError: a pattern fits no layer.
    """
    exclude = list(exclude)
    for key, patterns in (("layers", special), ("exclude", exclude)):
        for pattern in patterns:
            if not any(fnmatchcase(layer, pattern) for layer in layers):
                raise PassError(
                    f"{label}.{key}: '{pattern}' fits no layer that can be pruned;{_nearest(pattern, layers)}"
                )
    shares = {}
    for layer in layers:
        fitting = (share for pattern, share in special.items() if fnmatchcase(layer, pattern))
        left_out = any(fnmatchcase(layer, pattern) for pattern in exclude)
        shares[layer] = 0.0 if left_out else next(fitting, usual)
    return shares


def _nearest(pattern: str, layers: Sequence[str]) -> str:
    words = pattern.strip("*?")
    near = difflib.get_close_matches(words, layers, n=NEAREST, cutoff=0.3) or list(layers)[:NEAREST]
    if not near:
        return " the model has none."
    return f" the nearest are {', '.join(near)}." if len(near) > 1 else f" the nearest is {near[0]}."
