"""Programs in an environment: what they are asked and answer, and what they may not do."""

from __future__ import annotations

import importlib.util
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fake_environments import here
from tflbuild.core.errors import PassError
from tflbuild.environments.running import program

HEAD = "import os, sys\ndef main(asked):\n"


def written(folder: Path, body: str) -> ModuleType:
    path = folder / "mine.py"
    path.write_text(HEAD + textwrap.indent(textwrap.dedent(body), "    "))
    spec = importlib.util.spec_from_file_location("programs.mine", path)
    assert spec is not None
    return importlib.util.module_from_spec(spec)


def ran(folder: Path, body: str, seconds: int = 30) -> dict[str, Any]:
    work = folder / "work"
    work.mkdir()
    return program.run(here(folder), written(folder, body), {"number": 20}, work, seconds)


ANSWER = "return {}"


def test_it_is_asked_and_answers_in_json(tmp_path: Path) -> None:
    assert ran(tmp_path, ANSWER.format("{'twice': 2 * asked['number']}")) == {"twice": 40}


def test_it_sees_none_of_the_users_variables_and_none_of_our_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    found = ran(
        tmp_path, ANSWER.format("{'names': sorted(os.environ), 'path': sys.path, 'home': os.environ['HOME']}")
    )
    assert "SECRET_TOKEN" not in found["names"]
    assert "PYTHONPATH" not in found["names"]
    assert "/elsewhere" not in found["path"]
    assert found["home"] == str(tmp_path / "work")


@pytest.mark.parametrize(
    "reaching",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('there.example', 80)",
        "import urllib.request; urllib.request.urlopen('http://there.example/')",
    ],
)
def test_it_reaches_no_network(reaching: str, tmp_path: Path) -> None:
    body = f"""
    try:
        {reaching}
        said = 'reached'
    except Exception as error:
        said = repr(error)
    {ANSWER.format("{'said': said}")}
    """
    assert "the network is shut" in ran(tmp_path, body)["said"]


def test_its_reason_is_the_sentence_where_it_gives_one(tmp_path: Path) -> None:
    with pytest.raises(PassError) as caught:
        ran(tmp_path, ANSWER.format("{'error': 'there is no Fnord\\n\\x1b[2J'}"))
    assert str(caught.value) == "there is no Fnord\\n\\x1b[2J"


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("ValueError('\\n=====\\n  no Fnord \\n  in there')", "ValueError: no Fnord"),
        ("ValueError('\\n=== ---\\n*** so it is ***  \\nmore')", "ValueError: *** so it is ***"),
        ("SystemExit(3)", "SystemExit: 3"),
        ("KeyError()", "KeyError"),
    ],
)
def test_whatever_it_raises_is_its_reason(raised: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(PassError) as caught:
        ran(tmp_path, f"raise {raised}")
    assert str(caught.value) == said


def test_one_that_dies_is_told_with_the_last_that_it_said(tmp_path: Path) -> None:
    with pytest.raises(PassError) as caught:
        ran(tmp_path, "print('so far'); print('no further', file=sys.stderr); os.kill(os.getpid(), 9)")
    assert str(caught.value) == "mine ended with signal 9 in the environment 'toy': no further"


def test_one_that_never_ends_is_ended(tmp_path: Path) -> None:
    with pytest.raises(PassError, match=r"^mine took longer than 1 s in the environment 'toy'\.$"):
        ran(tmp_path, "import time; time.sleep(60)", seconds=1)


def test_one_that_asks_for_all_memory_is_refused_it(tmp_path: Path) -> None:
    body = f"""
    try:
        bytes(1 << 50)
        said = 'given'
    except MemoryError:
        said = 'refused'
    {ANSWER.format("{'said': said}")}
    """
    assert ran(tmp_path, body)["said"] == "refused"
