"""Environments are made whole or not at all, once, and anew for other requirements."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

import fake_environments as fakes
from tflbuild.core import toolchain
from tflbuild.core.environment import READY, Environment
from tflbuild.core.errors import MissingTool
from tflbuild.environments.making import installing, pythons
from tflbuild.environments.making.make import make, remove


def test_what_was_made_is_there_and_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy, done = fakes.declare(monkeypatch, tmp_path), fakes.make_quickly(monkeypatch)
    told: list[str] = []
    assert toy().made() is None
    outcome = make(toy(), told.append)
    assert (outcome.new, done, told) == (True, ["venv", "packages"], ["fetching"])
    again = make(toy())
    assert (again.new, again.made, done) == (False, outcome.made, ["venv", "packages"])
    assert outcome.made.packages == {"numpy": "0"}
    assert toolchain.version("environment:toy") == outcome.made.version
    assert outcome.made.version.startswith("numpy 0, ")


def test_what_is_half_made_is_not_there_and_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy, done = fakes.declare(monkeypatch, tmp_path), fakes.make_quickly(monkeypatch)
    half = toy().folder()
    (half / "lib").mkdir(parents=True)
    assert toy().made() is None
    make(toy())
    assert not (half / "lib").exists()
    assert done == ["venv", "packages"]


@pytest.mark.parametrize("failure", [installing.Failed("no such package"), KeyboardInterrupt()])
def test_nothing_stays_of_what_could_not_be_made(
    failure: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = fakes.declare(monkeypatch, tmp_path)
    fakes.make_quickly(monkeypatch)

    def install(*given: Any) -> None:
        raise failure

    monkeypatch.setattr(installing, "install", install)
    with pytest.raises((MissingTool, KeyboardInterrupt)):
        make(toy())
    assert toy().made() is None
    assert not toy().folder().exists()


def test_one_whose_python_is_gone_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = fakes.declare(monkeypatch, tmp_path)
    fakes.make_quickly(monkeypatch)
    program = make(toy()).made.python
    program.unlink()
    program.symlink_to(tmp_path / "gone")
    assert toy().made() is None


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"interpreter": "bin/python", "python": "3", "packages": 7}']
)
def test_a_damaged_list_of_what_is_in_it_is_none(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = fakes.declare(monkeypatch, tmp_path)
    fakes.make_quickly(monkeypatch)
    make(toy())
    (toy().folder() / READY).write_text(content)
    assert toy().made() is None


def test_other_requirements_are_another_environment_and_the_earlier_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Newer(fakes.Toy):
        requirements: ClassVar[tuple[str, ...]] = ("numpy==1",)

    toy, done = fakes.declare(monkeypatch, tmp_path), fakes.make_quickly(monkeypatch)
    make(toy())
    fakes.declare(monkeypatch, tmp_path, Newer)
    assert toolchain.version("environment:toy") is None
    make(Newer())
    assert done == ["venv", "packages"] * 2
    assert not toy().folder().exists()
    assert remove(Newer()) == 1
    assert Newer().made() is None
    assert remove(Newer()) == 0


def test_a_build_that_needs_one_that_is_not_there_is_told_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.declare(monkeypatch, tmp_path)
    with pytest.raises(MissingTool) as caught:
        toolchain.require(["environment:toy"], "pass 'load'")
    assert str(caught.value) == (
        "pass 'load' needs the environment 'toy', which is not there; make it once: tflbuild setup toy"
    )
    assert caught.value.exit_code == 6


def test_without_a_fitting_python_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Old(fakes.Toy):
        pythons: ClassVar[tuple[str, ...]] = ("2.6",)

    fakes.declare(monkeypatch, tmp_path, Old)
    monkeypatch.setattr(pythons, "uv", lambda: None)
    with pytest.raises(MissingTool) as caught:
        make(Old())
    said = str(caught.value)
    assert said.startswith(
        "the environment 'toy' cannot be made: it needs Python 2.6, and there is none on PATH or under ~/.pyenv "
    )
    assert said.endswith(
        "Where the packages can be had, on a machine of the same kind: tflbuild setup toy --pins > toy.txt && "
        "python2.6 -m venv fetch && fetch/bin/python -m pip download -r toy.txt -d wheels; then here: tflbuild "
        "setup toy --wheels wheels"
    )
    assert "://" not in said


def test_where_no_package_can_be_had_the_reason_is_the_installers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = fakes.declare(monkeypatch, tmp_path)
    said = "ERROR: Could not find a version from https://there.example/simple that satisfies numpy==0."
    fake = tmp_path / "pip.py"
    fake.write_text(f"print('Collecting numpy=={{}}'); print({said!r}); raise SystemExit(1)")
    run = installing._run
    monkeypatch.setattr(pythons, "uv", lambda: None)

    def instead(command: list[str], tell: Any) -> None:
        if "pip" in command:
            run([sys.executable, str(fake)], tell)
        else:
            Path(command[-1], "bin").mkdir(parents=True)

    monkeypatch.setattr(installing, "_run", instead)
    told: list[str] = []
    with pytest.raises(MissingTool) as caught:
        make(toy(), told.append)
    assert "cannot be made: ERROR: Could not find a version from ... that satisfies numpy==0. Where" in str(
        caught.value
    )
    assert told[-1] == "fetching numpy"
    assert not toy().folder().exists()


def test_an_interpreter_is_found_on_the_path_and_under_pyenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "versions" / "9.9.1" / "bin"
    root.mkdir(parents=True)
    (root / "python9.9").write_text('#!/bin/sh\necho \'["/usr/bin/nine", "9.9.1"]\'\n')
    (root / "python9.9").chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert pythons.find(("9.9",)) == pythons.Interpreter(Path("/usr/bin/nine"), "9.9.1")
    (root / "python9.9").write_text("#!/bin/sh\necho 'pyenv: python9.9: command not found' >&2; exit 127\n")
    assert pythons.find(("9.9",)) is None
    broken = tmp_path / "shims"
    broken.mkdir()
    (broken / "python9.8").write_text('#!/bin/sh\necho \'["/usr/bin/eight", "9.8.0"]\'\n')
    (broken / "python9.8").chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken}:{os.environ['PATH']}")
    assert pythons.find(("9.9", "9.8")) == pythons.Interpreter(Path("/usr/bin/eight"), "9.8.0")


def test_two_that_make_the_same_one_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy, done = fakes.declare(monkeypatch, tmp_path), fakes.make_quickly(monkeypatch)
    toy().folder().parent.mkdir(parents=True)
    lock = toy().folder().parent / ".toy.lock"
    holding = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        other.stdout.readline()
        import threading

        making = threading.Thread(target=make, args=(toy(),))
        making.start()
        making.join(0.2)
        assert done == []
        other.stdin.close()
        making.join()
    assert done == ["venv", "packages"]


def test_every_declared_environment_pins_every_package_and_can_be_described() -> None:
    from tflbuild.core.environment import ENVIRONMENTS

    for _, declared in ENVIRONMENTS.items():
        assert issubclass(declared, Environment)
        assert all(one.count("==") == 1 for one in declared.requirements)
        assert declared.main in {one.partition("==")[0] for one in declared.requirements}
        assert declared.pythons
        assert json.dumps(declared.requirements).count("://") == 0
