"""The program of a `.pt2`: its tensors and operators, held to what may be computed without running code of the file.

PyTorch's own reader is not used: it unpickles samples, evaluates expressions and imports modules that a file names.
Here every operator must be one of PyTorch's own (`torch.ops.aten`), every argument a number, a text or a tensor.

Source: torch/_export/serde/schema.py of PyTorch, whose names of fields are named here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tflbuild.core import json_text
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.torch_export.archive import CONFIGS, CONSTANTS, PROGRAM, WEIGHTS, Archive
from tflbuild.formats.torch_export.permitted import SIDES, TENSORS, check_argument, check_target, only

MAJOR = 8
"""Version of PyTorch's form that is read, from 2.8 on."""

DTYPES: Mapping[int, str] = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    12: "bool",
}
"""Dtypes that NumPy knows too, by their number in ScalarType."""

OPEN = -1
"""A side that the file leaves open."""

MOST_NODES, MOST_SIDES = 200_000, 16


class Stored(NamedTuple):
    """A tensor whose values lie in the archive: its member, dtype, and how its values lie in it, in elements."""

    member: str
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program that may be computed.

    Attributes:
        torch: the version of PyTorch that wrote it.
        inputs: what goes in, by name.
        outputs: names of the tensors that come out, by the names that people see.
        stored: parameters, buffers and constants, by the name that operators know them by.
        nodes: the operators in order: `target`, `inputs` and `outputs`, as PyTorch writes them.
        tensors: shape and dtype of tensors, by name.
    """

    torch: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, str]
    stored: Mapping[str, Stored]
    nodes: Sequence[Mapping[str, Any]]
    tensors: Mapping[str, TensorSpec]


def read(archive: Archive) -> Program:
    """Read the program of an archive.

    Raises:
        ValueError: it is no program, or one that is not taken; completes "it ".
    """
    found = archive.json(PROGRAM)
    try:
        return _program(found, archive)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(
            f"holds {PROGRAM}, which is not as PyTorch writes it ({plain(error, 80)})"
        ) from error


def _program(found: Mapping[str, Any], archive: Archive) -> Program:
    _check_version(found)
    module = found["graph_module"]
    graph, signature = module["graph"], module["signature"]
    tensors = {name: _spec(meta) for name, meta in graph["tensor_values"].items()}
    nodes = [_node(one) for one in graph["nodes"]]
    if len(nodes) > MOST_NODES:
        raise ValueError("has too many operators")
    listed = {where: archive.json(member)["config"] for where, member in CONFIGS.items()}
    inputs: dict[str, TensorSpec] = {}
    stored: dict[str, Stored] = {}
    for one in signature["input_specs"]:
        kind, value = only(one)
        if kind == "user_input":
            name = _tensor(value["arg"])
            inputs[name] = tensors[name]
        else:
            stored[value["arg"]["name"]] = _stored(kind, value, listed)
    return Program(
        torch=str(found.get("torch_version", "")),
        inputs=inputs,
        outputs=_outputs(signature["output_specs"], module),
        stored=stored,
        nodes=nodes,
        tensors=tensors,
    )


def _check_version(found: Mapping[str, Any]) -> None:
    version = found.get("schema_version")
    major = version.get("major") if isinstance(version, Mapping) else None
    if major != MAJOR:
        by = plain(found.get("torch_version") or "a version that does not say which", 40)
        raise ValueError(
            f"was written by PyTorch {by} in form {plain(major, 12)}, and form {MAJOR} is read; export it again with "
            f"PyTorch 2.8 or newer"
        )


def _stored(kind: str, value: Mapping[str, Any], listed: Mapping[str, Mapping[str, Any]]) -> Stored:
    """Find where the values of a parameter, a buffer or a constant lie.

    Raises:
        ValueError: they are pickled, or no plain tensor.
    """
    fields = {
        "parameter": "parameter_name",
        "buffer": "buffer_name",
        "tensor_constant": "tensor_constant_name",
    }
    if kind not in fields:
        raise ValueError(f"has an input of the kind '{plain(kind, 40)}', and tensors alone are taken")
    name = value[fields[kind]]
    where = next((one for one in (WEIGHTS, CONSTANTS) if name in listed[one]), None)
    if where is None:
        raise ValueError(f"lacks the values of '{plain(name, 60)}'")
    entry = listed[where][name]
    meta = entry["tensor_meta"]
    if entry["use_pickle"] or meta is None:
        raise ValueError(f"holds '{plain(name, 60)}' as a pickle, which could run code; save a plain tensor")
    spec = _spec(meta)
    strides, offset = (_side(one) for one in meta["strides"]), _side(meta["storage_offset"])
    if OPEN in spec.shape:
        raise ValueError(f"holds '{plain(name, 60)}' with an open side")
    return Stored(where + str(entry["path_name"]), spec.dtype, spec.shape, tuple(strides), offset)


def _outputs(specs: Sequence[Mapping[str, Any]], module: Mapping[str, Any]) -> dict[str, str]:
    """Give the tensors that come out, by the keys of the mapping that they come in, or else by their own names.

    Raises:
        ValueError: an output is no tensor, or a buffer that the program changes.
    """
    made = []
    for one in specs:
        kind, value = only(one)
        if kind != "user_output":
            raise ValueError(
                f"changes what it stores ('{plain(kind, 40)}'), as a model does while it is trained; call .eval() on "
                f"the model, and export it again"
            )
        made.append(_tensor(value["arg"]))
    if len(set(made)) != len(made):
        raise ValueError("gives one tensor as two outputs")
    names = _keys(module, len(made)) or made
    return dict(zip(names, made, strict=True))


def _keys(module: Mapping[str, Any], count: int) -> list[str]:
    """Read the keys of outputs that come in one mapping; [] for anything else."""
    calls = module.get("module_call_graph") or [{}]
    text = ((calls[0] or {}).get("signature") or {}).get("out_spec")
    try:
        _, tree = json_text.parse(str(text))
        keys = json_text.parse(str(tree["context"]))
    except (ValueError, TypeError, KeyError):
        return []
    plain_keys = isinstance(keys, list) and all(isinstance(key, str) and 0 < len(key) <= 200 for key in keys)
    fits = plain_keys and tree["type"] == "builtins.dict" and len(set(keys)) == len(keys) == count
    return list(keys) if fits else []


def _node(one: Mapping[str, Any]) -> dict[str, Any]:
    """Take an operator over, without what PyTorch says of it for people.

    Raises:
        ValueError: it is none that may be computed.
    """
    target, inputs, outputs = one["target"], one["inputs"], one["outputs"]
    check_target(target, inputs)
    for given in inputs:
        check_argument(target, given["arg"])
    for made in outputs:
        kind, _ = only(made)
        if kind not in TENSORS | SIDES | {"as_none", "as_int", "as_bool", "as_float"}:
            raise ValueError(f"has the operator {plain(target, 80)}, which gives '{plain(kind, 40)}'")
    kept = [{"name": given["name"], "arg": given["arg"], "kind": given.get("kind")} for given in inputs]
    return {"target": target, "inputs": kept, "outputs": outputs}


def _tensor(argument: Mapping[str, Any]) -> str:
    kind, value = only(argument)
    if kind != "as_tensor":
        raise ValueError(f"takes or gives '{plain(kind, 40)}', and tensors alone are taken")
    return str(value["name"])


def _spec(meta: Mapping[str, Any]) -> TensorSpec:
    sides = tuple(map(_side, meta["sizes"]))
    if len(sides) > MOST_SIDES or math.prod(max(side, 1) for side in sides) > 1 << 40:
        raise ValueError("has a tensor of more values than there could be")
    return TensorSpec(sides, DTYPES.get(meta["dtype"], "unknown"))


def _side(value: Mapping[str, Any]) -> int:
    """Give a side; -1 for one that is an expression, whose text is not looked at."""
    kind, number = only(value)
    if kind != "as_int":
        return OPEN
    if type(number) is not int or number < 0:
        raise ValueError(f"has a side of {plain(number, 20)}")
    return number
