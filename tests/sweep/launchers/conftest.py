from __future__ import annotations

import sys

import pytest

from sweep_place import Place
from tflbuild import plugins
from tflbuild.core import toolchain
from visiting import PLUGIN, RECIPE


@pytest.fixture
def there(here: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Stand in a folder with the recipe `visits`, whose last pass is a plugin's."""
    (here.folder / "recipes" / "visits.yaml").write_text(RECIPE)
    (here.folder / "plugins").mkdir()
    (here.folder / "plugins" / "visit.py").write_text(PLUGIN)
    monkeypatch.setattr(toolchain, "_providers", dict)  # as the plugin does for good
    monkeypatch.delitem(sys.modules, f"{plugins.LOCAL_PACKAGE}.visit", raising=False)
    return here


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every extra for installed; what a test needs of it is stood in for."""
    monkeypatch.setattr(toolchain, "version", lambda tool: "1.0")
