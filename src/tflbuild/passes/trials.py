"""What `quantize_mixed` has tried: candidates that were built and held to the budget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from tflbuild.core.artifact import ModelFacts, TFLiteModel
from tflbuild.core.budget import Verdict
from tflbuild.core.compiler_pass import PassContext
from tflbuild.core.judgement import Judgement
from tflbuild.passes import writing
from tflbuild.passes.quantizing import Quantizing

if TYPE_CHECKING:
    from tflbuild.backends.quantization.mixed import Step
    from tflbuild.backends.quantization.settings import Setting
    from tflbuild.backends.quantization.workbench import Workbench

ROUNDS = 3
"""Times that a latency is measured, in turn with the one that it is compared with."""


@dataclass(frozen=True)
class Trial:
    """A candidate.

    Attributes:
        steps: what is kept in it.
        bytes: that the quantizer gave, before labels and the like are written into the file.
        model: the file.
        judgement: what the gate would say.
    """

    steps: tuple[Step, ...]
    bytes: int
    model: TFLiteModel
    judgement: Judgement

    @property
    def metrics(self) -> dict[str, Any]:
        """Give what was measured, as report.json holds it."""
        return {name: measured.to_json() for name, measured in self.judgement.metrics.items()}

    @property
    def excess(self) -> float:
        """Give by how much the limits are exceeded, each in units of its bound, in sum."""
        return sum(_excess(verdict) for verdict in self.judgement.verdicts)


class Trials:
    """Builds candidates and judges each of them once.

    Args:
        options: of the pass.
        bench: that builds them.
        setting: how what is not kept is quantized.
        keep: how the rest is.
        model: the float file.
        ctx: emits and judges.
    """

    def __init__(
        self,
        options: Quantizing,
        bench: Workbench,
        setting: Setting,
        keep: Literal["int16x8", "float32"],
        model: TFLiteModel,
        ctx: PassContext,
    ) -> None:
        self._options, self._bench, self._setting, self._ctx = options, bench, setting, ctx
        self._keep: Literal["int16x8", "float32"] = keep
        self._facts = ModelFacts.of(model)
        self._found: dict[frozenset[str], Trial] = {}

    def __len__(self) -> int:
        """Count what was judged."""
        return len(self._found)

    @property
    def nearest(self) -> Trial:
        """Give the one nearest to the budget; of several the one that keeps least."""
        return min(self._found.values(), key=lambda trial: (trial.excess, len(trial.steps)))

    def of(self, steps: tuple[Step, ...]) -> Trial:
        """Build and judge what keeps these steps."""
        names = _names(steps)
        if names not in self._found:
            content = self._build(names)
            islands = _islands(content, {name: _reason(step) for step in steps for name in step.tensors})
            model = writing.emit_tflite(self._ctx, content, self._facts, quantized="int8", islands=islands)
            trial = Trial(steps, len(content), model, self._ctx.judge(model))
            self._found[names] = trial
            kept = ", ".join(dict.fromkeys(step.candidate.layer for step in steps)) or "nothing"
            verdict = "within the budget" if trial.judgement.ok else "over the budget"
            self._ctx.log(f"{kept} kept in {self._keep}: {verdict}; {_said(trial.judgement)}")
        return self._found[names]

    def cost(self, trial: Trial, step: Step) -> dict[str, Any]:
        """Say what one kept step costs: the file and its latency against those without it.

        Returns:
            `file_bytes` it adds; `latency_ms` it adds, on this machine with one thread, and `latency_noise_ms`: how far
            apart measurements of one and the same file were.
        """
        from tflbuild.backends import litert

        content = self._build(_names(tuple(other for other in trial.steps if other is not step)))
        path = self._ctx.scratch / "without.tflite"
        path.write_bytes(content)
        times = [[litert.latency(file)["median"] for file in (trial.model.path, path)] for _ in range(ROUNDS)]
        with_it, without = zip(*times, strict=True)
        return {
            "dtype": self._keep,
            "file_bytes": trial.bytes - len(content),
            "latency_ms": round(median(with_it) - median(without), 4),
            "latency_noise_ms": round(max(max(same) - min(same) for same in (with_it, without)), 4),
        }

    def _build(self, names: frozenset[str]) -> bytes:
        content = self._bench.build(self._setting, dict.fromkeys(sorted(names), self._keep))
        return self._options.with_borders(content, self._facts, "int8")


def _names(steps: tuple[Step, ...]) -> frozenset[str]:
    return frozenset(name for step in steps for name in step.tensors)


def _reason(step: Step) -> str:
    return f"kept with {step.candidate.layer}: output error {step.before:.4f} -> {step.after:.4f}"


def _islands(content: bytes, reasons: dict[str, str]) -> list[dict[str, str]]:
    """Name the operators of a file that are kept, with the dtype that they compute in and the reason."""
    from tflbuild.backends import flatbuffer
    from tflbuild.backends.graph import Graph
    from tflbuild.backends.quantization.sensitivity import layer_name

    graph = Graph(flatbuffer.unpack(content))
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


def _said(judgement: Judgement) -> str:
    return "; ".join(verdict.text for verdict in judgement.verdicts)


def _excess(verdict: Verdict) -> float:
    """Give by how much a limit is exceeded, in units of its bound; infinity for what could not be measured."""
    limit, value = verdict.limit, verdict.value
    if verdict.ok:
        return 0.0
    if value is None or (limit.relative and verdict.baseline is None):
        return math.inf
    moved = value - (verdict.baseline or 0.0)
    cost = {
        "min": -value,
        "max": value,
        "max_rise": moved,
        "max_drop": -moved,
        "max_relative_drop": -moved / abs(verdict.baseline or 1.0),
    }[limit.form]
    bound = -limit.bound if limit.form == "min" else limit.bound
    return max(cost - bound, 0.0) / max(abs(bound), 1e-9)
