"""Our schemas of options against pydantic's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from tflbuild import plugins, recipe
from tflbuild.core.compiler_pass import ARCHITECTURES, PASSES
from tflbuild.core.dataset import DATASETS
from tflbuild.core.hook import HOOKS
from tflbuild.core.target import TARGETS
from tflbuild.option_schema import UnusualFieldError, dataclass_schema, validator
from tflbuild.vision.augment import Augment
from tflbuild.vision.preprocess import Preprocess

plugins.load(None)
DECLARED = [cls for names in (PASSES, ARCHITECTURES, DATASETS, TARGETS, HOOKS) for _, cls in names.items()]
OURS = [recipe.RootOptions, recipe.StoreOptions, recipe.WorkerSettings, Augment, Preprocess]
WITHOUT_EFFECT = {
    "ref": None,
    "metadata": {},
    "init": True,
    "default_factory_takes_data": False,
    "kw_only": True,
}
"""What pydantic adds for itself, and what only matters for positional arguments, with its usual value."""


def essence(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: essence(value) for key, value in schema.items() if key not in WITHOUT_EFFECT}
    return [essence(item) for item in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("cls", [*DECLARED, *OURS], ids=lambda cls: cls.__name__)
def test_the_schema_of_every_declared_class_is_that_of_pydantic(cls: type[Any]) -> None:
    assert essence(dataclass_schema(cls)) == essence(TypeAdapter(cls).core_schema)


def test_pydantic_writes_the_schema_of_other_kinds_of_fields() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Unusual:
        where: Path = Path()

    Unusual.__annotations__["where"] = Path
    with pytest.raises(UnusualFieldError):
        dataclass_schema(Unusual)
    assert validator(Unusual).validate_python({"where": "here"}) == Unusual(where=Path("here"))
