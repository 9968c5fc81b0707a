"""Compare a model with the one it was made of, on real images: output by output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.artifact import ModelFacts
from tflbuild.core.compiler_pass import PassContext

IMAGES = 16
"""Images that a model is held to another on."""

TOLERANCE = 1e-4
"""Largest difference, relative to the largest value of the output, that float kernels may make."""


def sample_batch(facts: ModelFacts, ctx: PassContext, count: int = IMAGES) -> Any:
    """Give images from all over the train split as the model takes them: (images, height, width, 3) float32."""
    import numpy as np

    from tflbuild.modalities.image.preprocess import Preprocess

    split, preprocess = ctx.dataset("data.train"), Preprocess.of(facts.preprocess)
    chosen = sorted({len(split) * number // count for number in range(count)})
    pixels = [preprocess.pixels(split[position].image, facts.height, facts.width) for position in chosen]
    return preprocess.normalise(np.stack(pixels))


def compared(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Compare outputs by name.

    Returns:
        For each output `difference`, the largest absolute one, `size`, the largest absolute value of what it is held
        to, and `images`.
    """
    import numpy as np

    return {
        name: {
            "difference": float(np.max(np.abs(found[name] - values))),
            "size": float(np.max(np.abs(values))),
            "images": len(values),
        }
        for name, values in wanted.items()
    }


def breaches(differences: Mapping[str, Mapping[str, float]], tolerance: float = TOLERANCE) -> list[str]:
    """Say of each output that differs too much by how much: "scores differ by up to 0.2, of 0.9"."""
    return [
        f"{name} differ by up to {found['difference']:.3g}, where they reach {found['size']:.3g}"
        for name, found in differences.items()
        if not found["difference"] <= tolerance * found["size"]
    ]
