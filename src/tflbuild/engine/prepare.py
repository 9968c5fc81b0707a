"""From a recipe to something that can be planned: what its data hold, by content."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tflbuild.core import digest, toolchain
from tflbuild.core.dataset import Dataset, FileFacts, Index
from tflbuild.core.errors import DataError, RecipeError
from tflbuild.core.options import to_json
from tflbuild.core.recipe import Recipe
from tflbuild.core.source import files_of
from tflbuild.engine import listing
from tflbuild.engine.keys import Keys
from tflbuild.engine.memo import FileMemo, Looking, slowly
from tflbuild.engine.names import Names, named
from tflbuild.engine.plan import check, resolve
from tflbuild.engine.sources import code_digest
from tflbuild.engine.storage.store import Store

SPLITS = ("train", "val", "test")


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
    warn: Callable[[str], None] = lambda text: None,
    names: Names | None = None,
    listed: dict[str, Index] | None = None,
    looking: Looking = lambda done, total: None,
) -> Prepared:
    """Check the recipe, list its data and name them by content; writes nothing but what it learned of files.

    Args:
        recipe: what is wanted.
        warn: is told what the user should know.
        names: what the engine reaches by dotted name.
        listed: what data sets hold that were listed a moment ago, by their options; filled here, so that the jobs
            of a grid list the same data once.
        looking: is told how many files were read, and of how many, where that takes long.

    Raises:
        RecipeError: the recipe does not fit together.
        DataError: the data are missing, empty, or used both for calibration and as the test split.
    """
    store = Store(recipe.store, warn, recipe.remote)
    reached = names or Names()
    order, _ = check(recipe)
    version = partial(_inspector, reached.inspect)
    memo = FileMemo(partial(_inspect, reached.inspect), version, slowly(looking))
    with memo, _uncollected():
        index = _index(recipe.data, memo, version, listed if listed is not None else {})
        sources = _sources(recipe, index, memo)
    for split in SPLITS:
        if not index.splits.get(split):
            raise DataError(f"data: the {split} split of '{type(recipe.data).name}' is empty.")
    resolved = resolve(recipe, index)
    for label, step in resolved.steps.items():
        try:
            step.options.check()
        except ValueError as error:
            raise RecipeError(f"{label}.{error}") from error
    for text in recipe.model.warnings(recipe.data.preprocess):
        warn(text)
    keys = Keys(resolved, index, sources, reached)
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


def _sources(recipe: Recipe, index: Index, memo: FileMemo) -> dict[str, dict[str, str]]:
    """Give the files of every source outside the data set with their digests; refuse test images among them."""
    found: dict[str, dict[str, str]] = {}
    for label, step in recipe.steps.items():
        for source in step.options.reads():
            prefix, _, split = source.partition(".")
            if source == "data.test":
                raise RecipeError(f"{label}: 'data.test' must not be used here; use data.train.")
            if prefix == "data" and "/" not in source:
                if split not in index.splits:
                    names = ", ".join(f"data.{name}" for name in SPLITS[:2])
                    raise RecipeError(
                        f"{label}: there is no '{source}'; use {names}, a folder, a glob or a file."
                    )
                continue
            files = files_of(source, f"{label}.calibration.source")
            content = [facts.digest for facts in memo.many(files)]
            _refuse_test_images(f"{label}.calibration.source", files, content, index, memo)
            found[source] = dict(zip(map(str, files), content, strict=True))
    return found


def _refuse_test_images(
    key: str, files: list[Path], content: list[str], index: Index, memo: FileMemo
) -> None:
    images = {sample.path: sample.key for sample in index.splits["test"] if sample.path}
    test = {facts.digest: name for facts, name in zip(memo.many(list(images)), images.values(), strict=True)}
    for path, sha256 in zip(files, content, strict=True):
        if sha256 in test:
            raise DataError(f"{key}: {path} is the test image {test[sha256]}; calibrate on other images.")


def _inspector(inspect: str) -> str:
    """Name what decides the facts of a file besides the file: the code that looks at it, and the image library."""
    return f"{code_digest(inspect.partition(':')[0])} {toolchain.version('PIL')}"


def _inspect(inspect: str, path: Path) -> FileFacts:
    """Read a file; imports the image library only when a file is new or changed."""
    if path.suffix == ".npz":
        return FileFacts(digest.of_file(path), "")
    facts: FileFacts = named(inspect)(path)
    return facts
