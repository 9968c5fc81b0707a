"""C++ sources that run a file on a microcontroller: the model, its operators, and a program with one sample.

Everything here is the standard library's: it runs where a build writes its run folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tflbuild.backends.micro.program import MAIN

BYTES_A_LINE = 20
LONGEST = 80
"""Characters of a tensor's name that a comment repeats."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Input of the generator of sources.

    Attributes:
        model: bytes of the `.tflite`.
        resolver: methods of the resolver that register its operators.
        variables: resource variables that it has.
        arena: size of the arena. [bytes]
        measured: what measured the arena, e.g. "tflite-micro 0.dev20261023182759".
        inputs: of one sample; each has `index`, its place among the inputs of the graph, `name`, `dtype`, `shape` and
            `hex`, its bytes.
        outputs: that are expected, likewise, and `compared`, how many of their numbers mean anything.
    """

    model: bytes
    resolver: Sequence[str]
    variables: int
    arena: int
    measured: str
    inputs: Sequence[Mapping[str, Any]]
    outputs: Sequence[Mapping[str, Any]]

    def files(self) -> dict[str, str]:
        """Give the texts of the files by name."""
        texts = {
            "model.h": _MODEL_H,
            "model.cc": "\n".join(self._model_cc()),
            "resolver.h": "\n".join(self._resolver_h()),
            "sample.h": _SAMPLE_H,
            "sample.cc": "\n".join(self._sample_cc()),
            "main.cc": MAIN,
        }
        return {name: f"{text.strip()}\n" for name, text in texts.items()}

    def _model_cc(self) -> Iterator[str]:
        yield '#include "model.h"'
        yield ""
        yield f"alignas(16) const unsigned char model_data[] = {{{_array(self.model)}}};"
        yield f"const unsigned int model_size = {len(self.model)};"

    def _resolver_h(self) -> Iterator[str]:
        count = max(1, len(self.resolver))
        yield "#ifndef TFLBUILD_RESOLVER_H_"
        yield "#define TFLBUILD_RESOLVER_H_"
        yield ""
        yield "#include <cstddef>"
        yield ""
        yield '#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"'
        yield ""
        yield f"// The smallest arena in which {self.measured} ran the model, with its own kernels on a 64-bit"
        yield "// machine. A 32-bit device needs less for the interpreter's structures; kernels that are made for"
        yield "// a device, such as CMSIS-NN, may need more for what they compute with."
        yield f"constexpr size_t kArenaSize = {self.arena};"
        yield f"constexpr int kResourceVariables = {self.variables};"
        yield ""
        yield f"using ModelResolver = tflite::MicroMutableOpResolver<{count}>;"
        yield ""
        yield "inline TfLiteStatus AddOperators(ModelResolver& resolver) {"
        for method in self.resolver:
            yield f"  if (resolver.{method}() != kTfLiteOk) return kTfLiteError;"
        if not self.resolver:
            yield "  (void)resolver;"
        yield "  return kTfLiteOk;"
        yield "}"
        yield ""
        yield "#endif  // TFLBUILD_RESOLVER_H_"

    def _sample_cc(self) -> Iterator[str]:
        yield '#include "sample.h"'
        yield ""
        for what, tensors in (("input", self.inputs), ("output", self.outputs)):
            for place, tensor in enumerate(tensors):
                shape = "x".join(map(str, tensor["shape"])) or "1"
                yield f"// {what} {place}: {_comment(tensor['name'])}, {shape} {_comment(tensor['dtype'])}"
                content = bytes.fromhex(tensor["hex"])
                yield f"alignas(16) static const unsigned char {what}_{place}[] = {{{_array(content)}}};"
        yield ""
        for what, name, tensors in (
            ("input", "sample_inputs", self.inputs),
            ("output", "expected_outputs", self.outputs),
        ):
            yield f"const SampleTensor {name}[] = {{"
            for place, tensor in enumerate(tensors):
                array = f"{what}_{place}"
                yield f"    {{{tensor['index']}, {array}, sizeof({array}), {tensor.get('compared', 0)}}},"
            yield "};"
            yield f"const int {name}_count = {len(tensors)};"


def sources_of(model: bytes, micro: Mapping[str, Any], sample: Mapping[str, Any]) -> Sources:
    """Give the sources for a delivered file.

    Args:
        model: bytes of the file.
        micro: the field of that name of the target's report.
        sample: see `tflbuild.core.target.Target.companions`.
    """
    inputs, outputs = (
        sorted(
            ({**one, "index": micro[what][one["name"]]} for one in sample[what]), key=lambda one: one["index"]
        )
        for what in ("inputs", "outputs")
    )
    return Sources(
        model=model,
        resolver=micro["resolver"],
        variables=micro["variables"],
        arena=micro["memory"]["smallest"],
        measured=f"tflite-micro {micro['version']}",
        inputs=inputs,
        outputs=outputs,
    )


def _array(content: bytes) -> str:
    lines = [
        ",".join(map(str, content[start : start + BYTES_A_LINE]))
        for start in range(0, len(content), BYTES_A_LINE)
    ]
    return "\n" + ",\n".join(lines) + "\n"


def _comment(text: str) -> str:
    """Leave in a name what ends no comment and continues no line."""
    return re.sub(r"[^\w .:/()-]", "?", str(text), flags=re.ASCII)[:LONGEST]


_MODEL_H = """
#ifndef TFLBUILD_MODEL_H_
#define TFLBUILD_MODEL_H_

// The .tflite, aligned as LiteRT for Microcontrollers asks for it.
extern const unsigned char model_data[];
extern const unsigned int model_size;

#endif  // TFLBUILD_MODEL_H_
"""

_SAMPLE_H = """
#ifndef TFLBUILD_SAMPLE_H_
#define TFLBUILD_SAMPLE_H_

#include <cstddef>

// An input or an output of the model: its place among them, its bytes as the interpreter holds them, and how many
// of its numbers, from the first on, are compared; behind them an operator may leave what was there before.
struct SampleTensor {
  int index;
  const unsigned char* bytes;
  size_t size;
  size_t compared;
};

// One sample of the data set as the model takes it, and what the model makes of it.
extern const SampleTensor sample_inputs[];
extern const int sample_inputs_count;
extern const SampleTensor expected_outputs[];
extern const int expected_outputs_count;

#endif  // TFLBUILD_SAMPLE_H_
"""
