"""The base of `quantize`, `quantize_mixed` and `sensitivity`: their options, and the workbench."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from tflbuild.core.analysis import AnalysisContext
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import DataFacts, Pass, PassContext
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Meaning
from tflbuild.core.metric import METRICS
from tflbuild.passes.quantizing import writing
from tflbuild.passes.quantizing.calibration import (
    Calibration,
    calibration_labels,
    calibration_samples,
    parted,
)
from tflbuild.passes.quantizing.float_model import FloatModel

if TYPE_CHECKING:
    from tflbuild.quantization.form import Form
    from tflbuild.quantization.settings import Setting
    from tflbuild.quantization.workbench import Workbench
    from tflbuild.tflite.graph import Graph
    from tflbuild.tflite.packed import Packed


FIXED: Mapping[str, Any] = {"ranges": "minmax", "equalize": "none", "relu6": "keep", "correct_bias": False}
"""Options that `method: auto` chooses, and what `fixed` takes where nothing was said.

They are None until somebody says one: only so can what was given be told from what was not.
"""

SEARCHED, FEWEST_SEARCHED = 1e11, 32
"""Multiply-accumulates that observing a model on all samples of a search may take; samples that are taken anyway."""


def word(value: Any, *, quoted: bool = True) -> str:
    """Give a value as a recipe has it."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}'" if quoted and isinstance(value, str) else text


