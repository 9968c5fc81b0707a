"""A hook that a distribution of its own brings."""

from collections.abc import Mapping
from typing import Any, Literal

from tflbuild import Hook, hook


@hook("count_passes")
class CountPasses(Hook):
    """Count passes."""

    unit: Literal["runs", "hits"] = "runs"

    def after_pass(self, step: Mapping[str, Any]) -> None:
        self.memory["count"] = self.memory.get("count", 0) + 1
