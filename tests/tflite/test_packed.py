"""Models in memory: what is unpacked and packed when, and that a copy shares nothing that is edited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import small_network
from dense_chain import DenseChain
from foreign_networks import NETWORKS
from on_bytes import quantize
from tflbuild.quantization import final_scores, observation
from tflbuild.tflite import bias_scales, borders, flatbuffer, float_weights, normalisation, reshapes
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.packed import Packed
from tflbuild.tflite.tiny import brightness_detector, dense_classifier

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count what is unpacked and packed."""
    calls: list[str] = []
    for name in ("unpack", "pack"):
        real = getattr(flatbuffer, name)
        monkeypatch.setattr(
            flatbuffer, name, lambda given, name=name, real=real: calls.append(name) or real(given)
        )
    return calls


def test_bytes_are_unpacked_once_and_never_packed_again(counted: list[str]) -> None:
    packed = Packed(dense_classifier())
    counted.clear()
    assert packed.content == dense_classifier()
    assert packed.graph is packed.graph
    packed.copy()
    assert packed.content == dense_classifier()
    assert counted == ["unpack"]


def test_a_graph_is_packed_once_and_never_unpacked_again(counted: list[str]) -> None:
    graph = Graph.unpacked(dense_classifier())
    counted.clear()
    packed = Packed(graph)
    assert packed.content is packed.content
    assert packed.graph is graph
    assert counted == ["pack"]
    assert packed.content == dense_classifier()


def parts(value: Any) -> Iterator[Any]:
    """Give every list and table of the schema that hangs on a model."""
    if isinstance(value, list):
        yield value
        for entry in value:
            yield from parts(entry)
    elif hasattr(value, "__dict__"):
        yield value
        for field in vars(value).values():
            yield from parts(field)


@pytest.mark.parametrize("content", [brightness_detector, dense_classifier, *NETWORKS.values()])
def test_a_copy_packs_to_the_same_and_shares_no_list_and_no_table(content: Callable[[], bytes]) -> None:
    graph = Graph.unpacked(content())
    flatbuffer.write_facts(graph.model, {"task": "x"})
    made = graph.copy()
    assert made.packed() == graph.packed()
    assert not {id(one) for one in parts(graph.model)} & {id(one) for one in parts(made.model)}
    assert len(list(parts(made.model))) == len(list(parts(graph.model)))


def test_arrays_that_a_copy_shares_cannot_be_written_into() -> None:
    graph = Graph.unpacked(small_network.convolutional())
    for one in parts(graph.copy().model):
        for value in vars(one).values() if hasattr(one, "__dict__") else ():
            assert not (isinstance(value, np.ndarray) and value.flags.writeable)


def quantized(folder: Path) -> Graph:
    return Graph.unpacked(small_network.quantized(folder).read_bytes())


def integer_output(folder: Path) -> Graph:
    return Graph.unpacked(DenseChain().quantized(folder / "chain.tflite", float_output=False))


def squeezed(folder: Path) -> Graph:
    graph = Graph.unpacked(NETWORKS["rows"]())
    reshape = next(one for one in graph.operators if graph.kind(one) == "RESHAPE")
    reshape.opcodeIndex = flatbuffer.code_index(graph.model, schema.BuiltinOperator.SQUEEZE, 1)
    reshape.builtinOptionsType, reshape.builtinOptions = (
        schema.BuiltinOptions.SqueezeOptions,
        schema.SqueezeOptionsT(),
    )
    return graph


def dynamic(folder: Path) -> Graph:
    source = small_network.model(folder).path
    return Graph.unpacked(quantize(source, "dynamic", float_input=True, float_output=True))


def detector(folder: Path) -> Graph:
    """Give an int8 model that ends in a LOGISTIC, and suppression."""
    path = folder / "detector.tflite"
    path.write_bytes(brightness_detector())
    ranges = dict.fromkeys(observation.activations(Graph.unpacked(brightness_detector())), (-1.0, 1.0))
    return Graph.unpacked(quantize(path, "int8", ranges, float_input=True, float_output=True))


EDITS: dict[str, tuple[Callable[[Path], Graph], Callable[[Graph], Any]]] = {
    "raw bytes in": (quantized, lambda graph: borders.take_bytes(graph, "uint8", {0: (1 / 128, 128)})),
    "raw bytes out": (integer_output, borders.give_uint8),
    "normalisation inside": (
        lambda folder: Graph.unpacked(small_network.convolutional()),
        lambda graph: normalisation.move_inside(graph, {"image": ((1.0, 2.0, 3.0), (0.1, 0.2, 0.3))}),
    ),
    "float weights": (dynamic, float_weights.spread_weights),
    "reshapes": (squeezed, reshapes.use_reshape),
    "final scores": (detector, final_scores.widen),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_graph_knows_its_makers_and_readers(edit: str, tmp_path: Path) -> None:
    make, change = EDITS[edit]
    graph = make(tmp_path)
    before = graph.packed()
    change(graph)
    assert graph.packed() != before
    fresh = Graph(graph.model)
    assert graph.tensors is fresh.tensors
    assert graph.operators is fresh.operators
    assert graph.outputs == fresh.outputs
    for index in range(-1, len(fresh.tensors)):
        assert graph.maker(index) is fresh.maker(index)
        assert [id(one) for one in graph.readers(index)] == [id(one) for one in fresh.readers(index)]


def test_what_is_cut_or_exposed_leaves_the_graph_as_it_was() -> None:
    packed = Packed(brightness_detector())
    names = observation.activations(packed.graph)
    observation.exposed(observation.without_custom(packed.graph), names)
    assert observation.runnable(packed) != packed.content
    assert packed.graph.packed() == brightness_detector()
    assert observation.without_custom(packed.graph) is not packed.graph
    plain = Packed(dense_classifier())
    assert observation.runnable(plain) is plain.content


def test_biases_are_fitted_by_a_source_that_stays_as_it_was(tmp_path: Path) -> None:
    source = Graph.unpacked(small_network.convolutional())
    bias_scales.fit(quantized(tmp_path), source)
    assert source.packed() == small_network.convolutional()
