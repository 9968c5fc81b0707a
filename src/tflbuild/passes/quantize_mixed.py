"""Quantize to int8, but for the few layers that the budget asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from annotated_types import Ge, Le

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import DataFacts, PassContext, compiler_pass
from tflbuild.core.errors import BrokenPromise
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing import writing
from tflbuild.passes.quantizing.float_model import quantizable
from tflbuild.passes.quantizing.options import Quantizing
from tflbuild.passes.quantizing.trials import Trial, Trials

if TYPE_CHECKING:
    from tflbuild.quantization.mixed import Addition

MISSES = 3
"""Addition layers that turn out to be needed before no more are tried without."""


@compiler_pass("quantize_mixed")
class QuantizeMixed(Quantizing):
    """Quantize to int8 and keep as few layers as the step's budget asks for in float32 or int16x8.

    It starts from what `quantize` gives with the same options. If that is within the budget, it is the result.
    Otherwise layers, and layers with those that read them, are ordered by how much keeping them lowers the output
    error per byte, on held-out calibration images; the fewest of them that hold the budget on val are found by
    bisection, and those that turn out unneeded are dropped. If not even all are enough, the nearest to the budget is
    the result, and the gate closes.

    `float32` mends weights and activations, costs three more bytes a weight, and runs on the CPU at float's speed; an
    NPU leaves such a layer to the CPU. `int16x8` mends activations alone, costs no bytes, and stays on an Ethos-U, but
    XNNPACK does not take it: two layers of an SSD made it twice as slow. `auto` is `int16x8` where a target computes in
    integers alone, and `float32` otherwise.

    A candidate that cannot be built or does not run is noted with its reason, and the others are tried.

    The report names what is kept and what each costs in bytes and latency (`passes[].notes.mixed`, `.islands`).

    References:
        Wu et al., Integer Quantization for Deep Learning Inference, 2020, section 4.2: partial quantization by
        sensitivity.
    """

    needs = ("litert_quantizer", "ai_edge_litert", "numpy", "PIL")
    promises = (
        "int8 in every operator except the kept ones, which use the other number format; at most `max_kept`"
    )

    keep: Literal["auto", "int16x8", "float32"] = "auto"
    """Number format that the kept layers compute in: `float32`, or `int16x8`, which stays on an Ethos-U.
    `auto`: `int16x8` where a target computes in integers alone, otherwise `float32`."""
    max_kept: Annotated[float, Ge(0), Le(1)] = 0.15
    """Largest share of the weights' bytes that may stay out of int8. More can save accuracy, but makes the
    file larger or slower. [fraction of bytes]"""
    images: Annotated[int, Ge(1)] = 16
    """Held-out calibration images to rank layers on, at most. More rank better and take longer.
    [images]"""

    def judges(self) -> bool:
        """Hold candidates to the step's budget."""
        return True

    def output_quantized(self) -> bool | None:
        """Say that no later pass should quantize again."""
        return True

    def resolve(self, facts: DataFacts) -> Self:
        """Say how layers are kept."""
        options = super().resolve(facts)
        if options.keep != "auto":
            return options
        return replace(options, keep="int16x8" if facts.integer_only else "float32")

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Quantize, and keep layers until the budget holds."""
        writing.refuse_sparse(model)
        floating = quantizable(model, ctx).with_even_inputs(ctx, "int8", self.input_dtype)
        bench = self.bench(floating, ctx, "int8", measuring=True)
        setting, keep = self.setting(bench, model, ctx), self._kept
        trials = Trials(self, bench, setting, keep, floating, ctx)
        best = trials.of(())
        order: list[Addition] = []
        if not best.ok:
            order = bench.order(setting, keep, self.max_kept, self.images)
            best = smallest(trials, order) or trials.nearest
        if not best.ok:
            ctx.log(
                f"no candidate of {len(trials)} up to max_kept={self.max_kept:g} holds the budget; this is the nearest"
            )
        assert best.model is not None, "what failed is never the best"
        ctx.notes["mixed"] = {
            "keep": keep,
            "ok": best.ok,
            "judged": len(trials),
            "share": round(_share(best.model), 6),
            "order": [_entry(step) for step in order],
            "kept": [_entry(step) | trials.cost(best, step) for step in best.steps],
            "metrics": {"int8": trials.of(()).metrics, "mixed": best.metrics},
            "failed": trials.failed,
        }
        ctx.notes["islands"] = _check_dtypes(best.model)
        return best.model

    @property
    def _kept(self) -> Literal["int16x8", "float32"]:
        return "int16x8" if self.keep == "int16x8" else "float32"

    def verify(self, model: TFLiteModel, result: TFLiteModel) -> None:
        """Look at the dtype of every operator, the share that is kept, scales and the input."""
        from tflbuild.quantization import promises
        from tflbuild.tflite.scales import check_scales

        check_scales(result.path)
        promises.check_weights(model.path, result.path)
        writing.check_declared(result)
        writing.check_inputs(result, self.inputs_of(Meaning.of(result), "int8"))
        _check_dtypes(result)
        share = _share(result)
        if share > self.max_kept:
            raise BrokenPromise(
                f"{share:.1%} of the weights are kept, not at most max_kept={self.max_kept:g}."
            )


def _check_dtypes(result: TFLiteModel) -> list[dict[str, Any]]:
    """Hold every operator to int8 but the named ones, and those to the dtype that they are said to compute in."""
    from tflbuild.tflite.islands import Island

    named = result.meta["islands"]
    islands = [Island(name=one["tensor"], dtype=one["dtype"], reason=one["reason"]) for one in named]
    return writing.check_full_integer(result.path, "int8", islands, recurrent=True)


def _share(result: TFLiteModel) -> float:
    """Give the share of the weights' bytes, were all of them int8, whose operators are kept."""
    from tflbuild.tflite.weights import weights_in

    sizes = {weights.output: weights.values.size for weights in weights_in(result.path)}
    kept = {island["tensor"] for island in result.meta["islands"]}
    return sum(size for name, size in sizes.items() if name in kept) / max(sum(sizes.values()), 1)


def smallest(trials: Trials, order: list[Addition]) -> Trial | None:
    """Give a candidate that holds the budget with few steps: the first few in order, without those that are not needed.

    Returns:
        None if not even all of them hold it.
    """
    from tflbuild.quantization.mixed import fewest

    count = fewest(len(order), lambda count: trials.of(tuple(order[:count])).ok)
    if count is None:
        return None
    best, misses = trials.of(tuple(order[:count])), 0
    for step in sorted(best.steps[:-1], key=lambda step: step.before - step.after):
        without = trials.of(tuple(other for other in best.steps if other is not step))
        misses += not without.ok
        best = without if without.ok else best
        if misses == MISSES:
            break
    return best


def _entry(step: Addition) -> dict[str, Any]:
    return {
        "layer": step.group.layer,
        "tensors": sorted(step.tensors),
        "weight_bytes": step.bytes,
        "error_before": round(step.before, 7),
        "error_after": round(step.after, 7),
    }
