"""Custom operators: those that hold what a compiler made for a chip, and those that LiteRT itself has."""

from __future__ import annotations

from collections.abc import Mapping

CHIPS: Mapping[str, str] = {"edgetpu-custom-op": "an Edge TPU", "ethos-u": "an Ethos-U NPU"}
"""Operators that hold what a compiler made for a chip."""

OWN = ("TFLite_Detection_PostProcess", "AudioSpectrogram", "Mfcc", "NumericVerify")
"""Custom operators that LiteRT registers itself."""

MICRO = ("CIRCULAR_BUFFER", "TFLM_DECODE")
"""Custom operators that LiteRT for Microcontrollers has, whose names look like those of operators that are built in."""

FLEX = "Flex"
"""Beginning of the name of an operator that TensorFlow executes inside of its own build of the runtime."""


def refusal(name: str) -> str:
    """Say why a custom operator cannot be executed here, to complete "it "; "" where it can."""
    if name in CHIPS:
        return f"is compiled for {CHIPS[name]} (operator '{name}') and cannot be executed here"
    if name in OWN:
        return ""
    if name.startswith(FLEX):
        return (
            f"has the operator '{name}', which only TensorFlow executes and LiteRT has not; convert it again with "
            f"supported_ops=[TFLITE_BUILTINS]"
        )
    return f"has the custom operator '{name}', which LiteRT has not, so it cannot be executed here"
