"""The program of a `.pt2` field by field, as `torch/_export/serde/schema.py` names them, and what is refused of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.signature import TensorSpec
from tflbuild.formats.torch_export import archive as archives
from tflbuild.formats.torch_export import program as programs
from tflbuild.formats.torch_export.archive import Archive
from tflbuild.formats.torch_export.permitted import is_check
from tflbuild.formats.torch_export.program import Program, Stored, read
from tflbuild.formats.torch_export.values import stored
from tflbuild.formats.torch_export.view import view
from torch_files import FLATTEN, LINEAR, WEIGHTS, config, node, program, tensor, written

Change = Callable[[dict[str, Any]], object]


def taken(folder: Path, change: Change = lambda found: None, **files: Any) -> Program:
    found = copy.deepcopy(program())
    change(found)
    with Archive(written(folder / "net.pt2", found, **files)) as opened:
        return read(opened)


def refusal(folder: Path, change: Change = lambda found: None, **files: Any) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        taken(folder, change, **files)
    return str(caught.value)


def graph(found: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = found["graph_module"]["graph"]
    return made


def signature(found: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = found["graph_module"]["signature"]
    return made


def test_a_program_has_its_ends_its_values_and_its_operators(tmp_path: Path) -> None:
    found = taken(tmp_path)
    assert found.torch == "2.13.0"
    assert found.inputs == {"x": TensorSpec((1, 3, 8, 8), "float32")}
    assert found.outputs == {"scores": "scores"}
    assert found.stored == {
        "p_w": Stored("data/weights/weight_0", "float32", (3, 192), (192, 1), 0),
        "p_b": Stored("data/weights/weight_1", "float32", (3,), (1,), 0),
    }
    assert found.tensors["flat"] == TensorSpec((1, 192), "float32")
    assert [set(one) for one in found.nodes] == [{"target", "inputs", "outputs"}] * 3, (
        "no paths of somebody's machine"
    )
    assert found.nodes[1]["inputs"][0] == {"name": "input", "arg": tensor("flat"), "kind": 1}


DTYPES = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    9: "unknown",  # complex
    12: "bool",
    13: "unknown",  # bfloat16
}
"""`ScalarType` of the schema, by NumPy's names."""


@pytest.mark.parametrize("number", DTYPES)
def test_dtypes_have_the_numbers_of_the_schema(number: int, tmp_path: Path) -> None:
    found = taken(tmp_path, lambda found: graph(found)["tensor_values"]["x"].update(dtype=number))
    assert found.inputs["x"].dtype == DTYPES[number]


@pytest.mark.parametrize(
    ("kind", "member", "config_of"),
    [("buffer", "data/weights/", "weights"), ("tensor_constant", "data/constants/", "constants")],
)
def test_buffers_and_constants_are_stored_too(kind: str, member: str, config_of: str, tmp_path: Path) -> None:
    def change(found: dict[str, Any]) -> None:
        spec = {kind: {"arg": {"name": "b_k"}, f"{kind}_name": "own"}}
        signature(found)["input_specs"].append(spec)

    entry = config("own", "w9", (2, 5))
    entry["own"]["tensor_meta"]["storage_offset"] = {"as_int": 4}
    more = {}
    weights: Mapping[str, Any] = WEIGHTS | entry
    if config_of == "constants":
        weights = WEIGHTS
        more = {"data/constants/model_constants_config.json": json.dumps({"config": entry}).encode()}
    found = taken(tmp_path, change, weights=weights, more=more)
    assert found.stored["b_k"] == Stored(f"{member}w9", "float32", (2, 5), (5, 1), 4)


def specs(kind: str, **value: Any) -> Change:
    return lambda found: signature(found)["input_specs"].append({kind: {"arg": {"name": "k"}, **value}})


def user_input(arg: Mapping[str, Any]) -> Change:
    return lambda found: signature(found)["input_specs"].append({"user_input": {"arg": arg}})


def outputs(*specs: Mapping[str, Any]) -> Change:
    return lambda found: signature(found).update(output_specs=list(specs))


def sides(*sizes: Mapping[str, Any]) -> Change:
    return lambda found: graph(found)["tensor_values"]["x"].update(sizes=list(sizes))


OPEN = config("fc.bias", "weight_1", (3,))
OPEN["fc.bias"]["tensor_meta"]["sizes"] = [{"as_expr": {"expr_str": "s0"}}]
NO_META = config("fc.bias", "weight_1", (3,))
NO_META["fc.bias"]["tensor_meta"] = None

