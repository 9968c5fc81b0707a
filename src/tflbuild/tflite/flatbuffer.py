"""Read and edit `.tflite` files: what is in them, what they mean, the type of their input.

Longer than most modules: many short functions, each of which asks one thing of a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.core import json_text
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.core.plain_text import plain
from tflbuild.tflite.soundness import check as check  # where others look for it

FACTS = "tflbuild.facts"
"""Name of the metadata buffer that holds a `Meaning` mapping as JSON, labels and preprocessing included."""

DTYPES = {value: name.lower() for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
OPERATORS: dict[int, str] = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
"""Operators whose second input is a weight."""

BEHIND_SHAPE = "TRANSPOSE_CONV"
"""Operator that is told its output's shape first, and takes what it reads and its bias behind the weights."""

STORED_WEIGHTS = ("float32", "float16", "int8", "int4")
"""Dtypes of weights as they are stored."""

MOVING = ("CONCATENATION", "RESHAPE", "MAX_POOL_2D", "PAD", "TRANSPOSE", "STRIDED_SLICE", "SQUEEZE", "SPLIT")
"""Operators whose output is made of their inputs' values, so one scale serves both."""


def given_place(kind: str) -> int:
    """Give the place, among its inputs, of what a layer with weights computes on."""
    return 2 if kind == BEHIND_SHAPE else 0


def bias_place(kind: str) -> int:
    """Give the place of the bias among the inputs of a layer with weights; it may have none."""
    return 3 if kind == BEHIND_SHAPE else 2


def load(path: Path) -> Any:
    """Unpack a file, once it is known that every offset and index in it points to something.

    Raises:
        RecipeError: it is no TensorFlow Lite file, or is not well-formed.
    """
    return unpack(check(path, finite=False))


def unpack(content: bytes) -> Any:
    """Unpack a file's bytes; buffers that lie behind the flatbuffer are taken inside.

    Operator codes get both numbers: files of before 2020 have only the one of 8 bits, which LiteRT Quantizer misses.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for code in model.operatorCodes or ():
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    for buffer in model.buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(content, np.uint8, int(buffer.size), int(buffer.offset))
            buffer.offset = buffer.size = 0
    return model


def pack(model: Any) -> bytes:
    """Pack a model again."""
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def write_facts(model: Any, facts: Mapping[str, Any]) -> None:
    """Write what a model means into it, so that its file alone is enough to use it.

    Args:
        model: what `unpack` gave; edited in place.
        facts: a `Meaning` mapping.
    """
    text = np.frombuffer(json.dumps(facts, sort_keys=True).encode(), np.uint8)
    for entry in model.metadata or []:
        if entry.name == FACTS.encode():
            model.buffers[entry.buffer].data = text
            return
    buffer = schema.BufferT()
    buffer.data = text
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = FACTS.encode(), len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]


def write_output_shapes(model: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Write the shapes of outputs by name, which the converter leaves open behind a custom operator.

    Args:
        model: what `unpack` gave; edited in place.
        shapes: by the names of outputs; of others nothing is written.
    """
    for name, index in ends_of(model)[1].items():
        if name in shapes:
            model.subgraphs[0].tensors[index].shape = np.array(shapes[name], np.int32)


def of_today(content: bytes) -> bool:
    """Say whether a file has its operator codes in the field of today; one from before 2020 has not."""
    model = schema.Model.GetRootAs(content)
    codes = [model.OperatorCodes(place) for place in range(model.OperatorCodesLength())]
    return all(code.BuiltinCode() >= code.DeprecatedBuiltinCode() for code in codes)


def add_signature(model: Any) -> bool:
    """Give a model that has no signature one whose names are those of its tensors, so that its ends keep them.

    Args:
        model: what `unpack` gave; edited in place.

    Returns:
        Whether it had none.
    """
    if model.signatureDefs:
        return False
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = b"serving_default", 0
    made.inputs, made.outputs = (
        [tensor_entry(name, index) for name, index in found.items()] for found in ends_of(model)
    )
    model.signatureDefs = [made]
    return True


def tensor_entry(name: str, index: int) -> Any:
    """Give the entry of a signature that names a tensor."""
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name.encode(), index
    return entry


def read_facts(path: Path) -> dict[str, Any]:
    """Give what `write_facts` wrote; {} where there is nothing.

    Raises:
        RecipeError: the file is not well-formed, or these facts are not those of a model.
    """
    model = load(path)
    for entry in model.metadata or []:
        if entry.name == FACTS.encode():
            data = model.buffers[entry.buffer].data
            return parsed_facts(b"" if data is None else bytes(data), path)
    return {}


