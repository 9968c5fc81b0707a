"""The ground truth of images that lie in the data of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tflbuild import plugins
from tflbuild.core import json_text
from tflbuild.core.answer import Truth
from tflbuild.core.code import code_digest
from tflbuild.core.dataset import Dataset, Index, Sample
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.task import TASKS
from tflbuild.engine import listing
from tflbuild.engine.looking import inspect_of, inspector, looker
from tflbuild.engine.memo import slowly
from tflbuild.recipe.choices import dataset
from tflbuild.show.audience import show_looking
from tflbuild.show.ground_truth import Known
from tflbuild.wiring import NAMES


def of_run(run: Path, images: Sequence[Path]) -> tuple[Mapping[Path, Known], tuple[str, ...]]:
    """Give what the data of a run say of images that lie in them.

    Args:
        run: its folder.
        images: files.

    Returns:
        By image; and a note where the data cannot be read.
    """
    try:
        data = _data_of(run)
        root = data.decided_by() if data is not None and TASKS.get(data.task).labelled else None
        if data is None or root is None:
            return {}, ()
        folder = root if root.is_dir() else root.parent
        if not any(_lies_in(image, folder) for image in images):
            return {}, ()
        return _among(data, _listed(data), {os.path.realpath(image): image for image in images}), ()
    except (RecipeError, ValueError, OSError) as error:
        return {}, (f"no ground truth of the run's data: {plain(error)}",)


def _data_of(run: Path) -> Dataset | None:
    """Read a run's data set, which a plugin of the user's may declare; None where the run does not say it."""
    plugins.load(plugins.default_folder())
    resolved = json_text.read_mapping(run / "report.json").get("resolved")
    data: Any = resolved.get("data") if isinstance(resolved, dict) else None
    return dataset(data) if isinstance(data, dict) else None


def _lies_in(image: Path, folder: Path) -> bool:
    """Say whether an image, or a link to it, lies in a folder."""
    places = (os.path.abspath, os.path.realpath)
    return any(Path(place(image)).is_relative_to(place(folder)) for place in places)


def _listed(data: Dataset) -> Index:
    inspect = inspect_of(data.modality, NAMES.inspect)
    version = partial(inspector, inspect, data.max_pixels)
    with looker(inspect, data.max_pixels, slowly(show_looking)) as look:
        return listing.listed(data, look, lambda: f"{code_digest(type(data).__module__)} {version()}")


def _among(data: Dataset, index: Index, within: Mapping[str, Path]) -> dict[Path, Known]:
    found: dict[Path, Known] = {}
    for split, samples in index.splits.items():
        for sample in samples:
            image = within.get(os.path.realpath(sample.path)) if sample.path else None
            if image is not None:
                if sample.numbers:
                    numbers = _numbers(index, sample)
                    found |= {image: Known(numbers, f"the run's data, {split}")} if numbers else {}
                    continue
                known = index.classes or TASKS.get(data.task).label_names
                names = [known[label] for label in sample.labels if label < len(known)]
                boxes: Sequence[Any] = sample.boxes or [None] * len(names)
                truth = tuple(Truth(label=n, box=b) for n, b in zip(names, boxes, strict=True))
                found[image] = Known(truth, f"the run's data, {split}")
    return found


def _numbers(index: Index, sample: Sample) -> tuple[Truth, ...]:
    """Give the values of a sample; () of points, which are of a part of the picture."""
    values = [one for one in sample.numbers if isinstance(one, float | int)]
    if len(values) != len(index.classes):
        return ()
    return tuple(Truth(label=name, value=float(one)) for name, one in zip(index.classes, values, strict=True))
