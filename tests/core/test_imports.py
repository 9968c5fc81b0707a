from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tflbuild.core.imports import import_at_once


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the name of a module that notes whether garbage is searched for while it is imported."""
    (tmp_path / "made_up_module.py").write_text("import gc\ncollecting = gc.isenabled()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "made_up_module"
    sys.modules.pop("made_up_module", None)
    gc.unfreeze()


def test_nothing_is_collected_while_modules_are_imported(module: str) -> None:
    frozen = gc.get_freeze_count()
    import_at_once("json", module)
    assert not sys.modules[module].collecting
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen


def test_what_is_imported_already_costs_nothing(module: str) -> None:
    frozen = gc.get_freeze_count()
    import_at_once("json", "os")
    assert gc.get_freeze_count() == frozen


def test_a_module_that_fails_leaves_the_collector_as_it_was(module: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        import_at_once("no_such_module_anywhere")
    assert gc.isenabled()
    gc.disable()
    try:
        import_at_once(module)
        assert not gc.isenabled()
    finally:
        gc.enable()
