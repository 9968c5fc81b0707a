"""Parts of LiteRT's profiler that need no library; tests/analyses/test_operator_times.py times what runs."""

from __future__ import annotations

import os

import pytest

from tflbuild.runtimes.profiler import Event, faster_half, quiet


def test_quiet_gives_stderr_back(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet():
        os.write(2, b"chatter\n")
    os.write(2, b"said\n")
    assert capfd.readouterr().err == "said\n"


def test_the_faster_half_counts() -> None:
    """Of five runs the three that took 10, 20 and 30: their mean is 20, and that of the operator 2, 4 and 6 is 4."""
    runs = [
        ([Event("CONV", 0, True, part)], whole)
        for whole, part in ((50, 9), (10, 2), (30, 6), (40, 8), (20, 4))
    ]
    assert faster_half(runs) == {
        "runs": 5,
        "whole_ms": 0.02,
        "operators": [{"name": "CONV", "delegated": True, "ms": 0.004}],
    }
