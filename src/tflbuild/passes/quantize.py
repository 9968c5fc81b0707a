"""Quantize a float flatbuffer with LiteRT Quantizer."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import DataFacts, PassContext, compiler_pass
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.quantizing import writing
from tflbuild.passes.quantizing.calibration import calibration_samples
from tflbuild.passes.quantizing.float_model import FloatModel, quantizable
from tflbuild.passes.quantizing.options import FIXED, Quantizing, word

if TYPE_CHECKING:
    from tflbuild.tflite.graph import Graph
    from tflbuild.tflite.packed import Packed

INTEGER = ("int8", "int16x8")
SCHEMES = (*INTEGER, "float16", "dynamic")


@compiler_pass("quantize")
class Quantize(Quantizing):
    """Quantize a float `.tflite` from any source.

    `int8` is full-integer: per-channel weights, asymmetric activations, a uint8 input that takes raw RGB bytes with
    scale and zero point of the preprocess block. Recurrent layers (LSTM, GRU) stay in floats, since LiteRT Quantizer
    has no integer form of them; the report lists them. `int16x8` keeps activations in int16 (slow on most devices).
    `dynamic` keeps activations float and weights int8, `float16` stores weights in half the bytes; neither needs
    calibration.

    `weight_bits: 4` halves the weights of convolutions and dense layers; depthwise convolutions keep 8, because LiteRT
    computes them right with 4 only between int8 activations. XNNPACK leaves 4-bit convolutions to the built-in
    kernels, so that the file is smaller but not faster. `granularity: tensor` and `activations: symmetric` are for
    targets that ask for them: each costs accuracy, and `equalize` gives some of it back. A scheme that LiteRT does
    not execute for this model is refused here, with those that it does. What is stored is counted in the report
    (`passes[].notes.stored`).

    With `method: auto`, combinations of ranges, equalization and bias correction are tried on 70 % of the
    calibration images and scored on the rest by how far their outputs are from the float model's (`select: top1`: by
    what a classifier gets right first). The best is kept; where the held-out images cannot tell it from the one that
    does best as a rule, that one is. Every score is in the report, and every setting that could not be built or run,
    with its reason. Of a large model fewer calibration samples are taken than asked for, and the log says how many.
    `fixed` takes `ranges`, `equalize`, `relu6`, `correct_bias` and `round` as they are given; with `auto` they are
    refused. `int16x8` is always fixed: its errors are too small to choose by. `calibration` is of
    schemes that measure ranges or learn rounding, `scores` of `int8` alone.
    Learned rounding is tried for 4-bit weights alone, where it took out half of the error of weights.

    Ranges: `minmax` of what was seen; `p99.99` cuts 0.005 % of a tensor's values off either end; `mse` weighs what is
    cut off against the width of a step, and for logits what either does to the scores; `entropy` keeps the
    distribution. LiteRT Quantizer's own calibration, a moving average, is not used.

    `scores: int16` lets the LOGISTIC or SOFTMAX that a model ends in give 16 bits instead of 8, whose fixed step of
    1/256 is most of the error of small scores. It stays an integer operator, on NPUs too, and the file's outputs are
    floats as before; an output that is int8 itself keeps 8 bits.

    References:
        Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019.
        Migacz, 8-bit Inference with TensorRT, 2017: `entropy`.
    """

    needs = ("litert_quantizer", "ai_edge_litert", "numpy", "PIL")
    promises = (
        "every operator, kernel and border in the promised dtype, as many scales as asked for, all of them finite, the "
        "input of the preprocess block; it runs, and computes what the float model does"
    )

    scheme: Literal["int8", "int16x8", "float16", "dynamic"] = "int8"
    """Number format of the file: `int8` (all integers, fastest on most devices), `int16x8` (int16 activations:
    more accurate, slower), `float16` (half-size weights), `dynamic` (int8 weights, float activations)."""

    def reads(self) -> tuple[str, ...]:
        """Read the calibration source, where ranges are needed."""
        return super().reads() if self.scheme in INTEGER or self.round == "learned" else ()

    def check(self) -> None:
        """Refuse what a scheme cannot have."""
        for option, given, usual, schemes in (
            ("input_dtype", self.input_dtype or "float32", "float32", ("int8",)),
            ("output_dtype", self.output_dtype, "float32", ("int8",)),
            ("granularity", self.granularity, "channel", INTEGER),
            ("activations", self.activations, "asymmetric", INTEGER),
            ("weight_bits", self.weight_bits, 8, (*INTEGER, "dynamic")),
            ("round", self.round, "nearest", (*INTEGER, "dynamic")),
            ("select", self.select, "error", ("int8",)),
            *((option, getattr(self.filled(), option), usual, INTEGER) for option, usual in FIXED.items()),
        ):
            if given != usual and self.scheme not in schemes:
                allowed = " or ".join(schemes)
                raise ValueError(
                    f"{option}: {word(given)} is only possible with scheme {allowed}; use {word(usual, quoted=False)}"
                )
        super(Quantize, self._decided).check()

    def resolve(self, facts: DataFacts) -> Self:
        """Fill in the fixed options, where a scheme measures ranges."""
        return super(Quantize, self._decided).resolve(facts) if self.scheme in INTEGER else self

    @property
    def _decided(self) -> Self:
        """Give the same options with the method that the scheme leaves."""
        return self if self.scheme == "int8" else replace(self, method="fixed")

    def output_quantized(self) -> bool | None:
        """Say that no later pass should quantize again."""
        return True

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Measure ranges, quantize, and give input and output the dtypes that are wanted."""
        from tflbuild.quantization import storage
        from tflbuild.tflite import scales

        writing.refuse_sparse(model)
        floating = quantizable(model, ctx).with_even_inputs(ctx, self.scheme, self.input_dtype)
        made = self._quantized(floating, model, ctx)
        scales.check_unpacked(made.graph.model)  # before the scheme is blamed for what the model holds
        reason = _failure(floating, made, ctx)
        if reason:
            raise PassError(f"scheme {self.scheme}: {reason}; {self._instead(floating, model, ctx)}")
        graph = made.copy()
        self.give_borders(graph, floating, self.scheme)
        result = writing.emit_tflite(ctx, graph, floating.meaning, quantized=self.scheme)
        ctx.notes["stored"] = storage.stored(result.path)
        if self.scheme in INTEGER:
            ctx.notes["islands"] = writing.check_full_integer(result.path, self._activations, recurrent=True)
        return result

    @property
    def _activations(self) -> str:
        return "int8" if self.scheme == "int8" else "int16"

    def _quantized(self, floating: FloatModel, model: TFLiteModel, ctx: PassContext) -> Packed:
        if self.scheme == "float16" or self.scheme == "dynamic":
            return self._weights(floating, ctx)
        options = self._decided
        bench = self.bench(floating, ctx, self.scheme, measuring=options.method == "auto")
        setting = options.setting(bench, model, ctx)
        made = bench.build(setting)
        if setting.round == "learned":
            ctx.notes["round"] = [asdict(layer) for layer in bench.rounded]
        return made

    def _weights(self, floating: FloatModel, ctx: PassContext) -> Packed:
        """Quantize weights alone, which needs no ranges."""
        from tflbuild.quantization import quantizer
        from tflbuild.tflite.packed import Packed

        source = Packed(self._rounded(floating, ctx)) if self.round == "learned" else floating.packed
        return Packed(
            quantizer.quantize(source, self.scheme, float_input=True, float_output=True, form=self.form)
        )

    def _rounded(self, floating: FloatModel, ctx: PassContext) -> Graph:
        from tflbuild.quantization.rounding import learned_rounding

        samples = calibration_samples(self.calibration, floating.meaning, floating.inputs, ctx)
        graph, layers = learned_rounding(
            floating.packed.graph,
            samples,
            bits=self.weight_bits,
            granularity=self.granularity,
            progress=lambda done, total: ctx.progress(done, total, "layers rounded"),
        )
        ctx.notes["round"] = [asdict(layer) for layer in layers]
        return graph

    def _instead(self, floating: FloatModel, model: TFLiteModel, ctx: PassContext) -> str:
        """Try the other schemes, and say which of them LiteRT executes."""
        found = []
        plain = replace(
            self, method="fixed", round="nearest", granularity="channel", activations="asymmetric"
        )
        fewer = {"weight_bits": 8} if self.weight_bits != 8 else {}
        others: list[dict[str, Any]] = [{"scheme": s} for s in SCHEMES if s != self.scheme]
        for change in ([fewer] if fewer else []) + others:
            other = replace(plain, **({"weight_bits": 8} | change))
            if other.scheme in INTEGER and self.calibration.source not in self.reads():
                continue
            if other._works(floating, model, ctx):
                found.append(" ".join(f"{ctx.label}.{key}={value}" for key, value in change.items()))
        return f"what it executes: {', '.join(found)}" if found else "it executes none of the other schemes"

    def _works(self, floating: FloatModel, model: TFLiteModel, ctx: PassContext) -> bool:
        from tflbuild.quantization.attempts import REFUSALS

        try:
            return not _failure(floating, self._quantized(floating, model, ctx), ctx)
        except REFUSALS:
            return False

    def verify(self, model: TFLiteModel, result: TFLiteModel) -> None:
        """Look at dtypes, scales and the input in the file."""
        from tflbuild.quantization import promises, storage
        from tflbuild.tflite.scales import check_scales

        check_scales(result.path)
        storage.check_stored(result.path, self.scheme, self.form)
        writing.check_declared(result)
        promises.check_weights(model.path, result.path)
        writing.check_inputs(result, self.inputs_of(Meaning.of(result), self.scheme))
        writing.check_outputs(result, self.output_dtype)
        if self.scheme in INTEGER:
            writing.check_full_integer(result.path, self._activations, recurrent=True)


def _failure(floating: FloatModel, made: Packed, ctx: PassContext) -> str:
    """Say why LiteRT does not execute what was quantized; "" where it does."""
    import numpy as np

    from tflbuild.quantization import execution

    rng, meaning = np.random.default_rng(0), floating.meaning
    limits = writing.limits_of(meaning)
    noise = {
        name: rng.uniform(*limits.get(name, (-1.0, 1.0)), meaning.inputs[name].shape).astype(np.float32)
        for name in floating.inputs
    }
    return execution.failure(floating.packed, made, ctx.scratch / "quantized.tflite", noise)
