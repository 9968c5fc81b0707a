"""Settle `preprocess:` a contract between model and data: what is said, what the model's file says, or the default."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from tflbuild.core.compiler_pass import Architecture
from tflbuild.core.dataset import Dataset
from tflbuild.core.errors import RecipeError
from tflbuild.core.modality import MODALITIES
from tflbuild.recipe.validation import typed

EVEN, UNEVEN = {"scale", "offset"}, {"mean", "std"}
"""Options that say the values of all channels at once, and of each channel; one kind takes the place of the other."""


def settled(root: Mapping[str, Any], data: Dataset, model: Architecture) -> dict[str, Any]:
    """Settle how samples become a model's input.

    The first of these counts for each option: `preprocess` at the root, `data.preprocess`, what the model's file says,
    the modality's default. Null says nothing.

    Args:
        root: the recipe's `preprocess`.
        data: the data set, whose `preprocess` is another spelling.
        model: the model.

    Returns:
        The modality's options, as JSON.

    Raises:
        RecipeError: an option is unknown, wrong, or contradicts another.
    """
    cls = MODALITIES.get(data.modality)
    options = {option.name for option in dataclasses.fields(cls)}
    given: Any = {} if data.preprocess is None else data.preprocess
    if not isinstance(given, Mapping):
        return typed(cls, given, "data.preprocess").to_json()  # which says what is wrong with it
    at_root = {option: value for option, value in root.items() if value is not None}
    _check_root(at_root, options, data.modality)
    told = {option: value for option, value in given.items() if value is not None} | at_root
    for kind, other in ((EVEN, UNEVEN), (UNEVEN, EVEN)):
        if kind & at_root.keys():
            told = {option: value for option, value in told.items() if option not in other}
    asked = {option: value for option, value in model.preprocess().items() if option in options}
    if UNEVEN & told.keys() or (UNEVEN & asked.keys() and EVEN & told.keys()):
        asked = {option: value for option, value in asked.items() if option not in EVEN | UNEVEN}
    whole = {**asked, **told}
    where = "preprocess" if at_root else "data.preprocess"
    made = typed(cls, whole, where)
    try:
        made.check()
    except ValueError as error:
        raise RecipeError(f"{where}.{error}.") from error
    return made.to_json()


def _check_root(at_root: Mapping[str, Any], options: set[str], modality: str) -> None:
    foreign = sorted(at_root.keys() - options)
    if foreign:
        raise RecipeError(
            f"preprocess.{foreign[0]}: the data are of the modality '{modality}', which has no such option; it has "
            f"{', '.join(sorted(options)) or 'none'}."
        )
    both = sorted(EVEN & at_root.keys())
    if both and UNEVEN & at_root.keys():
        raise RecipeError(
            f"preprocess.{both[0]}: it has no effect beside preprocess.{min(UNEVEN & at_root.keys())}, which says the "
            f"values of each channel; leave one of them out."
        )
