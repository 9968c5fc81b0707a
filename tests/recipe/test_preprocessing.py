"""How samples become a model's input: what is said, what the model's file says, or the modality's default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tflbuild.core.architecture import Architecture
from tflbuild.core.dataset import Dataset
from tflbuild.core.errors import RecipeError
from tflbuild.recipe.preprocessing import settled


@dataclass(frozen=True, kw_only=True)
class Net(Architecture):
    """A model whose file says something."""

    says: Mapping[str, Any] = field(default_factory=dict)

    def preprocess(self) -> Mapping[str, Any]:
        return self.says


class Rows(Dataset):
    modality = "vector"


def of(
    root: dict[str, Any] | None = None, data: Any = None, model: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Settle options of pictures; gives those that are not as they are where nobody says anything."""
    plain = settled({}, Dataset(), Net())
    found = settled(root or {}, Dataset(preprocess=data or {}), Net(says=model or {}))
    return {option: value for option, value in found.items() if plain.get(option) != value}


def test_where_nobody_says_anything_pixels_are_in_minus_1_to_1() -> None:
    plain = settled({}, Dataset(), Net())
    assert (plain["scale"], plain["offset"]) == (1 / 128, -1.0)
    assert settled({"scale": None}, Dataset(preprocess={"offset": None}), Net()) == plain


ORDER: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # root, data, the model's file, what counts
    ({}, {}, {"scale": 1.0, "offset": 0.0}, {"scale": 1.0, "offset": 0.0}),
    ({}, {"scale": 0.5}, {"scale": 1.0, "offset": 0.0}, {"scale": 0.5, "offset": 0.0}),
    ({"scale": 0.25}, {"scale": 0.5}, {"scale": 1.0}, {"scale": 0.25}),
    ({"scale": None}, {"scale": 0.5}, {"scale": 1.0}, {"scale": 0.5}),
    (
        {"channels": "bgr"},
        {"resize": "box"},
        {"scale": 1.0},
        {"channels": "bgr", "resize": "box", "scale": 1.0},
    ),
    ({}, {}, {"unheard_of": 1}, {}),  # of another modality than the data's
]


@pytest.mark.parametrize(("root", "data", "model", "expected"), ORDER)
def test_what_is_said_at_the_root_counts_before_the_data_and_these_before_the_file(
    root: dict[str, Any], data: dict[str, Any], model: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert of(root, data, model) == expected


UNEVEN = {"mean": (1.0, 2.0, 3.0), "std": (2.0, 2.0, 2.0)}
SHOWN = {"mean": [1.0, 2.0, 3.0], "std": [2.0, 2.0, 2.0]}
KINDS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # root, data, the model's file, what counts: values of each channel take the place of values of all, and back
    (UNEVEN, {"scale": 0.5, "offset": 0.0}, {}, SHOWN),
    ({"scale": 0.5}, UNEVEN, {}, {"scale": 0.5}),
    ({}, UNEVEN, {"scale": 0.5, "offset": 0.0}, SHOWN),
    ({}, {"scale": 0.5}, UNEVEN, {"scale": 0.5}),
    ({"scale": 0.5}, {}, UNEVEN, {"scale": 0.5}),
    ({"resize": "box"}, {}, UNEVEN, {**SHOWN, "resize": "box"}),
]


@pytest.mark.parametrize(("root", "data", "model", "expected"), KINDS)
def test_values_of_each_channel_and_values_of_all_channels_take_one_anothers_place(
    root: dict[str, Any], data: dict[str, Any], model: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert of(root, data, model) == expected


WRONG: list[tuple[dict[str, Any], Any, str]] = [
    (
        {"scales": 1},
        {},
        "preprocess.scales: the data are of the modality 'image', which has no such option; it has ",
    ),
    ({"scale": 0}, {}, "preprocess.scale: 0 should be greater than 0."),
    ({}, {"scale": 0}, "data.preprocess.scale: 0 should be greater than 0."),
    ({}, 7, "data.preprocess: 7 "),
    (
        {},
        {"crop": 0.5},
        "data.preprocess.crop: 0.5 has no effect with aspect=stretch; set aspect=center_crop.",
    ),
    ({"crop": 0.5}, {}, "preprocess.crop: 0.5 has no effect with aspect=stretch; set aspect=center_crop."),
    (
        {"scale": 0.5, "mean": (1.0, 2.0, 3.0)},
        {},
        "preprocess.scale: it has no effect beside preprocess.mean, which says the values of each channel; leave one "
        "of them out.",
    ),
]


@pytest.mark.parametrize(("root", "data", "message"), WRONG)
def test_what_is_wrong_is_one_sentence_by_the_key_that_says_it(
    root: dict[str, Any], data: Any, message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        settled(root, Dataset(preprocess=data), Net())
    assert str(caught.value).startswith(message)


def test_an_option_of_pictures_is_none_of_numbers() -> None:
    assert settled({"resize": None}, Rows(), Net(says={"scale": 1.0})) == {}
    with pytest.raises(RecipeError) as caught:
        settled({"scale": 0.5}, Rows(), Net())
    assert str(caught.value) == (
        "preprocess.scale: the data are of the modality 'vector', which has no such option; it has none."
    )
