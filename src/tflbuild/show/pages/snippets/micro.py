"""C++ that runs a delivered file on a microcontroller; what lies in `micro/` beside one is a whole program."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tflbuild.backends.micro.methods import methods
from tflbuild.show.pages.snippets.cpp import TYPES
from tflbuild.show.pages.snippets.delivered import File, Tensor

SPARE = 1.2
"""Room beside what the NPU's compiler asks for: the interpreter's own structures lie in the arena, too."""

NPU_OPERATOR = "ethos-u"
"""Operator that holds what is compiled for an Ethos-U."""


def code(file: File) -> str:
    """Write a function that runs the file, which is compiled in as an array."""
    added = list(file.resolver) or methods([NPU_OPERATOR, *(file.left or ())])
    guess = f"{math.ceil(SPARE * (file.memory or 64.0))} * 1024"
    arena, said = (
        (str(file.arena), "the smallest that was measured here; see resolver.h")
        if file.arena
        else (guess, "a first guess: read arena_used_bytes() and set it anew")
    )
    lines = [
        f"// xxd -i {file.name} > model_data.cc; the array has to be aligned to 16 bytes",
        '#include "tensorflow/lite/micro/micro_interpreter.h"',
        '#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"',
        '#include "tensorflow/lite/schema/schema_generated.h"',
        "",
        "extern const unsigned char model_tflite[];",
        f"alignas(16) static uint8_t arena[{arena}];  // {said}",
        "",
        "TfLiteStatus Infer() {",
        f"  static tflite::MicroMutableOpResolver<{len(added)}> resolver;",
        *(f"  resolver.{method}();" for method in added),
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


def _end(tensor: Tensor, where: str, what: str) -> Iterator[str]:
    kind = TYPES.get(tensor.spec.dtype, f"{tensor.spec.dtype}_t")
    told = f"{what} {tensor.numbers}: {tensor.text}"
    yield f"{kind}* {tensor.variable} = tflite::GetTensorData<{kind}>({where});  // {told}"
