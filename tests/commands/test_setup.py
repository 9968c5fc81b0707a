"""`tflbuild setup`: what is printed, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import fake_environments as fakes
from tflbuild.commands.setup import setup
from tflbuild.core.errors import RecipeError


@pytest.fixture(autouse=True)
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give an environment that is made in no time, and what is done for it."""
    fakes.declare(monkeypatch, tmp_path)
    return fakes.make_quickly(monkeypatch)


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert setup(list(words)) == 0
    return capsys.readouterr().out.splitlines()


def test_it_lists_makes_and_removes(capsys: pytest.CaptureFixture[str], toy: list[str]) -> None:
    assert printed(capsys) == ["  toy        not made", "             Nothing that anybody needs."]
    (made,) = printed(capsys, "toy")
    assert made.startswith("environment 'toy': made in 0 s; numpy 0, ")
    assert "Python 3.13.0" in made
    (again,) = printed(capsys, "toy")
    assert again.startswith("environment 'toy': there already; numpy 0, ")
    assert printed(capsys)[0].startswith("  toy        numpy 0, ")
    assert printed(capsys, "toy", "--remove") == ["environment 'toy': removed"]
    assert printed(capsys, "toy", "--remove") == ["environment 'toy': was not there"]
    assert toy == ["venv", "packages"]


def test_packages_that_were_fetched_elsewhere_are_taken(
    capsys: pytest.CaptureFixture[str], toy: list[str], tmp_path: Path
) -> None:
    assert printed(capsys, "toy", "--pins") == ["numpy==0"]
    printed(capsys, "toy", "--wheels", str(tmp_path))
    assert toy == ["venv", f"wheels {tmp_path}"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tony"], "setup: there is no environment 'tony'; there are toy. Did you mean 'toy'?"),
        (["toy", "--wheels", "/nowhere"], "setup: --wheels: there is no folder '/nowhere'."),
        (["toy", "--now"], "setup: '--now' is not one of its options.\nusage: tflbuild setup"),
        (["--remove"], "setup: '--remove' is not an environment.\nusage: tflbuild setup"),
    ],
)
def test_words_that_are_wrong_are_said(words: list[str], said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        setup(words)
    assert str(caught.value).startswith(said)
