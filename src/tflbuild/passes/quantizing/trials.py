"""Trials of `quantize_mixed`: candidates that were built and held to the budget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PassContext
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.judgement import Judgement
from tflbuild.passes.quantizing import writing
from tflbuild.passes.quantizing.float_model import FloatModel
from tflbuild.passes.quantizing.options import Quantizing

if TYPE_CHECKING:
    from tflbuild.quantization.mixed import Addition
    from tflbuild.quantization.settings import Setting
    from tflbuild.quantization.workbench import Workbench
    from tflbuild.tflite.graph import Graph
    from tflbuild.tflite.packed import Packed

ROUNDS, RUNS = 3, 20
"""Times that a latency is measured, in turn with the one that it is compared with, and invocations of each time."""


@dataclass(frozen=True)
class Trial:
    """A candidate.

    Attributes:
        steps: what is kept in it.
        bytes: that the quantizer gave, before labels and the like are written into the file.
        model: the file; None where there is none that runs.
        judgement: what the gate would say; None where nothing could be measured.
        failed: why there is no file that runs.
    """

    steps: tuple[Addition, ...]
    bytes: int = 0
    model: TFLiteModel | None = None
    judgement: Judgement | None = None
    failed: str = ""

    @property
    def ok(self) -> bool:
        """Say whether it runs and holds the budget."""
        return self.judgement is not None and self.judgement.ok

    @property
    def metrics(self) -> dict[str, Any]:
        """Give what was measured, as report.json holds it."""
        found = self.judgement.metrics if self.judgement else {}
        return {name: measured.to_json() for name, measured in found.items()}

    @property
    def excess(self) -> float:
        """Give by how much the limits are exceeded, each in units of its bound, in sum."""
        return sum(verdict.excess for verdict in self.judgement.verdicts) if self.judgement else math.inf


class Trials:
    """Build candidates and judge each of them once.

    Args:
        options: of the pass.
        bench: that builds them.
        setting: how what is not kept is quantized.
        keep: how the rest is.
        floating: the float model.
        ctx: emits and judges.
    """

    def __init__(
        self,
        options: Quantizing,
        bench: Workbench,
        setting: Setting,
        keep: Literal["int16x8", "float32"],
        floating: FloatModel,
        ctx: PassContext,
    ) -> None:
        self._options, self._bench, self._setting, self._ctx = options, bench, setting, ctx
        self._keep: Literal["int16x8", "float32"] = keep
        self._floating = floating
        self._found: dict[frozenset[str], Trial] = {}

    def __len__(self) -> int:
        """Count what was judged."""
        return len(self._found)

    @property
    def nearest(self) -> Trial:
        """Give the one nearest to the budget; of several the one that keeps least.

        Raises:
            PassError: no candidate runs.
        """
        from tflbuild.quantization.attempts import first_reasons

        running = [trial for trial in self._found.values() if not trial.failed]
        if not running:
            reasons = first_reasons(trial.failed for trial in self._found.values())
            raise PassError(f"none of {len(self)} candidates gives a file that can be used: {reasons}.")
        return min(running, key=lambda trial: (trial.excess, len(trial.steps)))

    @property
    def failed(self) -> list[dict[str, str]]:
        """Say which candidates gave no file that runs, and why."""
        return [
            {"kept": _kept(trial.steps), "reason": trial.failed}
            for trial in self._found.values()
            if trial.failed
        ]

    def of(self, steps: tuple[Addition, ...]) -> Trial:
        """Build and judge what keeps these steps; what cannot be built or run is noted as that."""
        names = _names(steps)
        if names not in self._found:
            self._found[names] = trial = self._judged(steps, names)
            verdict = "within the budget" if trial.ok else "over the budget"
            told = trial.failed or f"{verdict}; {_said(trial.judgement)}"
            self._ctx.log(f"{_kept(steps)} kept in {self._keep}: {told}")
        return self._found[names]

    def _judged(self, steps: tuple[Addition, ...], names: frozenset[str]) -> Trial:
        from tflbuild.quantization.attempts import REFUSALS, reason
        from tflbuild.runtimes import interpreter as litert

        try:
            made = self._build(names)
            graph, size = made.copy(), len(made.content)
            islands = _islands(graph, {name: _reason(step) for step in steps for name in step.tensors})
            meaning = self._floating.meaning
            model = writing.emit_tflite(self._ctx, graph, meaning, quantized="int8", islands=islands)
            litert.check_runs(model.path)
        except REFUSALS as error:
            return Trial(steps, failed=reason(error))
        return Trial(steps, size, model, self._ctx.judge(model))

    def cost(self, trial: Trial, step: Addition) -> dict[str, Any]:
        """Say what one kept step costs: the file and its latency against those without it.

        Returns:
            `file_bytes` it adds; `latency_ms` it adds, on this machine with one thread, and `latency_noise_ms`: how far
            apart measurements of one and the same file were.
        """
        from tflbuild.quantization.attempts import REFUSALS, reason
        from tflbuild.runtimes import interpreter as litert

        assert trial.model is not None, "what failed is never the result"
        file = trial.model.path
        try:
            content = self._build(_names(tuple(other for other in trial.steps if other is not step))).content
        except REFUSALS as error:
            return {"dtype": self._keep, "reason": reason(error)}
        path = self._ctx.scratch / "without.tflite"
        path.write_bytes(content)
        try:
            times = [
                [litert.latency(each, runs=RUNS)["median"] for each in (file, path)] for _ in range(ROUNDS)
            ]
        except (*REFUSALS, RecipeError) as error:  # the file without the step does not run
            return {"dtype": self._keep, "file_bytes": trial.bytes - len(content), "reason": reason(error)}
        with_it, without = zip(*times, strict=True)
        return {
            "dtype": self._keep,
            "file_bytes": trial.bytes - len(content),
            "latency_ms": round(median(with_it) - median(without), 4),
            "latency_noise_ms": round(max(max(same) - min(same) for same in (with_it, without)), 4),
        }

    def _build(self, names: frozenset[str]) -> Packed:
        from tflbuild.tflite.packed import Packed

        graph = self._bench.build(self._setting, dict.fromkeys(sorted(names), self._keep)).copy()
        self._options.give_borders(graph, self._floating, "int8")
        return Packed(graph)


def _names(steps: tuple[Addition, ...]) -> frozenset[str]:
    return frozenset(name for step in steps for name in step.tensors)


def _reason(step: Addition) -> str:
    return f"kept with {step.group.layer}: output error {step.before:.4f} -> {step.after:.4f}"


def _islands(graph: Graph, reasons: dict[str, str]) -> list[dict[str, str]]:
    """Name the operators of a model that are kept, with the dtype that they compute in and the reason."""
    from tflbuild.quantization.sensitivity import layer_name
    from tflbuild.tflite import flatbuffer

    return [
        {
            "layer": layer_name(name, graph.kind(operator)),
            "operator": graph.kind(operator),
            "tensor": name,
            "dtype": flatbuffer.DTYPES[graph.tensors[operator.outputs[0]].type],
            "reason": reasons[name],
        }
        for operator in graph.operators
        if (name := graph.name(int(operator.outputs[0]))) in reasons
    ]


def _said(judgement: Judgement | None) -> str:
    return "; ".join(verdict.text for verdict in judgement.verdicts) if judgement else ""


def _kept(steps: tuple[Addition, ...]) -> str:
    return ", ".join(dict.fromkeys(step.group.layer for step in steps)) or "nothing"
