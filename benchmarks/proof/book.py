"""What was found, cell by cell, in the work folder: a benchmark that is stopped goes on where it was."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tflbuild.core import digest


class Book:
    """Results of cells, one JSON file each.

    Args:
        folder: of the work.
        again: whether cells are computed anew; builds still come from their store where nothing changed.
    """

    def __init__(self, folder: Path, again: bool) -> None:
        self.folder, self._again = folder, again
        self._fresh: set[Path] = set()

    def cell(
        self, row: str, name: str, causes: Any, make: Callable[[Path], dict[str, Any]]
    ) -> dict[str, Any]:
        """Give what is kept of a cell, or compute and keep it.

        What fails is kept as `error` for the table, and tried again by the next run.

        Args:
            row: the row's name.
            name: the cell's name.
            causes: JSON-able; another value makes what is kept worthless.
            make: computes the cell, given a folder of its own.
        """
        path = self.folder / row / f"{name}.json"
        wanted = digest.of_json(causes)
        kept = json.loads(path.read_text()) if path.exists() else {}
        if kept.get("causes") == wanted and "error" not in kept and (path in self._fresh or not self._again):
            return kept
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / name).mkdir(exist_ok=True)
        started = time.perf_counter()
        try:
            found = make(path.parent / name)
        except Exception as error:  # noqa: BLE001 - that a cell fails is a finding; the others go on
            text = " ".join(str(error).split()) or type(error).__name__
            (path.parent / name / "error.txt").write_text(traceback.format_exc())
            found = {"error": text}
        found |= {"causes": wanted, "took": round(time.perf_counter() - started, 2)}
        path.write_text(json.dumps(found, indent=1))
        self._fresh.add(path)
        return found

    def kept(self, row: str, name: str) -> dict[str, Any]:
        """Give what is kept of a cell.

        Raises:
            KeyError: nothing is.
        """
        path = self.folder / row / f"{name}.json"
        if not path.exists():
            raise KeyError(f"there is no {name} of {row}")
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def keep(self, row: str, name: str, found: dict[str, Any]) -> None:
        """Write a cell."""
        path = self.folder / row / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1))