@dataclass(frozen=True, kw_only=True)
class Quantizing(Pass):
    """Base of the passes that quantize a float `.tflite` with ranges measured on calibration images."""

    method: Literal["auto", "fixed"] = "auto"
    """`auto` tries ranges, equalization and bias correction and keeps what is best on held-out images;
    `fixed` uses the values given here."""
    select: Literal["error", "top1"] = "error"
    """Score that `method=auto` optimizes: `error`, the distance from the float model's outputs, or `top1`, a
    classifier's accuracy, which needs labels."""
    ranges: Literal["minmax", "p99.9", "p99.99", "p99.999", "mse", "entropy"] | None = None
    """How the range of an activation follows from what was seen: `minmax` takes all of it, `p99.9` to `p99.999`
    keep that percentage of the values, `mse` has the least squared error, `entropy` keeps the distribution.
    null: `minmax`, or chosen by `method=auto`."""
    equalize: Literal["none", "weights", "activations", "noise"] | None = None
    """Share the sizes of channels between neighbouring layers first, by `weights` or `activations`; see the
    pass `equalize`. `noise` goes on from `activations` and lifts small channels as far as that lessens the noise
    of rounding. null: `none`, or chosen by `method=auto`."""
    relu6: Literal["keep", "replace"] | None = None
    """`replace` turns RELU6 into RELU where that lets layers be equalized; `keep` leaves it. null: `keep`, or
    chosen by `method=auto`."""
    correct_bias: bool | None = None
    """Whether biases correct the mean error of rounding; see the pass `correct_bias`. null: false, or
    chosen by `method=auto`."""
    round: Literal["nearest", "learned"] = "nearest"
    """`nearest` rounds each weight by itself; `learned` (with `method=fixed`) learns which to round up, which
    takes longer and helps most at 4 bits. See the pass `round`."""
    granularity: Literal["channel", "tensor"] = "channel"
    """Whether each output channel or the whole tensor has one scale for its weights. `tensor` costs accuracy;
    some devices need it."""
    weight_bits: Literal[8, 4] = 8
    """Width of the weights of convolutions and dense layers; depthwise convolutions keep 8. 4 stores them in
    half the bytes and costs accuracy. [bits]"""
    activations: Literal["asymmetric", "symmetric"] = "asymmetric"
    """`symmetric` has no zero points, which some devices need and which costs accuracy; `asymmetric` has them."""
    calibration: Calibration = field(default_factory=Calibration)
    """Images to measure ranges on."""
    input_dtype: Literal["float32", "uint8", "int8"] | None = None
    """Type of the file's input. null: uint8 (raw pixels) with scheme int8, otherwise float32."""
    output_dtype: Literal["float32", "uint8", "int8"] = "float32"
    """Type of the output of a classifier in int8; detectors and other schemes give float32."""
    scores: Literal["int8", "int16"] = "int16"
    """Width of the final scores before they are converted to float, with scheme int8. `int16` keeps small scores apart;
    `int8` lets XNNPACK take the last operator."""

    def check(self) -> None:
        """Refuse what would have no effect, and what `method: auto` does not choose from."""
        if self.method == "auto":
            self._check_chosen()
        else:
            self._check_fixed()
        if self.select == "top1" and not self.calibration.source.startswith("data."):
            raise ValueError(
                f"select: 'top1' needs labels, and calibration.source '{self.calibration.source}' has none; "
                f"use data.train or data.val, or select=error"
            )

    def _check_chosen(self) -> None:
        for option in FIXED:
            if getattr(self, option) is not None:
                raise ValueError(
                    f"{option}: {word(getattr(self, option))} has no effect with method=auto, which chooses it; "
                    f"set {{step}}.method=fixed"
                )
        if self.round == "learned":
            raise ValueError("round: 'learned' is only possible with method fixed; set {step}.method=fixed")

    def _check_fixed(self) -> None:
        if self.select != "error":
            raise ValueError(
                f"select: '{self.select}' has no effect with method=fixed, which chooses nothing; "
                f"set {{step}}.method=auto"
            )
        if self.equalize == "noise" and self.granularity == "tensor":
            raise ValueError(
                "equalize: 'noise' counts on a scale for each channel, and granularity is 'tensor'; use weights or "
                "activations"
            )
        if self.relu6 == "replace" and self.equalize in (None, "none"):
            raise ValueError(
                "relu6: 'replace' has no effect where nothing is equalized; set {step}.equalize=weights or activations"
            )

    def resolve(self, facts: DataFacts) -> Self:
        """Fill what `method: fixed` takes where nothing was said."""
        return self.filled() if self.method == "fixed" else self

    def filled(self) -> Self:
        """Give the same options with every way to quantize said."""
        missing = {option: usual for option, usual in FIXED.items() if getattr(self, option) is None}
        return replace(self, **missing)

    def reads(self) -> tuple[str, ...]:
        """Read the calibration source."""
        return (self.calibration.source,)

    def inputs_of(self, meaning: Meaning, scheme: str) -> dict[str, str]:
        """Give the dtype of each input of the quantized model."""
        return writing.input_dtypes(meaning, scheme, self.input_dtype)

    def bench(
        self,
        floating: FloatModel,
        ctx: PassContext | AnalysisContext,
        scheme: Literal["int8", "int16x8"],
        *,
        measuring: bool,
    ) -> Workbench:
        """Set up the workbench of a float model.

        Args:
            floating: the model.
            ctx: where images, seed, progress and scratch space come from.
            scheme: of every operator.
            measuring: whether errors are wanted, so that images are held out of the calibration.
        """
        from tflbuild.quantization.workbench import Border, Workbench

        meaning, inputs = floating.meaning, floating.inputs
        calibration = self._affordable(floating, ctx) if self.method == "auto" else self.calibration
        samples = calibration_samples(calibration, meaning, inputs, ctx)
        float_output = self.output_dtype == "float32" or meaning.kind.float_outputs
        floating = floating.with_own_scales(ctx, samples, float_outputs=float_output)
        float_input = set(self.inputs_of(meaning, scheme).values()) == {"float32"}
        limits = {} if float_input else writing.limits_of(meaning)
        border = Border(
            float_input=float_input,
            float_output=float_output,
            limits=tuple(limits.get(name) for name in inputs),
            scores=self.scores if scheme == "int8" else "int8",
        )
        seen, held_out = parted(samples, ctx.seed) if measuring else (samples, [])
        labels = self._labels(meaning, calibration, ctx) if measuring and self.select == "top1" else None
        return Workbench(
            _signed(floating.packed),
            seen,
            held_out,
            scheme,
            border,
            ctx.scratch,
            ctx.progress,
            self.form,
            labels,
        )

    def _affordable(self, floating: FloatModel, ctx: PassContext | AnalysisContext) -> Calibration:
        """Give the calibration with no more samples than a search over a model of this size may take."""
        from tflbuild.quantization import effort

        each = effort.work(floating.packed.graph)
        count = effort.affordable(SEARCHED, each, FEWEST_SEARCHED)
        if count >= min(self.calibration.samples, len(ctx.dataset(self.calibration.source))):
            return self.calibration
        ctx.log(
            f"method=auto takes {count} of {self.calibration.samples} calibration samples, since one costs "
            f"{each / 1e9:.1f} billion multiply-accumulates; method=fixed takes all"
        )
        return replace(self.calibration, samples=count)

    def _labels(
        self, meaning: Meaning, calibration: Calibration, ctx: PassContext | AnalysisContext
    ) -> list[int]:
        """Give the class of each image that is held out."""
        tasks = METRICS.get(self.select).tasks
        if meaning.task not in tasks:
            raise PassError(
                f"{ctx.label}.select: '{self.select}' is of {', '.join(tasks)}; of {meaning.task}, settings are chosen "
                f"by select=error."
            )
        return parted(calibration_labels(calibration, ctx), ctx.seed)[1]

    @property
    def form(self) -> Form:
        """Give the form in which numbers are stored."""
        from tflbuild.quantization.form import Form

        return Form(weight_bits=self.weight_bits, granularity=self.granularity, activations=self.activations)

    def setting(self, bench: Workbench, model: TFLiteModel, ctx: PassContext | AnalysisContext) -> Setting:
        """Give the setting that was asked for, or search for the best, and note what was found.

        A clustered model is not equalized: its kernels would hold other values in every input channel. Nor is its
        rounding learned, which takes long, and gains much where weights have 4 bits.
        """
        from tflbuild.quantization.remembered import searched
        from tflbuild.quantization.settings import SHARED, Setting, chosen, steps_to

        if self.method == "fixed":
            return Setting(round=self.round, **{option: getattr(self.filled(), option) for option in FIXED})
        free, started = not model.meta.get("clusters"), time.perf_counter()
        ways = [way for way in SHARED if way[0] != "noise" or self.granularity == "channel"]
        shared = [way for way in ways if free or way[0] == "none"]
        scored, failed = searched(bench, shared, learning=free and self.weight_bits < 8)
        best = chosen(scored)
        for one in failed:
            ctx.log(f"{one.setting}: {one.reason}; the search went on without it")
        ctx.log(f"chosen: {best.setting.text}, error {best.error:.4f} on {bench.held_out} held-out samples")
        ctx.notes["auto"] = {
            "chosen": best.setting.text,
            "error": best.error,
            "held_out": bench.held_out,
            "seconds": round(time.perf_counter() - started, 3),
            "steps": steps_to(best.setting, scored),
            "candidates": [found.to_json() for found in scored],
            "failed": [asdict(one) for one in failed],
        }
        return best.setting

    def give_borders(self, graph: Graph, floating: FloatModel, scheme: str) -> None:
        """Let a quantized model take and give raw bytes, where that is wanted.

        An int8 input's own scale is that of the preprocessing, unless it may have no zero point.

        Args:
            graph: of the quantized model; edited in place.
            floating: what it was made from.
            scheme: of its operators.
        """
        from tflbuild.tflite import borders

        dtypes = self.inputs_of(floating.meaning, scheme)
        taken: dict[str, dict[int, tuple[float, int]]] = {}
        for place, name in enumerate(floating.inputs):
            codes, given = floating.meaning.inputs[name].kind.quantization(), dtypes[name]
            if codes and (given == "uint8" or (given == "int8" and self.activations == "symmetric")):
                scale, zero_point = codes
                shift = 128 if given == "int8" else 0
                taken.setdefault(given, {})[place] = (scale, zero_point - shift)
        for dtype, codes_of in taken.items():
            borders.take_bytes(graph, dtype, codes_of)
        if self.output_dtype == "uint8":
            borders.give_uint8(graph)


def _signed(packed: Packed) -> Packed:
    """Give a model a signature where it has none, so that its outputs keep their names."""
    from tflbuild.tflite import flatbuffer
    from tflbuild.tflite.packed import Packed

    if packed.graph.model.signatureDefs:
        return packed
    graph = packed.copy()
    flatbuffer.add_signature(graph.model)
    return Packed(graph)
