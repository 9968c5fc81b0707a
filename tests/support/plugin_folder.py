"""Plugins of a folder, forgotten so that they are loaded anew."""

from __future__ import annotations

import sys

from tflbuild import plugins


def forget_plugins() -> None:
    """Take back what was loaded from any folder of plugins."""
    for module in [name for name in sys.modules if name.startswith(f"{plugins.LOCAL_PACKAGE}.")]:
        plugins._forget(module)
    sys.modules.pop(plugins.LOCAL_PACKAGE, None)
    for folder in [folder for folder in plugins._loaded if folder is not None]:
        del plugins._loaded[folder]
