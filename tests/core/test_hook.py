"""The base of hooks: what may be watched, and what a hook keeps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tflbuild.core.errors import PluginError
from tflbuild.core.hook import CALLS, HOOKS, Hook, Unmade


def test_calls_are_the_methods_of_a_hook_in_the_order_of_a_build() -> None:
    assert " ".join(CALLS) == (
        "before_build before_pass on_training after_pass on_gate on_failure after_build"
    )
    methods = {name for name in vars(Hook) if name.startswith(("before_", "after_", "on_"))}
    assert methods == set(CALLS)


@pytest.mark.parametrize("name", ["before_buidl", "after_pas", "on_gates", "after_", "on_start"])
def test_a_misspelt_call_is_refused(name: str) -> None:
    with pytest.raises(PluginError, match=f"'{name}' is not one of before_build, ") as caught:
        type("Mine", (Hook,), {name: lambda self: None, "__module__": "mine"})
    calls = "before_build, before_pass, on_training, after_pass, on_gate, on_failure, after_build"
    start = f"hook Mine in mine: '{name}' is not one of {calls}."
    assert re.fullmatch(re.escape(start) + r"( Did you mean '\w+'\?)?", str(caught.value))
    assert ("Did you mean 'before_build'?" in str(caught.value)) is (name == "before_buidl")


def test_methods_of_its_own_are_a_hooks_own_matter() -> None:
    type(
        "Mine", (Hook,), {"_on_x": 1, "online": 2, "before": 3, "helper": 4, "on_gate": lambda self, v: None}
    )


@dataclass(frozen=True, kw_only=True)
class Watching(Hook):
    url: str = ""


def test_a_hook_keeps_what_it_likes_and_shares_it_with_no_other() -> None:
    one, other = Watching(), Watching()
    one.memory["run"] = 7
    assert one.memory == {"run": 7}
    assert other.memory == {}


def test_a_hook_watches_nothing_unless_it_says_so() -> None:
    hook = Watching(url="x")
    assert (hook.name, hook.needs) == ("", ())
    hook.before_build({}, Path())
    hook.before_pass({})
    hook.after_pass({})
    hook.on_gate({})
    hook.on_failure({})
    hook.after_build({}, Path())
    assert hook.memory == {}


def test_a_hook_that_could_not_be_made_says_why() -> None:
    error = ValueError("no luck")
    assert Unmade(error=error).error is error
    assert HOOKS.noun == "hook"
