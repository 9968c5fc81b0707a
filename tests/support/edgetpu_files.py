"""Files for the Edge TPU: one operator each, and a stand-in for what Google's compiler makes of a file."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

import placement_files
from scripts import script
from tflbuild.placement import facts, rule_file
from tflbuild.placement.by_rules import predict
from tflbuild.placement.placement import Placed, Placement
from tflbuild.targets.edgetpu.target import EdgeTpu
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step
from tflite_files import Typed, network

OPERATOR = "edgetpu-custom-op"
Given = npt.NDArray[Any] | tuple[int, ...]

FIELDS: Mapping[str, Mapping[str, Any]] = {
    "Conv2DOptions": {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1},
    "DepthwiseConv2DOptions": {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1},
    "Pool2DOptions": {"strideW": 1, "strideH": 1, "filterWidth": 1, "filterHeight": 1},
}
"""Options that operators need to make sense."""


def operator(
    kind: str, inputs: Sequence[str], outputs: Sequence[str], options: str = "", **fields: Any
) -> Step:
    """Give an operator with options by the names of the schema; a name that no built-in one has is a custom one's."""
    return placement_files.operator(kind, inputs, outputs, options, **{**FIELDS.get(options, {}), **fields})


def alone(
    kind: str,
    given: Mapping[str, Given],
    made: tuple[int, ...],
    options: str = "",
    *,
    dtypes: Any = None,
    **fields: Any,
) -> bytes:
    """Give a file of one operator, in int8 but for constants that are int32.

    Args:
        kind: of the operator.
        given: its inputs, constants or shapes, by name.
        made: shape of its output.
        options: name of the table of its options.
        dtypes: of tensors that are not int8, by name; the output's is "made".
        fields: of the options.
    """
    tensors: dict[str, Given] = {**given, "made": made}
    whole = {
        name for name, value in given.items() if isinstance(value, np.ndarray) and value.dtype == np.int32
    }
    names = {name: (dtypes or {}).get(name, "int8") for name in tensors if name not in whole}
    typed = {name: Typed(dtype, 0.0 if dtype.startswith("float") else 0.5) for name, dtype in names.items()}
    step = operator(kind, [*given], ["made"], options, **fields)
    fed = [name for name, value in given.items() if not isinstance(value, np.ndarray)]
    return network(tensors, [step], fed, ["made"], typed)


def predicted(content: bytes, **options: Any) -> Placement:
    """Predict by the shipped rules."""
    target = EdgeTpu(**options)
    table = target.rule_table()
    assert table is not None
    known = facts.facts_of(flatbuffer.unpack(content))
    device = {"intermediate_tensors": target.intermediate_tensors}
    return predict(known, rule_file.read(table), "edgetpu", device)


def first(content: bytes) -> Placed:
    """Predict for the first operator of a file."""
    return predicted(content).operators[0]


def chain() -> bytes:
    """Give an int8 network: a convolution, a HARD_SWISH, another convolution, a pooling of the input beside them."""
    kernel = np.ones((2, 1, 1, 2), np.int8)
    steps = [
        operator("CONV_2D", ["image", "kernel"], ["seen"], "Conv2DOptions"),
        operator("HARD_SWISH", ["seen"], ["swished"]),
        operator("CONV_2D", ["swished", "kernel"], ["map"], "Conv2DOptions"),
        operator("MAX_POOL_2D", ["image"], ["pooled"], "Pool2DOptions"),
    ]
    shape = (1, 4, 4, 2)
    tensors: dict[str, Given] = dict.fromkeys(("image", "seen", "swished", "map", "pooled"), shape)
    typed = {name: Typed("int8", 0.5) for name in (*tensors, "kernel")}
    return network({**tensors, "kernel": kernel}, steps, ["image"], ["map", "pooled"], typed)


def package(cached: int = 0, streamed: int = 0, runtime: int = 14, compiler: str = "cl/384591198") -> bytes:
    """Give an operator's options as the compiler writes them: text around a package, by the slots of its schema."""
    parts = [_executable(1, cached), _executable(2, streamed)] if cached else [_executable(0, streamed)]
    inner = flatbuffers.Builder(256)
    strings = [inner.CreateByteVector(part) for part in parts]
    inner.StartVector(4, len(strings), 4)
    for string in reversed(strings):
        inner.PrependUOffsetTRelative(string)
    each = inner.EndVector()
    inner.StartObject(1)
    inner.PrependUOffsetTRelativeSlot(0, each, 0)
    inner.Finish(inner.EndObject())
    outer = flatbuffers.Builder(256)
    executables, version = outer.CreateByteVector(bytes(inner.Output())), outer.CreateString(compiler)
    outer.StartObject(8)
    outer.PrependInt32Slot(0, runtime, 0)
    outer.PrependUOffsetTRelativeSlot(1, executables, 0)
    outer.PrependUOffsetTRelativeSlot(4, version, 0)
    outer.Finish(outer.EndObject(), b"DWN1")
    return b"\x00executable\x00" + bytes(outer.Output()) + b"\x01\x02"


def _executable(kind: int, parameters: int) -> bytes:
    builder = flatbuffers.Builder(64 + parameters)
    held = builder.CreateByteVector(bytes(parameters))
    builder.StartObject(17)
    builder.PrependUOffsetTRelativeSlot(6, held, 0)
    builder.PrependInt16Slot(13, kind, 0)
    builder.Finish(builder.EndObject(), b"DWN1")
    return bytes(builder.Output())


def compiled(content: bytes, left: Collection[int], options: bytes) -> bytes:
    """Give what a compiler would write: one operator in the place of all but those that it left."""
    model = flatbuffer.unpack(content)
    graph = model.subgraphs[0]
    kept = [graph.operators[place] for place in sorted(left)]
    taken = [one for place, one in enumerate(graph.operators) if place not in set(left)]
    if taken:
        written = {int(index) for one in taken for index in one.outputs}
        wanted = {int(index) for one in kept for index in one.inputs} | {
            int(index) for index in graph.outputs
        }
        chip, code = schema.OperatorT(), schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode, code.version = OPERATOR, 1
        model.operatorCodes = [*model.operatorCodes, code]
        chip.opcodeIndex = len(model.operatorCodes) - 1
        chip.inputs = np.array([int(index) for index in graph.inputs], np.int32)
        chip.outputs = np.array(sorted(written & wanted), np.int32)
        chip.customOptions = np.frombuffer(options, np.uint8)
        graph.operators = [chip, *kept]
    return flatbuffer.pack(model)


def fake_compiler(folder: Path) -> Path:
    """Write an `edgetpu_compiler` that prints and fails as the real one does; `FAKE_EDGETPU` says how it fails."""
    here = str(Path(__file__).parent)
    text = (
        f"import sys\nsys.path[:0] = [{here!r}]\nfrom fake_edgetpu import main\nsys.exit(main(sys.argv[1:]))"
    )
    return script(folder / "edgetpu_compiler", text, sys.executable)
