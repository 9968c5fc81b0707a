"""Files that LiteRT does not execute, or computes wrongly, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conv_network import FUSED, Network
from tflbuild.core.errors import BrokenPromise
from tflbuild.quantization import execution
from tflbuild.quantization.execution import failure
from tflbuild.tflite.packed import Packed

ONES = {"image": np.ones((6, 6, 3), np.float32)}


def constant(*values: float) -> Packed:
    """Give a model whose outputs are a number each, whatever the image."""
    network = Network()
    for place, value in enumerate(values):
        network.conv(
            f"out{place}", "image", 1, weights=np.zeros((1, 3)), bias=np.array([value]), fused=FUSED.NONE
        )
    return Packed(network.content(*(f"out{place}" for place in range(len(values)))))


@pytest.mark.parametrize(
    ("wanted", "found", "why"),
    [
        ((3.0,), (299.0,), ""),  # a hundred times as large is the end
        ((3.0,), (-301.0,), "output 0 reaches 301, and 3 in the float model"),
        ((0.01,), (99.0,), ""),  # of small outputs 1 is the unit
        ((0.01,), (101.0,), "output 0 reaches 101, and 1 in the float model"),
        ((2.0, -0.5), (2.0, 150.0), "output 1 reaches 150, and 1 in the float model"),
        ((2.0,), (np.nan,), "output 0 reaches nan, and 2 in the float model"),
        ((2.0,), (-np.inf,), "output 0 reaches inf, and 2 in the float model"),
    ],
    ids=str,
)
def test_outputs_that_no_rounding_makes_are_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wanted: tuple[float, ...],
    found: tuple[float, ...],
    why: str,
) -> None:
    monkeypatch.setattr(
        execution.litert, "check_runs", lambda path: None
    )  # constants that are no numbers are known there
    said = failure(constant(*wanted), constant(*found), tmp_path / "made.tflite", ONES)
    assert said == (f"LiteRT runs it, but computes it wrongly: {why}" if why else "")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Node number 0 (CONV_2D) failed to prepare.", "LiteRT cannot execute CONV_2D 'out0': "),
        ("Node number 1 (CONV_2D) failed to prepare.", "LiteRT cannot execute CONV_2D 'out1': "),
        ("Node number 2 (CONV_2D) failed to prepare.", "LiteRT cannot execute it: "),  # there are two
        ("failed to create XNNPACK runtime", "LiteRT cannot execute it: "),
    ],
)
def test_the_operator_that_litert_numbers_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, told: str
) -> None:
    made, path = constant(1.0, 2.0), tmp_path / "made.tflite"

    def refuse(result: Path) -> Any:
        assert (result, path.read_bytes()) == (path, made.content)
        raise BrokenPromise(said)

    monkeypatch.setattr(execution.litert, "check_runs", refuse)
    assert failure(constant(1.0, 2.0), made, path, ONES) == told + said
