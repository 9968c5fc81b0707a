"""Kotlin that runs a delivered file on Android, by LiteRT's CompiledModel."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tflbuild.show.pages.snippets.delivered import File, Tensor

PACKAGE = "com.google.ai.edge.litert:litert:2.3.0"

INTO = {
    "float32": ("writeFloat", "FloatArray"),
    "int32": ("writeInt", "IntArray"),
    "int64": ("writeLong", "LongArray"),
}
"""Method and array that fill an input of a dtype; bytes are written by `writeInt8`, signed or not."""


def code(file: File) -> str:
    """Write the whole of it: open, fill, run, read."""
    pictured = any(tensor.pictured for tensor in file.inputs)
    name, options = quoted(file.name), "CompiledModel.Options(Accelerator.CPU)"
    lines = [
        f'// dependencies {{ implementation("{PACKAGE}") }}',
        *(["import android.graphics.Bitmap"] if pictured else []),
        "import com.google.ai.edge.litert.Accelerator",
        "import com.google.ai.edge.litert.CompiledModel",
        *(["import kotlin.math.roundToInt"] if any(_rounds(tensor) for tensor in file.inputs) else []),
        "",
        f"val model = CompiledModel.create(context.assets, {name}, {options})",
    ]
    for tensor in file.inputs:
        lines += ["", f"// input {quoted(tensor.name)}: {tensor.text}", *_filled(tensor)]
    lines += [""]
    for tensor in file.outputs:
        lines.append(f"val {_buffer(tensor)} = model.createOutputBuffer({quoted(tensor.name)})")
    given, made = (
        ", ".join(f"{quoted(tensor.name)} to {_buffer(tensor)}" for tensor in tensors)
        for tensors in (file.inputs, file.outputs)
    )
    lines.append(f"model.run(mapOf({given}), mapOf({made}))")
    for tensor in file.outputs:
        lines += _read(tensor)
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Write a string of Kotlin."""
    return json.dumps(text, ensure_ascii=False).replace("$", "\\$")


def _buffer(tensor: Tensor) -> str:
    parts = tensor.variable.rstrip("_").split("_")
    return f"{parts[0]}{''.join(part.capitalize() for part in parts[1:])}Buffer"


def _rounds(tensor: Tensor) -> bool:
    return tensor.integer and not tensor.takes_codes


def _filled(tensor: Tensor) -> Iterator[str]:
    buffer, name, numbers = _buffer(tensor), quoted(tensor.name), tensor.numbers
    yield f"val {buffer} = model.createInputBuffer({name})"
    write, kind = INTO.get(tensor.spec.dtype, ("writeInt8", "ByteArray"))
    values = _buffer(tensor).removesuffix("Buffer") + "Values"
    if tensor.spec.dtype == "int16":
        yield "// this API of LiteRT writes no int16: use the C++ one"
    yield f"val {values} = {kind}({numbers})"
    if tensor.pictured:
        yield from _pixels(tensor, values)
    else:
        yield f"// fill {values}{_grid(tensor)}"
    yield f"{buffer}.{write}({values})"


def _grid(tensor: Tensor) -> str:
    if not tensor.integer:
        return ""
    level = f"round(value / {tensor.spec.scale!r}) + {tensor.spec.zero_point}"
    return f": {level}, between {tensor.lowest} and {tensor.highest}"


def _pixels(tensor: Tensor, values: str) -> Iterator[str]:
    _, height, width, channels = tensor.shape
    given = tensor.modality
    how = f"{given.resize}, {given.aspect.replace('_', ' ')}"
    yield f"val pixels = IntArray({height} * {width})  // of a Bitmap of {width} x {height}, resized: {how}"
    yield f"bitmap.getPixels(pixels, 0, {width}, 0, 0, {width}, {height})"
    yield "for ((place, pixel) in pixels.withIndex()) {"
    for channel, value in enumerate(_channels(given.channels)):
        index = f"{channels} * place + {channel}" if channels > 1 else "place"
        yield f"    {values}[{index}] = {_value(tensor, value, channel)}"
    yield "}"


def _channels(order: str) -> tuple[str, ...]:
    red, green, blue = "(pixel shr 16 and 255)", "(pixel shr 8 and 255)", "(pixel and 255)"
    if order == "grey":
        return (f"(({red} * 19595 + {green} * 38470 + {blue} * 7471 + 32768) shr 16)",)
    return (red, green, blue) if order == "rgb" else (blue, green, red)


def _value(tensor: Tensor, code: str, channel: int) -> str:
    spec = tensor.spec
    if tensor.takes_codes:
        return f"{code}.toByte()" if spec.dtype == "uint8" else f"({code} - 128).toByte()"
    scales, offsets = tensor.modality.affine
    value = f"{code} * {float(scales[channel])!r}f + {float(offsets[channel])!r}f"
    if not tensor.integer:
        return value
    level = f"(({value}) / {spec.scale!r}f).roundToInt() + {spec.zero_point}"
    return f"({level}).coerceIn({tensor.lowest}, {tensor.highest}).toByte()"


def _read(tensor: Tensor) -> Iterator[str]:
    buffer, spec = _buffer(tensor), tensor.spec
    name = buffer.removesuffix("Buffer")
    if spec.dtype in ("int8", "uint8"):
        code = "it.toInt()" if spec.dtype == "int8" else "(it.toInt() and 255)"
        value = f".map {{ ({code} - {spec.zero_point}) * {spec.scale!r}f }}" if tensor.integer else ""
        yield f"val {name} = {buffer}.readInt8(){value}  // {tensor.text}"
    else:
        read = {"int32": "readInt", "int64": "readLong"}.get(spec.dtype, "readFloat")
        yield f"val {name} = {buffer}.{read}()  // {tensor.text}"
