"""An import that takes seconds is announced, and changes nothing of what is imported."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tflbuild.engine.workers import heavy_import
from tflbuild.engine.workers.heavy_import import announce


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Announce imports of two packages that are made up; forgotten afterwards."""
    (tmp_path / "heavy_one").mkdir()
    (tmp_path / "heavy_one" / "__init__.py").write_text("from heavy_one import part\nVALUE = 3\n")
    (tmp_path / "heavy_one" / "part.py").write_text("")
    (tmp_path / "heavy_two.py").write_text("raise ImportError('it is broken')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(heavy_import, "HEAVY", {"heavy_one": "One", "heavy_two": "Two", "heavy_none": "None"})
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    told: list[str] = []
    announce(told.append)
    yield told
    for name in ("heavy_one", "heavy_one.part", "heavy_two"):
        sys.modules.pop(name, None)


def test_an_import_is_announced_once_and_its_end_too(said: list[str]) -> None:
    module = importlib.import_module("heavy_one")
    assert said == ["loading One", ""]
    importlib.import_module("heavy_one")
    importlib.import_module("heavy_one.part")
    assert said == ["loading One", ""], "it is there already"
    assert module.VALUE == 3
    assert type(module.__loader__).__name__ == "SourceFileLoader", "it may ask its own loader for files"
    assert module.__spec__ is not None
    assert module.__spec__.loader is module.__loader__


def test_an_import_that_fails_is_over_and_one_that_is_missing_was_never_begun(said: list[str]) -> None:
    with pytest.raises(ImportError, match="it is broken"):
        importlib.import_module("heavy_two")
    assert said == ["loading Two", ""]
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("heavy_none")
    importlib.import_module("json")
    assert said == ["loading Two", ""]
