"""Processes of ours import nothing from the current folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tflbuild.core import interpreter
from tflbuild.engine.workers.apart import Apart, Suspect

STRAY = ("random", "queue", "types", "json", "numpy", "tensorflow", "sitecustomize", "tempfile", "pickle")
"""Modules that a process of ours imports, or Python itself for it."""


@pytest.fixture
def littered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with stray modules, each of which would leave a file."""
    folder = tmp_path / "littered"
    folder.mkdir()
    for name in STRAY:
        (folder / f"{name}.py").write_text(
            f"open({str(folder / f'{name}.ran')!r}, 'w').close()\nraise SystemExit(9)\n"
        )
    monkeypatch.chdir(folder)
    return folder


def ran(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.ran"))


def test_the_current_folder_is_left_out_wherever_it_stands_on_the_path(littered: Path) -> None:
    path = ["", str(littered), "/installed/one", ".", "/installed/two"]
    made = interpreter.import_path(path, {})
    assert made == ["/installed/one", "/installed/two", interpreter.HERE]


def test_the_current_folder_comes_last_where_the_user_names_it(littered: Path) -> None:
    made = interpreter.import_path(["", ".", "/installed"], {"PYTHONPATH": f".{os.pathsep}/installed"})
    assert made == ["/installed", interpreter.HERE, str(littered)]


def test_an_empty_entry_of_pythonpath_is_an_accident() -> None:
    given = {"PYTHONPATH": f"{os.pathsep}/some/where{os.pathsep}.", "KEPT": "1"}
    made = interpreter.environment(given)
    assert made["PYTHONPATH"] == "/some/where"
    assert (made["KEPT"], made["PYTHONSAFEPATH"]) == ("1", "1")
    assert "PYTHONPATH" not in interpreter.environment({"PYTHONPATH": os.pathsep})


def test_a_folder_that_holds_this_package_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(interpreter.HERE)
    assert interpreter.import_path([interpreter.HERE, "/installed"], {})[0] == interpreter.HERE


PROBE = """
import random, queue, json, numpy, tempfile, pickle

def files(report):
    return [module.__file__ for module in (random, queue, json, numpy, tempfile, pickle)]
"""


@pytest.mark.parametrize(
    "pythonpath",
    ["", pytest.param(":", marks=pytest.mark.slow), pytest.param(".", marks=pytest.mark.slow), "HERE"],
)
def test_a_worker_imports_no_stray_module(
    littered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pythonpath: str
) -> None:
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "probe.py").write_text(PROBE)
    monkeypatch.setenv("PYTHONPATH", str(littered) if pythonpath == "HERE" else pythonpath)
    monkeypatch.setattr(sys, "path", ["", str(littered), *sys.path, str(tmp_path / "beside")])
    with Apart() as apart:
        files = apart.call("probe:files", suspect=lambda: Suspect(littered, "the probe", "it is strange"))
    assert not [file for file in files if file.startswith(str(littered))]
    assert ran(littered) == []


@pytest.mark.slow
def test_the_command_imports_no_stray_module(littered: Path) -> None:
    """By `python -m`, which puts the current folder first: what Python's own `runpy` imports is out of our reach."""
    (littered / "types.py").unlink()
    command = [sys.executable, "-m", "tflbuild", "list", "passes"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "quantize" in done.stdout
    assert ran(littered) == []


def test_what_a_process_is_given_reaches_it(littered: Path) -> None:
    (littered / "mine").mkdir()
    (littered / "mine" / "told.py").write_text("import sys\ndef main(): print(sys.argv[1:], __name__)\n")
    code = "import sys; from tflbuild.core import interpreter; import subprocess, os\n"
    code += "sys.path.append('mine')\n"
    code += "subprocess.run(interpreter.command('told', 'a', 'b'), env=interpreter.environment(os.environ), check=True)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['a', 'b'] told\n"


def test_a_process_of_ours_is_python_with_this_path_in_safe_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/installed"])
    monkeypatch.delenv("PYTHONPATH", raising=False)
    command = interpreter.command("some.module", "a", "b")
    assert command[:3] == [sys.executable, "-P", "-c"]
    assert command[3].endswith("from some.module import main; main()")
    assert json.loads(command[4]) == ["/installed", interpreter.HERE]
    assert command[5:] == ["a", "b"]


def test_this_package_lies_in_the_folder_that_is_always_there() -> None:
    assert (Path(interpreter.HERE) / "tflbuild" / "core" / "interpreter.py").is_file()


def test_a_process_of_ours_speaks_utf_8_whatever_the_machine_does(littered: Path) -> None:
    given = {"PYTHONIOENCODING": "latin-1", "PYTHONSAFEPATH": "", "X": "1", "PYTHONPATH": "a/b"}
    assert interpreter.environment(given) == {
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        "PYTHONSAFEPATH": "1",
        "X": "1",
        "PYTHONPATH": str(littered / "a" / "b"),
    }
    assert given["PYTHONPATH"] == "a/b", "what is given stays as it is"
    assert interpreter.environment({}) == {
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        "PYTHONSAFEPATH": "1",
    }


def test_a_path_names_each_folder_once_where_it_stands(littered: Path) -> None:
    path = ["mine", "/installed", str(littered / "mine"), "/installed", interpreter.HERE, "/last"]
    variables = {"PYTHONPATH": os.pathsep.join(("/named", ".", "", str(littered)))}
    made = interpreter.import_path(path, variables)
    assert made == [str(littered / "mine"), "/installed", interpreter.HERE, "/last", str(littered)]


def test_a_current_folder_that_is_gone_is_what_no_absolute_path_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(interpreter.os, "getcwd", gone)
    assert [interpreter._here(folder) for folder in ("/a", ".", "a")] == [False, True, True]


def test_a_link_to_the_current_folder_is_the_current_folder(littered: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(littered)
    assert interpreter.import_path([str(tmp_path / "link")], {}) == [interpreter.HERE]
