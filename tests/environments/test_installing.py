"""Installers are called as their own documentation has it, and what they say becomes a sentence.

`uv` and Python are shell scripts here that note their words and their surroundings.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

import fake_environments as fakes
from tflbuild.environments.making import installing, pythons
from tflbuild.environments.making.by_hand import by_hand


class Two(fakes.Toy):
    """Nothing that anybody needs, of two packages, for two versions of Python."""

    pythons: ClassVar[tuple[str, ...]] = ("9.9", "9.8")
    requirements: ClassVar[tuple[str, ...]] = ("first==1", "second==2")


def script(folder: Path, name: str, body: str = "") -> Path:
    """Write a program that notes its words, a line each, and its variables, and does `body`."""
    path = folder / name
    noted = f'for one in "$@"; do echo "$one"; done >> {path}.words\nenv > {path}.env'
    path.write_text(f"#!/bin/sh\n{noted}\n{body}\n")
    path.chmod(0o755)
    return path


MAKING = 'for last; do :; done; mkdir -p "$last"'


def words(program: Path) -> list[str]:
    return Path(f"{program}.words").read_text().splitlines()


def there(monkeypatch: pytest.MonkeyPatch, python: pythons.Interpreter | None, uv: Path | None) -> None:
    """Let this machine have a Python, and `uv`."""
    monkeypatch.setattr(pythons, "find", lambda wanted: python)
    monkeypatch.setattr(pythons, "uv", lambda: str(uv) if uv else None)


def test_uv_makes_an_environment_of_the_python_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv, folder, told = script(tmp_path, "uv", MAKING), tmp_path / "made", list[str]()
    there(monkeypatch, pythons.Interpreter(Path("/opt/python9.8"), "9.8.3"), uv)
    assert installing.fresh(Two(), folder, told.append) == folder / "bin" / "python"
    assert words(uv) == ["venv", "--quiet", "--python", "/opt/python9.8", str(folder)]
    assert told == ["Python 9.8.3: /opt/python9.8"]
    assert (folder / "requirements.txt").read_text() == "first==1\nsecond==2\n"


def test_uv_brings_the_best_python_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv, told = script(tmp_path, "uv", MAKING), list[str]()
    there(monkeypatch, None, uv)
    installing.fresh(Two(), tmp_path / "made", told.append)
    assert words(uv) == ["venv", "--quiet", "--python", "9.9", str(tmp_path / "made")]
    assert told == []


def test_without_uv_the_python_makes_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = script(tmp_path, "python9.8", MAKING)
    there(monkeypatch, pythons.Interpreter(python, "9.8.3"), None)
    assert installing.fresh(Two(), tmp_path / "made", print) == tmp_path / "made" / "bin" / "python"
    assert words(python) == ["-I", "-m", "venv", str(tmp_path / "made")]


def test_every_version_that_would_do_is_named_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there(monkeypatch, None, None)
    with pytest.raises(installing.Failed) as caught:
        installing.fresh(Two(), tmp_path / "made", print)
    running = ".".join(map(str, sys.version_info[:3]))
    assert str(caught.value) == (
        "it needs Python 9.9 or 9.8, and there is none on PATH or under ~/.pyenv "
        f"(this is {running}), nor uv, which would bring one"
    )
    assert "python9.9 -m venv fetch" in by_hand(Two()), "the best one is fetched for"


LOCAL = ["--no-index", "--find-links", "/wheels"]
QUIET = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]


@pytest.mark.parametrize("wheels", [None, Path("/wheels")])
@pytest.mark.parametrize("by_uv", [True, False])
def test_the_listed_packages_are_installed_from_the_network_or_a_folder(
    by_uv: bool, wheels: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    python = script(tmp_path / "bin", "python")
    uv = script(tmp_path, "uv") if by_uv else None
    there(monkeypatch, None, uv)
    told: list[str] = []
    installing.install(Two(), python, told.append, wheels)
    assert told == ["2 packages"]
    local, listed = LOCAL if wheels else [], ["-r", str(tmp_path / "requirements.txt")]
    if uv:
        assert words(uv) == ["pip", "install", "--python", str(python), *local, *listed]
        assert not Path(f"{python}.words").exists()
    else:
        assert words(python) == ["-I", "-m", "pip", "install", *QUIET, *local, *listed]


def test_an_installer_sees_the_users_variables_but_for_those_of_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PIP_FIND_LINKS", "/folder")
    monkeypatch.setenv("NO_PYTHON", "kept")
    program = script(tmp_path, "installer")
    installing._run([str(program)], print)
    seen = dict(line.partition("=")[::2] for line in Path(f"{program}.env").read_text().splitlines())
    assert {key for key in seen if key.startswith("PYTHON")} == set()
    assert (seen["PIP_FIND_LINKS"], seen["NO_PYTHON"]) == ("/folder", "kept")


SAID: dict[str, Sequence[str]] = {
    "Collecting numpy==2.2.6": ["fetching numpy"],
    "Collecting Pygments": ["fetching Pygments"],
    "Building wheel for kagglesdk (pyproject.toml): started": ["building kagglesdk"],
    "Installing collected packages: six, numpy": ["installing"],
    "Requirement already satisfied: six": [],
    "  Using cached six-1.16.0-py2.py3-none-any.whl (11 kB)": [],
    "\\377\\376 no text in any encoding": [],
}
"""Lines of pip, and what people are told of them."""


def test_what_pip_is_at_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    program = script(tmp_path, "pip", "\n".join(f"printf '{line}\\n' >&2" for line in SAID))
    installing._run([str(program)], told.append)
    assert told == [text for texts in SAID.values() for text in texts]


LAST: dict[str, tuple[str, str]] = {
    "an error before a notice": (
        "ERROR: No matching distribution found for six==9\n\n[notice] A new release of pip is available\n",
        "ERROR: No matching distribution found for six==9",
    ),
    "the last of two errors": ("ERROR: first\nERROR: second.\nnotice\n", "ERROR: second"),
    "a fatal one": ("fatal: no room\nbye\n", "fatal: no room"),
    "an error of uv": ("error: https://there.example/simple gives 403\n", "error: ... gives 403"),
    "no error": ("one\n  two  \n\n", "two"),
    "nothing": ("\n \n", "it said nothing"),
    "bytes that no terminal should see": ("\x1b[31mbad\n", "\\x1b[31mbad"),
}


@pytest.mark.parametrize("case", LAST)
def test_the_reason_is_the_last_error_without_addresses(case: str) -> None:
    printed, said = LAST[case]
    assert installing.last_line(printed) == said


def test_a_long_reason_is_cut() -> None:
    assert len(installing.last_line("x" * 1000)) <= 303


def test_an_installer_that_fails_is_a_reason_and_one_that_ends_well_is_none(tmp_path: Path) -> None:
    told: list[Any] = []
    installing._run([str(script(tmp_path, "well", "echo ERROR: but never mind"))], told.append)
    with pytest.raises(installing.Failed, match=r"^ERROR: no$"):
        installing._run([str(script(tmp_path, "ill", "echo ERROR: no; exit 2"))], told.append)
