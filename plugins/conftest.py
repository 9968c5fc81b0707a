"""Load the plugins of this folder anew for each test, whatever tests before it declared or took away."""

import pytest

from plugin_folder import forget_plugins
from tflbuild import plugins


@pytest.fixture(autouse=True)
def loaded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what was loaded from any folder of plugins."""
    forget_plugins()
    monkeypatch.setattr(plugins, "_loaded", {})
