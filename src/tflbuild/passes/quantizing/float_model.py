"""The float model of a pass that works on a `.tflite`: unpacked once, in a form that can be quantized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from tflbuild.core.analysis import AnalysisContext
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PassContext
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Meaning

if TYPE_CHECKING:
    from tflbuild.tflite.graph import Graph
    from tflbuild.tflite.packed import Packed


@dataclass(frozen=True)
class FloatModel:
    """A float `.tflite` in memory.

    Attributes:
        packed: what it holds.
        meaning: what that means.
    """

    packed: Packed
    meaning: Meaning

    @property
    def inputs(self) -> list[str]:
        """Name its inputs, see `inputs_in_order`."""
        return inputs_in_order(self.packed, self.meaning)

    def with_even_inputs(self, ctx: PassContext | AnalysisContext, scheme: str, given: str | None) -> Self:
        """Let inputs that are normalised by channel take raw bytes: the normalisation moves into the graph.

        Args:
            ctx: is told what is done.
            scheme: of the file that is to be made.
            given: what the recipe says of the dtype of inputs; None for nothing.

        Returns:
            The changed model with its meaning; this one where nothing is moved.
        """
        if scheme != "int8" or given == "float32":
            return self
        evened = {name: found for name, one in self.meaning.inputs.items() if (found := one.kind.evened())}
        _note_normalisation(self.meaning, evened, ctx)
        if not evened:
            return self
        from tflbuild.tflite import normalisation
        from tflbuild.tflite.packed import Packed

        graph = self.packed.copy()
        normalisation.move_inside(
            graph, {name: (factors, shifts) for name, (_, factors, shifts) in evened.items()}
        )
        inputs = {
            name: replace(one, preprocess=evened[name][0].to_json()) if name in evened else one
            for name, one in self.meaning.inputs.items()
        }
        return replace(self, packed=Packed(graph), meaning=replace(self.meaning, inputs=inputs))

    def with_own_scales(
        self, ctx: PassContext | AnalysisContext, samples: Sequence[Mapping[str, Any]], *, float_outputs: bool
    ) -> Self:
        """Give parts of outputs that lie far apart scales of their own; the outputs stay what they are.

        Args:
            ctx: is told what is found.
            samples: calibration samples, by input.
            float_outputs: whether the quantized file gives floats.
        """
        from tflbuild.quantization import shared_scales
        from tflbuild.tflite.packed import Packed

        graph, found = shared_scales.with_own_scales(self.packed.graph, samples, float_outputs=float_outputs)
        for one in found:
            ctx.log(one.text)
        if found:
            ctx.notes["shared_scales"] = [one.to_json() for one in found]
        return self if graph is self.packed.graph else replace(self, packed=Packed(graph))


def quantizable(model: TFLiteModel, ctx: PassContext | AnalysisContext) -> FloatModel:
    """Unpack a float file of somebody else, and bring it into a form that can be quantized, and computes the same.

    Weights that are stored in int8 or float16 while their layers compute in floats become float32; SQUEEZE and
    EXPAND_DIMS become RESHAPE, and PADV2 becomes PAD where zeros do as well.
    """
    from tflbuild.tflite.packed import Packed

    given = Packed(model.path.read_bytes())
    graph = given.copy()
    spread, reshaped, padded = make_quantizable(graph)
    if spread:
        ctx.log(
            f"weights of {len(spread)} layers were stored in fewer bits, and are float32 of the same values now"
        )
    if reshaped:
        ctx.log(f"{', '.join(reshaped)}: reshaped by RESHAPE now, which has an integer form")
    if padded:
        ctx.log(
            f"{', '.join(padded)}: padded with zeros by PAD now, which has an integer form and the same maxima"
        )
    return FloatModel(Packed(graph) if spread or reshaped or padded else given, Meaning.of(model))


def make_quantizable(graph: Graph) -> tuple[list[str], list[str], list[str]]:
    """Do so with a graph, in place; gives the layers whose weights were spread, and what is reshaped or padded anew."""
    from tflbuild.tflite import float_weights, paddings, reshapes

    return (
        float_weights.spread_weights(graph),
        reshapes.use_reshape(graph),
        paddings.use_pad(graph),
    )


def inputs_in_order(packed: Packed, meaning: Meaning) -> list[str]:
    """Name the inputs of a file, in the order of its graph.

    Raises:
        PassError: its facts name others.
    """
    from tflbuild.tflite import flatbuffer

    names = list(flatbuffer.ends_of(packed.graph.model)[0])
    if sorted(names) != sorted(meaning.inputs):
        raise PassError(
            f"the file takes {', '.join(names)}, but is said to take {', '.join(meaning.inputs)}; name its inputs as "
            f"it does."
        )
    return names


def _note_normalisation(
    meaning: Meaning, evened: Mapping[str, Any], ctx: PassContext | AnalysisContext
) -> None:
    """Say of each input that is normalised by channel where that is done: in the graph, or before it."""
    notes: dict[str, Any] = {
        name: {"factor": list(factors), "shift": list(shifts)}
        for name, (_, factors, shifts) in evened.items()
    }
    for name, one in meaning.inputs.items():
        if name not in evened and one.kind.quantization() is None and one.kind.limits() is not None:
            notes[name] = "outside: the input takes normalised values"
            ctx.log(
                f"the normalisation of '{name}' stays outside of the file, whose input takes normalised values"
            )
    if notes:
        ctx.notes["normalisation"] = notes
