"""What makes a `.tflite` file malformed, at the edge of what is right: one more or one less is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import small_network
from tflbuild.tflite import check as tflite_check
from tflbuild.tflite import flatbuffer
from tflbuild.tflite import model as tflite_model
from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.model import Model, Tensor
from tflbuild.tflite.tables import Malformed

Change = Callable[[Any], None]


def said(change: Change, content: bytes | None = None) -> str:
    """Change a right file; give what is wrong with it, "" for nothing."""
    model = flatbuffer.unpack(content or small_network.convolutional())
    change(model)
    try:
        tflite_check.check(flatbuffer.pack(model))
    except Malformed as error:
        return str(error)
    return ""


def ints(*values: int) -> Any:
    return np.array(values, np.int32)


def named(model: Any, name: str) -> Any:
    return next(t for t in model.subgraphs[0].tensors if t.name == name.encode())


def with_tensor(name: str, **fields: Any) -> Change:
    def change(model: Any) -> None:
        for field, value in fields.items():
            setattr(named(model, name), field, value)

    return change


def test_nothing_is_wrong_with_a_right_file() -> None:
    assert said(lambda model: None) == ""


@pytest.mark.parametrize(("length", "right"), [(15, False), (16, True)])
def test_a_file_is_told_by_its_identifier_and_has_a_header(length: int, right: bool) -> None:
    content = (bytes([12, 0, 0, 0]) + b"TFL3" + bytes(40))[:length]
    with pytest.raises(Malformed) as caught:
        tflite_check.check(content)
    assert ("is not a TensorFlow Lite file" in str(caught.value)) is not right
    with pytest.raises(Malformed, match="is not a TensorFlow Lite file"):
        tflite_check.check(b"\x0c\0\0\0TFL2" + bytes(40))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"shape": ints(*[1] * 8)}, ""),
        ({"shape": ints(*[1] * 9)}, f"has the tensor 'stem/Relu' of shape {[1] * 9}"),
        ({"shape": ints(1, 0)}, ""),
        ({"shape": ints(1, -1)}, "has the tensor 'stem/Relu' of shape [1, -1]"),
        ({"shape": ints(*[-1] * 20)}, f"has the tensor 'stem/Relu' of shape {[-1] * 12}"),
        ({"shape": ints(1 << 14, 1 << 14)}, ""),
        ({"shape": ints((1 << 14) + 1, 1 << 14)}, "has the tensor 'stem/Relu' of 268451840 values"),
        ({"type": 22}, ""),
        ({"type": 23}, "has the tensor 'stem/Relu' of the unknown type 23"),
        ({"type": -1}, "has the tensor 'stem/Relu' of the unknown type -1"),
        ({"shapeSignature": ints(-1, 8, 8, 4)}, ""),
        (
            {"shapeSignature": ints(-2, 8, 8, 4)},
            "has the tensor 'stem/Relu' of shape [1, 8, 8, 4] with another rank or side elsewhere",
        ),
        (
            {"shapeSignature": ints(1, 8, 8)},
            "has the tensor 'stem/Relu' of shape [1, 8, 8, 4] with another rank or side elsewhere",
        ),
    ],
)
def test_a_tensor_at_the_edge(fields: dict[str, Any], words: str) -> None:
    assert said(with_tensor("stem/Relu", **fields)) == words


def test_a_constant_is_as_large_as_its_shape() -> None:
    for size, right in ((15, False), (16, True), (17, False)):

        def change(model: Any, size: int = size) -> None:
            model.buffers[named(model, "stem/bias").buffer].data = np.zeros(size, np.uint8)

        words = f"has {size} bytes for the tensor 'stem/bias', whose shape needs 16"
        assert said(change) == ("" if right else words)


def test_half_bytes_are_rounded_up() -> None:
    def change(model: Any) -> None:
        tensor = named(model, "stem/bias")
        tensor.type, tensor.shape = schema.TensorType.INT4, ints(3)
        model.buffers[tensor.buffer].data = np.zeros(2, np.uint8)

    assert said(change) == ""


def test_texts_have_no_size() -> None:
    def change(model: Any) -> None:
        tensor = named(model, "stem/bias")
        tensor.type = schema.TensorType.STRING
        model.buffers[tensor.buffer].data = np.zeros(7, np.uint8)

    assert said(change) == ""
    others = {schema.TensorType.STRING, schema.TensorType.RESOURCE, schema.TensorType.VARIANT}
    assert others == tflite_check.NO_SIZE


@pytest.mark.parametrize(
    ("scales", "zeros", "right"), [(2, 2, True), (2, 0, True), (0, 0, True), (2, 1, False)]
)
def test_zero_points_are_as_many_as_scales(scales: int, zeros: int, right: bool) -> None:
    def change(model: Any) -> None:
        found = schema.QuantizationParametersT()
        found.scale, found.zeroPoint = np.ones(scales, np.float32), np.zeros(zeros, np.int64)
        named(model, "stem/Relu").quantization = found

    words = f"has {scales} scales and {zeros} zero points of the tensor 'stem/Relu'"
    assert said(change) == ("" if right else words)


def operator_with(**fields: Any) -> Change:
    def change(model: Any) -> None:
        for field, value in fields.items():
            setattr(model.subgraphs[0].operators[0], field, value)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (operator_with(opcodeIndex=6), "has an operator of kind 6, and 6 kinds"),
        (operator_with(inputs=ints(0, 1, 14)), "has an operator that reads tensor 14, and 14 tensors"),
        (operator_with(inputs=ints(0, 1, -2)), "has an operator that reads tensor -2, and 14 tensors"),
        (operator_with(inputs=ints(0, 1, -1)), ""),  # a bias may be left out
        (operator_with(intermediates=ints(14)), "has an operator that reads tensor 14, and 14 tensors"),
        (operator_with(intermediates=ints(13)), ""),
        (operator_with(outputs=ints(14)), "has an operator that makes tensor 14, and 14 tensors"),
        (operator_with(outputs=ints(-1)), "has an operator that makes tensor -1, and 14 tensors"),
        (operator_with(outputs=ints(0)), "makes 'image' where it is there already"),
        (operator_with(inputs=ints(8, 1, 2)), "reads 'stem/Relu' before it is made"),
        (operator_with(largeCustomOptionsOffset=1, largeCustomOptionsSize=1 << 40), ""),  # 1 stands for none
        (
            operator_with(largeCustomOptionsOffset=2, largeCustomOptionsSize=1 << 40),
            "has options of an operator that lie outside of it",
        ),
        (operator_with(largeCustomOptionsOffset=2, largeCustomOptionsSize=2), ""),
    ],
)
def test_an_operator_at_the_edge(change: Change, words: str) -> None:
    assert said(change) == words


def test_large_options_end_where_the_file_does() -> None:
    sized = flatbuffer.unpack(small_network.convolutional())
    operator_with(largeCustomOptionsOffset=2, largeCustomOptionsSize=9)(sized)
    length = len(flatbuffer.pack(sized))
    for size, right in ((length - 2, True), (length - 1, False)):
        found = said(operator_with(largeCustomOptionsOffset=2, largeCustomOptionsSize=size))
        assert (found == "") is right


@pytest.mark.parametrize(
    ("inputs", "outputs", "words"),
    [
        (ints(14), ints(13), "takes or gives tensor 14, and has 14"),
        (ints(-1), ints(13), "takes or gives tensor -1, and has 14"),
        (ints(0), ints(14), "takes or gives tensor 14, and has 14"),
        (ints(1), ints(13), "takes the input 'stem/Conv2D', which is a constant of the file"),
        (ints(0), ints(1), ""),  # a constant may be given
        (ints(0), ints(0), ""),
    ],
)
def test_inputs_and_outputs_of_a_graph(inputs: Any, outputs: Any, words: str) -> None:
    def change(model: Any) -> None:
        model.subgraphs[0].inputs, model.subgraphs[0].outputs = inputs, outputs
        model.signatureDefs = []

    assert said(change) == words


def test_what_no_operator_makes_is_not_given_unless_it_is_a_variable() -> None:
    def change(model: Any, variable: bool) -> None:
        alone = schema.TensorT()
        alone.name, alone.shape, alone.isVariable = b"alone", ints(1), variable
        model.subgraphs[0].tensors.append(alone)
        model.subgraphs[0].outputs, model.signatureDefs = ints(14), []

    assert said(lambda model: change(model, False)) == "gives 'alone', which no operator makes"
    assert said(lambda model: change(model, True)) == ""


def test_another_graph_may_be_empty_and_the_main_one_may_not() -> None:
    def change(model: Any) -> None:
        model.subgraphs.append(schema.SubGraphT())

    assert said(change) == ""
    assert said(lambda model: setattr(model.subgraphs[0], "operators", [])) == "has no operators"


def branching(then: int, otherwise: int) -> bytes:
    """Give a file with two graphs, the first of which calls two graphs by their numbers."""
    options = schema.IfOptionsT()
    options.thenSubgraphIndex, options.elseSubgraphIndex = then, otherwise
    step = Step(schema.BuiltinOperator.IF, ["image"], ["scores"], schema.BuiltinOptions.IfOptions, options)
    model = flatbuffer.unpack(assemble({"image": (1,), "scores": (1,)}, [step], ["image"], ["scores"]))
    model.subgraphs.append(schema.SubGraphT())
    return flatbuffer.pack(model)


@pytest.mark.parametrize(
    ("then", "otherwise", "wrong"), [(1, 1, None), (0, 1, 0), (1, 0, 0), (2, 1, 2), (1, 2, 2), (-1, 1, -1)]
)
def test_graphs_that_are_called_are_there_and_not_the_main_one(
    then: int, otherwise: int, wrong: int | None
) -> None:
    words = "" if wrong is None else f"has an operator that calls graph {wrong}, and 2 graphs"
    assert said(lambda model: None, branching(then, otherwise)) == words


CALLING = {  # which fields of which options name a graph, read off the schema
    ("WHILE", "WhileOptions", 1): ("condSubgraphIndex", "bodySubgraphIndex"),
    ("CALL_ONCE", "CallOnceOptions", 1): ("initSubgraphIndex",),
    ("CALL", "CallOptions", 1): ("subgraph",),
    ("STABLEHLO_COMPOSITE", "StableHLOCompositeOptions", 2): ("decompositionSubgraphIndex",),
    ("STABLEHLO_REDUCE", "StablehloReduceOptions", 2): ("bodySubgraphIndex",),
}


@pytest.mark.parametrize("case", CALLING, ids=[name for name, _, _ in CALLING])
def test_every_operator_that_calls_a_graph_calls_one_that_is_there(case: tuple[str, str, int]) -> None:
    name, table, union = case
    for wrong in (None, *CALLING[case]):
        options = getattr(schema, f"{table}T")()
        for field in CALLING[case]:
            setattr(options, field, 7 if field == wrong else 1)
        model = flatbuffer.unpack(branching(1, 1))
        code, operator = model.operatorCodes[0], model.subgraphs[0].operators[0]
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        if union == 1:
            operator.builtinOptionsType, operator.builtinOptions = (
                getattr(schema.BuiltinOptions, table),
                options,
            )
        else:
            operator.builtinOptionsType, operator.builtinOptions = 0, None
            operator.builtinOptions2Type = getattr(schema.BuiltinOptions2, table)
            operator.builtinOptions2 = options
        if name == "CALL_ONCE":
            operator.inputs, operator.outputs = ints(), ints()
            model.subgraphs[0].outputs, model.signatureDefs = ints(0), []
        words = "" if wrong is None else "has an operator that calls graph 7, and 2 graphs"
        assert said(lambda model: None, flatbuffer.pack(model)) == words


def signed(change: Change) -> str:
    return said(lambda model: change(model.signatureDefs[0]))


def test_a_signature_is_of_a_graph_with_its_inputs_and_outputs() -> None:
    assert signed(lambda one: setattr(one, "subgraphIndex", 1)) == "has a signature of graph 1, and 1 graphs"
    for what in ("inputs", "outputs"):
        other = signed(lambda one, what=what: setattr(getattr(one, what)[0], "tensorIndex", 8))
        assert other == f"has a signature whose {what} are not those of the graph"
        for name in (b"", None):
            nameless = signed(lambda one, what=what, name=name: setattr(getattr(one, what)[0], "name", name))
            assert nameless == f"has a signature whose {what} are not named, or named alike"
        twice = signed(lambda one, what=what: getattr(one, what).append(getattr(one, what)[0]))
        assert twice == f"has a signature whose {what} are not named, or named alike"
    assert signed(lambda one: None) == ""


def test_metadata_have_a_name_and_a_buffer() -> None:
    def change(model: Any, name: Any, buffer: int) -> None:
        entry = schema.MetadataT()
        entry.name, entry.buffer = name, buffer
        model.metadata = [entry]

    last = len(flatbuffer.unpack(small_network.convolutional()).buffers) - 1
    assert said(lambda model: change(model, "mine", last)) == ""
    words = "has metadata 'mine' in a buffer that is not there"
    assert said(lambda model: change(model, "mine", last + 1)) == words
    assert said(lambda model: change(model, None, last)).startswith("has metadata '")


def test_a_chips_operator_may_have_scratch_memory_and_a_custom_one_may_not() -> None:
    def change(model: Any, name: bytes) -> None:
        code = model.operatorCodes[0]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = name
        scratch = schema.TensorT()
        scratch.name, scratch.shape = b"scratch", ints(1)
        model.subgraphs[0].tensors.append(scratch)
        model.subgraphs[0].operators[0].inputs = ints(0, 1, 14)

    assert said(lambda model: change(model, b"ethos-u")) == ""
    ours = b"TFLite_Detection_PostProcess"
    assert said(lambda model: change(model, ours)) == "reads 'scratch' before it is made"


# --- sparse tensors: the matrix of schema.fbs, [[1, 0, 2, 3], [0, 4, 0, 0], [0, 0, 5, 0], [0, 0, 0, 6]]


def sparse(
    size: int = 4,
    starts: tuple[int, ...] = (0, 3, 4, 5, 6),
    places: tuple[int, ...] = (0, 2, 3, 1, 2, 3),
    order: tuple[int, ...] = (0, 1),
    stored: int = 6,
    blocks: tuple[int, ...] = (),
    levels: int = 2,
    constant: bool = True,
) -> str:
    """Store the matrix by rows, with something in it otherwise; give what is wrong."""
    model = flatbuffer.unpack(
        assemble(
            {"image": (1,), "matrix": np.zeros((4, 4), np.float32), "scores": (1,)},
            [Step(schema.BuiltinOperator.ABS, ["image"], ["scores"])],
            ["image"],
            ["scores"],
        )
    )
    tensor = model.subgraphs[0].tensors[1]
    model.buffers[tensor.buffer].data = np.zeros(4 * stored, np.uint8) if constant else None
    rows, columns = schema.DimensionMetadataT(), schema.DimensionMetadataT()
    rows.denseSize = size
    columns.format = schema.DimensionType.SPARSE_CSR
    for field, values in (("arraySegments", starts), ("arrayIndices", places)):
        vector = schema.Int32VectorT()
        vector.values = np.array(values, np.int32)
        setattr(columns, field, vector)
        setattr(columns, f"{field}Type", schema.SparseIndexVector.Int32Vector)
    tensor.sparsity = schema.SparsityParametersT()
    tensor.sparsity.traversalOrder, tensor.sparsity.blockMap = (
        np.array(order, np.int32),
        np.array(blocks, np.int32),
    )
    tensor.sparsity.dimMetadata = [rows, columns, rows][:levels]
    try:
        tflite_check.check(flatbuffer.pack(model))
    except Malformed as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "change",
    [
        {"size": 3},
        {"size": 5},
        {"size": 0},
        {"starts": (0, 3, 4, 6)},
        {"starts": (1, 3, 4, 5, 6)},
        {"starts": (0, 4, 3, 5, 6)},
        {"starts": (0, 3, 4, 5, 5)},
        {"starts": (0, 3, 4, 5, 7)},
        {"places": (0, 2, 3, 1, 2, 4)},
        {"places": (-1, 2, 3, 1, 2, 3)},
        {"order": (0, 0)},
        {"order": (0,)},
        {"order": (1, 2)},
        {"levels": 1},
        {"stored": 5},
        {"stored": 7},
        {"constant": False},
        {"blocks": (2,), "order": (0, 1, 2), "levels": 3},
        {"blocks": (-1,), "order": (0, 1, 2), "levels": 3},
    ],
)
def test_coordinates_of_a_sparse_tensor_lie_inside_of_it(change: dict[str, Any]) -> None:
    assert sparse() == ""
    assert sparse(**change) == "has the sparse tensor 'matrix', whose coordinates make no sense"


def test_rows_may_be_empty_and_stored_in_blocks() -> None:
    assert sparse(starts=(0, 3, 3, 5, 6)) == ""
    # blocks of four columns, as high as one row: four times as many values as there are coordinates
    assert sparse(blocks=(1,), order=(0, 1, 2), levels=3, starts=(0, 1, 1, 1, 1), places=(0,), stored=4) == ""
    assert sparse(blocks=(1,), order=(0, 1, 2), levels=3, starts=(0, 1, 1, 1, 1), places=(1,), stored=4) != ""


# --- what is said of one tensor


def tensor_of(shape: tuple[int, ...], kind: int, axis: int = 0, **fields: Any) -> Tensor:
    def change(model: Any) -> None:
        found = schema.QuantizationParametersT()
        found.quantizedDimension = axis
        for name, value in fields.items():
            setattr(found, name, value)
        one = named(model, "stem/Relu")
        one.quantization, one.shape, one.type = found, ints(*shape), kind

    model = flatbuffer.unpack(small_network.convolutional())
    change(model)
    checked = Model(flatbuffer.pack(model))
    return Tensor(checked, checked.children(checked.graphs[0], "tensors")[8])


def floats(*values: float) -> Any:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("scales", "axis", "shape", "wrong"),
    [
        ((0.5,), 0, (1, 4), ""),
        ((), 0, (1, 4), ""),
        ((0.0,), 0, (1, 4), "scale"),
        ((-1.0,), 0, (1, 4), "scale"),
        ((np.inf,), 0, (1, 4), "scale"),
        ((np.nan,), 0, (1, 4), "scale"),
        ((1.0, 0.0), 0, (2, 4), "scale"),
        ((1.0, 1.0), 0, (2, 4), ""),
        ((1.0, 1.0), 1, (2, 4), "number of scales"),
        ((1.0, 1.0), 1, (4, 2), ""),
        ((1.0, 1.0), 2, (2, 2), "number of scales"),
        ((1.0, 1.0), 3, (2,), ""),  # a bias keeps its weights' axis
        ((1.0, 1.0), 3, (3,), "number of scales"),
    ],
)
def test_scales_are_positive_numbers_as_many_as_channels(
    scales: Any, axis: int, shape: tuple[int, ...], wrong: str
) -> None:
    assert tensor_of(shape, schema.TensorType.INT8, axis, scale=floats(*scales)).wrong_number == wrong


@pytest.mark.parametrize("field", ["min", "max"])
def test_ranges_are_numbers(field: str) -> None:
    for value, wrong in ((1.0, ""), (np.inf, "range"), (-np.inf, "range"), (np.nan, "range")):
        assert tensor_of((1,), schema.TensorType.INT8, **{field: floats(value)}).wrong_number == wrong


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        ("INT8", -128, 127),
        ("UINT8", 0, 255),
        ("INT16", -32768, 32767),
        ("INT4", -8, 7),
        ("INT32", -(2**31), 2**31 - 1),
    ],
)
def test_zero_points_fit_their_integer(kind: str, least: int, most: int) -> None:
    for zero, wrong in ((least, ""), (most, ""), (least - 1, "zero point"), (most + 1, "zero point")):
        zeros = np.array([zero], np.int64)
        kinds = getattr(schema.TensorType, kind)
        assert tensor_of((1,), kinds, scale=floats(1.0), zeroPoint=zeros).wrong_number == wrong
        assert tensor_of((1,), kinds, zeroPoint=zeros).wrong_number == ""  # nothing is scaled by it


@pytest.mark.parametrize("zero", [-(2**63), 1000, 2**63 - 1])
def test_a_zero_point_of_another_kind_is_any_integer(zero: int) -> None:
    zeros = np.array([zero], np.int64)
    assert tensor_of((1,), schema.TensorType.INT64, scale=floats(1.0), zeroPoint=zeros).wrong_number == ""


def test_a_vector_that_is_not_read_here_lies_inside_of_the_file_all_the_same() -> None:
    model = flatbuffer.unpack(small_network.convolutional())
    model.metadataBuffer = ints(7, 7)
    content = bytearray(flatbuffer.pack(model))
    start, count = Model(bytes(content)).root.span("metadata_buffer")
    assert count == 2
    content[start - 4 : start] = (2**31 - 1).to_bytes(4, "little")
    with pytest.raises(Malformed):
        Model(bytes(content))


def test_fields_of_a_tensor_are_those_of_the_file() -> None:
    def change(model: Any) -> None:
        one = named(model, "stem/bias")
        one.shapeSignature, one.isVariable = ints(-1), True

    model = flatbuffer.unpack(small_network.convolutional())
    change(model)
    checked = Model(flatbuffer.pack(model))
    found = Tensor(checked, checked.children(checked.graphs[0], "tensors")[2])
    assert (found.name, found.type, found.shape, found.signature) == ("stem/bias", 0, (4,), (-1,))
    assert (found.variable, found.stored, found.constant, found.sparsity) == (True, 16, True, None)
    values = np.frombuffer(checked.stored_bytes(found.buffer), np.float32)
    np.testing.assert_array_equal(values, small_network.constants()["stem/bias"])
    other = Tensor(checked, checked.children(checked.graphs[0], "tensors")[8])
    assert (other.variable, other.constant, other.quantization) == (False, False, None)


def test_the_first_buffer_that_is_not_there_is_refused() -> None:
    count = len(flatbuffer.unpack(small_network.convolutional()).buffers)
    words = "has the tensor 'stem/Relu' in a buffer that is not there"
    assert said(with_tensor("stem/Relu", buffer=count)) == words
    assert said(with_tensor("stem/Relu", buffer=count - 1)) != words


def test_buffers_may_lie_behind_the_tables() -> None:
    content = small_network.convolutional()
    model = flatbuffer.unpack(content)
    bias = named(model, "stem/bias").buffer
    data = bytes(model.buffers[bias].data)
    model.buffers[bias].data, model.buffers[bias].offset, model.buffers[bias].size = None, 1 << 20, len(data)
    length = len(flatbuffer.pack(model))
    model.buffers[bias].offset = length
    whole = flatbuffer.pack(model) + data
    tflite_check.check(whole)
    assert bytes(Model(whole).stored_bytes(bias)) == data
    assert bytes(flatbuffer.unpack(whole).buffers[bias].data) == data
    assert flatbuffer.unpack(whole).buffers[bias].offset == 0
    with pytest.raises(Malformed, match="has a buffer that lies outside of it"):
        tflite_check.check(whole[:-1])


def test_weights_of_another_file_are_not_taken() -> None:
    def change(model: Any) -> None:
        model.externalBuffers = [schema.ExternalBufferT()]

    assert said(change) == "takes weights from another file"


@pytest.mark.parametrize(("version", "words"), [(3, ""), (2, "has version 2 of the format; 3 is read")])
def test_the_version_is_the_third(version: int, words: str) -> None:
    assert said(lambda model: setattr(model, "version", version)) == words


@pytest.mark.parametrize(("code", "words"), [(209, ""), (210, "has an operator of the unknown code 210")])
def test_codes_end_with_the_last_operator(code: int, words: str) -> None:
    def change(model: Any) -> None:
        model.operatorCodes[5].builtinCode, model.operatorCodes[5].deprecatedBuiltinCode = code, 127
        model.subgraphs[0].operators[5].builtinOptionsType, model.subgraphs[0].operators[5].builtinOptions = (
            0,
            None,
        )

    assert said(change) == words


def test_kinds_of_options_are_known() -> None:
    content = bytearray(small_network.convolutional())
    model = Model(bytes(content))
    operator = model.children(model.graphs[0], "operators")[0]
    place = operator._places["builtin_options_type"]
    for kind, right in ((1, True), (127, False), (0, False)):
        content[place] = kind
        if right:
            Model(bytes(content))
        else:
            with pytest.raises(Malformed, match=f"has a table of the unknown kind {kind}"):
                Model(bytes(content))


def test_more_tables_than_a_model_needs_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    content = small_network.convolutional()
    tables = len(Model(content)._read)
    monkeypatch.setattr(tflite_model, "MOST_TABLES", tables)
    Model(content)
    monkeypatch.setattr(tflite_model, "MOST_TABLES", tables - 1)
    with pytest.raises(Malformed, match="has too many tables"):
        Model(content)


def test_which_operators_only_others_have() -> None:
    model = flatbuffer.unpack(small_network.convolutional())
    for code, name in zip(model.operatorCodes, (b"TFLite_Detection_PostProcess", b"ethos-u"), strict=False):
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = name
    found = Model(flatbuffer.pack(model))
    assert found.foreign == [False, True, False, False, False, False]
    assert found.kinds[:3] == [32, 32, schema.BuiltinOperator.MAX_POOL_2D]


def test_the_first_tensor_is_made_before_it_is_read_too() -> None:
    step = Step(schema.BuiltinOperator.ABS, ["first"], ["scores"])
    content = assemble(dict.fromkeys(("first", "image", "scores"), (1,)), [step], ["image"], ["scores"])
    assert said(lambda model: None, content) == "reads 'first' before it is made"
