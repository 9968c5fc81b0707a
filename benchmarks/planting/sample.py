"""Draw mutants by a seed: files by their length, then any kind of fault alike, so that no table dominates."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from planting.mutant import Mutant, mutants, read

TRIES = 30
"""Draws in a row without a new mutant after which the files are taken to be used up."""


def sources(root: Path, only: Sequence[str]) -> list[str]:
    """Give the paths of the sources under one of some prefixes, in order."""
    paths = (path.relative_to(root).as_posix() for path in (root / "src").rglob("*.py"))
    return sorted(path for path in paths if path.startswith(tuple(only)))


def sample(root: Path, only: Sequence[str], count: int, seed: int) -> Iterator[Mutant]:
    """Give mutants that compile and differ from the source, no two in one line; the same for the same seed."""
    draw = random.Random(seed)
    paths = sources(root, only)
    weights = [sum(bool(line.strip()) for line in read(root, path).splitlines()) for path in paths]
    listed: dict[str, dict[str, list[Mutant]]] = {}
    used: set[tuple[str, int]] = set()
    given = tried = 0
    while paths and given < count and tried < TRIES * count:
        tried += 1
        path = draw.choices(paths, weights)[0]
        if path not in listed:
            listed[path] = by_kind(mutants(path, read(root, path)))
        if not listed[path]:
            continue
        mutant = draw.choice(listed[path][draw.choice(sorted(listed[path]))])
        if (path, mutant.line) not in used and mutant.source(read(root, path)) is not None:
            used.add((path, mutant.line))
            given += 1
            yield mutant


def by_kind(found: Iterator[Mutant]) -> dict[str, list[Mutant]]:
    """Group mutants by their kind."""
    kinds = defaultdict(list)
    for mutant in found:
        kinds[mutant.kind].append(mutant)
    return dict(kinds)
