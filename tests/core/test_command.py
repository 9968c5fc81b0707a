"""Commands: functions, declared with the words that people type and read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild.core.command import COMMANDS, Command, command, help_lines
from tflbuild.core.errors import PluginError
from tflbuild.core.registry import PACKAGE, built_in


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test declare what it likes."""
    monkeypatch.setattr(COMMANDS, "_classes", {})


def test_a_decorated_function_stays_one_and_is_a_command() -> None:
    @command("count", "Count words", usage="WORD ...", prints=False)
    def count(words: list[str]) -> int:
        """Give how many there are."""
        return len(words)

    assert count(["a", "b"]) == 2
    found = COMMANDS.get("count")
    assert (found.name, found.summary, found.usage, found.prints) == (
        "count",
        "Count words",
        "WORD ...",
        False,
    )
    assert issubclass(found, Command)
    assert found.run(["a", "b"]) == found().run(["a", "b"]) == 2
    assert (found.__module__, found.__doc__) == (__name__, "Give how many there are.")


def test_a_command_prints_and_takes_no_words_unless_it_says_so() -> None:
    command("count", "Count words")(lambda words: 0)
    assert (COMMANDS.get("count").prints, COMMANDS.get("count").usage) == (True, "")


def test_a_name_of_a_command_is_an_identifier_that_nobody_took() -> None:
    with pytest.raises(PluginError, match="command name 'a-b'"):
        command("a-b", "")(lambda words: 0)
    command("count", "")(lambda words: 0)
    COMMANDS.get("count").__module__ = "elsewhere"
    with pytest.raises(PluginError, match="declares the command 'count', a name that elsewhere has taken"):
        command("count", "")(lambda words: 0)


def test_a_line_of_help_is_read_off_the_text_of_the_module_that_declares_it(tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        '@command("z_last", "Count words", usage="WORD ...", prints=False)\n'
        "def count(words): ...\n"
        '@command(\n    "a_first",\n    "Say it, however long that may be, on two lines"\n)\n'
        "def say(words): ...\n"
        '# @command("none", "a comment")\n  @command("within", "a function")\n'
        "raise AssertionError('not to be imported')\n"
    )
    known = help_lines()
    lines = help_lines(plugin)
    assert lines[0] == ("  a_first                         Say it, however long that may be, on two lines")
    assert lines[-1] == "  z_last WORD ...                 Count words"
    assert lines[1:-1] == known


def test_every_command_of_the_package_has_a_line_and_a_plugin_does_not_take_it(tmp_path: Path) -> None:
    names = sorted(name for name, _ in built_in("command", PACKAGE / "commands"))
    assert [line.split()[0] for line in help_lines()] == names
    (tmp_path / "mine.py").write_text('@command("plan", "mine")\n')
    assert help_lines(tmp_path / "mine.py") == help_lines()


def test_a_line_of_help_that_is_long_goes_on_below_its_beginning(tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    usage = "RUN_OR_FILE [base=FILE] [data.root=FOLDER]"
    plugin.write_text(f'@command("a_first", "{" ".join(["word"] * 20)}", usage="{usage}")\n')
    lines = help_lines(plugin)[0].splitlines()
    assert lines[0] == f"  a_first {usage}"
    assert [len(line) - len(line.lstrip()) for line in lines[1:]] == [34, 34, 34]
    assert max(map(len, lines)) <= 80
