"""Records of the core are values: nothing changes them, and nobody mixes up their fields by position."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from typing import Any

import pytest

from tflbuild import core

BY_POSITION = {"Form", "Signature", "Evidence"}
"""Records that are made by position, since their fields are of kinds that cannot be mistaken for one another, or are
said in one order everywhere: inputs and outputs; what was recognised, its value and what shows it."""


def records() -> list[type[Any]]:
    modules = [
        importlib.import_module(f"tflbuild.core.{info.name}") for info in pkgutil.iter_modules(core.__path__)
    ]
    return [
        cls
        for module in modules
        for cls in vars(module).values()
        if isinstance(cls, type) and dataclasses.is_dataclass(cls) and cls.__module__ == module.__name__
    ]


@pytest.mark.parametrize("cls", records(), ids=lambda cls: cls.__name__)
def test_a_record_cannot_be_changed(cls: type[Any]) -> None:
    assert cls.__dataclass_params__.frozen


@pytest.mark.parametrize(
    "cls", [cls for cls in records() if cls.__name__ not in BY_POSITION], ids=lambda cls: cls.__name__
)
def test_a_record_is_made_by_the_names_of_its_fields(cls: type[Any]) -> None:
    assert all(field.kw_only for field in dataclasses.fields(cls) if field.init)


def test_there_are_records() -> None:
    assert {"Limit", "Verdict", "Fallback", "Measurement", "Recipe", "Step", "Index"} <= {
        cls.__name__ for cls in records()
    }
