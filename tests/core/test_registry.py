"""Declarations by name."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tflbuild import plugins
from tflbuild.core import registry as registry_module
from tflbuild.core.errors import NameTaken, PluginError, RecipeError
from tflbuild.core.metric import METRICS
from tflbuild.core.registry import Registry, built_in


def made(module: str, name: str = "Thing") -> type[Any]:
    return type(name, (), {"__module__": module})


def filled() -> Registry[Any]:
    registry: Registry[Any] = Registry("thing")
    registry.add("quantize", made("b"))
    registry.add("prune", made("a"))
    return registry


def test_a_class_is_found_under_its_name() -> None:
    registry, one = Registry[Any]("thing"), made("a")
    registry.add("one", one)
    assert registry.get("one") is one
    assert "one" in registry
    assert "two" not in registry


def test_names_come_as_they_were_declared_and_items_by_name() -> None:
    assert list(filled()) == ["quantize", "prune"]
    assert [name for name, _ in filled().items()] == ["prune", "quantize"]
    assert dict(filled().items())["prune"].__module__ == "a"


@pytest.mark.parametrize("name", ["a-b", "", "1a", "a b", "a.b"])
def test_a_name_is_an_identifier(name: str) -> None:
    registry: Registry[Any] = Registry("thing")
    with pytest.raises(PluginError) as caught:
        registry.add(name, made("mine"))
    assert str(caught.value) == f"thing name '{name}' in mine: letters, digits and _ only."
    assert name not in registry


def test_a_name_that_another_module_has_is_taken() -> None:
    registry = filled()
    first = registry.get("prune")
    with pytest.raises(NameTaken) as caught:
        registry.add("prune", made("c"))
    assert str(caught.value) == "c declares the thing 'prune', a name that a has taken; choose another."
    assert caught.value.name == "prune"
    assert registry.get("prune") is first


def test_a_module_may_declare_its_own_name_again() -> None:
    registry, again = filled(), made("a", "Again")
    registry.add("prune", again)
    assert registry.get("prune") is again


def test_a_declared_class_is_a_frozen_dataclass_of_keywords_that_knows_its_name() -> None:
    registry: Registry[Any] = Registry("thing")

    @registry.declare("mine")
    class Mine:
        option: int = 3

    assert registry.get("mine") is Mine
    assert Mine.name == "mine"  # type: ignore[attr-defined]
    assert Mine(option=4).option == 4
    with pytest.raises(TypeError):
        Mine(4)  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Mine().option = 5


def test_what_a_module_declared_is_taken_back_and_nothing_else() -> None:
    registry = filled()
    registry.add("other", made("a"))
    registry.remove_module("a")
    assert list(registry) == ["quantize"]
    registry.remove_module("nobody")
    assert list(registry) == ["quantize"]


def test_a_name_that_is_not_declared_is_named_by_its_key_with_the_nearest_spelling() -> None:
    with pytest.raises(RecipeError) as caught:
        filled().get("prun", "x.pass")
    assert str(caught.value) == (
        "x.pass: there is no thing 'prun'; there are prune, quantize. Did you mean 'prune'?"
    )
    with pytest.raises(RecipeError) as caught:
        filled().get("\x1b" + "y" * 100)
    assert str(caught.value) == f"there is no thing '\\x1b{'y' * 75}…'; there are prune, quantize."


DECLARES = """
from tflbuild.core.metric import FileMetric, metric

@metric("{name}")
class Mine(FileMetric):
    pass
"""


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give an empty room of metrics in a package of its own."""
    folder = tmp_path / "entry_built_in" / "measures"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry_module, "PACKAGE", folder.parent)
    monkeypatch.setattr(METRICS, "_classes", None)
    monkeypatch.setattr(METRICS, "room", "measures")
    yield folder
    for name in [name for name in sys.modules if name.startswith("entry_built_in")]:
        del sys.modules[name]


def test_a_built_in_module_is_imported_when_what_it_declares_is_asked_for(room: Path) -> None:
    (room / "declaring.py").write_text(DECLARES.format(name="my_metric"))
    (room / "other.py").write_text('@metric("another")\nraise AssertionError("not to be imported")')
    assert list(METRICS) == ["my_metric", "another"]
    assert "entry_built_in.measures.declaring" not in sys.modules
    assert METRICS.get("my_metric").__module__ == "entry_built_in.measures.declaring"
    assert METRICS.get("my_metric") is METRICS.get("my_metric")
    assert "entry_built_in.measures.other" not in sys.modules
    METRICS.remove_module("entry_built_in.measures.other")
    assert "another" not in METRICS


