"""Options of operators by the names that the schema of TensorFlow Lite gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from ai_edge_litert import schema_py_generated as schema

ENUMERATIONS: Mapping[str, str] = {
    "padding": "Padding",
    "fusedActivationFunction": "ActivationFunctionType",
    "weightsFormat": "FullyConnectedOptionsWeightsFormat",
    "inDataType": "TensorType",
    "outDataType": "TensorType",
    "idxOutType": "TensorType",
    "quantizedBiasType": "TensorType",
    "kernelType": "LSTMKernelType",
    "combiner": "CombinerType",
}
"""Options whose values have names, and the enumeration of the schema that has these."""


def named_options(operator: Any) -> dict[str, Any]:
    """Give an operator's options by name, in snake_case: numbers, flags, lists, and names of enumerated values.

    Args:
        operator: of an unpacked model.
    """
    given = operator.builtinOptions or getattr(operator, "builtinOptions2", None)
    if given is None:
        return {}
    return {_snake(name): _value(type(given).__name__, name, value) for name, value in vars(given).items()}


def option_names() -> frozenset[str]:
    """List the names of the options of all operators."""
    return frozenset(
        _snake(name)
        for kind, cls in vars(schema).items()
        if kind.endswith("OptionsT")
        for name in vars(cls())
    )


def _value(kind: str, name: str, value: Any) -> Any:
    enumeration = "MirrorPadMode" if (kind, name) == ("MirrorPadOptionsT", "mode") else ENUMERATIONS.get(name)
    if enumeration is not None:
        return _names(enumeration).get(value, str(value))
    return tuple(value.tolist()) if hasattr(value, "tolist") else value


@cache
def _names(enumeration: str) -> dict[int, str]:
    values = vars(getattr(schema, enumeration)).items()
    named = {value: name for name, value in values if isinstance(value, int)}
    return {value: name.lower() if enumeration == "TensorType" else name for value, name in named.items()}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
