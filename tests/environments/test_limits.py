"""Limits and the closed network of programs in an environment, and programs that are asked for as long as they live."""

from __future__ import annotations

import importlib.util
import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from fake_environments import here
from tflbuild.core.errors import PassError
from tflbuild.environments.running import guard, program

SHUT = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request")
"""Events in the table of audit events of Python's documentation that name another machine."""


@pytest.mark.parametrize("event", SHUT)
def test_every_event_that_reaches_another_machine_is_refused(event: str) -> None:
    with pytest.raises(PermissionError, match="the network is shut"):
        guard.shut(event, (None, ("127.0.0.1", 9)))


def test_sockets_of_files_and_everything_else_are_let_through() -> None:
    for address in ("/tmp/socket", b"/tmp/socket"):
        guard.shut("socket.connect", (None, address))
        with pytest.raises(PermissionError):
            guard.shut("socket.sendto", (None, address))
    guard.shut("open", ("/tmp/file", "r", 0))
    guard.shut("import", ("socket", None, None, None, None))


Limits = dict[int, tuple[int, int]]
UNLIMITED = resource.RLIM_INFINITY


def limited(monkeypatch: pytest.MonkeyPatch, most: int, limits: dict[str, int]) -> Limits:
    """Give the limits that are set where the system allows at most `most`."""
    found: Limits = {}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (7, most))
    monkeypatch.setattr(resource, "setrlimit", found.__setitem__)
    guard.limit(limits)
    return found


def test_limits_are_those_that_are_asked_or_the_systems_own_where_that_is_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = {"seconds": 30, "memory": 2000, "file": 500}
    kinds = (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE)
    free = limited(monkeypatch, UNLIMITED, asked)
    assert free == dict(zip(kinds, ((30, UNLIMITED), (2000, UNLIMITED), (500, UNLIMITED)), strict=True))
    bound = limited(monkeypatch, 1000, asked)
    assert bound == dict(zip(kinds, ((30, 1000), (1000, 1000), (500, 1000)), strict=True))
    assert limited(monkeypatch, UNLIMITED, {"file": 500}) == {resource.RLIMIT_FSIZE: (500, UNLIMITED)}


def test_a_program_is_run_behind_the_guard_with_its_share_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "cores", lambda: 3)
    module = ModuleType("mine")
    module.__file__ = "/ours/mine.py"
    command = program.command(here(tmp_path), module, ["one", "two"], 20)
    assert command[:4] == [sys.executable, "-I", "-B", str(guard.__file__)]
    assert command[5:] == ["/ours/mine.py", "one", "two"]
    limits = json.loads(command[4])
    assert limits.pop("memory") == pytest.approx(0.8 * psutil.virtual_memory().total, rel=0.01)
    assert limits == {"file": 8 * 1024**3, "seconds": 60}, "seconds of processor time, on three of them"
    unlimited = json.loads(program.command(here(tmp_path), module, [], None)[4])
    assert sorted(unlimited) == ["file", "memory"]


def test_the_processors_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program.os, "sched_getaffinity", lambda process: {2, 5, 6}, raising=False)
    assert program.cores() == 3


def test_a_program_sees_the_users_language_and_no_other_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANG", "LC_ALL", "TZ"):
        monkeypatch.setenv(name, f"own {name}")
    monkeypatch.delenv("LC_ALL")
    found = program.surroundings(tmp_path)
    assert (found["LANG"], found["TZ"]) == ("own LANG", "own TZ")
    assert "LC_ALL" not in found
    assert (found["HOME"], found["TMPDIR"]) == (str(tmp_path), str(tmp_path))
    assert found["http_proxy"] == found["https_proxy"] == "http://127.0.0.1:9", "where nobody listens"


Written = Callable[[str], ModuleType]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write a program and give it as a module that was not run."""

    def write(body: str) -> ModuleType:
        path = tmp_path / "mine.py"
        path.write_text(f"import json, os, pathlib, sys\n{body}\n")
        spec = importlib.util.spec_from_file_location("programs.mine", path)
        assert spec is not None
        return importlib.util.module_from_spec(spec)

    return write


def ran(module: ModuleType, folder: Path) -> dict[str, Any]:
    work = folder / "work"
    work.mkdir(exist_ok=True)
    return program.run(here(folder), module, {}, work, 30)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "print('so far', flush=True); os._exit(3)",
            "mine ended with exit code 3 in the environment 'toy': so far",
        ),
        ("os._exit(0)", "mine ended with exit code 0 in the environment 'toy': it said nothing"),
        (
            "print(' a list ', end='\\n\\n'); return [1]",
            "mine ended with exit code 0 in the environment 'toy': a list",
        ),
        (
            "pathlib.Path('answer.json').write_text('{'); os.write(1, b'\\xff'); os._exit(0)",
            "mine ended with exit code 0 in the environment 'toy': \N{REPLACEMENT CHARACTER}",
        ),
        (
            "return {'answer': {1}}",
            "mine ended with exit code 1 in the environment 'toy': "
            "TypeError: Object of type set is not JSON serializable",
        ),
    ],
)
def test_one_that_gives_no_answer_is_told_with_the_last_that_it_said(
    body: str, said: str, written: Written, tmp_path: Path
) -> None:
    with pytest.raises(PassError) as caught:
        ran(written(f"def main(asked):\n    {body}"), tmp_path)
    assert str(caught.value) == said


def test_it_works_in_its_folder_and_is_given_nothing_to_read(written: Written, tmp_path: Path) -> None:
    body = "def main(asked):\n    return {'here': os.getcwd(), 'read': sys.stdin.read()}"
    found = ran(written(body), tmp_path)
    assert found == {"here": str(tmp_path / "work"), "read": ""}


def test_one_that_is_started_answers_until_its_input_is_closed(written: Written, tmp_path: Path) -> None:
    body = """
print('for nobody', file=sys.stderr)
print(json.dumps([os.getcwd(), os.environ['HOME'], 'LANG' in os.environ, sys.argv[1:]]), flush=True)
for line in sys.stdin:
    print(line.upper(), end='', flush=True)
"""
    folder = tmp_path / "work"
    folder.mkdir()
    with program.started(here(tmp_path), written(body), ["one", "two"], folder) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        where, home, _, words = json.loads(process.stdout.readline())
        assert (where, home, words) == (str(folder), str(folder), ["one", "two"])
        process.stdin.write(b"asked\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ASKED\n"
        process.stdin.close()
        assert process.wait(timeout=30) == 0
    assert (folder / "printed.txt").read_text() == "for nobody\n"
