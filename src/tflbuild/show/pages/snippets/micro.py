"""C++ that runs a delivered file on a microcontroller, by LiteRT for Microcontrollers."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tflbuild.show.pages.snippets.cpp import TYPES
from tflbuild.show.pages.snippets.delivered import File, Tensor

SPARE = 1.2
"""Room beside what the NPU's compiler asks for: the interpreter's own structures lie in the arena, too."""

OWN_NAMES = {"TFLite_Detection_PostProcess": "AddDetectionPostprocess"}
"""Methods of the resolver for operators that are not built in."""


def code(file: File) -> str:
    """Write a function that runs the file, which is compiled in as an array."""
    left = list(dict.fromkeys(file.left or ()))
    arena = math.ceil(SPARE * (file.memory or 64.0))
    lines = [
        f"// xxd -i {file.name} > model_data.cc; the array has to be aligned to 16 bytes",
        '#include "tensorflow/lite/micro/micro_interpreter.h"',
        '#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"',
        '#include "tensorflow/lite/schema/schema_generated.h"',
        "",
        "extern const unsigned char model_tflite[];",
        f"alignas(16) static uint8_t arena[{arena} * 1024];  // a first guess: read arena_used_bytes() and set it anew",
        "",
        "TfLiteStatus Infer() {",
        f"  static tflite::MicroMutableOpResolver<{len(left) + 1}> resolver;",
        "  resolver.AddEthosU();",
        *(f"  resolver.{_method(name)}();" for name in left),
        "  static tflite::MicroInterpreter interpreter(",
        "      tflite::GetModel(model_tflite), resolver, arena, sizeof(arena));",
        "  TF_LITE_ENSURE_STATUS(interpreter.AllocateTensors());",
    ]
    for place, tensor in enumerate(file.inputs):
        lines += [f"  {line}" for line in _end(tensor, f"interpreter.input({place})", "fill")]
    lines.append("  TF_LITE_ENSURE_STATUS(interpreter.Invoke());")
    for place, tensor in enumerate(file.outputs):
        lines += [f"  {line}" for line in _end(tensor, f"interpreter.output({place})", "read")]
    return "\n".join([*lines, "  return kTfLiteOk;", "}"]) + "\n"


def _method(name: str) -> str:
    """Give the resolver's method for an operator: `AddDepthwiseConv2D` for `DEPTHWISE_CONV_2D`."""
    parts = (part.upper() if part[:1].isdigit() else part.capitalize() for part in name.split("_"))
    return OWN_NAMES.get(name, f"Add{''.join(parts)}")


def _end(tensor: Tensor, where: str, what: str) -> Iterator[str]:
    kind = TYPES.get(tensor.spec.dtype, f"{tensor.spec.dtype}_t")
    told = f"{what} {tensor.numbers}: {tensor.text}"
    yield f"{kind}* {tensor.variable} = tflite::GetTensorData<{kind}>({where});  // {told}"
