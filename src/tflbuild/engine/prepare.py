"""From a recipe to something that can be planned: what its data hold, by content."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from tflbuild.core import digest
from tflbuild.core import left_out as leaving
from tflbuild.core.array_file import is_array_name
from tflbuild.core.code import code_digest
from tflbuild.core.dataset import Dataset, Index
from tflbuild.core.errors import DataError, RecipeError
from tflbuild.core.image_files import below
from tflbuild.core.label_list import shown
from tflbuild.core.modality import MODALITIES
from tflbuild.core.names import Names
from tflbuild.core.options import to_json
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe
from tflbuild.core.regular_file import check_regular
from tflbuild.core.source import files_of, usable
from tflbuild.engine import listing
from tflbuild.engine.checks import check
from tflbuild.engine.keys import Keys
from tflbuild.engine.looking import inspect_of, inspector, looker
from tflbuild.engine.memo import FileMemo, Looking, slowly
from tflbuild.engine.plan import resolve
from tflbuild.engine.storage.store import Store

SPLITS = ("train", "val", "test")

CALIBRATION = "calibration.source"
SAMPLES = (CALIBRATION, "field.source")
"""Options that name samples outside the data set; what other options name is a file of any kind."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A recipe with what is known of its data.

    Attributes:
        recipe: with defaults that follow from the data filled in.
        order: labels in the order they run.
        index: what the data set holds.
        keys: preimages of the recipe's actions.
        store: where results are kept.
    """

    recipe: Recipe
    order: tuple[str, ...]
    index: Index
    keys: Keys
    store: Store


def prepare(
    recipe: Recipe,
    names: Names,
    warn: Callable[[str], None] = lambda text: None,
    listed: dict[str, Index] | None = None,
    looking: Looking = lambda done, total: None,
) -> Prepared:
    """Check the recipe, list its data and name them by content; writes nothing but what it learned of files.

    Args:
        recipe: what is wanted.
        names: entry points of evaluation.
        warn: is told what the user should know.
        listed: what data sets hold that were listed a moment ago, by their options; filled here, so that the jobs
            of a grid list the same data once.
        looking: is told how many files were read, and of how many, where that takes long.

    Raises:
        RecipeError: the recipe does not fit together.
        DataError: the data are missing, empty, or used both for calibration and as the test split.
    """
    for remark in recipe.remarks:
        warn(remark)
    store = Store(recipe.store, warn, recipe.remote, recipe.shared)
    order, _ = check(recipe)
    most = recipe.data.max_pixels
    if most < 1:
        raise RecipeError(f"data.max_pixels: {most} is not a number of pixels; expected 1 or more.")
    inspect = inspect_of(recipe.data.modality, names.inspect)
    version = partial(inspector, inspect, most)
    memo = looker(inspect, most, slowly(looking))
    with memo, _uncollected():
        kept = listed if listed is not None else {}
        index = _index(recipe.data, memo, version, kept)
        recipe = _in_the_models_order(recipe, index.classes)
        index = _index(recipe.data, memo, version, kept)
        sources = _sources(recipe, index, memo, warn)
    for remark in index.remarks:
        warn(remark)
    for split in SPLITS:
        if not index.splits.get(split):
            raise DataError(f"data: the {split} split of '{type(recipe.data).name}' is empty.")
    reason = recipe.model.misfit(recipe.data.modality, index.classes)
    if reason:
        raise RecipeError(f"model.path: {reason}.")
    resolved = resolve(recipe, index)
    for label, step in resolved.steps.items():
        try:
            step.options.check()
        except ValueError as error:
            raise RecipeError(f"{label}.{error}".replace("{step}", label)) from error
    for text in recipe.model.warnings(recipe.data.preprocess):
        warn(text)
    keys = Keys(resolved, index, sources, names)
    return Prepared(recipe=resolved, order=order, index=index, keys=keys, store=store)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Put off the search for cyclic garbage, which would look at every sample of a large data set again and again."""
    wanted = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if wanted:
            gc.enable()


def _index(data: Dataset, memo: FileMemo, inspector: Callable[[], str], listed: dict[str, Index]) -> Index:
    key = digest.of_json([type(data).name, to_json(data)])
    if key not in listed:
        listed[key] = listing.listed(
            data, memo, lambda: f"{code_digest(type(data).__module__)} {inspector()}"
        )
    return listed[key]


