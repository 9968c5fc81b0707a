"""Processes of ours import nothing from the current folder."""

from __future__ import annotations

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
