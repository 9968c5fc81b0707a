"""The smallest hook: a file that grows by a line when a build goes wrong. `tflbuild describe notify` shows it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild import Hook, hook


@hook("notify")
class Notify(Hook):
    """Append a line to a file when a budget is exceeded or a pass fails, e.g. for a bot that reads it."""

    path: str = "failures.txt"
    """File that lines are appended to."""

    def before_build(self, recipe: Mapping[str, Any], folder: Path) -> None:
        """Keep where the report will lie."""
        self.memory["folder"] = folder

    def on_failure(self, failure: Mapping[str, Any]) -> None:
        """Write the line."""
        with Path(self.path).open("a", encoding="utf-8") as file:
            file.write(f"{self.memory['folder']}: {failure['error']}\n")
