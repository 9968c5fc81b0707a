"""Commands: functions, declared with the words that people type and read."""

from __future__ import annotations

import pytest

from tflbuild.core.command import COMMANDS, Command, command
from tflbuild.core.errors import PluginError


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
