"""Load the plugins of this folder anew for each test, whatever tests before it declared or took away."""

import sys

import pytest

from tflbuild import plugins


@pytest.fixture(autouse=True)
def loaded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what was loaded from any folder of plugins."""
    for module in [name for name in sys.modules if name.startswith(f"{plugins.LOCAL_PACKAGE}.")]:
        plugins._forget(module)
    monkeypatch.setattr(plugins, "_loaded", {})
