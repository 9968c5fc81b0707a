"""From a recipe to something that can be planned: what its data hold, by content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tflbuild.core import digest
from tflbuild.core.dataset import Dataset, FileFacts, Index
from tflbuild.core.errors import DataError, RecipeError
from tflbuild.core.options import to_json
from tflbuild.core.recipe import Recipe
from tflbuild.core.source import files_of
from tflbuild.engine.keys import Keys
from tflbuild.engine.memo import FileMemo
from tflbuild.engine.names import Names, named
from tflbuild.engine.plan import check, resolve
from tflbuild.engine.store import Store

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
        memo: what was learned of files; the caller saves it where it may write.
    """

    recipe: Recipe
    order: tuple[str, ...]
    index: Index
    keys: Keys
    store: Store
    memo: FileMemo


def prepare(
    recipe: Recipe,
    warn: Callable[[str], None] = lambda text: None,
    names: Names | None = None,
    listed: dict[str, Index] | None = None,
) -> Prepared:
    """Check the recipe, list its data and name them by content; writes nothing.

    Args:
        recipe: what is wanted.
        warn: is told what the user should know.
        names: what the engine reaches by dotted name.
        listed: what data sets hold that were listed a moment ago, by their options; filled here, so that the jobs
            of a grid list the same data once.

    Raises:
        RecipeError: the recipe does not fit together.
        DataError: the data are missing, empty, or used both for calibration and as the test split.
    """
    store = Store(recipe.store, warn, recipe.remote)
    reached = names or Names()
    order, _ = check(recipe)
    memo = FileMemo(recipe.store / "memo" / "files.json", partial(_inspect, reached.inspect))
    index = _index(recipe.data, memo, listed if listed is not None else {})
    for split in SPLITS:
        if not index.splits.get(split):
            raise DataError(f"data: the {split} split of '{type(recipe.data).name}' is empty.")
    resolved = resolve(recipe, index)
    for label, step in resolved.steps.items():
        try:
            step.options.check()
        except ValueError as error:
            raise RecipeError(f"{label}.{error}") from error
    keys = Keys(resolved, index, _sources(resolved, index, memo), reached)
    return Prepared(recipe=resolved, order=order, index=index, keys=keys, store=store, memo=memo)


def _index(data: Dataset, memo: FileMemo, listed: dict[str, Index]) -> Index:
    key = digest.of_json([type(data).name, to_json(data)])
    if key not in listed:
        listed[key] = data.index(memo)
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
            content = [memo(path).digest for path in files]
            _refuse_test_images(f"{label}.calibration.source", files, content, index, memo)
            found[source] = dict(zip(map(str, files), content, strict=True))
    return found


def _refuse_test_images(
    key: str, files: list[Path], content: list[str], index: Index, memo: FileMemo
) -> None:
    test = {memo(Path(sample.path)).digest: sample.key for sample in index.splits["test"] if sample.path}
    for path, sha256 in zip(files, content, strict=True):
        if sha256 in test:
            raise DataError(f"{key}: {path} is the test image {test[sha256]}; calibrate on other images.")


def _inspect(inspect: str, path: Path) -> FileFacts:
    """Read a file; imports the image library only when a file is new or changed."""
    if path.suffix == ".npz":
        return FileFacts(digest.of_file(path), "")
    facts: FileFacts = named(inspect)(path)
    return facts
