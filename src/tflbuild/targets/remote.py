"""A board behind ssh."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Le

from tflbuild.backends.board.options import BoardOptions
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import PassError
from tflbuild.core.target import Target, target

if TYPE_CHECKING:
    from tflbuild.backends.board.setup import Setup

WATCHED = 20
"""Runs whose operators are timed, at most."""


@target("remote")
class Remote(BoardOptions, Target):
    """Measure the file on a board with Python and LiteRT, such as a Raspberry Pi, over ssh.

    Latency, memory, the time of each operator and accuracy on the test split are those of the board; its name, its
    processor and its LiteRT are in every key. Keys and known hosts are those of the user's ssh, which asks for no
    password. A small program is sent with each session, and nothing is left on the board.
    """

    needs = ("ai_edge_litert",)
    reaches = True
    runtime = "ssh"
    rules = "xnnpack"

    runs: Annotated[int, Ge(1), Le(100_000)] = 50
    """Timed runs after the warm-up. [runs]"""

    def rule_table(self) -> Path | None:
        """Give XNNPACK's rules where it is what executes."""
        own = not self.delegate and self.resolver == "default"
        return super().rule_table() if self.rule_file or own else None

    def check(self) -> None:
        """Hold this machine to having ssh, and the recipe to naming a board; it is not asked."""
        from tflbuild.backends.board.setup import check

        check(self._setup(), "target.remote")

    def device(self) -> Mapping[str, Any]:
        """Ask the board what it is."""
        from tflbuild.backends.board.execution import device

        self.check()
        return device(self._setup())

    def runtime_options(self) -> Mapping[str, Any]:
        """Give the options by which accuracy is measured, too."""
        return self.own_of_runtime()

    def inspect(self, model: TFLiteModel) -> dict[str, Any]:
        """Give `latency_ms`, `delegate`, `memory`, `operator_times` and `device`, as the board measured them."""
        from tflbuild.backends.board.execution import Loaded, name_of
        from tflbuild.runtimes import profiler
        from tflbuild.runtimes.delegation import delegation_of

        loaded = Loaded(self._setup(), model.path)
        figures = loaded.latency(self.runs)
        delegate = delegation_of(loaded.plan, loaded.ends, loaded.kernels if self.delegate else "xnnpack")
        figures |= {"delegate": delegate, "device": loaded.facts}
        if not self.delegate and self.resolver == "default":
            try:
                found = loaded.profiled(Path(profiler.__file__), min(self.runs, WATCHED))
            except PassError:  # an older LiteRT, or one that brings no library with the profiler
                return figures
            timed = profiler.faster_half(
                [([profiler.Event(*event) for event in events], whole) for events, whole in found]
            )
            figures["operator_times"] = {"cpu": name_of(loaded.facts), "threads": 1, **timed}
        return figures

    def _setup(self) -> Setup:
        from tflbuild.backends.board.setup import Setup

        return Setup(**self.runtime_options())
