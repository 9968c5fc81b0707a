"""Exceptions that nobody expected: whose fault they are, and where the story lies."""

from __future__ import annotations

import errno
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from types import CodeType

import pytest

from tflbuild.core import crash
from tflbuild.core.errors import (
    DataError,
    PluginError,
    RecipeError,
    StoreError,
    TflbuildError,
    Unexpected,
)

REPORT = ": this was not expected, and is a fault of tflbuild; please report it "


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches" / "tflbuild" / "crashes"


def test_an_error_of_ours_stays_as_it_is(caches: Path) -> None:
    error = DataError("data.root: no")
    assert crash.told(error) is error
    assert not caches.exists()


@pytest.mark.parametrize("number", ["ENOSPC", "EDQUOT", "EROFS", "EIO", "EACCES", "EPERM"])
def test_a_full_or_closed_disk_is_no_fault_of_ours(number: str) -> None:
    code = getattr(errno, number)
    error = OSError(code, "no more", "/data/\x1bx")
    found = crash.told(error)
    assert type(found) is StoreError
    assert str(found) == "/data/\\x1bx: no more; nothing built was lost."
    assert found.__cause__ is error
    assert str(crash.told(OSError(code, "no more"))) == "the disk: no more; nothing built was lost."


@pytest.mark.parametrize("number", ["ENAMETOOLONG", "ELOOP"])
def test_a_name_that_no_file_can_have_was_given_by_somebody(number: str, tmp_path: Path) -> None:
    code = getattr(errno, number)
    found = crash.told(OSError(code, "too long", "x" * 200))
    assert type(found) is RecipeError
    assert str(found) == f"{'x' * 99}… is not the name of a file: too long."
    assert type(crash.told(OSError(code, "too long"), tmp_path)) is Unexpected


def test_other_errors_of_the_system_are_faults_of_ours(tmp_path: Path) -> None:
    assert type(crash.told(OSError(errno.ENOENT, "gone", "x"), tmp_path)) is Unexpected


def test_the_story_lies_where_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tflbuild", "plan", "recipe=a b"])
    monkeypatch.chdir(tmp_path)
    error = raised_in("tflbuild.somewhere", KeyError("gone"))
    found = crash.told(error, tmp_path / "run")
    assert found.__cause__ is error
    [path] = (tmp_path / "run").iterdir()
    assert str(found) == f"KeyError: 'gone'{REPORT}with {path}, which has the whole story."
    assert path.name.startswith("crash-")
    assert path.name.endswith(f"-{os.getpid()}.txt")
    story = path.read_text().splitlines()
    versions = (metadata.version("tflbuild"), platform.python_version(), platform.platform())
    assert story[0] == "tflbuild {}, Python {}, {}".format(*versions)
    assert story[1] == "command: 'tflbuild' 'plan' 'recipe=a b'"
    assert story[2] == f"folder: {str(tmp_path)!r}"
    assert story[3:5] == ["", "Traceback (most recent call last):"]
    assert story[-1] == "KeyError: 'gone'"


def test_the_story_goes_to_the_cache_folder_where_there_is_no_other(tmp_path: Path, caches: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (None, tmp_path / "file" / "run"):
        assert f"{REPORT}with {caches}/crash-" in str(crash.told(ValueError("x"), folder))
    assert caches.stat().st_mode & 0o777 == 0o700


def test_where_no_story_can_be_kept_verbose_shows_it(caches: Path) -> None:
    caches.parent.parent.write_text("a file in the way")
    assert str(crash.told(ValueError("x"))) == f"ValueError: x{REPORT}with what --verbose shows."


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("even this fails")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("a\n  b\x1b"), "ValueError: a b\\x1b"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (Silent(), "Silent"),
        (ValueError("x" * 300), f"ValueError: {'x' * 199}…"),
    ],
    ids=["lines", "nothing", "its own fault", "long"],
)
def test_an_exception_is_named_on_one_line(error: BaseException, said: str) -> None:
    assert crash.described(error) == said


def raised_in(module: str, error: BaseException) -> BaseException:
    """Raise an error in code of another module, and give it with its trace."""
    code: CodeType = compile("raise error", "elsewhere.py", "exec")
    try:
        exec(code, {"__name__": module, "error": error})
    except BaseException as caught:  # noqa: BLE001 - of every kind
        return caught
    raise AssertionError


@pytest.mark.parametrize(
    ("module", "error", "requeue"),
    [
        ("submitit", SystemExit(-1), True),
        ("submitit.core.job_environment", SystemExit(-1), True),
        ("submitit_of_another", SystemExit(-1), False),
        ("tflbuild.sweep", SystemExit(-1), False),
        ("submitit.core", RuntimeError(), False),
    ],
)
def test_a_schedulers_own_handler_is_told_from_other_ends(
    module: str, error: BaseException, requeue: bool
) -> None:
    assert crash.is_requeue(raised_in(module, error)) is requeue


def test_an_end_without_a_trace_is_nobodys() -> None:
    assert not crash.is_requeue(SystemExit(1))
    assert isinstance(crash.told(SystemExit(1)), TflbuildError)


def test_an_error_of_a_plugin_is_a_plugins_fault_and_its_line_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tflbuild.core.place.PLUGINS", {"my_plugins"})
    Path("mine.py").write_text("raise ValueError('no')\n")
    with pytest.raises(ValueError, match="no") as caught:
        exec(compile(Path("mine.py").read_text(), "mine.py", "exec"), {"__name__": "my_plugins.mine"})
    found = crash.told(caught.value, Path("run"))
    assert type(found) is PluginError
    assert found.exit_code == 3
    [path] = Path("run").iterdir()
    assert str(found).splitlines() == [
        "the plugin mine.py raised ValueError: no",
        "  mine.py:1",
        "    raise ValueError('no')",
        f"  The full traceback is in {path}.",
    ]
    assert "Traceback (most recent call last):" in path.read_text()
