"""Things by dotted name."""

from __future__ import annotations

import dataclasses
import importlib
import os.path

import pytest

from tflbuild.core.names import Names, load_nothing, named
from tflbuild.wiring import NAMES


def test_a_name_leads_to_what_it_names() -> None:
    assert named("os.path:join") is os.path.join
    with pytest.raises(ModuleNotFoundError):
        named("no_such_module:join")
    with pytest.raises(AttributeError):
        named("os.path:no_such_function")


@pytest.mark.parametrize(
    "name", [field.name for field in dataclasses.fields(Names) if field.name != "measuring"]
)
def test_every_entry_point_of_evaluation_is_there(name: str) -> None:
    given = getattr(NAMES, name)
    for dotted in given if isinstance(given, tuple) else (given,):
        assert callable(named(dotted))


def test_what_measures_is_a_module_with_two_functions() -> None:
    module = importlib.import_module(NAMES.measuring)
    assert callable(module.measure)
    assert callable(module.compare)


def test_loading_nothing_is_a_loader() -> None:
    assert load_nothing("anything") is None  # type: ignore[func-returns-value]
