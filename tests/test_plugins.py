"""Finding declarations: the built-in ones, the user's files, entry points; and what a broken one leaves behind."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tflbuild import core, plugins
from tflbuild.core.errors import PluginError
from tflbuild.core.metric import METRICS
from tflbuild.core.registry import Registry

DECLARES = """
from tflbuild.core.metric import FileMetric, metric

@metric("{name}")
class Mine(FileMetric):
    pass
"""


@pytest.fixture(autouse=True)
def afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in an empty folder where nothing is loaded but what is built in."""
    plugins.load(None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(plugins.OFF_SWITCH, raising=False)
    monkeypatch.setattr(plugins, "_loaded", {})
    monkeypatch.setattr(METRICS, "_classes", dict(METRICS._classes))
    monkeypatch.setattr(plugins.metadata, "entry_points", lambda group: [])
    local = [name for name in sys.modules if name.startswith(plugins.LOCAL_PACKAGE)]
    held = {name: sys.modules.pop(name) for name in local}  # other tests have plugins of the same names
    modules = set(sys.modules)
    yield
    for name in set(sys.modules) - modules:
        if name.startswith((plugins.LOCAL_PACKAGE, "entry_")):
            del sys.modules[name]
    sys.modules.update(held)


def write(name: str, text: str, folder: str = "plugins") -> Path:
    Path(folder).mkdir(exist_ok=True)
    path = Path(folder).resolve() / name
    path.write_text(text)
    return path


def test_the_users_folder_is_the_one_here_unless_it_is_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plugins.default_folder() is None
    Path("plugins").write_text("a file")
    assert plugins.default_folder() is None
    Path("plugins").unlink()
    Path("plugins").mkdir()
    assert plugins.default_folder() == tmp_path / "plugins"
    monkeypatch.setenv("TFLBUILD_NO_LOCAL_PLUGINS", "1")
    assert plugins.default_folder() is None


def test_files_of_the_folder_are_loaded_and_tests_are_not() -> None:
    path = write("mine.py", DECLARES.format(name="my_metric"))
    for name in ("_part.py", "test_mine.py", "conftest.py", "notes.txt"):
        write(name, "raise SystemExit('not to be loaded')")
    loaded = plugins.load(path.parent)
    assert loaded == plugins.Loaded(origins={"tflbuild_plugins.mine": str(path)})
    assert METRICS.get("my_metric").__module__ == "tflbuild_plugins.mine"
    assert loaded.warnings == []
    assert plugins.load(path.parent) is loaded


def test_without_a_folder_or_with_the_switch_nothing_of_the_user_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write("mine.py", DECLARES.format(name="my_metric"))
    assert plugins.load(None) == plugins.Loaded()
    monkeypatch.setenv("TFLBUILD_NO_LOCAL_PLUGINS", "1")
    assert plugins.load(path.parent) == plugins.Loaded()
    assert "my_metric" not in METRICS


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("raise ValueError('no luck')", "ValueError: no luck"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("from tflbuild.core.errors import PluginError\nraise PluginError('as I say')", "as I say"),
    ],
)
def test_a_broken_plugin_takes_back_what_it_declared(text: str, error: str) -> None:
    path = write("broken.py", DECLARES.format(name="half_made") + text)
    write("whole.py", DECLARES.format(name="my_metric"))
    loaded = plugins.load(path.parent)
    assert loaded.broken == {str(path): error}
    assert loaded.warnings == [f"plugin {path} is left out: {error}"]
    assert list(loaded.origins) == ["tflbuild_plugins.whole"]
    assert loaded.taken == {}
    assert "half_made" not in METRICS
    assert "my_metric" in METRICS
    assert "tflbuild_plugins.broken" not in sys.modules


def test_a_name_that_is_taken_is_kept_by_name() -> None:
    path = write("mine.py", DECLARES.format(name="size"))
    loaded = plugins.load(path.parent)
    assert list(loaded.taken) == ["size"]
    assert loaded.taken["size"] == loaded.broken[str(path)]
    assert loaded.taken["size"].startswith("tflbuild_plugins.mine declares the metric 'size', a name that ")


def test_entry_points_are_loaded_by_name_before_the_users_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = tmp_path / "order.txt"
    note = f"with open({str(order)!r}, 'a') as file:\n    file.write(__name__ + ' ')\n"
    for name in ("entry_one", "entry_two"):
        write(f"{name}.py", note, "site")
    write("mine.py", note)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    points = [
        EntryPoint("b", "entry_two:Thing", "tflbuild.passes"),
        EntryPoint("a", "entry_one", "tflbuild.passes"),
        EntryPoint("c", "entry_gone", "tflbuild.passes"),
    ]
    asked = []
    monkeypatch.setattr(plugins.metadata, "entry_points", lambda group: asked.append(group) or points)
    loaded = plugins.load(tmp_path / "plugins")
    assert asked == ["tflbuild.passes"]
    assert order.read_text().split() == ["entry_one", "entry_two", "tflbuild_plugins.mine"]
    assert loaded.origins["entry_two"] == "entry point b = entry_two:Thing"
    assert loaded.broken == {
        "entry point c = entry_gone": "ModuleNotFoundError: No module named 'entry_gone'"
    }


