"""Sources outside the data set: whose key names them, what of them is used, and that no test image is among them."""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

import fakes
from building import change
from tflbuild.core.dataset import Index, Sample
from tflbuild.core.digest import of_bytes
from tflbuild.core.errors import DataError, RecipeError
from tflbuild.core.recipe import Recipe
from tflbuild.engine import prepare as module
from tflbuild.engine.prepare import prepare

INDEX = Index(classes=("a",), splits=dict.fromkeys(("train", "val", "test"), (Sample("k", "d"),)))


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"source": "photos"}, "source"),
        ({"other": "x", "calibration": {"images": 3, "source": "photos"}}, "calibration.source"),
        ({"a": {"b": {"c": "photos"}}}, "a.b.c"),
        ({"a": ["photos"]}, ""),
        ("photos", ""),
    ],
)
def test_the_option_that_names_a_source_is_found_by_its_path(options: Any, key: str) -> None:
    assert module._key_of(options, "photos") == key


@pytest.mark.parametrize(
    ("source", "split"),
    [
        ("data.train", True),
        ("data.val", True),
        ("photos", False),
        ("data/photos", False),
        ("data.v/photos", False),
    ],
)
def test_a_split_is_told_from_a_folder(source: str, split: bool) -> None:
    assert module._is_split(source, "quantize", INDEX) is split


def test_the_test_split_is_never_a_source_though_it_is_one_of_the_data() -> None:
    with pytest.raises(RecipeError, match=r"quantize: 'data\.test' must not be used here; use data\.train"):
        module._is_split("data.test", "quantize", INDEX)


