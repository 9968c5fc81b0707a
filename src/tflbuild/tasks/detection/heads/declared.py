"""Heads by name. Their modules are imported here, so that their code is in the key of whatever they decode."""

from __future__ import annotations

from collections.abc import Mapping

from tflbuild.tasks.detection.heads import centernet, efficientdet, postprocessed, ssd, yolo
from tflbuild.tasks.detection.heads.head import HEADS, Head

MODULES = (centernet, efficientdet, postprocessed, ssd, yolo)


def every() -> Mapping[str, type[Head]]:
    """Give all heads by name."""
    return dict(HEADS.items())


def named(name: str) -> type[Head]:
    """Give a head by name.

    Raises:
        RecipeError: there is none of that name.
    """
    return HEADS.get(name, "model.head")