def test_files_are_loaded_by_name_however_the_disk_lists_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write(f"{name}.py", "x = 1") for name in ("c", "a", "b")]
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter(paths))
    assert list(plugins.load(tmp_path / "plugins").origins.values()) == sorted(map(str, paths))


def test_another_folder_takes_the_place_of_the_first() -> None:
    first, other = write("mine.py", "x = 1", "one"), write("other.py", "x = 2", "two")
    plugins.load(first.parent)
    package = sys.modules[plugins.LOCAL_PACKAGE]
    plugins.load(other.parent)
    assert sys.modules[plugins.LOCAL_PACKAGE] is package
    assert package.__path__ == [str(other.parent)]
    assert importlib.import_module("tflbuild_plugins.other").x == 2


def test_a_missing_name_is_explained_by_the_broken_plugin_that_names_it(tmp_path: Path) -> None:
    single, double, other = (
        write("a.py", "x = 'mine'"),
        write("b.py", 'x = "yours"'),
        write("c.py", "x = theirs"),
    )
    loaded = plugins.Loaded(broken={str(path): "no luck" for path in (single, double, other)})
    loaded.broken["entry point ours = x"] = "gone"
    for name, origin, error in (
        ("mine", single, "no luck"),
        ("yours", double, "no luck"),
        ("ours", "entry point ours = x", "gone"),
    ):
        with pytest.raises(PluginError) as caught:
            plugins.require(name, loaded, "hook")
        assert str(caught.value) == (
            f"hook '{name}' is declared by a plugin that cannot be loaded: {origin}: {error}"
        )
    plugins.require("theirs", loaded)
    with pytest.raises(PluginError, match=r"^pass 'mine' is "):
        plugins.require("mine", loaded)


def test_what_is_taken_back_is_taken_from_every_registry_that_there_is() -> None:
    modules = [
        importlib.import_module(f"tflbuild.core.{info.name}") for info in pkgutil.iter_modules(core.__path__)
    ]
    found = {
        id(value) for module in modules for value in vars(module).values() if isinstance(value, Registry)
    }
    assert {id(registry) for registry in plugins.REGISTRIES.values()} == found
    assert len(plugins.REGISTRIES) == len(found) == 6


def declared_by_its_tree(path: Path) -> list[tuple[str, str]]:
    """Name the declarations of a module by Python's own parser."""
    text = path.read_text(encoding="utf-8")
    return [
        (decorator.func.id, decorator.args[0].value)
        for node in (ast.walk(ast.parse(text)) if "@" in text else ())
        for decorator in (node.decorator_list if isinstance(node, ast.ClassDef) else ())
        if isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name)
        and decorator.func.id in plugins.REGISTRIES
        and isinstance(decorator.args[0], ast.Constant)
    ]


def test_every_built_in_declaration_is_read_off_its_text() -> None:
    assert plugins.BUILT_IN == ("passes", "models", "data", "metrics", "targets", "hooks")
    for package in plugins.BUILT_IN:
        modules = sorted(Path(plugins.__file__).parent.joinpath(package).glob("[!_]*.py"))
        found = {path: plugins.declarations(path.read_bytes()) for path in modules}
        assert found == {path: declared_by_its_tree(path) for path in modules}
        assert any(found.values())


def test_a_decorator_in_a_comment_or_of_another_name_declares_nothing() -> None:
    for word in ("compiler_pass", "architecture", "dataset", "metric", "target", "hook"):
        assert plugins.declarations(f'import x\n@{word}("a_1")\nclass A: pass\n'.encode()) == [(word, "a_1")]
    assert plugins.declarations(b'# @metric("a")\n  @metric("a")\n@metrics("a")\n@metric(NAME)\n') == []


def test_a_built_in_module_is_imported_when_what_it_declares_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "entry_built_in"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "declaring.py").write_text(DECLARES.format(name="my_metric").replace("'", '"'))
    (package / "other.py").write_text('@metric("another")\nraise AssertionError("not to be imported")')
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins._expect_built_in(package, "entry_built_in")
    assert {"my_metric", "another"} <= set(METRICS)
    assert "entry_built_in.declaring" not in sys.modules
    assert METRICS.get("my_metric").__module__ == "entry_built_in.declaring"
    assert "entry_built_in.other" not in sys.modules
    METRICS.remove_module("entry_built_in.other")
    assert "another" not in METRICS


def test_a_worker_loads_plugins_by_a_name_that_leads_here() -> None:
    module, _, name = plugins.LOADER.partition(":")
    assert getattr(importlib.import_module(module), name) is plugins.load
