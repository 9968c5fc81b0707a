"""Samples of test that are in the split that a recipe calibrates on, too: found by the content of their files."""

from __future__ import annotations

from tflbuild.core.names import Names
from tflbuild.engine.looking import inspect_of, looker
from tflbuild.engine.prepare import Prepared


def in_test(prepared: Prepared, source: str, names: Names) -> list[str]:
    """Name the samples of a split that are test samples too; sources outside the data set were refused before.

    Args:
        prepared: the recipe on its data.
        source: e.g. `data.train`.
        names: entry points of evaluation.
    """
    prefix, _, split = source.partition(".")
    if prefix != "data" or split not in prepared.index.splits:
        return []
    data = prepared.recipe.data
    memo = looker(inspect_of(data.modality, names.inspect), data.max_pixels)
    with memo:
        test, own = (data.contents(prepared.index.splits[name], memo) for name in ("test", split))
    return [own[digest] for digest in own if digest in test]
