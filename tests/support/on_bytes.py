"""What edits and measures graphs, from the bytes of a file to those of another: tests make files and look into them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tflbuild.quantization import (
    bias_correction,
    equalization,
    final_scores,
    observation,
    output_error,
    quantizer,
    rounding,
    simulation,
    workbench,
)
from tflbuild.quantization import sensitivity as costs
from tflbuild.tflite import bias_scales, borders, flatbuffer, float_weights, normalisation, reshapes
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed


def edited(content: bytes, edit: Callable[..., Any], *given: Any, **options: Any) -> bytes:
    """Give a file whose graph was edited."""
    graph = Graph.unpacked(content)
    edit(graph, *given, **options)
    return graph.packed()


def _renamed(edit: Callable[[Graph], list[str]], content: bytes) -> tuple[bytes, list[str]]:
    """Give an edited file and the names that the edit gave; what is not edited does not change."""
    graph = Graph.unpacked(content)
    before, names = graph.packed(), edit(graph)
    assert names or graph.packed() == before
    return (graph.packed() if names else content), names


def activations(content: bytes) -> list[str]:
    return observation.activations(Graph.unpacked(content))


def widened(content: bytes) -> list[str]:
    return final_scores.widened(Graph.unpacked(content))


def sensitivity(content: bytes, quantized: bytes, *given: Any) -> Any:
    return costs.sensitivity(Graph.unpacked(content), Graph.unpacked(quantized), *given)


def input_tensors(content: bytes) -> list[str]:
    """Name the tensors of a file's inputs, in the order of its graph."""
    graph = Graph.unpacked(content)
    return [graph.name(int(index)) for index in graph.model.subgraphs[0].inputs]


def fit(content: bytes, path: Path) -> bytes:
    return edited(content, bias_scales.fit, Graph.unpacked(path.read_bytes()))


def saturated(content: bytes) -> list[str]:
    return bias_scales.saturated(flatbuffer.unpack(content))


def with_facts(content: bytes, facts: Any) -> bytes:
    return edited(content, lambda graph: flatbuffer.write_facts(graph.model, facts))


def with_output_shapes(content: bytes, shapes: Any) -> bytes:
    return edited(content, lambda graph: flatbuffer.write_output_shapes(graph.model, shapes))


def with_signature(content: bytes) -> bytes:
    return edited(content, lambda graph: flatbuffer.add_signature(graph.model))


def take_bytes(content: bytes, *given: Any) -> bytes:
    return edited(content, borders.take_bytes, *given)


def give_uint8(content: bytes) -> bytes:
    return edited(content, borders.give_uint8)


def moved_inside(content: bytes, channels: Any) -> bytes:
    return edited(content, normalisation.move_inside, channels)


def with_float_weights(content: bytes) -> tuple[bytes, list[str]]:
    return _renamed(float_weights.spread_weights, content)


def with_reshapes(content: bytes) -> tuple[bytes, list[str]]:
    return _renamed(reshapes.use_reshape, content)


def widen(content: bytes) -> bytes:
    return edited(content, final_scores.widen)


def exposed(content: bytes, names: Any) -> bytes:
    return observation.exposed(Graph.unpacked(content), names)


def without_custom(content: bytes) -> bytes:
    return observation.runnable(Packed(content))


def observe(content: bytes, *given: Any) -> Any:
    return observation.observe(Graph.unpacked(content), *given)


def equalized(content: bytes, *given: Any, **options: Any) -> tuple[bytes, Any]:
    graph, factors = equalization.equalized(Graph.unpacked(content), *given, **options)
    return graph.packed(), factors


def learned_rounding(content: bytes, *given: Any, **options: Any) -> tuple[bytes, Any]:
    graph, layers = rounding.learned_rounding(Graph.unpacked(content), *given, **options)
    return graph.packed(), layers


def check_rounded(source: bytes, result: bytes, *given: Any) -> None:
    rounding.check_rounded(Graph.unpacked(source), Graph.unpacked(result), *given)


def correct(content: bytes, floating: bytes, *given: Any, **options: Any) -> bytes:
    return edited(content, bias_correction.correct, Graph.unpacked(floating), *given, **options)


def matching(content: bytes, floating: bytes) -> list[str]:
    return bias_correction.matching(Graph.unpacked(content), Graph.unpacked(floating))


def with_exact_weights(content: bytes, floating: bytes) -> bytes:
    return edited(content, simulation.restore_weights, Graph.unpacked(floating))


def quantize(path: Path, *given: Any, **options: Any) -> bytes:
    return quantizer.quantize(Packed(path.read_bytes()), *given, **options).packed()


def largest_difference(content: bytes, other: bytes, images: Any) -> float:
    return output_error.largest_difference(Packed(content), Packed(other), images)


class OutputError(output_error.OutputError):
    """Errors of files."""

    def __init__(self, content: bytes, images: Any) -> None:
        super().__init__(Packed(content), images)

    def by_image(self, content: Any) -> Any:
        return super().by_image(_packed(content))


class Simulation(simulation.Simulation):
    """Rounding of a file in that which it was made from."""

    def __init__(self, floating: bytes, quantized: bytes) -> None:
        super().__init__(Graph.unpacked(floating), Graph.unpacked(quantized))


class Workbench(workbench.Workbench):
    """A workbench for files."""

    def __init__(self, content: bytes, *given: Any, **options: Any) -> None:
        super().__init__(Packed(content), *given, **options)

    def built(self, *given: Any) -> bytes:
        """Give the file that was built."""
        return self.build(*given).content

    def error(self, made: Any) -> float:
        return super().error(_packed(made))

    def errors(self, made: Any) -> tuple[float, ...]:
        return super().errors(_packed(made))

    def top1(self, made: Any) -> float | None:
        return super().top1(_packed(made))


def _packed(made: Any) -> Packed:
    return made if isinstance(made, Packed) else Packed(made)


class Bare:
    """Stands for `Packed` where the algorithms are others': its graph is its own bytes."""

    def __init__(self, given: bytes) -> None:
        self.content = self.graph = given

    def copy(self) -> bytes:
        return self.graph
