"""Custom operators, and why some cannot be executed."""

from __future__ import annotations

from pathlib import Path

import ai_edge_litert
import pytest

from tflbuild.tflite.chips import CHIPS, OWN, refusal


@pytest.mark.parametrize("name", OWN)
def test_what_litert_has_itself_is_not_refused(name: str) -> None:
    assert refusal(name) == ""
    folder = Path(ai_edge_litert.__file__).parent
    assert any(name.encode() in library.read_bytes() for library in folder.rglob("*.so"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "edgetpu-custom-op",
            "is compiled for an Edge TPU (operator 'edgetpu-custom-op') and cannot be executed here",
        ),
        ("ethos-u", "is compiled for an Ethos-U NPU (operator 'ethos-u') and cannot be executed here"),
        (
            "FlexErf",
            "has the operator 'FlexErf', which only TensorFlow executes and LiteRT has not; convert it again",
        ),
        (
            "Poses",
            "has the custom operator 'Poses', which LiteRT has not, so it cannot be executed here",
        ),
    ],
)
def test_why_an_operator_cannot_be_executed_is_said(name: str, said: str) -> None:
    assert refusal(name).startswith(said)


def test_chips_are_no_operators_of_litert() -> None:
    assert not set(CHIPS) & set(OWN)
