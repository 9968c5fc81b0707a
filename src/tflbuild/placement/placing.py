"""Ask a target where a file's operators run, by a dotted name: for a process apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tflbuild.core.target import Target


def placed(target: Target, file: Path, report: Callable[..., None]) -> Mapping[str, Any] | None:
    """Give what `Target.place` does."""
    return target.place(file)
