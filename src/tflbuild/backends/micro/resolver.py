"""The operators and variables of a file that LiteRT for Microcontrollers has to be told of."""

from __future__ import annotations

from typing import Any

from tflbuild.tflite import flatbuffer


def operators_of(model: Any) -> list[str]:
    """Name the operators of a file, those of the bodies of WHILE and IF among them, each once.

    Args:
        model: what `flatbuffer.load` gave.
    """
    used = {operator.opcodeIndex for graph in model.subgraphs for operator in graph.operators or ()}
    return sorted({flatbuffer.name_of(model.operatorCodes[index]) for index in used})


def variables_of(model: Any) -> int:
    """Count the resource variables of a file."""
    names = set()
    for graph in model.subgraphs:
        for operator in graph.operators or ():
            if flatbuffer.name_of(model.operatorCodes[operator.opcodeIndex]) == "VAR_HANDLE":
                names.add(bytes(operator.builtinOptions.sharedName or b""))
    return len(names)
