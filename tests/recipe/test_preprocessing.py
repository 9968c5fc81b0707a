"""Which of four sayings decides how a sample becomes an input: the root, the data, the model's file, or the default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tflbuild import plugins
from tflbuild.core.architecture import Architecture
from tflbuild.core.dataset import Dataset
from tflbuild.core.errors import RecipeError
from tflbuild.data.tones import Tones
from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.recipe import load as load_module
from tflbuild.recipe.load import load_recipe, thaw
from tflbuild.recipe.preprocessing import remarks, settled, told

DEFAULT = {
    "resize": "bilinear",
    "antialias": True,
    "aspect": "stretch",
    "channels": "rgb",
    "scale": 0.0078125,
    "offset": -1.0,
}
MEANS, STDS = [123.7, 116.3, 103.5], [58.4, 57.1, 57.4]


@dataclass(frozen=True, kw_only=True)
class Photos(Dataset):
    """Pictures."""

    modality = "image"


@dataclass(frozen=True, kw_only=True)
class Numbers(Dataset):
    """Numbers."""

    modality = "vector"


@dataclass(frozen=True, kw_only=True)
class Saying(Architecture):
    """A model whose file says something of its input."""

    said: Mapping[str, Any] = field(default_factory=dict)
    assumed: bool = False

    def preprocess(self) -> Mapping[str, Any]:
        return self.said

    def recognised(self) -> list[dict[str, str]]:
        value = "assumed" if self.assumed else "pixels in 0..1"
        return [{"what": "preprocess", "value": value, "evidence": "the file"}]


@dataclass(frozen=True)
class Resolved:
    """What of a recipe is looked at here."""

    recognised: tuple[Mapping[str, str], ...]


def of(root: Any = None, data: Any = None, file: Any = None, kind: type[Dataset] = Photos) -> dict[str, Any]:
    return settled(root or {}, kind(preprocess={} if data is None else data), Saying(said=file or {}))


def refused(root: Any = None, data: Any = None, file: Any = None, kind: type[Dataset] = Photos) -> str:
    with pytest.raises(RecipeError) as caught:
        of(root, data, file, kind)
    return str(caught.value)


def test_nothing_said_is_the_default() -> None:
    assert of() == of(data={}) == DEFAULT
    assert settled({}, Photos(preprocess=None), Saying()) == DEFAULT  # type: ignore[arg-type]


SAID = [
    # root, data.preprocess, file, and what differs from the default
    ({}, {}, {"scale": 0.5}, {"scale": 0.5}),
    ({}, {"scale": 2.0}, {"scale": 0.5}, {"scale": 2.0}),
    ({"scale": 3.0}, {"scale": 2.0}, {"scale": 0.5}, {"scale": 3.0}),
    (
        {"scale": 3.0},
        {"offset": 2.0},
        {"offset": 0.5, "channels": "bgr"},
        {"scale": 3, "offset": 2, "channels": "bgr"},
    ),
    ({}, {"channels": "grey"}, {"channels": "rgb"}, {"channels": "grey"}),
    ({"aspect": "letterbox"}, {"aspect": "stretch"}, {}, {"aspect": "letterbox"}),
    ({"scale": None}, {"scale": None}, {"scale": 0.5}, {"scale": 0.5}),
    ({"scale": None}, {"scale": 2.0}, {"scale": 0.5}, {"scale": 2.0}),
    ({"scale": None}, {"scale": None}, {}, {}),
    ({"aspect": "center_crop", "crop": 0.875}, {}, {}, {"aspect": "center_crop", "crop": 0.875}),
    ({"crop": 0.5}, {"aspect": "center_crop"}, {}, {"aspect": "center_crop", "crop": 0.5}),
    # what only another modality has says nothing
    ({}, {}, {"window": 400, "scale": 0.5}, {"scale": 0.5}),
]


@pytest.mark.parametrize(("root", "data", "file", "differing"), SAID)
def test_each_option_is_the_first_that_is_said(root: Any, data: Any, file: Any, differing: Any) -> None:
    assert of(root, data, file) == DEFAULT | differing


def test_an_option_of_a_group_leaves_the_others_of_it_to_who_says_them() -> None:
    nothing = {"gain": None, "log": None}
    found = of(
        {"front_end": "micro", "low": 125, "high": 7500, "micro": {**nothing, "gain": False}},
        {"level": "recorded"},
        {"micro": {"gain": True, "log_shift": 7}},
        kind=Tones,
    )
    assert found["micro"] == Audio().to_json()["micro"] | {"gain": False, "log_shift": 7}
    assert of({"micro": nothing}, kind=Tones) == Audio().to_json()
    assert of({"micro": nothing}) == DEFAULT
    assert refused({"micro": {"gain": True}}).startswith(
        "preprocess.micro.gain: the data are of the modality 'image'"
    )


CHANNELS = [
    # a mean or a std takes the place of a weaker scale and offset, and in reverse
    ({"mean": MEANS, "std": STDS}, {}, {}, {"mean": MEANS, "std": STDS}),
    ({"mean": MEANS}, {"scale": 2.0, "offset": 3.0}, {"scale": 0.5}, {"mean": MEANS}),
    ({"std": STDS}, {}, {"scale": 0.5, "offset": 0.0}, {"std": STDS}),
    ({"scale": 2.0}, {"mean": MEANS, "std": STDS}, {}, {"scale": 2.0}),
    ({"scale": 2.0}, {}, {"mean": MEANS, "std": STDS}, {"scale": 2.0}),
    ({}, {"offset": 0.0}, {"mean": MEANS, "std": STDS}, {"offset": 0.0}),
    ({}, {"mean": MEANS}, {"scale": 0.5, "offset": 0.0}, {"mean": MEANS}),
    # of one kind each option is settled by itself
    ({"mean": MEANS}, {}, {"mean": [1.0, 2.0, 3.0], "std": STDS}, {"mean": MEANS, "std": STDS}),
    ({"mean": MEANS}, {"std": STDS}, {}, {"mean": MEANS, "std": STDS}),
    ({"scale": 2.0}, {}, {"scale": 0.5, "offset": 0.0}, {"scale": 2.0, "offset": 0.0}),
    # the strongest of three kinds leaves none of the others
    ({"scale": 2.0}, {"mean": MEANS}, {"offset": 0.5}, {"scale": 2.0}),
]


@pytest.mark.parametrize(("root", "data", "file", "differing"), CHANNELS)
def test_values_by_channel_and_those_of_all_channels_take_each_others_place(
    root: Any, data: Any, file: Any, differing: Any
) -> None:
    found, by_channel = of(root, data, file), bool({"mean", "std"} & differing.keys())
    even = {"scale", "offset"} if by_channel else set()
    assert found == {option: value for option, value in DEFAULT.items() if option not in even} | differing
    assert ImageModality.of(found).per_channel == by_channel
    assert of(data=found) == found, "what was settled is settled again as it is, by rerun or in a frozen job"


REFUSED = [
    (
        {"scale": 1.0, "mean": MEANS},
        {},
        "preprocess.scale: it has no effect beside preprocess.mean, which says the values of each channel; "
        "keep only one of them out.",
    ),
    (
        {"offset": 1.0, "std": STDS},
        {},
        "preprocess.offset: it has no effect beside preprocess.std, which says the values of each channel; "
        "keep only one of them out.",
    ),
    (
        {},
        {"offset": 1.0, "scale": 1.0, "mean": MEANS},
        "data.preprocess.offset: it has no effect beside data.preprocess.mean, which says the values of "
        "each channel; keep only one of them out.",
    ),
    ({"crop": 0.5}, {}, "preprocess.crop: 0.5 has no effect with aspect=stretch; set aspect=center_crop."),
    (
        {},
        {"crop": 0.5, "aspect": "letterbox"},
        "data.preprocess.crop: 0.5 has no effect with aspect=letterbox; set aspect=center_crop.",
    ),
    ({"mean": [1, 2]}, {}, "preprocess.mean: [1.0, 2.0] has 2 numbers; channels=rgb wants 3."),
    (
        {"mean": MEANS, "channels": "grey"},
        {},
        "preprocess.mean: [123.7, 116.3, 103.5] has 3 numbers; channels=grey wants 1.",
    ),
    ({"scale": 0}, {}, "preprocess.scale: 0 should be greater than 0."),
    ({}, {"scale": 0}, "data.preprocess.scale: 0 should be greater than 0."),
    # an option of the data is named by the data, whatever the root says
    ({"scale": 1}, {"channels": "cmyk"}, "data.preprocess.channels: 'cmyk' is not one of rgb, bgr, grey."),
    ({"channels": "rbg"}, {}, "preprocess.channels: 'rbg' is not one of rgb, bgr, grey. Did you mean 'rgb'?"),
    (
        {"mena": MEANS},
        {},
        "preprocess.mena: the data are of the modality 'image', which has no such option; it has antialias, aspect, "
        "channels, crop, mean, offset, resize, scale, std.",
    ),
    ({}, 7, "data.preprocess: 7 is not a mapping of options."),
    ({}, [], "data.preprocess: [] is not a mapping of options."),
]


@pytest.mark.parametrize(("root", "data", "text"), REFUSED, ids=[text for *_, text in REFUSED])
def test_what_contradicts_itself_is_one_sentence(root: Any, data: Any, text: str) -> None:
    assert refused(root, data) == text


def test_an_option_of_pictures_is_none_of_numbers() -> None:
    assert of(kind=Numbers) == of(file={"scale": 0.5}, kind=Numbers) == {}
    assert of({"scale": None}, {"scale": None}, kind=Numbers) == {}
    assert refused({"mean": MEANS}, kind=Numbers) == (
        "preprocess.mean: the data are of the modality 'vector', which has no such option; it has none."
    )
    assert refused(data={"scale": 2.0}, kind=Numbers).startswith(
        "data.preprocess.scale: there is no such option; there are none."
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], ()),
        (["preprocess.scale=1", "data.train=3"], ()),
        (["data.preprocess.scale=1"], ("data.preprocess.scale is another spelling of preprocess.scale",)),
        (["+data.preprocess.mean=[1,2,3]"], ("data.preprocess.mean is another spelling of preprocess.mean",)),
        (
            ["seed=1", "data.preprocess.offset=0", "data.preprocess.scale=1"],
            ("data.preprocess.offset is another spelling of preprocess.offset",),
        ),
        (["data.preprocess={scale: 1}"], ("data.preprocess is another spelling of preprocess",)),
        (["data.preprocessing=1", "data.root=data.preprocess.scale=1", "~data.preprocess.scale"], ()),
    ],
)
def test_the_other_spelling_is_remarked_on_once_where_it_is_typed(
    words: list[str], said: tuple[str, ...]
) -> None:
    assert remarks(words) == said


TOLD = [
    ({}, {}, ""),
    ({"aspect": "letterbox"}, {"channels": "bgr"}, ""),
    ({"scale": None}, {"offset": None}, ""),
    ({"scale": 2.0, "aspect": "letterbox"}, {}, "scale 2.0"),
    ({"scale": 2.0}, {"offset": 0.0}, "offset 0.0, scale 2.0"),
    ({"mean": MEANS}, {"scale": 2.0, "std": STDS}, f"std {STDS}, mean {MEANS}"),
    ({"scale": 2.0}, {"mean": MEANS}, "scale 2.0"),
    ({}, None, ""),
]


@pytest.mark.parametrize(("root", "data", "value"), TOLD)
def test_what_the_recipe_says_is_told_where_the_file_says_nothing(root: Any, data: Any, value: str) -> None:
    said = [{"what": "preprocess", "value": value, "evidence": "the recipe says so"}] if value else []
    photos = Photos(preprocess=data)
    assert list(told(root, photos, Saying(assumed=True))) == said
    assert told(root, photos, Saying()) == ()


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugins, "_loaded", {})


@pytest.mark.usefixtures("empty_folder")
def test_a_recipe_takes_both_spellings_and_remarks_on_what_was_typed_alone() -> None:
    with pytest.raises(
        RecipeError, match=r"^data\.preprocess\.scale: 2 and preprocess\.scale=1 are two values of one"
    ):
        load_recipe(["recipe=mobilenet_v1_int8", "preprocess.scale=1", "data.preprocess.scale=2"])
    load_recipe(["recipe=mobilenet_v1_int8", "preprocess.scale=2", "data.preprocess.scale=2"])
    typed = load_recipe(["recipe=mobilenet_v1_int8", "data.preprocess.scale=2"])
    assert typed.data.preprocess == DEFAULT | {"scale": 2.0}
    assert typed.remarks == ("data.preprocess.scale is another spelling of preprocess.scale",)
    root = load_recipe(["recipe=mobilenet_v1_int8", "preprocess.scale=2"])
    assert root.data.preprocess == typed.data.preprocess
    assert root.remarks == ()
    Path("recipes").mkdir()
    Path("recipes/mine.yaml").write_text(
        "# @package _global_\ndefaults: [mobilenet_v1_int8, _self_]\ndata: {preprocess: {scale: 2}}\n"
    )
    written = load_recipe(["recipe=mine"])
    assert written.data.preprocess == typed.data.preprocess
    assert written.remarks == ()


@pytest.mark.usefixtures("empty_folder")
def test_a_report_shows_what_was_said_at_the_root_where_the_data_have_it() -> None:
    found = load_recipe(["recipe=mobilenet_v1_int8", f"preprocess.mean={MEANS}", f"preprocess.std={STDS}"])
    assert "preprocess" not in found.mapping
    shown = found.mapping["data"]["preprocess"]
    assert (shown["mean"], shown["std"]) == (MEANS, STDS)
    assert ImageModality.of(shown) == ImageModality.of(found.data.preprocess)


def test_what_was_assumed_is_not_told_as_said_when_the_resolved_recipe_is_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`data=auto` is resolved with the default in it: a job of a sweep, or a rerun, must not call it the recipe's."""
    resolved = Photos(preprocess=DEFAULT)
    assert told({}, resolved, Saying(assumed=True)), "a mapping alone cannot tell"
    said = tuple(told({}, resolved, Saying(assumed=True)))
    recipe = Resolved(recognised=({"what": "data", "value": "x", "evidence": "y"}, *said))
    monkeypatch.setattr(load_module, "recipe_of", lambda *_: recipe)
    assert [one["what"] for one in thaw({}, [], None, assumed=True).recognised] == ["data"]
    assert thaw({}, [], None) is recipe