def _in_the_models_order(recipe: Recipe, classes: Sequence[str]) -> Recipe:
    """Put the data's classes into the order of the model's labels, where these are the same names in another one.

    What the recipe says in `data.classes` stays. Lists that contradict each other are left to whoever compares them.
    """
    orders = set(recipe.model.listed_labels().values())
    if len(orders) != 1 or all(one.name != "classes" for one in fields(recipe.data)):
        return recipe
    (order,) = orders
    same = len(order) == len(classes) and set(order) == set(classes)
    if not same or order == tuple(classes) or getattr(recipe.data, "classes", None) is not None:
        return recipe
    said = {
        "what": "order of classes",
        "value": shown(order),
        "evidence": f"{' and '.join(recipe.model.listed_labels())}, which has the same names as the data",
    }
    data: Dataset = replace(recipe.data, classes=order)  # type: ignore[call-arg]
    return replace(recipe, data=data, recognised=(*recipe.recognised, said))


def _sources(
    recipe: Recipe, index: Index, memo: FileMemo, warn: Callable[[str], None]
) -> dict[str, dict[str, str]]:
    """Give the usable files of every source outside the data set with their digests."""
    found: dict[str, dict[str, str]] = {}
    noun = MODALITIES.get(recipe.data.modality).file
    readers = {label: step.options for label, step in recipe.steps.items()}
    readers |= {f"analyses.{name}": analysis for name, analysis in recipe.analyses.items()}  # type: ignore[misc]
    for label, options in readers.items():
        ended = getattr(options, "delivered", False)
        for source in options.reads():
            key = f"{label}.{_key_of(to_json(options), source)}"
            if not _is_split(source, label, index, ended=ended):
                tell = warn if source not in found else _silent
                found[source] = _files(source, key, noun, index, memo, tell, recipe.data)
    return found


def _silent(text: str) -> None:
    """Say nothing: it was said for another step that reads the same source."""


def _is_split(source: str, label: str, index: Index, *, ended: bool = False) -> bool:
    """Tell whether a source is a split of the data set.

    Args:
        source: what is read.
        label: of the step that reads it.
        index: what the data set holds.
        ended: whether it is read once all is built, so that nothing can be learned from the test split.

    Raises:
        RecipeError: it is the test split, or one that the data set does not have.
    """
    prefix, _, split = source.partition(".")
    if source == "data.test" and not ended:
        raise RecipeError(f"{label}: 'data.test' must not be used here; use data.train.")
    if prefix != "data" or "/" in source or is_array_name(Path(source)):
        return False
    if split not in index.splits:
        names = ", ".join(f"data.{name}" for name in SPLITS[:2])
        raise RecipeError(f"{label}: there is no '{source}'; use {names}, a folder, a glob or a file.")
    return True


def _key_of(options: Any, source: str) -> str:
    """Find the option of a pass that names a source, e.g. `calibration.source`."""
    for name, value in options.items() if isinstance(options, dict) else ():
        if value == source:
            return str(name)
        inner = _key_of(value, source)
        if inner:
            return f"{name}.{inner}"
    return ""


def _files(
    source: str,
    key: str,
    noun: str,
    index: Index,
    memo: FileMemo,
    warn: Callable[[str], None],
    data: Dataset,
) -> dict[str, str]:
    """Give the files of a source with their digests; what is no source of samples is read as it stands.

    Raises:
        DataError: it is missing, none of its files can be used, or one of them holds test samples.
    """
    if not key.endswith(SAMPLES):
        return _as_it_stands(source, key)
    named_files = files_of(source, key, noun, MODALITIES.get(data.modality).suffixes)
    facts = memo.many(named_files.files)
    good, left_out = usable(source, named_files, facts, key, noun)
    if left_out:
        warn(leaving.listed(left_out, key))
    files = [named_files.files[position] for position in good]
    content = [facts[position].digest for position in good]
    if key.endswith(CALIBRATION):
        _refuse_test_samples(key, files, content, data.contents(index.splits["test"], memo))
    return dict(zip(map(str, files), content, strict=True))


def _as_it_stands(source: str, key: str) -> dict[str, str]:
    """Digest a file, or the files of a folder, of any kind."""
    path = Path(source)
    try:
        if not path.is_dir():
            check_regular(path)
            return {source: digest.of_file(path)}
        names = sorted(name for part in below(source)[:2] for name in part)
        return {str(path / name): digest.of_file(path / name) for name in names}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{key}: '{plain(source)}' cannot be read: {reason}.") from error


def _refuse_test_samples(key: str, files: list[Path], content: list[str], test: Mapping[str, str]) -> None:
    for path, sha256 in zip(files, content, strict=True):
        if sha256 in test and is_array_name(path):
            raise DataError(
                f"{key}: {plain(path)} holds the test sample {plain(test[sha256])}; calibrate on another file, or on "
                f"data.train."
            )
        if sha256 in test:
            raise DataError(
                f"{key}: {plain(path)} is the test sample {plain(test[sha256])}; calibrate on others."
            )
