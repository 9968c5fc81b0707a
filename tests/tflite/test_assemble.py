"""Files assembled by hand, read by the schema's own reader."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.tflite.assemble import Step, assemble
from tflbuild.tflite.tiny import brightness_detector, dense_classifier


def test_what_is_assembled_is_what_the_schema_reads() -> None:
    floats, integers = np.array([[1.5, -2.0]], np.float32), np.array([7, -8, 9], np.int32)
    steps = [
        Step(schema.BuiltinOperator.ADD, ["image", "floats"], ["sum"]),
        Step(32, ["sum", "integers"], ["scores"], custom="mine", custom_options=b"\x01\x02"),
    ]
    tensors = {"image": (1, 2), "floats": floats, "integers": integers, "sum": (1, 2), "scores": (1, 3)}
    model = schema.Model.GetRootAs(assemble(tensors, steps, ["image"], ["scores", "sum"]), 0)
    graph = model.Subgraphs(0)
    assert (model.Version(), model.Description(), model.SubgraphsLength()) == (3, b"tflbuild", 1)
    assert graph.InputsAsNumpy().tolist() == [0]
    assert graph.OutputsAsNumpy().tolist() == [4, 3]
    names = [graph.Tensors(k).Name().decode() for k in range(graph.TensorsLength())]
    assert names == list(tensors)
    assert [graph.Tensors(k).Type() for k in range(5)] == [0, 0, schema.TensorType.INT32, 0, 0]
    assert [graph.Tensors(k).ShapeAsNumpy().tolist() for k in range(5)] == [
        [1, 2],
        [1, 2],
        [3],
        [1, 2],
        [1, 3],
    ]
    assert [graph.Tensors(k).Buffer() for k in range(5)] == [0, 1, 2, 0, 0]
    assert model.Buffers(0).DataIsNone()
    assert model.Buffers(1).DataAsNumpy().tobytes() == floats.tobytes()
    assert model.Buffers(2).DataAsNumpy().tobytes() == integers.tobytes()
    add, custom = (graph.Operators(k) for k in range(2))
    assert (add.OpcodeIndex(), custom.OpcodeIndex()) == (0, 1)
    assert (add.InputsAsNumpy().tolist(), add.OutputsAsNumpy().tolist()) == ([0, 1], [3])
    assert add.CustomOptionsIsNone()
    assert custom.CustomOptionsAsNumpy().tobytes() == b"\x01\x02"
    codes = [model.OperatorCodes(k) for k in range(2)]
    assert [(code.BuiltinCode(), code.CustomCode(), code.Version()) for code in codes] == [
        (0, None, 1),
        (32, b"mine", 1),
    ]
    signature = model.SignatureDefs(0)
    assert (signature.SignatureKey(), signature.SubgraphIndex()) == (b"serving_default", 0)
    ends = [(signature.Outputs(k).Name(), signature.Outputs(k).TensorIndex()) for k in range(2)]
    assert ends == [(b"scores", 4), (b"sum", 3)]
    assert (signature.Inputs(0).Name(), signature.Inputs(0).TensorIndex()) == (b"image", 0)


def test_operators_beyond_127_are_in_the_newer_field_alone() -> None:
    steps = [Step(schema.BuiltinOperator.GELU, ["image"], ["scores"])]
    model = schema.Model.GetRootAs(assemble({"image": (1,), "scores": (1,)}, steps, ["image"], ["scores"]), 0)
    code = model.OperatorCodes(0)
    assert (code.BuiltinCode(), code.DeprecatedBuiltinCode()) == (
        150,
        127,
    )  # PLACEHOLDER_FOR_GREATER_OP_CODES


def test_small_models_are_the_same_in_every_process() -> None:
    assert dense_classifier() == dense_classifier()
    assert brightness_detector() == brightness_detector()
