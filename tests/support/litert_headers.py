"""What a program needs of LiteRT's C interface, declared here where its headers are not: names, arguments and values.

LiteRT 2.3 exports these functions from `libLiteRt.so`, which its Python package has; the package has no headers. Where
they are, $TFLBUILD_TEST_LITERT_INCLUDE names their folder, and these are not used.
"""

from __future__ import annotations

from pathlib import Path

HANDLES = (
    "Environment",
    "Model",
    "Options",
    "CompiledModel",
    "Signature",
    "Tensor",
    "TensorBuffer",
    "TensorBufferRequirements",
)

FUNCTIONS = (
    "CreateEnvironment(int, const void*, LiteRtEnvironment*)",
    "CreateModelFromFile(LiteRtEnvironment, const char*, LiteRtModel*)",
    "CreateOptions(LiteRtOptions*)",
    "SetOptionsHardwareAccelerators(LiteRtOptions, int)",
    "CreateCompiledModel(LiteRtEnvironment, LiteRtModel, LiteRtOptions, LiteRtCompiledModel*)",
    "GetModelSignature(LiteRtModel, LiteRtParamIndex, LiteRtSignature*)",
    "GetNumSignatureInputs(LiteRtSignature, LiteRtParamIndex*)",
    "GetNumSignatureOutputs(LiteRtSignature, LiteRtParamIndex*)",
    "GetSignatureInputName(LiteRtSignature, LiteRtParamIndex, const char**)",
    "GetSignatureOutputName(LiteRtSignature, LiteRtParamIndex, const char**)",
    "GetSignatureInputTensorByIndex(LiteRtSignature, LiteRtParamIndex, LiteRtTensor*)",
    "GetSignatureOutputTensorByIndex(LiteRtSignature, LiteRtParamIndex, LiteRtTensor*)",
    "GetRankedTensorType(LiteRtTensor, LiteRtRankedTensorType*)",
    "GetCompiledModelInputBufferRequirements(LiteRtCompiledModel, LiteRtParamIndex, LiteRtParamIndex, "
    "LiteRtTensorBufferRequirements*)",
    "GetCompiledModelOutputBufferRequirements(LiteRtCompiledModel, LiteRtParamIndex, LiteRtParamIndex, "
    "LiteRtTensorBufferRequirements*)",
    "CreateManagedTensorBufferFromRequirements(LiteRtEnvironment, const LiteRtRankedTensorType*, "
    "LiteRtTensorBufferRequirements, LiteRtTensorBuffer*)",
    "GetTensorBufferPackedSize(LiteRtTensorBuffer, size_t*)",
    "LockTensorBuffer(LiteRtTensorBuffer, void**, LiteRtLockMode)",
    "UnlockTensorBuffer(LiteRtTensorBuffer)",
    "RunCompiledModel(LiteRtCompiledModel, LiteRtParamIndex, size_t, LiteRtTensorBuffer*, size_t, LiteRtTensorBuffer*)",
)

VALUES = """
#pragma once
#include <cstddef>
typedef size_t LiteRtParamIndex;
typedef enum { kLiteRtStatusOk = 0 } LiteRtStatus;
typedef enum { kLiteRtHwAcceleratorCpu = 1 } LiteRtAccelerator;
typedef enum { kLiteRtTensorBufferLockModeRead = 0, kLiteRtTensorBufferLockModeWrite = 1 } LiteRtLockMode;
typedef struct { int words[18]; } LiteRtRankedTensorType;  // 72 bytes: an element type and a layout
"""


def write(folder: Path, headers: list[str]) -> None:
    """Write headers of these names that declare all of it."""
    handles = "".join(f"typedef struct {name}_* LiteRt{name};\n" for name in HANDLES)
    functions = "".join(f"LiteRtStatus LiteRt{function};\n" for function in FUNCTIONS)
    declared = folder / "litert" / "c" / "declared_for_a_test.h"
    declared.parent.mkdir(parents=True)
    declared.write_text(f'{VALUES}{handles}extern "C" {{\n{functions}}}\n')
    for header in headers:
        path = folder / header
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('#include "litert/c/declared_for_a_test.h"\n')
