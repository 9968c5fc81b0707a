"""A phone behind adb."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Le

from tflbuild.backends.android.options import PhoneOptions
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.target import Target, target

if TYPE_CHECKING:
    from tflbuild.backends.android.setup import Setup


@target("android")
class Android(PhoneOptions, Target):
    """Measure the file on an Android phone, by `adb` and LiteRT's benchmark_model.

    Latency, memory, the time of each operator and accuracy on the test split are those of the phone; the phone's name,
    its Android and the digest of benchmark_model are in every key. Tested with a program that answers as adb does, and
    never run on a real phone by us.
    """

    needs = ("ai_edge_litert",)
    reaches = True
    runtime = "adb"
    rules = "xnnpack"

    runs: Annotated[int, Ge(1), Le(100_000)] = 50
    """Timed runs after the warm-up, at least; benchmark_model goes on for a second. [runs]"""

    def files(self) -> tuple[Path, ...]:
        """Name benchmark_model."""
        return (Path(self.benchmark),) if self.benchmark and Path(self.benchmark).is_file() else ()

    def rule_table(self) -> Path | None:
        """Give XNNPACK's rules where it is what executes; for others there are the targets `gpu` and `nnapi`."""
        return super().rule_table() if self.rule_file or self.delegate == "xnnpack" else None

    def check(self) -> None:
        """Hold this machine to having adb and benchmark_model; no phone is asked."""
        self._setup().check()

    def device(self) -> Mapping[str, Any]:
        """Ask the phone what it is."""
        from tflbuild.backends.android.benchmark import device

        return device(self._setup())

    def runtime_options(self) -> Mapping[str, Any]:
        """Give the options by which accuracy is measured, too."""
        return self.own_of_runtime()

    def inspect(self, model: TFLiteModel) -> dict[str, Any]:
        """Give `latency_ms`, `delegate`, `memory`, `operator_times` and `device`, as the phone measured them."""
        from tflbuild.backends.android.benchmark import measured

        return measured(self._setup(), model.path, self.runs)

    def _setup(self) -> Setup:
        from tflbuild.backends.android.setup import Setup

        return Setup(**self.runtime_options())
