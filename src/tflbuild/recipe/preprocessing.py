"""Settle `preprocess:` a contract between model and data: what is said, what the model's file says, or the default."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from tflbuild.core.architecture import Architecture
from tflbuild.core.dataset import Dataset
from tflbuild.core.errors import RecipeError
from tflbuild.core.modality import MODALITIES
from tflbuild.core.plain_text import plain
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
    at_root, said = _said(root), _said(given)
    _check_root(at_root, options, data.modality)
    typed(cls, said, "data.preprocess")
    for key, options_said in (("preprocess", at_root), ("data.preprocess", said)):
        _check_one_kind(key, options_said)
    asked = {option: value for option, value in model.preprocess().items() if option in options}
    whole = _over(_over(asked, said), at_root)
    where = "preprocess" if at_root else "data.preprocess"
    made = typed(cls, whole, where)
    try:
        made.check()
    except ValueError as error:
        raise RecipeError(f"{where}.{error}.") from error
    return made.to_json()


def told(root: Mapping[str, Any], data: Dataset, model: Architecture) -> tuple[dict[str, str], ...]:
    """List, as something recognised, the values that the recipe says where the model's file says none.

    Args:
        root: the recipe's `preprocess`.
        data: the data set.
        model: the model.
    """
    if not is_assumed(model.recognised()):
        return ()
    at_root, in_data = _said(root), _said(data.preprocess)
    said = _over({key: in_data[key] for key in in_data if key in EVEN | UNEVEN}, at_root)
    values = ", ".join(f"{option} {said[option]}" for option in said if option in EVEN | UNEVEN)
    return ({"what": "preprocess", "value": values, "evidence": "the recipe says so"},) if values else ()


def is_assumed(recognised: Iterable[Mapping[str, str]]) -> bool:
    """Say whether nobody said how samples are scaled, so that a default was assumed."""
    return any(one["what"] == "preprocess" and one["value"] == "assumed" for one in recognised)


def _said(options: Any) -> dict[str, Any]:
    given = options if isinstance(options, Mapping) else {}
    said = {option: _said(value) if isinstance(value, Mapping) else value for option, value in given.items()}
    return {option: value for option, value in said.items() if value not in (None, {})}


def _over(weaker: Mapping[str, Any], stronger: Mapping[str, Any]) -> dict[str, Any]:
    """Let options win over others; those that say values in the other way leave no value of the weaker ones."""
    left = dict(weaker)
    for kind, other in ((EVEN, UNEVEN), (UNEVEN, EVEN)):
        if kind & stronger.keys():
            left = {option: value for option, value in left.items() if option not in other}
    groups = {
        option: {**left[option], **value}
        for option, value in stronger.items()
        if isinstance(value, Mapping) and isinstance(left.get(option), Mapping)
    }
    return left | dict(stronger) | groups


def remarks(words: Iterable[str]) -> tuple[str, ...]:
    """Say of `data.preprocess` that was typed that the root has the same; once, of the first option.

    Raises:
        RecipeError: an option was typed in both spellings with two values.
    """
    pairs = [word.lstrip("+").partition("=")[::2] for word in words if not word.startswith("~")]
    said = dict(pairs)
    typed_there = [key for key, _ in pairs if f"{key}.".startswith("data.preprocess.")]
    for key in typed_there:
        root = key.removeprefix("data.")
        if said.get(root, said[key]) != said[key]:
            raise RecipeError(
                f"{key}: {plain(said[key])} and {root}={plain(said[root])} are two values of one option; say one."
            )
    return tuple(f"{key} is another spelling of {key.removeprefix('data.')}" for key in typed_there[:1])


def _check_root(at_root: Mapping[str, Any], options: set[str], modality: str) -> None:
    foreign = sorted(at_root.keys() - options)
    if foreign:
        value = at_root[foreign[0]]
        inner = [plain(str(option)) for option in value][:1] if isinstance(value, Mapping) else []
        key = ".".join([foreign[0], *inner])
        raise RecipeError(
            f"preprocess.{key}: the data are of the modality '{modality}', which has no such option; it has "
            f"{', '.join(sorted(options)) or 'none'}."
        )


def _check_one_kind(key: str, said: Mapping[str, Any]) -> None:
    even, uneven = sorted(EVEN & said.keys()), sorted(UNEVEN & said.keys())
    if even and uneven:
        raise RecipeError(
            f"{key}.{even[0]}: it has no effect beside {key}.{uneven[0]}, which says the values of each "
            f"channel; keep only one of them out."
        )
