"""Operators as LiteRT for Microcontrollers registers them: methods of its `MicroMutableOpResolver`."""

from __future__ import annotations

from collections.abc import Iterable

EXCEPTIONS = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
    "CIRCULAR_BUFFER": "AddCircularBuffer",
    "TFLite_Detection_PostProcess": "AddDetectionPostprocess",
    "TFLM_DECODE": "AddDecode",
    "ethos-u": "AddEthosU",
}
"""Methods whose names do not follow from the operator's, and those of custom operators."""

SIGNAL = "Signal"
"""Beginning of the name of a custom operator of the library of signal processing: "SignalRfft" is `AddRfft`."""


def method(name: str) -> str:
    """Give the method that registers an operator.

    >>> method("DEPTHWISE_CONV_2D"), method("CUMSUM"), method("SignalRfft")
    ('AddDepthwiseConv2D', 'AddCumSum', 'AddRfft')
    """
    if name in EXCEPTIONS:
        return EXCEPTIONS[name]
    if name.startswith(SIGNAL):
        return f"Add{name.removeprefix(SIGNAL)}"
    parts = (part.upper() if part[:1].isdigit() else part.capitalize() for part in name.split("_"))
    return f"Add{''.join(parts)}"


def methods(names: Iterable[str]) -> list[str]:
    """Give the methods that register operators, each once, sorted."""
    return sorted({method(name) for name in names})
