"""Reading and editing `.tflite` files: facts, signatures, operators, counts, all against the schema's own reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import small_network
from on_bytes import with_facts, with_output_shapes, with_signature
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.runtimes.interpreter import Loaded
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, Tensors, assemble
from tflbuild.tflite.census import census as census_of
from tflbuild.tflite.tiny import brightness_detector

FACTS = Meaning.of_image(
    task="classification", height=8, width=6, labels=("a", "ü"), preprocess={"scale": 0.5, "offset": -1.0}
).to_json()


def write(folder: Path, content: bytes, name: str = "m.tflite") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_facts_come_back_and_are_written_over(tmp_path: Path) -> None:
    content = small_network.convolutional()
    assert flatbuffer.read_facts(write(tmp_path, content)) == {}
    once = with_facts(content, {**FACTS, "labels": ["old"]})
    again = with_facts(once, FACTS)
    assert flatbuffer.read_facts(write(tmp_path, again)) == FACTS
    model = schema.Model.GetRootAs(again, 0)
    assert [model.Metadata(k).Name() for k in range(model.MetadataLength())] == [b"tflbuild.facts"]
    held = model.Buffers(model.Metadata(0).Buffer()).DataAsNumpy().tobytes()
    assert held == json.dumps(FACTS, sort_keys=True).encode()
    assert model.BuffersLength() == schema.Model.GetRootAs(content, 0).BuffersLength() + 1


def test_facts_stand_beside_what_others_wrote(tmp_path: Path) -> None:
    model = flatbuffer.unpack(small_network.convolutional())
    entry = schema.MetadataT()
    entry.name, entry.buffer = "min_runtime_version", 1
    model.metadata = [entry]
    made = flatbuffer.unpack(with_facts(flatbuffer.pack(model), FACTS))
    assert [one.name for one in made.metadata] == [b"min_runtime_version", b"tflbuild.facts"]
    assert flatbuffer.read_facts(write(tmp_path, flatbuffer.pack(made))) == FACTS


def test_facts_that_are_empty_are_those_of_nobody(tmp_path: Path) -> None:
    model = flatbuffer.unpack(with_facts(small_network.convolutional(), FACTS))
    model.buffers[model.metadata[0].buffer].data = None
    path = write(tmp_path, flatbuffer.pack(model))
    with pytest.raises(
        RecipeError, match=r"m\.tflite says of itself what cannot be true: in its tflbuild\.facts"
    ):
        flatbuffer.read_facts(path)


def test_shapes_of_outputs_are_written_by_their_names() -> None:
    content = brightness_detector()
    made = flatbuffer.unpack(
        with_output_shapes(content, {"detection_boxes": (1, 3, 4), "num_detections": (), "none": (9,)})
    )
    graph = made.subgraphs[0]
    shapes = {graph.tensors[k].name: [*graph.tensors[k].shape] for k in graph.outputs if k is not None}
    assert shapes[b"detection_boxes"] == [1, 3, 4]
    assert shapes[b"num_detections"] == []
    assert shapes[b"detection_scores"] == [1, 10]  # as it was


def test_a_signature_is_described_with_its_scales(tmp_path: Path) -> None:
    model = flatbuffer.unpack(small_network.convolutional())
    image = model.subgraphs[0].tensors[0]
    image.type = schema.TensorType.INT8
    image.quantization = schema.QuantizationParametersT()
    image.quantization.scale = np.array([0.25], np.float32)
    image.quantization.zeroPoint = np.array([-7], np.int64)
    path = write(tmp_path, flatbuffer.pack(model))
    assert flatbuffer.signature(path) == {
        "inputs": [
            {"name": "image", "shape": [1, 8, 8, 3], "dtype": "int8", "scale": 0.25, "zero_point": -7}
        ],
        "outputs": [{"name": "scores", "shape": [1, 2], "dtype": "float32"}],
    }


def test_a_file_without_a_signature_is_described_by_its_tensors(tmp_path: Path) -> None:
    model = flatbuffer.unpack(small_network.convolutional())
    model.subgraphs[0].tensors[0].name = b"x:0"
    model.signatureDefs = []
    content = flatbuffer.pack(model)
    assert flatbuffer.signature(write(tmp_path, content)) == {
        "inputs": [{"name": "x:0", "shape": [1, 8, 8, 3], "dtype": "float32"}],
        "outputs": [{"name": "scores", "shape": [1, 2], "dtype": "float32"}],
    }


def two_inputs() -> bytes:
    """Give a file that adds two inputs, and whose signature names them in another order than its graph."""
    tensors: Tensors = {"a": (1, 2), "b": (1, 2), "sum": (1, 2)}
    kind, options = schema.BuiltinOptions.AddOptions, schema.AddOptionsT()
    step = Step(schema.BuiltinOperator.ADD, ["a", "b"], ["sum"], kind, options)
    model = flatbuffer.unpack(assemble(tensors, [step], ["a", "b"], ["sum"]))
    first, second = model.signatureDefs[0].inputs
    first.name, second.name = b"one", b"two"
    model.signatureDefs[0].inputs = [second, first]
    return flatbuffer.pack(model)


def unsigned(*names: bytes) -> bytes:
    """Give the file of two inputs without its signature, and with other names of its tensors."""
    model = flatbuffer.unpack(two_inputs())
    model.signatureDefs = []
    for tensor, name in zip(model.subgraphs[0].tensors, names, strict=True):
        tensor.name = name
    return flatbuffer.pack(model)


@pytest.mark.parametrize(
    ("names", "inputs", "outputs"),
    [
        ((b"a", b"b:0", b"sum"), ["a", "b:0"], ["sum"]),
        ((b"", b"", b""), ["input_0", "input_1"], ["output_0"]),
        ((b"x", b"x", b"x"), ["x", "input_1"], ["x"]),
    ],
)
def test_a_file_without_a_signature_is_given_one_by_which_it_runs(
    tmp_path: Path, names: tuple[bytes, ...], inputs: list[str], outputs: list[str]
) -> None:
    content = unsigned(*names)
    signed = with_signature(content)
    assert with_signature(signed) == signed
    given = {name: np.full((1, 2), value, np.float32) for name, value in zip(inputs, (1, 2), strict=True)}
    for name, each in (("plain", content), ("signed", signed)):
        path = write(tmp_path, each, f"{name}.tflite")
        described = flatbuffer.signature(path)
        assert [entry["name"] for entry in described["inputs"]] == inputs
        assert [entry["name"] for entry in described["outputs"]] == outputs
        (found,) = Loaded(path).run(given).items()
        assert (found[0], found[1].tolist()) == (outputs[0], [[3.0, 3.0]])


def test_codes_of_an_old_file_are_moved_into_the_field_of_today() -> None:
    model = schema.ModelT.InitFromPackedBuf(two_inputs(), 0)
    assert flatbuffer.of_today(two_inputs())
    model.operatorCodes[0].builtinCode, model.operatorCodes[0].deprecatedBuiltinCode = 0, 9
    old = flatbuffer.pack(model)
    assert not flatbuffer.of_today(old)
    assert schema.Model.GetRootAs(old).OperatorCodes(0).BuiltinCode() == 0
    again = flatbuffer.pack(flatbuffer.unpack(old))
    assert flatbuffer.of_today(again)
    assert schema.Model.GetRootAs(again).OperatorCodes(0).BuiltinCode() == 9
    assert flatbuffer.codes_in(old) == flatbuffer.codes_in(again) == ["FULLY_CONNECTED"]


def test_shapes_are_written_where_there_is_no_signature() -> None:
    made = flatbuffer.unpack(with_output_shapes(unsigned(b"a", b"b", b"sum"), {"sum": (2,)}))
    assert [*made.subgraphs[0].tensors[2].shape] == [2]


def test_inputs_are_named_by_the_signature_in_the_order_of_the_graph(tmp_path: Path) -> None:
    described = flatbuffer.signature(write(tmp_path, two_inputs()))
    assert [entry["name"] for entry in described["inputs"]] == ["one", "two"]


def test_operators_are_told_with_their_dtypes_and_first_output(tmp_path: Path) -> None:
    model = flatbuffer.unpack(small_network.convolutional())
    model.subgraphs[0].operators[0].inputs = np.array([0, 1, -1], np.int32)
    found = flatbuffer.operators(write(tmp_path, flatbuffer.pack(model)))
    assert [operator.name for operator in found] == [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "MAX_POOL_2D",
        "RESHAPE",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]
    assert [operator.output for operator in found][:2] == ["stem/Relu", "middle/Relu6"]
    assert found[0].inputs == ("float32", "float32", "")
    assert (found[3].inputs, found[3].outputs) == (("float32", "int32"), ("float32",))


def code(builtin: int, deprecated: int, custom: bytes = b"", version: int = 1) -> Any:
    made = schema.OperatorCodeT()
    made.builtinCode, made.deprecatedBuiltinCode, made.customCode = builtin, deprecated, custom
    made.version = version
    return made


def test_a_code_is_named_by_either_of_its_fields() -> None:
    assert flatbuffer.name_of(code(3, 0)) == "CONV_2D"
    assert flatbuffer.name_of(code(0, 3)) == "CONV_2D"  # as files from before 2020 have it
    assert flatbuffer.name_of(code(150, 127)) == "GELU"
    assert flatbuffer.name_of(code(32, 32, b"ethos-u")) == "ethos-u"


def test_a_code_is_found_or_added_with_its_version() -> None:
    model = schema.ModelT()
    model.operatorCodes = [code(3, 3), code(114, 114, version=1), code(0, 9, version=4)]
    assert flatbuffer.code_index(model, 9) == 2
    assert len(model.operatorCodes) == 3
    assert flatbuffer.code_index(model, 114) == 3  # its first version does not know int8
    assert (model.operatorCodes[3].version, model.operatorCodes[3].builtinCode) == (2, 114)
    assert model.operatorCodes[3].deprecatedBuiltinCode == 114
    assert flatbuffer.code_index(model, 114) == 3
    assert flatbuffer.code_index(model, 114, version=1) == 1
    assert flatbuffer.code_index(model, 9, version=5) == 4


def test_a_packed_file_has_its_identifier() -> None:
    assert schema.Model.ModelBufferHasIdentifier(flatbuffer.pack(schema.ModelT()), 0)


def test_a_census_counts_operators_tensors_weights_and_zeros(tmp_path: Path) -> None:
    weights = np.full((4, 3, 3, 3), 0.5, np.float32)
    weights[0] = 0  # 27 of all 272 weights; biases are none
    content = small_network.convolutional({"stem/Conv2D": weights, "stem/bias": np.zeros(4, np.float32)})
    found = census_of(write(tmp_path, content))
    assert list(found["operators"]) == sorted(found["operators"])
    assert found == {
        "operators": {
            "CONV_2D": 1,
            "DEPTHWISE_CONV_2D": 1,
            "FULLY_CONNECTED": 1,
            "MAX_POOL_2D": 1,
            "RESHAPE": 1,
            "SOFTMAX": 1,
        },
        "tensors": {"float32": 13, "int32": 1},
        "weight_bytes": 4 * (108 + 36 + 128),
        "weights": 108 + 36 + 128,
        "sparsity": round(27 / 272, 6),
    }


def test_zeros_are_counted_by_what_means_zero(tmp_path: Path) -> None:
    model = flatbuffer.unpack(small_network.convolutional())
    for tensor in model.subgraphs[0].tensors:
        if tensor.name == b"head/MatMul":
            tensor.type = schema.TensorType.INT8
            model.buffers[tensor.buffer].data = np.repeat(np.array([5, 0], np.int8), [32, 96]).view(np.uint8)
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.array([0.25], np.float32)
            tensor.quantization.zeroPoint = np.array([5], np.int64)
    found = census_of(write(tmp_path, flatbuffer.pack(model)))
    assert found["sparsity"] == round(32 / 272, 6)
    assert found["weight_bytes"] == 4 * (108 + 36) + 128


def test_a_file_without_weights_has_no_zeros(tmp_path: Path) -> None:
    from tflbuild.tflite.assemble import Step, assemble

    step = Step(schema.BuiltinOperator.ABS, ["image"], ["scores"])
    content = assemble({"image": (1,), "scores": (1,)}, [step], ["image"], ["scores"])
    found = census_of(write(tmp_path, content))
    assert (found["weights"], found["weight_bytes"], found["sparsity"]) == (0, 0, 0.0)


def test_a_file_is_checked_before_it_is_unpacked_and_may_hold_what_is_not_finite(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is not a TensorFlow Lite file"):
        flatbuffer.load(write(tmp_path, b"no model at all, but long enough"))
    content = small_network.convolutional({"stem/bias": np.full(4, np.nan, np.float32)})
    assert flatbuffer.load(write(tmp_path, content)).version == 3


def test_weighted_operators_read_their_weights_second() -> None:
    # as lite/kernels/{conv,depthwise_conv,fully_connected,transpose_conv}.cc do
    assert flatbuffer.WEIGHTED == ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
    assert {flatbuffer.DTYPES[k] for k in range(23)} >= {
        *flatbuffer.STORED_WEIGHTS,
        "int16",
        "int32",
        "uint8",
    }
    assert flatbuffer.DTYPES[schema.TensorType.INT16] == "int16"
