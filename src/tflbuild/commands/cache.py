"""`tflbuild cache`: what the store holds."""

from __future__ import annotations

import os
from pathlib import Path

from tflbuild.commands.words import say
from tflbuild.core.errors import RecipeError


def cache(words: list[str]) -> int:
    """Say what the store holds."""
    if words[:1] != ["info"]:
        raise RecipeError("usage: tflbuild cache info [store.path=FOLDER]")
    given = [word.partition("=")[2] for word in words[1:] if word.startswith("store.path=")]
    root = Path(given[0] if given else os.environ.get("TFLBUILD_STORE", "outputs/store"))
    for name in ("actions", "blobs", "quarantine"):
        sizes = [path.stat().st_size for path in (root / name).glob("*")]
        say(f"{name:<11} {len(sizes):>7} files {sum(sizes) / 2**20:>10.1f} MiB")
    return 0
