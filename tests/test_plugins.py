"""Finding declarations: the built-in ones, the user's files, entry points; and what a broken one leaves behind."""

from __future__ import annotations

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
    monkeypatch.setattr(METRICS, "_classes", dict(METRICS._known))
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
    lines = path.read_text().splitlines()
    said = f"{error} (plugins/broken.py:{len(lines)}: {lines[-1]})"
    assert loaded.broken == {str(path): said}
    assert loaded.warnings == [f"plugin {path} is skipped: {said}"]
    assert isinstance(loaded.errors[str(path)], (Exception, SystemExit)), "--verbose shows it"
    assert list(loaded.origins) == ["tflbuild_plugins.whole"]
    assert loaded.taken == {}
    assert "half_made" not in METRICS
    assert "my_metric" in METRICS
    assert "tflbuild_plugins.broken" not in sys.modules


def test_a_name_that_is_taken_is_kept_by_name() -> None:
    path = write("mine.py", DECLARES.format(name="size"))
    loaded = plugins.load(path.parent)
    assert list(loaded.taken) == ["size"]
    assert loaded.broken[str(path)] == f'{loaded.taken["size"]} (plugins/mine.py:4: @metric("size"))'
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


DECORATORS = {
    "compiler_pass": "compiler_pass:Pass",
    "architecture": "architecture:Architecture",
    "dataset": "dataset:Dataset",
    "task": "task:Task",
    "modality": "modality:Modality",
    "model_format": "model_format:Format",
    "runtime": "runtime:Runtime",
    "analysis": "analysis:Analysis",
    "metric": "metric:FileMetric",
    "target": "target:Target",
    "hook": "hook:Hook",
    "environment": "environment:Environment",
    "command": "",
}
"""Each decorator, and the base of what it declares by its module of the core."""


def text_of(decorator: str) -> str:
    """Write a plugin that declares `mine` by a decorator."""
    module, _, base = DECORATORS[decorator].partition(":")
    if decorator == "command":
        used, declared = "", '@command("mine", "Do it")\ndef mine(words: list[str]) -> int:\n    return 0\n'
    else:
        used, declared = f", {base}", f'@{decorator}("mine")\nclass Mine({base}):\n'
        run = (
            "    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:\n        return model\n"
        )
        declared += run if decorator == "compiler_pass" else "    pass\n"
    imports = f"from tflbuild.core.{module or 'command'} import {decorator}{used}\n"
    if decorator == "compiler_pass":
        imports += "from tflbuild.core.artifact import TFLiteModel\n"
        imports += "from tflbuild.core.compiler_pass import PassContext\n"
    return f"{imports}\n{declared}"


@pytest.mark.parametrize("decorator", DECORATORS)
def test_what_a_plugin_declares_is_known_and_taken_back_where_it_breaks(
    decorator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = {one.decorator: one for one in plugins.REGISTRIES}[decorator]
    monkeypatch.setattr(registry, "_classes", dict(registry._known))
    path = write("mine.py", text_of(decorator))
    assert plugins.load(path.parent).broken == {}
    assert registry.get("mine").__module__ == "tflbuild_plugins.mine"
    plugins._forget("tflbuild_plugins.mine")
    broken = write("mine.py", f"{text_of(decorator)}\nraise ValueError('no luck')\n", "others")
    (said,) = plugins.load(broken.parent).broken.values()
    assert said.startswith("ValueError: no luck (others/mine.py:")
    assert "mine" not in registry


def test_plugins_declare_into_every_registry_that_there_is() -> None:
    modules = [
        importlib.import_module(f"tflbuild.core.{info.name}") for info in pkgutil.iter_modules(core.__path__)
    ]
    found = {
        id(value) for module in modules for value in vars(module).values() if isinstance(value, Registry)
    }
    assert {id(registry) for registry in plugins.REGISTRIES} == found
    assert [registry.decorator for registry in plugins.REGISTRIES] == list(DECORATORS)


def test_a_worker_loads_plugins_by_a_name_that_leads_here() -> None:
    module, _, name = plugins.LOADER.partition(":")
    assert getattr(importlib.import_module(module), name) is plugins.load
