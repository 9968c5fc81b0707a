"""Quantize one float `.tflite` in many ways, and measure on images that none of them was calibrated on.

What is expensive is done once: a variant of the model is observed once, however many ranges are tried on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from tflbuild.backends.quantization import (
    bias_correction,
    bias_scales,
    equalization,
    final_scores,
    mixed,
    quantizer,
)
from tflbuild.backends.quantization.form import Form
from tflbuild.backends.quantization.observation import Image
from tflbuild.backends.quantization.output_error import OutputError
from tflbuild.backends.quantization.ranges import Method, Range
from tflbuild.backends.quantization.rounding import RoundedLayer
from tflbuild.backends.quantization.sensitivity import Sensitivity, sensitivity
from tflbuild.backends.quantization.settings import Equalize, Relu6, Scored, Setting
from tflbuild.backends.quantization.simulation import Simulation, with_exact_weights
from tflbuild.backends.quantization.variant import Variant

Progress = Callable[[float, float, str], None]

CORRECTION_IMAGES = 32
"""Images that means are taken over for bias correction; more changed errors by less than a hundredth."""

FINALISTS = 3
"""Settings that are tried with bias correction as well."""

EVALUATIONS = 1.5
"""Measurements that ordering a candidate takes, about, for the progress bar."""


@dataclass(frozen=True, kw_only=True)
class Border:
    """What goes in and out of the quantized model.

    Attributes:
        float_input: leave the input float.
        float_output: leave the outputs float.
        pixels: range of the input, which follows from the preprocessing; None to measure it.
        scores: bits of the scores that an int8 model ends in, where what it gives is float.
    """

    float_input: bool
    float_output: bool
    pixels: Range | None
    scores: Literal["int8", "int16"] = "int16"


class Workbench:
    """A float model, calibration images, and what was found on the way.

    Args:
        content: the float `.tflite`.
        images: what ranges are measured on, each (height, width, 3) float32, normalised.
        held_out: what errors are measured on; none of `images`.
        scheme: "int8" or "int16x8".
        border: what goes in and out.
        scratch: a folder for files that LiteRT Quantizer reads.
        progress: is told how far a search is.
        form: how numbers are stored.
    """

    def __init__(
        self,
        content: bytes,
        images: Sequence[Image],
        held_out: Sequence[Image],
        scheme: quantizer.Scheme,
        border: Border,
        scratch: Path,
        progress: Progress = lambda done, total, note: None,
        form: Form | None = None,
    ) -> None:
        self._content = content
        self._images, self._held_out = images, held_out
        self._scheme: quantizer.Scheme = scheme
        self._border, self._scratch, self._progress = border, scratch, progress
        self._form = form or Form()
        self._variants: dict[tuple[Equalize, Relu6], Variant] = {}

    @property
    def held_out(self) -> int:
        """Give the number of images that errors are measured on."""
        return len(self._held_out)

    def build(self, setting: Setting, kept: Mapping[str, quantizer.Kept] | None = None) -> bytes:
        """Quantize in one way.

        Args:
            setting: the way.
            kept: operators that are quantized otherwise, by the tensor they write.
        """
        variant = self._variant(setting.equalize, setting.relu6)
        pixels = {} if self._border.pixels is None else {variant.entry: self._border.pixels}
        source = (
            variant.path
            if setting.round == "nearest"
            else variant.rounded(self._form, lambda d, of: self._progress(d, of, "layers rounded"))
        )
        made = quantizer.quantize(
            source,
            self._scheme,
            variant.ranges(setting.ranges) | pixels,
            float_input=self._border.float_input,
            float_output=self._border.float_output,
            kept=kept,
            form=self._form,
        )
        if kept and setting.round == "learned":
            made = with_exact_weights(made, variant.content)
        made = bias_scales.fit(made, source)
        if setting.correct_bias:
            made = bias_correction.correct(made, variant.content, self._images[:CORRECTION_IMAGES])
        return final_scores.widen(made) if self._border.scores == "int16" else made

    @property
    def rounded(self) -> list[RoundedLayer]:
        """Give what learned rounding did to each layer of what was built; nothing where it was not asked for."""
        return [layer for variant in self._variants.values() for layer in variant.rounded_layers]

    def error(self, content: bytes) -> float:
        """Measure how far a quantized model is from the float one on the held-out images."""
        return self._reference.of(content)

    def sensitivity(self, setting: Setting, images: int) -> Sensitivity:
        """Measure what each layer costs when the model is quantized in one way.

        Args:
            setting: the way.
            images: held-out images to measure on, at most.
        """
        variant = self._variant(setting.equalize, setting.relu6)
        reference = OutputError(self._content, self._held_out[:images])
        return sensitivity(variant.content, self.build(setting), reference, self._progress)

    def order(self, setting: Setting, keep: quantizer.Kept, share: float, images: int) -> list[mixed.Step]:
        """Order what to keep out of int8 by what it gains per byte.

        Biases are not corrected here: those of the plain model make up for layers that are kept later.

        Args:
            setting: how everything else is quantized.
            keep: how it is kept.
            share: of the weights' bytes that may be kept.
            images: held-out images to measure on, at most.
        """
        variant = self._variant(setting.equalize, setting.relu6)
        reference = OutputError(self._content, self._held_out[:images])
        simulated = Simulation(variant.content, self.build(replace(setting, correct_bias=False)))
        found, sizes = mixed.candidates(simulated.graph), mixed.weight_bytes(simulated.graph)
        measured = 0

        def error(kept: mixed.Tensors) -> float:
            nonlocal measured
            measured += 1
            self._progress(measured, max(measured, EVALUATIONS * len(found)), "layers to keep")
            return reference.of(simulated.keeping(kept, exact_weights=keep == "float32"))

        near = mixed.neighbours(simulated.graph)
        return mixed.greedy(found, sizes, near, share * sum(sizes.values()), error)

    def search(
        self, ranges: Sequence[Method], shared: Sequence[tuple[Equalize, Relu6]], *, learning: bool = False
    ) -> list[Scored]:
        """Try every combination, then the best of them with corrected biases.

        Args:
            ranges: ways to set ranges.
            shared: ways to equalize.
            learning: whether the best is tried with learned rounding, too; it takes longer than all others together.

        Returns:
            All of them, the best first; simpler ones before others that are hardly better.
        """
        settings = [Setting(ranges=r, equalize=e, relu6=k) for e, k in shared for r in ranges]
        total = len(settings) + FINALISTS + (2 if learning else 0)
        scored: list[Scored] = []
        for setting in settings:
            scored.append(self._score(setting))
            self._progress(len(scored), total, f"{setting.text}: error {scored[-1].error:.4f}")
        finalists = sorted(scored, key=lambda s: s.error)[:FINALISTS]
        last = [replace(found.setting, correct_bias=True) for found in finalists]
        if learning:
            best = replace(finalists[0].setting, round="learned")
            last += [best, replace(best, correct_bias=True)]
        for setting in last:
            scored.append(self._score(setting))
            self._progress(len(scored), total, f"{setting.text}: error {scored[-1].error:.4f}")
        return sorted(scored, key=lambda s: s.error)

    def _score(self, setting: Setting) -> Scored:
        started = time.perf_counter()
        error = self.error(self.build(setting))
        return Scored(setting=setting, error=error, seconds=time.perf_counter() - started)

    def _variant(self, equalize: Equalize, relu6: Relu6) -> Variant:
        key = (equalize, relu6 if equalize != "none" else "keep")
        if key not in self._variants:
            content = self._content if equalize == "none" else self._equalized(*key)
            path = self._scratch / f"{'-'.join(key)}.tflite"
            path.write_bytes(content)
            self._variants[key] = Variant(content, path, self._images)
        return self._variants[key]

    def _equalized(self, equalize: Equalize, relu6: Relu6) -> bytes:
        assert equalize != "none"
        observed = self._variant("none", "keep").observed
        return equalization.equalized(self._content, observed, balance=equalize, relu6=relu6)[0]

    @cached_property
    def _reference(self) -> OutputError:
        return OutputError(self._content, self._held_out)
