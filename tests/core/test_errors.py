"""The tree of errors is the one in the docstring, with its exit codes."""

from __future__ import annotations

import re

import pytest

from tflbuild.core import errors
from tflbuild.core.errors import NameTaken, TflbuildError, WorkerDied, did_you_mean

TREE = [
    # (error, its parent, exit code): what scripts of users read since the first release
    ("TflbuildError", "Exception", 1),
    ("RecipeError", "TflbuildError", 2),
    ("DataError", "RecipeError", 2),
    ("PluginError", "TflbuildError", 3),
    ("NameTaken", "PluginError", 3),
    ("PassError", "TflbuildError", 4),
    ("BrokenPromise", "PassError", 4),
    ("OtherWay", "BrokenPromise", 4),
    ("WorkerDied", "PassError", 4),
    ("StoreError", "TflbuildError", 4),
    ("BudgetExceeded", "TflbuildError", 5),
    ("MissingTool", "TflbuildError", 6),
    ("Drift", "TflbuildError", 7),
    ("Unexpected", "TflbuildError", 70),
]


@pytest.mark.parametrize(("name", "parent", "code"), TREE)
def test_an_error_ends_with_its_exit_code(name: str, parent: str, code: int) -> None:
    cls = getattr(errors, name)
    assert (cls.__base__.__name__, cls.exit_code) == (parent, code)


def test_the_tree_in_the_docstring_is_all_there_is() -> None:
    assert errors.__doc__ is not None
    drawn = re.findall(r"(\w+) +(\d+)  ", errors.__doc__)
    assert sorted(drawn) == sorted((name, str(code)) for name, _, code in TREE)
    declared = {
        name
        for name, cls in vars(errors).items()
        if isinstance(cls, type) and cls.__module__ == errors.__name__
    }
    assert declared == {name for name, _, _ in TREE}


def test_codes_that_no_error_of_ours_has() -> None:
    """`EX_SOFTWARE` of sysexits.h, and 128 + SIGINT."""
    assert (errors.UNEXPECTED, errors.INTERRUPTED) == (70, 128 + 2)


def test_a_name_that_is_taken_and_what_killed_a_worker_are_kept() -> None:
    taken = NameTaken("prune", "it is taken")
    assert (taken.name, str(taken)) == ("prune", "it is taken")
    assert WorkerDied("gone").why == ""
    died = WorkerDied("gone", "crashed (signal 11)")
    assert (died.why, str(died)) == ("crashed (signal 11)", "gone")
    assert isinstance(died, TflbuildError)


@pytest.mark.parametrize(
    ("given", "choices", "said"),
    [
        ("int9", ["int8", "int16x8"], " Did you mean 'int8'?"),
        ("sparsty", ("budget", "sparsity"), " Did you mean 'sparsity'?"),
        ("xyz", ["int8"], ""),
        ("int8", [], ""),
        # "abcde" shares 3 of 5 letters with "abcxy": a likeness of 0.6, which is enough; 2 of 5 are not.
        ("abcde", ["abcxy"], " Did you mean 'abcxy'?"),
        ("abcde", ["abxyz"], ""),
        ("prune", ["prunes", "prune_all", "pruned"], " Did you mean 'prunes'?"),
    ],
)
def test_the_nearest_spelling_is_offered(given: str, choices: list[str], said: str) -> None:
    assert did_you_mean(given, iter(choices)) == said
