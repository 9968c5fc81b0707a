"""An analysis that parts the error of `quantize.method=auto`: what weights, activations and each of them cost alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.passes.quantize import Quantize
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.passes.quantizing.float_model import quantizable

SPLIT = "data.val"

COSTLIEST = 4
"""Tensors that are named."""


@analysis("error_parts")
class ErrorParts(Analysis):
    """Quantize as `method=auto` does, with scores in int8, and measure parts on the val split alone.

    Errors are those of `OutputError`, whose samples nothing is calibrated on and nothing is chosen by.
    """

    needs = ("litert_quantizer", "ai_edge_litert", "numpy")
    of = ("float",)

    calibration: Calibration = field(default_factory=Calibration)
    """Images to measure ranges on."""

    def reads(self) -> tuple[str, ...]:
        """Read calibration samples, and those that errors are measured on."""
        return (self.calibration.source, SPLIT)

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Give parts and steps in order."""
        from tflbuild.analyses.nearer import values_for
        from tflbuild.quantization.output_error import OutputError

        model = models["float"]
        assert isinstance(model, TFLiteModel)
        options = Quantize(method="auto", scores="int8", calibration=self.calibration)
        floating = quantizable(model, ctx).with_even_inputs(ctx, "int8", None)
        bench = options.bench(floating, ctx, "int8", measuring=True)
        setting = options.setting(bench, model, ctx)
        split = ctx.dataset(SPLIT)
        raw = {sample.key: split[place].value for place, sample in enumerate(split.samples)}
        samples = values_for(model, raw)
        reference = OutputError(bench.variant("none", "keep").model, samples)
        rows = [*parts(bench, setting, reference), *steps(bench, setting, reference)]
        return [{"part": name, "error": error, "samples": len(samples), "text": ""} for name, error in rows]


def parts(bench: Any, setting: Any, reference: Any) -> Iterator[tuple[str, float]]:
    """Give the error of the file, and of pieces of its rounding put into the float model alone."""
    from tflbuild.quantization.simulation import Simulation

    made, floats = bench.build(setting), bench.variant(setting.equalize, setting.relu6).model.graph
    yield f"all: {setting.text}", reference.of(made)
    simulated, endless = Simulation(floats, made.graph), Simulation(floats, _without_ends(made))
    weights, activations = simulated.weights, simulated.activations
    yield "all, but for the arithmetic of int8 kernels", reference.of(simulated.build(weights, activations))
    yield "weights", reference.of(simulated.build(weights, ()))
    plain = Simulation(floats, bench.build(replace(setting, correct_bias=False)).graph)
    yield "weights, biases not corrected", reference.of(plain.build(weights, ()))
    yield "activations", reference.of(simulated.build((), activations))
    yield "activations, no end cut off", reference.of(endless.build((), endless.activations))
    graph = simulated.graph
    entries = [graph.name(int(index)) for index in graph.model.subgraphs[0].inputs]
    exits = [graph.name(int(index)) for index in graph.outputs]
    inner = [name for name in activations if name not in (*entries, *exits)]
    for name, some in (("inputs", entries), ("outputs", exits), ("activations between", inner)):
        yield name, reference.of(simulated.build((), [each for each in some if each in activations]))
    alone = {("activation", name): reference.of(simulated.build((), [name])) for name in activations}
    alone |= {("weights of", name): reference.of(simulated.build([name], ())) for name in weights}
    for (what, name), error in sorted(alone.items(), key=lambda found: -found[1])[:COSTLIEST]:
        yield f"{what} {name.split(';')[0]}", error


def steps(bench: Any, setting: Any, reference: Any) -> Iterator[tuple[str, float]]:
    """Give the error after each step from min/max to the setting that is the most usual."""
    from tflbuild.quantization.settings import USUAL, Setting

    for name, one in (
        ("step 0: min/max", Setting()),
        ("step 1: ranges by mse", Setting(ranges="mse")),
        ("step 2: biases corrected", Setting(ranges="mse", correct_bias=True)),
        ("step 3: equalized by activations", replace(USUAL, equalize="activations")),
        ("step 4: small channels lifted", USUAL),
    ):
        yield name, reference.of(bench.build(one))


def _without_ends(made: Any) -> Any:
    """Give a graph whose activations have the steps that they had, and nothing is cut off: 16 bits reach further."""
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    graph = made.copy()
    entries = {int(index) for index in graph.model.subgraphs[0].inputs}
    for index, tensor in enumerate(graph.tensors):
        computed = index in entries or graph.maker(index) is not None
        if computed and tensor.type == schema.TensorType.INT8 and tensor.quantization is not None:
            tensor.type, tensor.quantization.zeroPoint = schema.TensorType.INT16, np.array([0])
    return graph
