"""Quantize one float `.tflite` in many ways, and measure on images that none of them was calibrated on.

What is expensive is done once: a variant of the model is observed once, however many ranges are tried on it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from tflbuild.quantization import (
    bias_correction,
    effort,
    equalization,
    final_scores,
    lifting,
    mixed,
    quantizer,
)
from tflbuild.quantization.attempts import REFUSALS
from tflbuild.quantization.form import Form
from tflbuild.quantization.observation import Activation, SampleValues
from tflbuild.quantization.output_error import OutputError, top1
from tflbuild.quantization.ranges import Range
from tflbuild.quantization.rounding import RoundedLayer
from tflbuild.quantization.sensitivity import Sensitivity, sensitivity
from tflbuild.quantization.settings import Equalize, Relu6, Setting
from tflbuild.quantization.simulation import Simulation, restore_weights
from tflbuild.quantization.variant import Variant
from tflbuild.tflite import bias_scales, order
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed
from tflbuild.tflite.scales import check_unpacked

Progress = Callable[[float, float, str], None]

CORRECTION_IMAGES = 32
"""Images that means are taken over for bias correction; more changed errors by less than a hundredth."""

CORRECTION_VALUES, FEWEST_IMAGES = 2.5e8, 8
"""Values of activations that these images may have, all together, but for the fewest images that are taken anyway."""

EVALUATIONS = 1.5
"""Measurements that ordering a group takes, about."""

ORDERING, FEWEST_ORDERED = 5e11, 4
"""Multiply-accumulates that ordering groups may take, and images that each is measured on anyway."""


@dataclass(frozen=True, kw_only=True)
class Border:
    """Input and output of the quantized model.

    Attributes:
        float_input: leave the input float.
        float_output: leave the outputs float.
        limits: range of each input, in order, where it follows from the preprocessing; None to measure it.
        scores: bits of the scores that an int8 model ends in, where what it gives is float.
    """

    float_input: bool
    float_output: bool
    limits: tuple[Range | None, ...]
    scores: Literal["int8", "int16"] = "int16"


class Workbench:
    """A float model, calibration images, and what was found on the way.

    Args:
        model: the float one; no candidate changes it.
        images: what ranges are measured on, each the model values of every input by name, in the model's order and
            without a batch axis.
        held_out: what errors are measured on; none of `images`.
        scheme: "int8" or "int16x8".
        border: what goes in and out.
        scratch: a folder for candidates that were built.
        progress: is told how far a search is.
        form: how numbers are stored.
        labels: class of each held-out image, where what the model says of them counts more than the error.

    Attributes:
        progress: is told how far what is under way is.
    """

    def __init__(
        self,
        model: Packed,
        images: Sequence[SampleValues],
        held_out: Sequence[SampleValues],
        scheme: quantizer.Scheme,
        border: Border,
        scratch: Path,
        progress: Progress = lambda done, total, note: None,
        form: Form | None = None,
        labels: Sequence[int] | None = None,
    ) -> None:
        self._model = model
        self._images, self._held_out = images, held_out
        self._scheme: quantizer.Scheme = scheme
        self._border, self._scratch, self.progress = border, scratch, progress
        self._form, self._labels = form or Form(), labels
        self._variants: dict[tuple[Equalize, Relu6], Variant] = {}
        self._built: dict[Setting, Path] = {}

    @cached_property
    def digest(self) -> str:
        """Name what decides all that is found here: the model, every sample, and how numbers are to be stored."""
        found = hashlib.sha256(self._model.content)
        found.update(repr((self._scheme, self._border, self._form, self._labels, len(self._images))).encode())
        for name, values in (
            entry for sample in (*self._images, *self._held_out) for entry in sample.items()
        ):
            found.update(repr((name, values.shape, values.dtype)).encode() + values.tobytes())
        return found.hexdigest()

    @property
    def held_out(self) -> int:
        """Give the number of images that errors are measured on."""
        return len(self._held_out)

    def build(self, setting: Setting, kept: Mapping[str, quantizer.Kept] | None = None) -> Packed:
        """Quantize in one way; what is built without kept operators is built once.

        Scales are held to what the format and its arithmetic ask of them.

        Args:
            setting: the way.
            kept: operators that are quantized otherwise, by the tensor they write.

        Raises:
            PassError: the quantizer or LiteRT refused it.
            BrokenPromise: a scale is wrong; names the tensor.
        """
        if kept:
            return Packed(self._quantized(setting, kept))
        if setting in self._built:
            return Packed(self._built[setting].read_bytes())
        made = Packed(self._quantized(setting, None))
        path = self._scratch / f"built-{len(self._built)}.tflite"
        path.write_bytes(made.content)  # all of a search's would not fit into memory
        self._built[setting] = path
        return made

    def _quantized(self, setting: Setting, kept: Mapping[str, quantizer.Kept] | None) -> Graph:
        variant = self.variant(setting.equalize, setting.relu6)
        self.observe(variant)
        pairs = zip(variant.entries, self._border.limits, strict=True)
        known = {name: limits for name, limits in pairs if limits is not None}
        source = (
            variant.model
            if setting.round == "nearest"
            else variant.rounded(self._form, self._watched("layers rounded"))
        )
        made = quantizer.quantize(
            source,
            self._scheme,
            variant.ranges(setting.ranges) | known,
            float_input=self._border.float_input,
            float_output=self._border.float_output,
            kept=kept,
            form=self._form,
        )
        if kept and setting.round == "learned":
            restore_weights(made, variant.model.graph)
        bias_scales.fit(made, source.graph)
        order.without_floats(made)
        check_unpacked(made.model)
        if setting.correct_bias:
            bias_correction.correct(
                made, variant.model.graph, self._images[: self._correcting], self._watched("biases")
            )
        if self._border.scores == "int16":
            final_scores.widen(made)
        return made

    @property
    def rounded(self) -> list[RoundedLayer]:
        """Give what learned rounding did to each layer of what was built; nothing where it was not asked for."""
        return [layer for variant in self._variants.values() for layer in variant.rounded_layers]

    def error(self, made: Packed) -> float:
        """Measure how far a quantized model is from the float one on the held-out images."""
        return self._reference.of(made)

    def errors(self, made: Packed) -> tuple[float, ...]:
        """Measure the error on each held-out image."""
        return tuple(float(error) for error in self._reference.by_image(made))

    def top1(self, made: Packed) -> float | None:
        """Measure the share of held-out images that a classifier gets right; None where labels do not count."""
        return None if self._labels is None else top1(made.content, self._held_out, self._labels)

    def sensitivity(self, setting: Setting, images: int) -> Sensitivity:
        """Measure what each layer costs when the model is quantized in one way.

        Args:
            setting: the way.
            images: held-out images to measure on, at most.
        """
        variant = self.variant(setting.equalize, setting.relu6)
        reference = OutputError(self._model, self._held_out[:images])
        return sensitivity(variant.model.graph, self.build(setting).graph, reference, self.progress)

    def order(
        self, setting: Setting, keep: quantizer.Kept, share: float, images: int
    ) -> list[mixed.Addition]:
        """Order what to keep out of int8 by what it gains per byte.

        Biases are not corrected here: those of the plain model make up for layers that are kept later.

        Args:
            setting: how everything else is quantized.
            keep: how it is kept.
            share: of the weights' bytes that may be kept.
            images: held-out images to measure on, at most.
        """
        variant = self.variant(setting.equalize, setting.relu6)
        plain = self.build(replace(setting, correct_bias=False))
        simulated = Simulation(variant.model.graph, plain.graph)
        found, sizes = mixed.groups(simulated.graph), mixed.weight_bytes(simulated.graph)
        each = int(effort.work(simulated.graph) * EVALUATIONS * len(found))
        count = min(images, effort.affordable(ORDERING, each, FEWEST_ORDERED))
        reference = OutputError(self._model, self._held_out[:count])
        measured = 0

        def error(kept: mixed.Tensors) -> float:
            nonlocal measured
            measured += 1
            self.progress(measured, max(measured, EVALUATIONS * len(found)), "layers to keep")
            try:
                return reference.of(simulated.keeping(kept, exact_weights=keep == "float32"))
            except REFUSALS:
                if not kept:  # all others are compared with it
                    raise
                return math.inf

        near = mixed.neighbours(simulated.graph)
        return mixed.greedy(found, sizes, near, share * sum(sizes.values()), error)

    def variant(self, equalize: Equalize, relu6: Relu6) -> Variant:
        """Give the float model, equalized in one way."""
        key = (equalize, relu6 if equalize != "none" else "keep")
        if key not in self._variants:
            model = self._model if equalize == "none" else self._equalized(equalize, relu6)
            self._variants[key] = Variant(model, self._images)
        return self._variants[key]

    def check_source(self) -> None:
        """Refuse a float model that cannot be measured, before anything made of it is blamed.

        Raises:
            PassError: it does not run, or gives what is not finite.
        """
        self.observe(self.variant("none", "keep"))
        _ = self._reference

    def observe(self, variant: Variant) -> dict[str, Activation]:
        """Give the activations of a float model on the calibration images."""
        return variant.observed(self._watched("activations"))

    def _equalized(self, equalize: Equalize, relu6: Relu6) -> Packed:
        if equalize == "noise":  # on top of the other: what that moves between layers is not moved again
            even = self.variant("activations", relu6)
            return Packed(lifting.lifted(even.model.graph, self.observe(even), self._form.weight_bits))
        balance: equalization.Balance = "weights" if equalize == "weights" else "activations"
        observed = self.observe(self.variant("none", "keep"))
        made, _ = equalization.equalized(self._model.graph, observed, balance=balance, relu6=relu6)
        return Packed(made)

    def _watched(self, note: str) -> Callable[[float, float], None]:
        return lambda done, total: self.progress(done, total, note)

    @cached_property
    def _correcting(self) -> int:
        values = effort.activation_values(self._model.graph)
        return min(CORRECTION_IMAGES, effort.affordable(CORRECTION_VALUES, values, FEWEST_IMAGES))

    @cached_property
    def _reference(self) -> OutputError:
        return OutputError(self._model, self._held_out)