def test_a_built_in_module_that_was_imported_already_is_not_imported_again(room: Path) -> None:
    path = room / "declaring.py"
    path.write_text(DECLARES.format(name="my_metric"))
    module = importlib.import_module("entry_built_in.measures.declaring")
    path.write_text(path.read_text() + "raise AssertionError('not to be imported')")
    assert METRICS.get("my_metric") is module.Mine
    METRICS._classes = None  # as in a process that read the room later
    assert METRICS.get("my_metric") is module.Mine


def test_a_name_that_is_built_in_is_taken_before_its_module_is_imported(room: Path) -> None:
    (room / "declaring.py").write_text(DECLARES.format(name="my_metric"))
    with pytest.raises(NameTaken) as caught:
        METRICS.add("my_metric", made("mine"))
    assert str(caught.value) == (
        "mine declares the metric 'my_metric', a name that entry_built_in.measures.declaring has taken; choose another."
    )


def test_a_room_declares_in_its_own_files_and_in_the_one_of_a_folder_that_is_called_like_the_decorator(
    room: Path,
) -> None:
    for name in ("large", "small"):
        (room / name).mkdir()
        (room / name / "metric.py").write_text(f'@metric("{name}")\nclass Mine: pass\n')
        (room / name / "parts.py").write_text('@metric("no_more")\nclass Mine: pass\n')
    (room / "notes.txt").write_text('@metric("no_code")\n')
    (room / "two.py").write_text('@metric("b")\nclass B: pass\n\n\n@metric("a_1", more=1)\nclass A: pass\n')
    assert list(built_in("metric", room)) == [
        ("large", "entry_built_in.measures.large.metric"),
        ("small", "entry_built_in.measures.small.metric"),
        ("b", "entry_built_in.measures.two"),
        ("a_1", "entry_built_in.measures.two"),
    ]


def test_a_decorator_in_a_comment_or_of_another_name_declares_nothing(room: Path) -> None:
    (room / "none.py").write_text('# @metric("a")\n  @metric("a")\n@metrics("a")\n@metric(NAME)\n')
    assert list(built_in("metric", room)) == []
    assert list(METRICS) == []


def test_a_registry_without_a_room_has_nothing_built_in() -> None:
    assert list(Registry[Any]("thing", "metric")) == []


def declared_by_its_tree(path: Path) -> list[tuple[str, str, str]]:
    """Name the declarations of a module by Python's own parser: decorator, name and module."""
    words = {registry.decorator for registry in plugins.REGISTRIES}
    text = path.read_text(encoding="utf-8")
    module = ".".join(("tflbuild", *path.relative_to(registry_module.PACKAGE).with_suffix("").parts))
    return [
        (decorator.func.id, decorator.args[0].value, module)
        for node in (ast.walk(ast.parse(text)) if "@" in text else ())
        for decorator in (node.decorator_list if isinstance(node, ast.ClassDef | ast.FunctionDef) else ())
        if isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name)
        and decorator.func.id in words
        and isinstance(decorator.args[0], ast.Constant)
    ]


def test_every_declaration_of_the_package_is_built_into_its_registry() -> None:
    found = [one for path in registry_module.PACKAGE.rglob("*.py") for one in declared_by_its_tree(path)]
    known = [
        (registry.decorator, name, module)
        for registry in plugins.REGISTRIES
        for name, module in built_in(registry.decorator, registry_module.PACKAGE / registry.room)
    ]
    assert sorted(known) == sorted(found)
    assert len({(word, name) for word, name, _ in known}) == len(known)
    often = {
        "compiler_pass",
        "architecture",
        "dataset",
        "task",
        "modality",
        "runtime",
        "metric",
        "target",
        "hook",
        "model_format",
        "analysis",
        "command",
    }
    assert often <= {word for word, _, _ in known}


def test_every_registry_has_a_room_and_a_decorator_of_its_own() -> None:
    assert len({registry.room for registry in plugins.REGISTRIES}) == len(plugins.REGISTRIES)
    assert len({registry.decorator for registry in plugins.REGISTRIES}) == len(plugins.REGISTRIES)
    assert all((registry_module.PACKAGE / registry.room).is_dir() for registry in plugins.REGISTRIES)