REFUSED: dict[str, tuple[Change, dict[str, Any], str]] = {
    "an input that is an object": (
        specs("custom_obj"),
        {},
        "has an input of the kind 'custom_obj', and tensors alone are taken",
    ),
    "an input that is a number": (
        user_input({"as_int": 3}),
        {},
        "takes or gives 'as_int', and tensors alone are taken",
    ),
    "an output that is a number": (
        outputs({"user_output": {"arg": {"as_int": 3}}}),
        {},
        "takes or gives 'as_int', and tensors alone are taken",
    ),
    "one tensor twice": (
        outputs(*[{"user_output": {"arg": tensor("scores")}}] * 2),
        {},
        "gives one tensor as two outputs",
    ),
    "values that are nowhere": (
        specs("buffer", buffer_name="gone"),
        {},
        "lacks the values of 'gone'",
    ),
    "values with an open side": (
        lambda found: None,
        {"weights": WEIGHTS | OPEN},
        "holds 'fc.bias' with an open side",
    ),
    "values without a form": (
        lambda found: None,
        {"weights": WEIGHTS | NO_META},
        "holds 'fc.bias' as a pickle, which could run code; save a plain tensor",
    ),
    "a negative side": (sides({"as_int": -2}), {}, "has a side of -2"),
    "a side that is a truth": (sides({"as_int": True}), {}, "has a side of True"),
    "a side that is a fraction": (sides({"as_int": 2.0}), {}, "has a side of 2.0"),
    "too many sides": (sides(*[{"as_int": 1}] * 17), {}, "has a tensor of more values than there could be"),
    "too many values": (
        sides({"as_int": 1 << 40}, {"as_int": 2}),
        {},
        "has a tensor of more values than there could be",
    ),
    "no version": (
        lambda found: found.update(schema_version=None, torch_version=""),
        {},
        "was written by PyTorch a version that does not say which in form None, and form 8 is read; export it again "
        "with PyTorch 2.8 or newer",
    ),
    "no signature": (
        lambda found: found["graph_module"].pop("signature"),
        {},
        "holds models/model.json, which is not as PyTorch writes it ('signature')",
    ),
    "a result of another kind": (
        lambda found: graph(found)["nodes"][0].update(outputs=[{"as_graph": {}}]),
        {},
        "has the operator torch.ops.aten.flatten.using_ints, which gives 'as_graph'",
    ),
    "an argument of another kind": (
        lambda found: graph(found)["nodes"][0]["inputs"][0].update(arg={"as_custom_obj": {}}),
        {},
        "has the operator torch.ops.aten.flatten.using_ints with an argument of the kind 'as_custom_obj'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_program_of_plain_tensors_is_refused(case: str, tmp_path: Path) -> None:
    change, files, said = REFUSED[case]
    assert refusal(tmp_path, change, **files) == said


def test_sides_may_be_as_many_and_as_large_as_a_tensor_can_be(tmp_path: Path) -> None:
    assert len(taken(tmp_path, sides(*[{"as_int": 1}] * 16)).inputs["x"].shape) == 16
    assert taken(tmp_path, sides({"as_int": 1 << 40}, {"as_int": 0})).inputs["x"].shape == (1 << 40, 0)


def test_more_operators_than_a_model_needs_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "MOST_NODES", 3)
    taken(tmp_path)
    monkeypatch.setattr(programs, "MOST_NODES", 2)
    assert refusal(tmp_path) == "has too many operators"


def named(tree: Any, *more: str) -> Change:
    """Say the form of two outputs, `scores` and `logits`."""

    def change(found: dict[str, Any]) -> None:
        signature(found)["output_specs"] = [
            {"user_output": {"arg": tensor(name)}} for name in ("scores", "logits")
        ]
        text = tree if isinstance(tree, str) else json.dumps([1, tree])
        found["graph_module"]["module_call_graph"] = [{"fqn": "", "signature": {"out_spec": text}}]

    return change


def mapping(context: Any, kind: str = "builtins.dict") -> dict[str, Any]:
    return {"type": kind, "context": json.dumps(context), "children_spec": []}


def test_outputs_of_a_mapping_have_its_keys_in_order(tmp_path: Path) -> None:
    found = taken(tmp_path, named(mapping(["p", "q" * 200])))
    assert found.outputs == {"p": "scores", "q" * 200: "logits"}


@pytest.mark.parametrize(
    "tree",
    [
        "{",
        "7",
        mapping(["p"]),
        mapping(["p", "p"]),
        mapping(["p", "q", "r"]),
        mapping(["p", 7]),
        mapping(["p", ""]),
        mapping(["p", "q" * 201]),
        mapping({"p": 1, "q": 2}),
        mapping(["p", "q"], "builtins.tuple"),
        {"type": "builtins.dict"},
    ],
)
def test_outputs_of_anything_else_have_the_names_of_their_tensors(tree: Any, tmp_path: Path) -> None:
    assert taken(tmp_path, named(tree)).outputs == {"scores": "scores", "logits": "logits"}


@pytest.mark.parametrize("graphs", [None, [None], [{"signature": None}], [{}]])
def test_a_program_that_says_no_form_of_its_outputs_is_read(graphs: Any, tmp_path: Path) -> None:
    found = taken(tmp_path, lambda found: found["graph_module"].update(module_call_graph=graphs))
    assert found.outputs == {"scores": "scores"}


KINDS = {
    "softmax.int": "Softmax",
    "_softmax.default": "Softmax",
    "sigmoid.default": "Sigmoid",
    "sigmoid_.default": "Sigmoid",
    "log_softmax.int": "LogSoftmax",
    "_log_softmax.default": "LogSoftmax",
    **dict.fromkeys(("linear.default", "addmm.default", "mm.default", "matmul.default"), "Gemm"),
    **dict.fromkeys(("conv2d.default", "convolution.default"), "Conv"),
    "mean.dim": "ReduceMean",
    "adaptive_avg_pool2d.default": "GlobalAveragePool",
    "avg_pool2d.default": "AveragePool",
    "max_pool2d.default": "MaxPool",
    "batch_norm.default": "BatchNormalization",
    "relu_.default": "Relu",
    **dict.fromkeys(("pad.default", "constant_pad_nd.default"), "Pad"),
    "cat.default": "Concat",
    "slice.Tensor": "Slice",
    **dict.fromkeys(("reshape.default", "view.default", "flatten.using_ints", "permute.default"), "Reshape"),
    "transpose.int": "Reshape",
    "squeeze.dim": "Squeeze",
    "unsqueeze.default": "Unsqueeze",
    **dict.fromkeys(("clone.default", "detach.default", "contiguous.default", "dropout.default"), "Identity"),
    **dict.fromkeys(("alias.default", "lift_fresh_copy.default"), "Identity"),
    "mul.Tensor": "Mul",
    "div.Tensor": "Div",
    "add.Tensor": "Add",
    "sub.Tensor": "Sub",
    **dict.fromkeys(("clamp.default", "hardtanh.default", "relu6.default"), "Clip"),
    "gelu.default": "gelu",
}
"""Operators of ONNX's documentation that compute what PyTorch's documentation says of its own."""


@pytest.mark.parametrize("target", KINDS)
def test_a_program_is_seen_as_a_graph_of_onnxs_operators(target: str, tmp_path: Path) -> None:
    nodes = [FLATTEN, LINEAR, node(f"torch.ops.aten.{target}", "scores", ("self", tensor("logits")))]
    found = view(taken(tmp_path, lambda found: graph(found).update(nodes=nodes)))
    assert [one.kind for one in found.nodes] == ["Reshape", "Gemm", KINDS[target]]
    assert found.nodes[1].inputs == ("flat", "p_w", "p_b")
    assert found.nodes[2][1:4] == ("", ("logits",), ("scores",))
    assert dict(found.outputs) == {"scores": TensorSpec((1, 3), "float32")}
    assert found.producer == "PyTorch 2.13.0"


@pytest.mark.parametrize(
    "target", ["_assert_scalar.default", "sym_constrain_range_for_size.default", "_check.x"]
)
def test_operators_that_only_check_are_left_out(target: str, tmp_path: Path) -> None:
    assert is_check(f"torch.ops.aten.{target}")
    checking = node(f"torch.ops.aten.{target}", "nothing", ("self", tensor("x")))
    found = view(taken(tmp_path, lambda found: graph(found)["nodes"].append(checking)))
    assert [one.kind for one in found.nodes] == ["Reshape", "Gemm", "Softmax"]
    assert not is_check("torch.ops.aten.relu.default")
    assert not is_check("_operator.eq")


def values(folder: Path, content: bytes, **changed: Any) -> Any:
    """Give the values of `fc.bias`, whose form is changed."""
    weights = copy.deepcopy(WEIGHTS | config("fc.bias", "weight_1", (3,)))
    weights["fc.bias"]["tensor_meta"].update(changed)
    path = written(folder / "net.pt2", weights=weights, more={"data/weights/weight_1": content})
    with Archive(path) as opened:
        return stored(opened, read(opened))["p_b"]


def test_values_are_read_in_their_dtype_from_where_they_begin(tmp_path: Path) -> None:
    content = np.array([9, 1, -2, 3, 7, 5], "<i2").tobytes()
    ints = {"dtype": 3, "storage_offset": {"as_int": 1}}
    assert values(tmp_path, content, **ints).tolist() == [1, -2, 3]
    assert values(tmp_path, content, strides=[{"as_int": 2}], **ints).tolist() == [1, 3, 5]
    assert values(tmp_path, content, strides=[{"as_int": 0}], **ints).tolist() == [1, 1, 1]
    assert values(tmp_path, b"", sizes=[{"as_int": 0}]).shape == (0,)
    scalar = values(tmp_path, content, sizes=[], strides=[], **ints)
    assert (scalar.shape, scalar.size, scalar.ravel().tolist()) in (((), 1, [1]), ((1,), 1, [1]))


def test_an_archive_of_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "net.pt2")
    with Archive(path) as opened:
        assert opened.read("byteorder", 6) == b"little"
        with pytest.raises(ValueError, match=r"^holds more in byteorder than its 6 bytes may become$"):
            opened.read("byteorder", 5)
        with pytest.raises(ValueError, match=r"^lacks data/absent$"):
            opened.read("data/absent")
    monkeypatch.setattr(archives, "MOST_MEMBERS", 10)
    Archive(path)
    monkeypatch.setattr(archives, "MOST_MEMBERS", 9)
    with pytest.raises(ValueError, match=r"^has more members than a program has, or one of them twice$"):
        Archive(path)
