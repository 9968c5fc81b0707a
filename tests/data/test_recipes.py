from __future__ import annotations

from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from tflbuild.core.dataset import DATASETS
from tflbuild.core.modality import MODALITIES
from tflbuild.core.names import named
from tflbuild.modalities.image.modality import ImageModality

FOLDER = Path(__file__).resolve().parents[2] / "recipes" / "data"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def test_every_data_set_has_a_recipe() -> None:
    assert {"signs", "sign_crops", "voc", "coco", "image_folder"} <= set(NAMES)


def keys(value: Any) -> Any:
    """Give the names of a dataclass's options, nested groups included."""
    if not is_dataclass(value):
        return None
    return {f.name: keys(getattr(value, f.name)) for f in fields(value)}


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_names_options_that_exist_and_gives_valid_values(name: str) -> None:
    options = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    assert options.pop("type") == name
    import_module(f"tflbuild.data.{name}")
    cls = DATASETS.get(name)
    made = TypeAdapter(cls).validate_python(options)
    assert set(options) == {f.name for f in fields(cls)}
    modality = MODALITIES.get(cls.modality)
    for block, kind in (("preprocess", modality), ("augment", named(modality.varied))):
        said = {key: value for key, value in options[block].items() if value is not None}
        built = TypeAdapter(kind).validate_python(said)
        assert built == kind.of(said)
        for key, group in options[block].items():
            known = keys(built)
            assert key in known
            assert not isinstance(group, dict) or set(group) <= set(known[key])
    defaults = {k: v for k, v in keys(made).items() if k not in ("preprocess", "augment")}
    assert all(getattr(made, key) == getattr(cls(), key) for key in defaults), "YAML and class differ"


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_leaves_what_a_pixel_is_worth_to_the_model_and_the_rest_to_the_defaults(
    name: str,
) -> None:
    said = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))["preprocess"]
    kind = MODALITIES.get(DATASETS.get(name).modality)
    if kind is ImageModality:
        assert [said.pop(option) for option in ("channels", "scale", "offset")] == [None] * 3
    assert kind.of({key: value for key, value in said.items() if value is not None}) == kind()
