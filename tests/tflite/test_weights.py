"""Weights as they lie in a file: shapes, scales, zeros and clusters, for every way of storing them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from on_bytes import quantize
from small_network import constants, model, quantized, spoilt, tensor
from tflbuild.tflite import constants as stored
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.census import census as census_of
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.weights import Weights, layers_of, weights_in

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")

NAMES = ["stem/Conv2D", "middle/depthwise", "head/MatMul"]


def test_kernels_stand_in_order_with_their_operators(tmp_path: Path) -> None:
    found = weights_in(model(tmp_path).path)
    assert [kernel.name for kernel in found] == NAMES
    assert [kernel.operator for kernel in found] == ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"]
    assert [kernel.output for kernel in found] == ["stem/Relu", "middle/Relu6", "head/BiasAdd"]
    assert [kernel.axis for kernel in found] == [0, 3, 0]
    for kernel in found:
        np.testing.assert_array_equal(kernel.values, constants()[kernel.name])


@pytest.mark.parametrize(
    ("scheme", "dtype", "tolerance"),
    [
        ("int8", "int8", 0.5 / 127),
        ("int16x8", "int8", 0.5 / 127),
        ("dynamic", "int8", 0.5 / 127),
        ("float16", "float16", 2**-11),
    ],
)
def test_kernels_of_every_scheme_are_near_the_float_ones(
    tmp_path: Path, scheme: str, dtype: str, tolerance: float
) -> None:
    path = tmp_path / "weights.tflite"
    if scheme in ("dynamic", "float16"):
        path.write_bytes(
            quantize(model(tmp_path).path, scheme, float_input=True, float_output=True)  # type: ignore[arg-type]
        )
    else:
        path = quantized(tmp_path, scheme)
    found = weights_in(path)
    assert [kernel.name.removesuffix("_dequant") for kernel in found] == NAMES
    assert {kernel.dtype for kernel in found} == {dtype}
    for kernel in found:
        truth = constants()[kernel.name]
        largest = np.abs(truth).max()  # rounding costs at most half a step of a channel's largest
        np.testing.assert_allclose(kernel.dequantized(), truth, rtol=0, atol=1.001 * tolerance * largest)


def test_zeros_and_clusters_are_counted_as_they_are_stored(tmp_path: Path) -> None:
    weights = np.zeros((4, 3, 3, 3), np.float32)
    weights[0, :, :, 0] = 0.5  # 9 of 27; the channel holds 0 and 0.5
    weights[1, 0, 0] = [0.1, 0.2, 0.3]  # 3 of 27; the channel holds 0 and three more
    changed = {"stem/Conv2D": weights, "stem/bias": np.zeros(4, np.float32)}
    for path in (model(tmp_path, changed).path, quantized(tmp_path, changed=changed)):
        kernel = weights_in(path)[0]
        assert kernel.sparsity == pytest.approx(1 - 12 / 108)
        assert kernel.channel_clusters == 4
    before, after = (
        weights_in(model(tmp_path, changed).path)[0],
        weights_in(quantized(tmp_path, changed=changed))[0],
    )
    assert before.clusters == 5, "0, 0.5, 0.1, 0.2, 0.3"
    assert after.clusters == 4, "0.5 and 0.3 are the largest of their channels: both 127"


def test_a_census_counts_what_is_stored(tmp_path: Path) -> None:
    found = census_of(quantized(tmp_path))
    assert found["weights"] == found["weight_bytes"] == 108 + 36 + 128


def four_bit(graph: Graph) -> None:
    """Store the dense kernel in 4 bits: -8, 7, -1, 0, and so on."""
    found = tensor(graph, "head/MatMul")
    found.type = schema.TensorType.INT4
    # -8 is 1000 and 7 is 0111, the first in the lower half: 0111 1000; -1 is 1111 and 0 is 0000: 0000 1111
    graph.model.buffers[found.buffer].data = np.tile(np.array([0x78, 0x0F], np.uint8), 32)


def test_four_bit_weights_are_unpacked(tmp_path: Path) -> None:
    path = spoilt(quantized(tmp_path), four_bit)
    kernel = weights_in(path)[2]
    assert (kernel.dtype, kernel.values.shape) == ("int4", (2, 64))
    np.testing.assert_array_equal(kernel.values.ravel(), np.tile([-8, 7, -1, 0], 32))
    assert kernel.sparsity == 0.25
    assert census_of(path)["weight_bytes"] == 108 + 36 + 64


def sparse(levels: list[tuple[int, Any]], order: list[int], blocks: list[int], values: list[float]) -> Any:
    """Give a model and a sparse tensor of the 4x4 matrix of the specification."""
    loaded = flatbuffer.unpack(flatbuffer.pack(_matrix()))
    found = loaded.subgraphs[0].tensors[0]
    loaded.buffers[found.buffer].data = np.frombuffer(np.array(values, np.float32).tobytes(), np.uint8)
    found.sparsity = schema.SparsityParametersT()
    found.sparsity.traversalOrder, found.sparsity.blockMap = np.array(order), np.array(blocks)
    found.sparsity.dimMetadata = [_level(*level) for level in levels]
    return loaded, found


def _matrix() -> Any:
    loaded = schema.ModelT()
    graph, held = schema.SubGraphT(), schema.TensorT()
    held.name, held.shape, held.type, held.buffer = b"matrix", [4, 4], schema.TensorType.FLOAT32, 1
    buffers = [schema.BufferT(), schema.BufferT()]
    buffers[1].data = np.zeros(4, np.uint8)
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [held], [], [], []
    loaded.subgraphs, loaded.buffers, loaded.operatorCodes = [graph], buffers, []
    return loaded


def _level(size: int, compressed: Any) -> Any:
    made = schema.DimensionMetadataT()
    made.format = schema.DimensionType.SPARSE_CSR if compressed else schema.DimensionType.DENSE
    made.denseSize = size
    if compressed:
        made.arraySegments, made.arrayIndices = (_numbers(part) for part in compressed)
    return made


def _numbers(values: list[int]) -> Any:
    made = schema.Int32VectorT()
    made.values = np.array(values, np.int32)
    return made


# schema.fbs, SparsityParameters: [[1, 0, 2, 3], [0, 4, 0, 0], [0, 0, 5, 0], [0, 0, 0, 6]] by rows, by columns, and in
# 2x2 blocks, of which the lower left is not stored
MATRIX = [[1, 0, 2, 3], [0, 4, 0, 0], [0, 0, 5, 0], [0, 0, 0, 6]]
ROWS: list[tuple[int, Any]] = [(4, None), (0, ([0, 3, 4, 5, 6], [0, 2, 3, 1, 2, 3]))]
COLUMNS: list[tuple[int, Any]] = [(4, None), (0, ([0, 1, 2, 4, 6], [0, 1, 0, 2, 0, 3]))]
BLOCKS: list[tuple[int, Any]] = [(2, None), (0, ([0, 2, 3], [0, 1, 1])), (2, None), (2, None)]


@pytest.mark.parametrize(
    ("levels", "order", "blocks", "values"),
    [
        (ROWS, [0, 1], [], [1, 2, 3, 4, 5, 6]),
        (COLUMNS, [1, 0], [], [1, 4, 2, 5, 3, 6]),
        (BLOCKS, [0, 1, 2, 3], [0, 1], [1, 0, 0, 4, 2, 3, 0, 0, 5, 0, 0, 6]),
    ],
    ids=["rows", "columns", "blocks"],
)
def test_sparse_weights_are_made_dense(
    levels: list[tuple[int, Any]], order: list[int], blocks: list[int], values: list[float]
) -> None:
    np.testing.assert_array_equal(stored.values_of(*sparse(levels, order, blocks, values)), MATRIX)


def test_a_layer_is_named_whole_and_no_operation_or_model_is_taken_for_one() -> None:
    from tflbuild.tflite.islands import Island

    tensor = "net/conv_1/Relu;net/conv_1/BiasAdd;net/block/conv_2/Conv2D"
    names = layers_of(tensor)
    assert {"conv_1", "block/conv_2"} <= set(names)
    assert not {"net", "Relu", "Conv2D", "conv", "conv_2"} & set(names)
    for name, held in (("conv_1", True), ("conv_*", True), ("conv", False), ("Relu", False), ("net", False)):
        assert Island(name=name, dtype="float32", reason="").holds(tensor) is held


def kernel(values: Any, **fields: Any) -> Weights:
    usual = {"name": "k", "operator": "CONV_2D", "output": "o", "dtype": "int8", "axis": 0, "zero_point": 0}
    return Weights(values=np.asarray(values), **{**usual, "scales": np.zeros(0, np.float32), **fields})


def test_zeros_are_what_the_zero_point_means() -> None:
    found = kernel([[3, 0, 3, 1]], zero_point=3)
    assert (found.sparsity, found.clusters, found.channel_clusters) == (0.5, 3, 3)


def test_channels_are_counted_along_their_axis() -> None:
    values = np.array([[1, 2, 3], [1, 1, 1]])
    assert kernel(values).channel_clusters == 3
    assert kernel(values.reshape(1, 1, 2, 3), operator="DEPTHWISE_CONV_2D", axis=3).channel_clusters == 2


def test_real_values_by_hand() -> None:
    values = np.array([[1, 3], [5, 7]], np.int8)
    one = kernel(values, scales=np.array([0.5], np.float32), zero_point=1)
    assert one.dequantized().tolist() == [[0, 1], [2, 3]]
    scales = np.array([1, 10], np.float32)
    assert kernel(values, scales=scales).dequantized().tolist() == [[1, 3], [50, 70]]
    assert kernel(values, scales=scales, axis=1).dequantized().tolist() == [[1, 30], [5, 70]]
    floats = kernel(values.astype(np.float16)).dequantized()
    assert (floats.tolist(), floats.dtype) == ([[1, 3], [5, 7]], np.float32)


def test_layers_of_a_kernel_are_those_of_its_weights_and_its_output() -> None:
    found = kernel([1], name="net/conv/Conv2D", output="relu/Relu;norm/add").layers
    assert found == {"conv", "conv/Conv2D", "relu", "relu/Relu", "norm", "norm/add"}


def test_a_kernel_that_operators_share_stands_under_the_first(tmp_path: Path) -> None:
    def shared(graph: Graph) -> None:
        graph.operators[1].inputs = np.array([8, 1, 4], np.int32)

    found = weights_in(spoilt(model(tmp_path).path, shared))
    assert [(one.name, one.operator) for one in found] == [
        ("stem/Conv2D", "CONV_2D"),
        ("head/MatMul", "FULLY_CONNECTED"),
    ]


def test_weights_that_are_computed_are_no_kernel(tmp_path: Path) -> None:
    def computed(graph: Graph) -> None:
        graph.operators[4].inputs = np.array([11, 11, 6], np.int32)

    assert [one.name for one in weights_in(spoilt(model(tmp_path).path, computed))] == NAMES[:2]


def test_pieces_of_a_name_by_hand() -> None:
    assert layers_of("conv_0_relu/Relu6") == ["conv_0_relu", "conv_0_relu/Relu6"]
    assert layers_of("ssd/conv_0_relu/Relu6;ssd/conv_0/Conv2D") == [
        "conv_0_relu",
        "conv_0_relu/Relu6",
        "conv_0",
        "conv_0/Conv2D",
    ]
    assert layers_of("scores") == ["scores"]
