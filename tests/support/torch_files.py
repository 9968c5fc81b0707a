"""Hand-made `.pt2` files: archives as torch.export.save of PyTorch 2.13 lays them out."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

FLOAT = 7


def meta(*sides: int | str) -> dict[str, Any]:
    """Give the shape and dtype of a float32 tensor; a text is an expression of an open side."""
    sizes = [
        {"as_int": s} if isinstance(s, int) else {"as_expr": {"expr_str": s, "hint": None}} for s in sides
    ]
    known = [s if isinstance(s, int) else 1 for s in sides]
    strides = [int(np.prod(known[k + 1 :], dtype=int)) for k in range(len(known))]
    return {
        "dtype": FLOAT,
        "sizes": sizes,
        "requires_grad": False,
        "device": {"type": "cpu", "index": None},
        "strides": [{"as_int": step} for step in strides],
        "storage_offset": {"as_int": 0},
        "layout": 7,
    }


def tensor(name: str) -> dict[str, Any]:
    return {"as_tensor": {"name": name}}


def node(target: str, out: str, *inputs: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "target": target if "." in target.removeprefix("torch.ops") else f"torch.ops.aten.{target}",
        "inputs": [{"name": name, "arg": arg, "kind": 1} for name, arg in inputs],
        "outputs": [tensor(out)],
        "metadata": {"stack_trace": 'File "/home/somebody/net.py"'},
        "is_hop_single_tensor_return": None,
    }


LINEAR = node(
    "torch.ops.aten.linear.default",
    "logits",
    ("input", tensor("flat")),
    ("weight", tensor("p_w")),
    ("bias", tensor("p_b")),
)
FLATTEN = node(
    "torch.ops.aten.flatten.using_ints", "flat", ("self", tensor("x")), ("start_dim", {"as_int": 1})
)
SOFTMAX = node("torch.ops.aten.softmax.int", "scores", ("self", tensor("logits")), ("dim", {"as_int": 1}))


def program(
    nodes: Sequence[Mapping[str, Any]] = (FLATTEN, LINEAR, SOFTMAX),
    shape: Sequence[int | str] = (1, 3, 8, 8),
    **changes: Any,
) -> dict[str, Any]:
    """Give the program of a linear classifier of three classes."""
    specs = [
        {"parameter": {"arg": {"name": "p_w"}, "parameter_name": "fc.weight"}},
        {"parameter": {"arg": {"name": "p_b"}, "parameter_name": "fc.bias"}},
        {"user_input": {"arg": tensor("x")}},
    ]
    tensors = {
        "x": meta(*shape),
        "p_w": meta(3, 192),
        "p_b": meta(3),
        "flat": meta(1, 192),
        "logits": meta(1, 3),
        "scores": meta(1, 3),
    }
    return {
        "graph_module": {
            "graph": {"inputs": [], "outputs": [], "nodes": list(nodes), "tensor_values": tensors},
            "signature": {
                "input_specs": specs,
                "output_specs": [{"user_output": {"arg": tensor("scores")}}],
            },
            "module_call_graph": [],
        },
        "schema_version": {"major": 8, "minor": 20},
        "torch_version": "2.13.0",
        **changes,
    }


def config(name: str, member: str, shape: Sequence[int], *, pickled: bool = False) -> dict[str, Any]:
    return {
        name: {"path_name": member, "is_param": True, "use_pickle": pickled, "tensor_meta": meta(*shape)},
    }


WEIGHTS = config("fc.weight", "weight_0", (3, 192)) | config("fc.bias", "weight_1", (3,))


def written(
    path: Path,
    found: Mapping[str, Any] | None = None,
    weights: Mapping[str, Any] = WEIGHTS,
    more: Mapping[str, bytes] | None = None,
    leave_out: Sequence[str] = (),
) -> Path:
    """Write an archive; gives its path."""
    values = np.random.default_rng(0).normal(size=(3, 192)).astype("<f4")
    members = {
        "models/model.json": json.dumps(program() if found is None else found).encode(),
        "data/weights/model_weights_config.json": json.dumps({"config": dict(weights)}).encode(),
        "data/weights/weight_0": values.tobytes(),
        "data/weights/weight_1": np.zeros(3, "<f4").tobytes(),
        "data/constants/model_constants_config.json": b'{"config": {}}',
        "data/sample_inputs/model.pt": b"a pickle that nobody reads",
        "archive_format": b"pt2",
        "archive_version": b"0",
        "byteorder": b"little",
        ".data/version": b"6\n",
        **(more or {}),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            if name not in leave_out:
                archive.writestr(f"net/{name}", content)
    return path
