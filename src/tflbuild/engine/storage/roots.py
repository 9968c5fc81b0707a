"""Roots of the collection: actions that run folders name, held locks, and what running builds use."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.engine.storage import kernel_lock, workspace
from tflbuild.engine.storage.inventory import Action, Inventory

DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
MOST_BYTES = 2**30
LEFT_BY_RUNS = ("report.json", "recipe.lock.yaml", "reproduce.yaml")


@dataclass(frozen=True)
class Roots:
    """The actions and blobs that a collection keeps.

    Attributes:
        actions: keys.
        blobs: digests, besides those of `actions`.
        runs: how many runs were found on disk.
    """

    actions: frozenset[str]
    blobs: frozenset[str]
    runs: int


def find_roots(
    inventory: Inventory, outputs: Iterable[Path], warn: Callable[[str], None] = lambda text: None
) -> Roots:
    """Find the roots: the actions that runs name, with measurements of their results, and what is in use.

    Args:
        inventory: what the store holds.
        outputs: folders with runs.
        warn: is told of a run that cannot be read.
    """
    named: set[str] = set()
    runs = 0
    for path in _left_by_runs(outputs, inventory.shelf.root):
        try:
            named.update(DIGEST.findall(read_regular(path, MOST_BYTES).decode("utf-8")))
            runs += path.name == "report.json"
        except (OSError, UnicodeDecodeError) as error:
            warn(f"{plain(path)} cannot be read ({error}), so its inputs do not count as used.")
    used = workspace.used(inventory.shelf.root / "tmp")
    held = {key for key in inventory.actions if kernel_lock.is_held(inventory.shelf.lock(key))}
    steps = {key for key, action in inventory.actions.items() if action.step and key in named}
    kept = steps | held | (used & inventory.actions.keys())
    return Roots(frozenset(_with_measurements(inventory, kept, named)), frozenset(used), runs)


def _with_measurements(inventory: Inventory, kept: set[str], named: set[str]) -> set[str]:
    """Add what was measured on nothing but files that stay, which may again be files that something was measured on."""
    kept = set(kept)
    files = named | {sha256 for key in kept for sha256 in inventory.actions[key].blobs}
    rest = [action for action in inventory.actions.values() if not action.step and action.key not in kept]
    while True:
        found = [action for action in rest if _is_of(action, files, named)]
        if not found:
            return kept
        kept.update(action.key for action in found)
        files.update(sha256 for action in found for sha256 in action.blobs)
        rest = [action for action in rest if action.key not in kept]


def _is_of(action: Action, files: set[str], named: set[str]) -> bool:
    return action.measured <= files if action.measured else action.data in named


def _left_by_runs(outputs: Iterable[Path], store: Path) -> Iterable[Path]:
    for folder in outputs:
        for top, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if Path(top, name).resolve() != store.resolve()]
            yield from (Path(top, name) for name in LEFT_BY_RUNS if name in names)
