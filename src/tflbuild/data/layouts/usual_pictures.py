"""The options of pictures as the groups of recipes have them, which data of another modality leave out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.options import to_json
from tflbuild.modalities.image.augment import Augment
from tflbuild.modalities.image.modality import ImageModality

USUAL = {"preprocess": to_json(ImageModality()), "augment": to_json(Augment(flip=True))}
"""The options of pictures as the recipes' groups have them, where nobody says otherwise."""


def changed(given: Any, usual: Any, key: str) -> str:
    """Give the key of the first option that is set and not as usual; "" where there is none."""
    if isinstance(given, Mapping) and isinstance(usual, Mapping):
        return next(
            (
                said
                for name, item in given.items()
                if (said := changed(item, usual.get(name), f"{key}.{name}"))
            ),
            "",
        )
    return "" if given is None or to_json(given) == usual else key
