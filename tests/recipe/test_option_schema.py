"""Our schemas of options against pydantic's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import pytest
from annotated_types import Ge, Len, MultipleOf
from pydantic import TypeAdapter

from tflbuild import plugins
from tflbuild.core.architecture import ARCHITECTURES
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.dataset import DATASETS
from tflbuild.core.hook import HOOKS
from tflbuild.core.target import TARGETS
from tflbuild.modalities.image.augment import Augment
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.recipe import keys
from tflbuild.recipe.option_schema import UnusualFieldError, dataclass_schema, validator

plugins.load(None)
DECLARED = [cls for names in (PASSES, ARCHITECTURES, DATASETS, TARGETS, HOOKS) for _, cls in names.items()]
OURS = [keys.RootOptions, keys.StoreOptions, keys.WorkerSettings, keys.StepKeys, Augment, ImageModality]
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


BOUNDED = [Annotated[int, MultipleOf(2)], Annotated[str, Ge(1)], Annotated[int, Ge(1), Len(1)]]


@pytest.mark.parametrize("hint", [*BOUNDED, tuple, list[int], set[str], dict[int, str], bytes], ids=str)
def test_a_kind_of_field_that_is_not_written_here_is_left_to_pydantic(hint: Any) -> None:
    cls = dataclasses.make_dataclass("Unusual", [("option", hint)], kw_only=True)
    with pytest.raises(UnusualFieldError):
        dataclass_schema(cls)


@pytest.mark.parametrize(("kw_only", "init"), [(False, True), (True, False)])
def test_fields_that_have_a_position_or_cannot_be_given_are_left_to_pydantic(
    kw_only: bool, init: bool
) -> None:
    field: Any = dataclasses.field(default=0, init=init)
    cls = dataclasses.make_dataclass("Unusual", [("option", int, field)], kw_only=kw_only)
    with pytest.raises(UnusualFieldError):
        dataclass_schema(cls)