def parsed_facts(stored: bytes, path: Path) -> dict[str, Any]:
    """Read the bytes that `write_facts` wrote into a file.

    Raises:
        RecipeError: they are not the facts of a model.
    """
    try:
        return Meaning.from_json(json_text.parse(stored)).to_json()
    except ValueError as error:
        raise RecipeError(
            f"{plain(path)} says of itself what cannot be true: in its {FACTS}, {error}."
        ) from error


def signature(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Describe inputs and outputs: name, shape, dtype, and scale and zero point where they are quantized.

    Names are those of the signature, or of the tensors where a file has none; inputs are in the order of the graph.
    """
    return signature_of(load(path))


def signature_of(model: Any) -> dict[str, list[dict[str, Any]]]:
    """Describe inputs and outputs of an unpacked model, see `signature`."""
    graph = model.subgraphs[0]
    inputs, outputs = ends_of(model)
    return {
        "inputs": [_described(graph, name, index) for name, index in inputs.items()],
        "outputs": [_described(graph, name, index) for name, index in outputs.items()],
    }


def ends_of(model: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Give the tensors of a model's inputs and outputs by name, see `signature`.

    Args:
        model: what `unpack` gave.
    """
    graph = model.subgraphs[0]
    order = [int(index) for index in graph.inputs]
    if not model.signatureDefs:
        return _named(graph, order, "input"), _named(graph, map(int, graph.outputs), "output")
    found = model.signatureDefs[0]
    given = {entry.name.decode(): int(entry.tensorIndex) for entry in found.inputs}
    inputs = dict(sorted(given.items(), key=lambda item: order.index(item[1])))
    return inputs, {entry.name.decode(): int(entry.tensorIndex) for entry in found.outputs}


def _named(graph: Any, indices: Iterable[int], role: str) -> dict[str, int]:
    """Name tensors by themselves; one without a name, or with that of another, by its place."""
    found: dict[str, int] = {}
    for place, index in enumerate(indices):
        name = (graph.tensors[index].name or b"").decode("utf-8", "replace")
        found[f"{role}_{place}" if not name or name in found else name] = index
    return found


def _described(graph: Any, name: str, index: int) -> dict[str, Any]:
    tensor = graph.tensors[index]
    described = {
        "name": name,
        "shape": [int(side) for side in (tensor.shape if tensor.shape is not None else [])],
        "dtype": DTYPES[tensor.type],
    }
    quantization = tensor.quantization
    if quantization is not None and quantization.scale is not None and len(quantization.scale):
        described |= {
            "scale": float(quantization.scale[0]),
            "zero_point": int(quantization.zeroPoint[0]),
        }
    return described


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One operator of a file.

    Attributes:
        name: e.g. "CONV_2D", or a custom operator's own name.
        inputs: dtypes of its inputs; "" for one that is left out.
        outputs: dtypes of its outputs.
        output: name of its first output tensor.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    output: str


def operators(path: Path) -> list[Operator]:
    """List the operators of a file in order of execution."""
    return operators_of(load(path))


def operators_of(model: Any) -> list[Operator]:
    """List the operators of an unpacked model in order of execution."""
    graph = model.subgraphs[0]

    def dtype(index: int) -> str:
        return DTYPES[graph.tensors[index].type] if index >= 0 else ""

    return [
        Operator(
            name=name_of(model.operatorCodes[operator.opcodeIndex]),
            inputs=tuple(dtype(index) for index in operator.inputs),
            outputs=tuple(dtype(index) for index in operator.outputs),
            output=graph.tensors[operator.outputs[0]].name.decode(),
        )
        for operator in graph.operators
    ]


def name_of(code: Any) -> str:
    """Name an operator code: a built-in one, or a custom operator by its own name."""
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    if builtin == schema.BuiltinOperator.CUSTOM:
        return str(code.customCode.decode())
    name: str = OPERATORS[builtin]
    return name


def codes_in(content: bytes) -> list[str]:
    """Name the operators that a file lists, without unpacking it."""
    model = schema.Model.GetRootAs(content)
    codes = (model.OperatorCodes(place) for place in range(model.OperatorCodesLength()))
    return [name_of(schema.OperatorCodeT.InitFromObj(code)) for code in codes]


def code_index(model: Any, builtin: int, version: int = 2) -> int:
    """Give the place of a built-in operator's code in a model, which it is added to where it is missing.

    Args:
        model: what `unpack` gave.
        builtin: the operator.
        version: least version of it; 2 is the one that knows int8.
    """
    for position, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin and code.version >= version:
            return position
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
