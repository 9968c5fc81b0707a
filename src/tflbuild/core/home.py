"""The user's home folder in what was typed: a shell leaves a `~` behind a `=` as it is."""

from __future__ import annotations

import os
from typing import Any


def names_home(text: str) -> bool:
    """Say whether a `~` begins a path, so that it stands for the user's home folder."""
    return text == "~" or text.startswith("~/")


def at_home(value: Any) -> Any:
    """Write out the `~` that begins a path; options of every kind may hold one, alone or in lists."""
    if isinstance(value, str):
        return os.path.expanduser(value) if names_home(value) else value
    if isinstance(value, dict):
        return {key: at_home(item) for key, item in value.items()}
    return [at_home(item) for item in value] if isinstance(value, list) else value
