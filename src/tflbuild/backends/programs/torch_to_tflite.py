"""Make a float32 `.tflite` of a program of PyTorch's operators, and compute the program on samples.

Runs in the environment `torch`. Request: `nodes`, `inputs` (name, shape, dtype, and whether channels come first in the
program and last in the `.tflite`), `outputs` (names of tensors), `turned` (outputs whose channels come last in the
`.tflite`), `values` (an .npz of what the program stores), `samples` (an .npz with a row for each sample, in the
program's own order of axes), `out` (an empty folder). Answer: `tflite` (a file), `outputs` (an .npz, likewise).

The operators are looked up in `torch.ops.aten` and called one by one, so that nothing of the user's file is evaluated;
litert-torch traces these calls.
"""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any

DTYPES = ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
"""By number, from 1."""
MEMORY_FORMATS = {1: "contiguous_format", 2: "channels_last", 3: "channels_last_3d", 4: "preserve_format"}
CHECKING = ("_assert", "sym_constrain_range", "_check")


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Compute on samples, then convert; gives the answer."""
    import numpy as np
    import torch

    torch.manual_seed(0)
    with np.load(request["values"], allow_pickle=False) as values:
        stored = {name: torch.from_numpy(values[name].copy()) for name in values.files}
    module = program(request, stored)
    out = Path(request["out"])
    with np.load(request["samples"], allow_pickle=False) as samples, torch.no_grad():
        given = [samples[one["name"]] for one in request["inputs"]]
        rows = [
            module(*(torch.from_numpy(array[k : k + 1]) for array in given)) for k in range(len(given[0]))
        ]
    made: dict[str, Any] = {
        name: np.concatenate([row[k].numpy() for row in rows]) for k, name in enumerate(request["outputs"])
    }
    np.savez(out / "outputs.npz", **made)
    convert(module, request, out / "model.tflite")
    return {"tflite": str(out / "model.tflite"), "outputs": str(out / "outputs.npz")}


def convert(module: Any, request: dict[str, Any], path: Path) -> None:
    """Let litert-torch write a `.tflite` with channels last."""
    import litert_torch
    import torch

    first = [k for k, one in enumerate(request["inputs"]) if one["first"]]
    turned = [k for k, name in enumerate(request["outputs"]) if name in request["turned"]]
    samples = []
    for one in request["inputs"]:
        shape = one["shape"]
        last = [shape[0], *shape[2:], shape[1]] if one["first"] else shape
        samples.append(torch.zeros(last, dtype=getattr(torch, one["dtype"])))
    if first or turned:
        module = litert_torch.to_channel_last_io(module, args=first or None, outputs=turned or None)
    litert_torch.convert(module.eval(), tuple(samples)).export(str(path))


def program(request: dict[str, Any], stored: dict[str, Any]) -> Any:
    """Give a module that computes the operators in order."""
    import torch

    nodes = [one for one in request["nodes"] if not checks(one["target"])]
    calls = [called(one["target"]) for one in nodes]
    names = {name: f"stored_{k}" for k, name in enumerate(stored)}
    inputs, outputs = [one["name"] for one in request["inputs"]], request["outputs"]

    class Program(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            for name, place in names.items():
                self.register_buffer(place, stored[name])

        def forward(self, *given: Any) -> Any:
            values = {name: getattr(self, place) for name, place in names.items()}
            values.update(zip(inputs, given, strict=True))
            for call, one in zip(calls, nodes, strict=True):
                positional, named = arguments(one, values)
                result = call(*positional, **named)
                keep(one["outputs"], result, values)
            return tuple(values[name] for name in outputs)

    return Program().eval()


def checks(target: str) -> bool:
    """Say whether an operator computes nothing."""
    return target.startswith("torch.ops.aten.") and target.split(".")[3].startswith(CHECKING)


def called(target: str) -> Any:
    """Look up an operator among PyTorch's own, or Python's on sides."""
    import torch

    if target.startswith("_operator."):
        return getattr(operator, target.removeprefix("_operator."))
    packet, overload = target.removeprefix("torch.ops.aten.").split(".")
    return getattr(getattr(torch.ops.aten, packet), overload)


def arguments(one: dict[str, Any], values: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Give the arguments of an operator by place and by name."""
    positional, named = [], {}
    for given in one["inputs"]:
        value = argument(given["arg"], values)
        if given["kind"] == 1 or one["target"].startswith("_operator."):
            positional.append(value)
        else:
            named[given["name"]] = value
    return positional, named


def argument(given: dict[str, Any], values: dict[str, Any]) -> Any:
    """Give the value of an argument."""
    import torch

    ((kind, value),) = given.items()
    if kind == "as_none":
        return None
    if kind in ("as_tensor", "as_optional_tensor"):
        return tensor(value, values)
    if kind in ("as_tensors", "as_optional_tensors"):
        return [tensor(one, values) for one in value]
    if kind == "as_nested_tensors":
        return [[tensor(one, values) for one in row] for row in value]
    if kind in ("as_sym_int", "as_sym_float", "as_sym_bool"):
        return side(value, values)
    if kind in ("as_sym_ints", "as_sym_floats"):
        return [side(one, values) for one in value]
    if kind == "as_scalar_type":
        names = dict(enumerate(DTYPES, 1)) | {12: "bool", 13: "bfloat16"}
        return getattr(torch, names[value])
    if kind == "as_memory_format":
        return getattr(torch, MEMORY_FORMATS[value])
    if kind == "as_layout":
        return torch.strided
    if kind == "as_device":
        return torch.device("cpu")
    return value


def tensor(given: dict[str, Any], values: dict[str, Any]) -> Any:
    """Give a tensor by name; None for one that is left out."""
    if "name" in given:
        return values[given["name"]]
    if "as_none" in given:
        return None
    return values[given["as_tensor"]["name"]]


def side(given: dict[str, Any], values: dict[str, Any]) -> Any:
    """Give a side: a number, or what an operator made."""
    ((kind, value),) = given.items()
    return values[value] if kind == "as_name" else value


def keep(outputs: list[dict[str, Any]], result: Any, values: dict[str, Any]) -> None:
    """Keep what an operator gave under its names."""
    several = len(outputs) > 1
    for k, made in enumerate(outputs):
        ((kind, value),) = made.items()
        one = result[k] if several else result
        if kind in ("as_tensors", "as_optional_tensors"):
            for name, item in zip(value, one, strict=True):
                held = name if "name" in name else name.get("as_tensor", {})
                if "name" in held:
                    values[held["name"]] = item
        elif kind in ("as_tensor", "as_optional_tensor"):
            held = value if "name" in value else value.get("as_tensor", {})
            if "name" in held:
                values[held["name"]] = one
        elif kind in ("as_sym_int", "as_sym_float", "as_sym_bool") and "as_name" in value:
            values[value["as_name"]] = one
