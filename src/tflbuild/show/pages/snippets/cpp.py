"""C++ that runs a delivered file, by LiteRT's CompiledModel."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tflbuild.show.pages.snippets.delivered import File, Tensor

TYPES = {"float32": "float", "float64": "double", "bool": "bool"}
"""Types of C++ by dtype; an integer's is its name with _t."""

HEADERS = ("compiled_model", "environment", "macros", "tensor_buffer")


def code(file: File) -> str:
    """Write a function that takes the inputs and gives the outputs."""
    arguments = [f"const std::vector<{_type(one)}>& {one.variable}" for one in file.inputs]
    arguments += [f"std::vector<float>& {one.variable}" for one in file.outputs]
    lines = [
        "#include <cstddef>",
        "#include <cstdint>",
        "#include <utility>",
        "#include <vector>",
        "",
        *(f'#include "litert/cc/litert_{name}.h"' for name in HEADERS),
        "",
        *(f"// {one.variable}: {_wanted(one)}" for one in file.inputs),
        f"litert::Expected<void> Infer({', '.join(arguments)}) {{",
    ]
    lines += [f"  {line}" for line in _body(file)]
    return "\n".join([*lines, "}"]) + "\n"


def quoted(text: str) -> str:
    """Write a string of C++."""
    return json.dumps(text, ensure_ascii=False)


def _type(tensor: Tensor) -> str:
    return TYPES.get(tensor.spec.dtype, f"{tensor.spec.dtype}_t")


def _wanted(tensor: Tensor) -> str:
    """Say what an input is filled with."""
    if not tensor.pictured:
        return tensor.text + (_grid(tensor) if tensor.integer else "")
    given = tensor.modality
    how = f"{given.channels.upper()} pixels, resized: {given.resize}, {given.aspect.replace('_', ' ')}"
    if tensor.takes_codes:
        return f"{tensor.text}; {how}, as they are{'' if tensor.spec.dtype == 'uint8' else ' minus 128'}"
    scales, offsets = given.affine
    pairs = dict.fromkeys(zip(scales, offsets, strict=True))
    values = " or ".join(f"pixel * {scale:.9g} + {offset:.9g}" for scale, offset in pairs)
    return f"{tensor.text}; {how}, each {values}{' by channel' if len(pairs) > 1 else ''}" + (
        _grid(tensor) if tensor.integer else ""
    )


def _grid(tensor: Tensor) -> str:
    return f"; each number is round(value / {tensor.spec.scale:.9g}) + {tensor.spec.zero_point}"


def _body(file: File) -> Iterator[str]:
    yield "LITERT_ASSIGN_OR_RETURN(auto environment, litert::Environment::Create({}));"
    opened = f"litert::CompiledModel::Create(environment, {quoted(file.name)}, litert::HwAccelerators::kCpu)"
    yield "LITERT_ASSIGN_OR_RETURN("
    yield f"    auto model, {opened});"
    yield "litert::FlatHashMap<litert::StringView, litert::TensorBuffer> inputs, outputs;"
    for place, tensor in enumerate(file.inputs):
        yield f"LITERT_ASSIGN_OR_RETURN(auto input_{place}, model.CreateInputBuffer({quoted(tensor.name)}));"
        span = f"litert::Span<const {_type(tensor)}>({tensor.variable}.data(), {tensor.variable}.size())"
        yield f"LITERT_RETURN_IF_ERROR(input_{place}.Write<{_type(tensor)}>({span}));  // {tensor.numbers} numbers"
        yield f"inputs.emplace({quoted(tensor.name)}, std::move(input_{place}));"
    for place, tensor in enumerate(file.outputs):
        yield f"LITERT_ASSIGN_OR_RETURN(auto output_{place}, model.CreateOutputBuffer({quoted(tensor.name)}));"
        yield f"outputs.emplace({quoted(tensor.name)}, std::move(output_{place}));"
    yield "LITERT_RETURN_IF_ERROR(model.Run(inputs, outputs));"
    for tensor in file.outputs:
        yield from _read(tensor)
    yield "return {};"


def _read(tensor: Tensor) -> Iterator[str]:
    kind, spec = _type(tensor), tensor.spec
    yield "{"
    yield f"  std::vector<{kind}> raw({tensor.numbers});  // {tensor.text}"
    span = f"litert::Span<{kind}>(raw.data(), raw.size())"
    yield f"  LITERT_RETURN_IF_ERROR(outputs.at({quoted(tensor.name)}).Read<{kind}>({span}));"
    yield f"  {tensor.variable}.assign(raw.begin(), raw.end());"
    if tensor.integer:
        value = f"(value - {spec.zero_point}) * {spec.scale!r}f"
        yield f"  for (float& value : {tensor.variable}) value = {value};"
    yield "}"
