"""The processor: LiteRT with XNNPACK."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.target import Target, target


@target("cpu")
class Cpu(Target):
    """Deliver the file as it is, for LiteRT's interpreter with XNNPACK on a phone, a board or a desktop.

    Reports which operators XNNPACK takes, and the latency on the machine that builds, which is also what a budget's
    `latency` of the delivered file is.
    """

    needs = ("ai_edge_litert",)
    rules = "xnnpack"
    loads = True

    threads: Annotated[int, Ge(1), Le(1024)] = 1
    """Threads of the interpreter when latency is measured. [threads]"""
    runs: Annotated[int, Ge(1), Le(1_000_000)] = 50
    """Timed runs after the warm-up. More give a steadier latency and take longer. [runs]"""

    def place(self, model: Path) -> Mapping[str, Any] | None:
        """Say which operators XNNPACK takes, as LiteRT does it here, and by rules why not the others.

        Of a file that LiteRT cannot load, nothing runs; one with operators of its own, which an app may bring, is
        predicted. A rule file of the user's is about another device, and predicts.
        """
        predicted = self.foresee(model)
        if predicted is None or self.rule_file:
            return predicted
        from tflbuild.placement.measured import measured, unloadable, unmeasured
        from tflbuild.runtimes.delegation import WHO, taken

        try:
            return measured(predicted, taken(model).on, WHO)
        except RecipeError as error:
            said = plain(str(error).removeprefix(plain(model)).lstrip(": "), 160).rstrip(".")
            if said.startswith(REFUSED) and not _brings_operators(model):
                return unloadable(predicted, WHO, said.removeprefix(REFUSED))
            return unmeasured(predicted, said if said.startswith("LiteRT ") else f"the file {said}")

    def foresee(self, model: Path) -> Mapping[str, Any] | None:
        """Predict by the rules alone."""
        return super().place(model)

    def inspect(self, model: TFLiteModel) -> dict[str, Any]:
        """Give `latency_ms`, `delegate` and `placement`."""
        from tflbuild.placement.measured import measured
        from tflbuild.runtimes.delegation import WHO, taken
        from tflbuild.runtimes.interpreter import latency

        timed = latency(model.path, self.threads, self.runs)
        found, predicted = taken(model.path), self.foresee(model.path)
        placed = predicted if predicted is None or self.rule_file else measured(predicted, found.on, WHO)
        return {"latency_ms": timed, "delegate": found.told("xnnpack"), "placement": placed}


REFUSED = "LiteRT cannot load it: "
"""Beginning of what is said of a file that LiteRT refuses."""


def _brings_operators(model: Path) -> bool:
    """Say whether a file has custom operators, which LiteRT lacks unless an app brings them."""
    from tflbuild.placement import facts

    return any(one.custom for one in facts.read(model).operators)
