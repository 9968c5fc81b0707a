"""Let a model start from the weights of a file, and say what was taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from statistics import median
from typing import Any

from tflbuild.core.architecture import Architecture
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.training import initial_weights
from tflbuild.weights import source
from tflbuild.weights.matching import Match, Mismatch, Ours, Theirs, match
from tflbuild.weights.pairing import pairs_of

ALPHAS = (0.25, 0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
"""Values of `alpha` that published weights have."""

API_FILTERS = 16
"""Fewest filters of a layer in the configurations of the Object Detection API: its `min_depth`."""


def start_from(built: Any, spec: Architecture, classes: int, path: Path) -> dict[str, Any]:
    """Fill a built model with the weights of a file.

    Args:
        built: the `tf_keras.Model`.
        spec: the architecture that built it.
        classes: of the data.
        path: the file, or the folder.

    Returns:
        A note for the report: what matched, and what did not.

    Raises:
        RecipeError: the file cannot be read, or its weights are those of another model.
    """
    ours, theirs = initial_weights.ours_of(built), source.theirs_of(path)
    try:
        found = match(ours, theirs)
    except Mismatch as error:
        near = next(_nearer(spec, classes, ours, theirs), "")
        raise RecipeError(
            f"model.weights: '{plain(path)}' does not fit {built.name}: {error}.{near}"
        ) from error
    initial_weights.fill(built, found)
    return note_of(path, ours, theirs, found)


def note_of(path: Path, ours: Ours, theirs: Theirs, found: Match) -> dict[str, Any]:
    """Say what matched in a note for the report."""
    return {
        "file": path.name,
        "by": found.by,
        "tensors": found.tensors,
        "of": sum(len(layer.arrays) for layer in ours.layers),
        "folded": found.folded,
        "fresh": list(found.fresh),
        "unused": [plain(name, 120) for name in found.unused],
        "layers": len(theirs.layers),
    }


def _nearer(spec: Architecture, classes: int, ours: Ours, theirs: Theirs) -> Iterator[str]:
    """Say which other options the file fits."""
    for options in _others(spec, ours, theirs):
        other = replace(spec, **options)
        try:
            match(initial_weights.ours_of(other.build(classes)), theirs)
        except (Mismatch, ValueError):
            continue
        said = " ".join(f"model.{name}={str(value).lower()}" for name, value in options.items())
        yield f" It fits with {said}."


def _others(spec: Architecture, ours: Ours, theirs: Theirs) -> Iterator[dict[str, Any]]:
    """Give options that the file may have been built with: each takes as long as building a model."""
    own = {one.name: getattr(spec, one.name) for one in fields(spec)}
    alpha: dict[str, Any] = {}
    if "alpha" in own and (widths := _ratios(ours, theirs)):
        near = own["alpha"] * median(widths)
        alpha = {"alpha": min(ALPHAS, key=lambda one: abs(one - near))}
    if "min_filters" in own:
        yield {"min_filters": API_FILTERS}
    if alpha:
        yield alpha
    if "minimalistic" in own:
        yield {**alpha, "minimalistic": not own["minimalistic"]}


def _ratios(ours: Ours, theirs: Theirs) -> list[float]:
    """Divide the widths of the file's layers by those of ours, from the first one on."""
    pairs = zip(ours.pairs(), pairs_of(theirs.layers), strict=False)
    return [other.convolution.channels / one.convolution.channels for one, other in pairs]
