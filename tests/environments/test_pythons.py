"""Interpreters are looked for where they are, asked who they are, and taken in the order that was wanted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tflbuild.environments.making import pythons

RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"


def python(folder: Path, name: str, version: str) -> Path:
    """Write a program that says it is a Python of a version, and lies where it says."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f'#!/bin/sh\necho \'["{path}", "{version}"]\'\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the one folder on PATH; there is no pyenv."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
    monkeypatch.setattr(pythons, "SECONDS", 600.0)  # however busy the machine is
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return folder


def test_the_python_that_runs_this_comes_first(path: Path) -> None:
    python(path, f"python{RUNNING}", f"{RUNNING}.99")
    found = pythons.find((RUNNING,))
    assert found is not None
    assert found.version == ".".join(map(str, sys.version_info[:3]))


def test_the_first_version_of_those_wanted_is_taken_that_is_there(path: Path) -> None:
    python(path, "python9.7", "9.7.1")
    eight = python(path, "python9.8", "9.8.1")
    assert pythons.find(("9.9", "9.8", "9.7")) == pythons.Interpreter(eight, "9.8.1")
    assert pythons.find(("9.9",)) is None


def test_one_that_is_of_another_version_than_its_name_is_none(path: Path) -> None:
    python(path, "python9.1", "9.11.0")
    assert pythons.find(("9.1",)) is None


def test_of_pyenv_the_newest_comes_first_and_after_path(path: Path, tmp_path: Path) -> None:
    older, newer = (
        python(tmp_path / f"pyenv/versions/9.9.{patch}/bin", "python9.9", f"9.9.{patch}") for patch in (1, 2)
    )
    (path / "python9.9").mkdir()
    assert list(pythons.candidates("9.9")) == [newer, older], "a folder is not a program"
    (path / "python9.9").rmdir()
    own = python(path, "python9.9", "9.9.0")
    assert list(pythons.candidates("9.9")) == [own, newer, older]


def test_without_a_root_pyenv_lies_in_the_home(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYENV_ROOT")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    own = python(tmp_path / "home/.pyenv/versions/9.9.4/bin", "python9.9", "9.9.4")
    assert list(pythons.candidates("9.9")) == [own]


@pytest.mark.parametrize("said", ["", "[1", "7", "null", '["/one"]', '["/a", "/b", "/c"]'])
def test_a_program_that_says_something_else_is_no_python(said: str, path: Path) -> None:
    program = path / "python9.9"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    assert pythons.asked(program) is None


def test_a_program_that_cannot_run_or_never_answers_is_no_python(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pythons.asked(path / "absent") is None
    slow = path / "python9.9"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setattr(pythons, "SECONDS", 0.1)
    assert pythons.asked(slow) is None


def test_uv_is_found_on_the_path_alone(path: Path) -> None:
    assert pythons.uv() is None
    python(path, "uv", "0.8")
    assert pythons.uv() == str(path / "uv")
