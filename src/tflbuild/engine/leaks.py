"""Samples of test that are in the split that a recipe calibrates on, too: found by the content of their files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tflbuild.core.dataset import Dataset, Sample
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
    splits = {name: prepared.index.splits[name] for name in ("test", split)}
    if type(data).contents is Dataset.contents:  # a file that holds several samples is no sample
        several = {
            path for samples in splits.values() for path, count in _paths(samples).items() if count > 1
        }
        splits = {
            name: tuple(sample for sample in samples if sample.path not in several)
            for name, samples in splits.items()
        }
    with memo:
        test, own = (data.contents(splits[name], memo) for name in ("test", split))
    return [own[digest] for digest in own if digest in test]


def _paths(samples: Sequence[Sample]) -> Counter[str | None]:
    return Counter(sample.path for sample in samples)