def test_a_file_or_folder_of_any_kind_is_named_by_its_content_in_a_fixed_order(tmp_path: Path) -> None:
    for name in ("b.txt", "z.png", "sub/c.h5"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    found = module._as_it_stands(str(tmp_path), "train.init")
    assert list(found.items()) == [
        (str(tmp_path / name), of_bytes(name.encode())) for name in ("b.txt", "sub/c.h5", "z.png")
    ]
    one = str(tmp_path / "b.txt")
    assert module._as_it_stands(one, "train.init") == {one: of_bytes(b"b.txt")}
    os.mkfifo(tmp_path / "fifo")
    for name, why in (("gone", "No such file or directory"), ("fifo", "not a regular file")):
        with pytest.raises(DataError) as caught:
            module._as_it_stands(str(tmp_path / name), "train.init")
        assert str(caught.value) == f"train.init: '{tmp_path / name}' cannot be read: {why}."


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("2.png", "1.png", "notes.txt"):
        (folder / name).write_text(name)
    return folder


def calibrated(recipe: Recipe, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Let `quantize` read a folder that its `calibration.source` names."""
    monkeypatch.setattr(module, "_key_of", lambda options, source: "calibration.source")
    return change(recipe, "quantize", options=fakes.FakeAny(sources=(str(photos),)))


def test_images_of_a_source_are_used_by_content_and_what_is_none_is_said(
    recipe: Recipe, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    prepared = prepare(calibrated(recipe, photos, monkeypatch), fakes.NAMES, said.append)
    assert list(prepared.keys.listing(str(photos)).items()) == [
        (str(photos / name), of_bytes(name.encode())) for name in ("1.png", "2.png")
    ]
    assert len(said) == 1
    assert said[0].startswith("quantize.calibration.source: ")
    assert "notes.txt" in said[0]


def test_what_is_left_out_of_a_source_is_said_once_for_all_that_read_it(
    recipe: Recipe, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = calibrated(recipe, photos, monkeypatch)
    again = replace(reading.steps["quantize"], label="again")
    said: list[str] = []
    prepare(replace(reading, steps={**reading.steps, "again": again}), fakes.NAMES, said.append)
    assert len(said) == 1


def test_a_test_image_is_refused_by_its_content_whatever_it_is_called(
    recipe: Recipe, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "held_out.png").write_text("2.png")
    (tmp_path / "other.png").write_text("other")
    known = fakes.FakeData.index

    def index(self: fakes.FakeData, look: Any) -> Index:
        made = known(self, look)
        test = [Sample("generated", "x"), Sample("the other", "y", str(tmp_path / "other.png"))]
        test.append(Sample("the one", "z", str(tmp_path / "held_out.png")))
        train = (Sample("same as 1", "x", str(photos / "1.png")),)
        return replace(made, splits={**made.splits, "train": train, "test": tuple(test)})

    monkeypatch.setattr(fakes.FakeData, "index", index)
    wanted = calibrated(recipe, photos, monkeypatch)
    with pytest.raises(DataError) as caught:
        prepare(wanted, names=fakes.NAMES)
    assert str(caught.value) == (
        f"quantize.calibration.source: {photos / '2.png'} is the test sample the one; calibrate on others."
    )
    (photos / "2.png").write_text("another")
    prepare(wanted, names=fakes.NAMES)


@pytest.mark.parametrize("wanted", [True, False])
def test_the_search_for_garbage_is_put_off_and_then_as_it_was(wanted: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if wanted else gc.disable)()
        with module._uncollected():
            assert not gc.isenabled()
        assert gc.isenabled() is wanted
    finally:
        gc.enable() if before else gc.disable()


def test_a_listing_is_of_its_data_set_and_options(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    versions: list[str] = []

    def listed(data: Any, memo: Any, version: Any) -> Index:
        versions.append(version())
        index: Index = data.index(memo)
        return index

    monkeypatch.setattr(module.listing, "listed", listed)
    monkeypatch.setattr(module, "code_digest", lambda *modules: f"code of {' '.join(modules)}")
    monkeypatch.setattr(module, "inspector", lambda inspect, most: f"looked by {inspect} at {most}")
    prepare(replace(recipe, data=fakes.FakeData(max_pixels=9)), names=fakes.NAMES)
    assert versions == ["code of fakes looked by fakes:inspect at 9"]


@dataclass(frozen=True, kw_only=True)
class Ordered(fakes.FakeData):
    """Samples of three classes, in the order that is wanted."""

    name: ClassVar[str] = "ordered"
    classes: tuple[str, ...] | None = None

    def index(self, look: Any) -> Index:
        return replace(super().index(look), classes=self.classes or ("Platelets", "RBC", "WBC"))


MAP = {"label_map.pbtxt": ("RBC", "WBC", "Platelets")}


def test_the_models_labels_say_the_order_of_the_same_classes(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fakes.FakeModel, "listed_labels", lambda self: MAP)
    found = prepare(replace(recipe, data=Ordered()), names=fakes.NAMES)
    assert found.index.classes == ("RBC", "WBC", "Platelets")
    assert {
        "what": "order of classes",
        "value": "RBC, WBC, Platelets",
        "evidence": "label_map.pbtxt, which has the same names as the data",
    } in found.recipe.seen


@pytest.mark.parametrize(
    ("labels", "asked"),
    [
        (MAP, ("WBC", "Platelets", "RBC")),  # the recipe says the order
        ({"a.txt": ("RBC", "WBC", "thrombocytes")}, None),
        ({"a.txt": ("RBC", "WBC")}, None),
        ({"a.txt": ("RBC", "WBC", "Platelets", "RBC")}, None),
        ({**MAP, "a.txt": ("WBC", "RBC", "Platelets")}, None),  # two lists say two orders
        ({}, None),
    ],
)
def test_other_names_and_what_the_recipe_says_leave_the_order(
    labels: dict[str, tuple[str, ...]],
    asked: tuple[str, ...] | None,
    recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fakes.FakeModel, "listed_labels", lambda self: labels)
    found = prepare(replace(recipe, data=Ordered(classes=asked)), names=fakes.NAMES)
    assert found.index.classes == (asked or ("Platelets", "RBC", "WBC"))
    assert "order of classes" not in [one["what"] for one in found.recipe.seen]


def test_data_that_take_no_order_keep_theirs(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fakes.FakeModel, "listed_labels", lambda self: {"a.txt": ("a",)})
    assert prepare(recipe, names=fakes.NAMES).index.classes == ("a",)
