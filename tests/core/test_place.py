"""Whose line an exception came from: the innermost of a plugin, named from the current folder."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tflbuild.core import place
from tflbuild.core.place import Place, on_one_line, place_of, with_place

TEXT = """
def outer(act):
    return inner(
        act
    )

def inner(act):
    return act()  # here
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Give the names of a plugin in plugins/mine.py."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(place, "PLUGINS", {"my_plugins"})
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "mine.py").write_text(TEXT)
    package = ModuleType("my_plugins")
    package.__path__ = [str(folder)]
    monkeypatch.setitem(sys.modules, "my_plugins", package)
    names: dict[str, Any] = {"__name__": "my_plugins.mine"}
    exec(compile(TEXT, str(folder / "mine.py"), "exec"), names)
    return names


def raised(act: Any) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        act()
    return caught.value


def test_it_is_the_innermost_line_of_the_plugin_however_deep_below_it_was_raised(
    plugin: dict[str, Any],
) -> None:
    error = raised(lambda: plugin["outer"](lambda: int("x")))
    assert place_of(error) == Place("plugins/mine.py", 8, "inner", "return act()  # here")
    said = with_place("it failed", error)
    assert said == "it failed\n  plugins/mine.py:8, in inner\n    return act()  # here"
    assert on_one_line(said) == "it failed (plugins/mine.py:8, in inner: return act()  # here)"


def test_an_error_that_no_plugin_had_a_part_in_has_none(plugin: dict[str, Any]) -> None:
    error = raised(lambda: int("x"))
    assert place_of(error) is None
    assert with_place("it failed", error) == on_one_line("it failed") == "it failed"


def test_a_plugin_that_cannot_be_parsed_is_named_and_what_it_reads_is_not(
    plugin: dict[str, Any], tmp_path: Path
) -> None:
    broken = tmp_path / "plugins" / "broken.py"
    broken.write_text("x = 1\ny = (\n")
    error = raised(lambda: compile(broken.read_text(), str(broken), "exec"))
    assert place_of(error) == Place("plugins/broken.py", 2, "", "y = (")
    other = raised(lambda: plugin["outer"](lambda: compile("y = (", "settings.py", "exec")))
    found = place_of(other)
    assert found is not None
    assert (found.file, found.line) == ("plugins/mine.py", 8)


def test_a_line_inside_what_tensorflow_traces_is_taken_from_its_message(plugin: dict[str, Any]) -> None:
    mine = plugin["outer"].__code__.co_filename
    text = f'in user code:\n\n    File "{mine}", line 3, in outer  *\n        return inner(\n\n    ValueError: no'

    def act() -> None:
        raise ValueError(text)

    assert place_of(raised(lambda: plugin["outer"](act))) == Place(
        "plugins/mine.py", 3, "outer", "return inner("
    )


def test_a_file_elsewhere_is_named_in_full_and_what_is_shown_is_harmless(
    plugin: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = raised(lambda: plugin["outer"](lambda: int("x")))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    found = place_of(error)
    assert found is not None
    assert found.file == str(tmp_path / "plugins" / "mine.py")
    shown = Place("a\x1b.py", 1, "f\x1b", "x" * 200).lines()
    assert shown == ["  a\\x1b.py:1, in f\\x1b", f"    {'x' * 119}…"]
