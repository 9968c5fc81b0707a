"""Which jobs are Pareto-optimal, by what the charts' axes show and beyond noise; by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.sweep.pareto import optimal, rule


def job(
    value: float,
    compressed: int = 100,
    latency: float = 1.0,
    noise: float = 0.0,
    width: float = 0.0,
    **more: Any,
) -> dict[str, Any]:
    metrics = {"score": {"value": value, "low": value - width, "high": value + width}}
    made = {"status": "built", "metrics": metrics, "compressed_bytes": compressed, "latency_ms": latency}
    return made | {"latency_noise_ms": noise} | more


def paired(value: float, change: float, base: str = "one", compressed: int = 100) -> dict[str, Any]:
    """Give a job whose own interval is wide, and whose change since the base is known well."""
    differences = {"score": {"value": change, "low": change - 0.01, "high": change + 0.01, "n": 100}}
    return job(value, compressed, width=0.2, differences=differences, base={"label": base, "metrics": {}})


CASES = {
    "the charts' size, which is the compressed one": (
        [job(0.5, 90, bytes=2000), job(0.5, 100, bytes=1000)],
        [True, False],
    ),
    "accuracies within an interval": (
        [job(0.50, 100, width=0.05), job(0.53, 120, width=0.05)],
        [True, False],
    ),
    "accuracies beyond": ([job(0.50, 100, width=0.01), job(0.53, 120, width=0.01)], [True, True]),
    "one value within the other's interval alone": (
        [job(0.50, width=0.001), job(0.53, width=0.05)],
        [True, True],
    ),
    "latencies within the timer's noise": ([job(0.5, 100, 1.0, 0.2), job(0.5, 101, 0.9, 0.2)], [True, False]),
    "latencies beyond": ([job(0.5, 100, 1.0, 0.05), job(0.5, 101, 0.9, 0.05)], [True, True]),
    "paired with one base": (
        [paired(0.50, -0.10, compressed=100), paired(0.55, -0.05, compressed=100)],
        [False, True],
    ),
    "of two bases": (
        [paired(0.50, -0.10, "one", 100), paired(0.55, -0.05, "two", 100)],
        [True, True],
    ),
    "equal but for noise": ([job(0.5, width=0.1), job(0.52, width=0.1)], [True, True]),
}


@pytest.mark.parametrize("what", CASES)
def test_noise_makes_no_job_better(what: str) -> None:
    rows, expected = CASES[what]
    assert optimal(rows, "score") == expected


def test_the_rule_is_said_with_what_it_ignores() -> None:
    said = rule("map")
    assert "map, compressed size and latency" in said
    assert "95 % interval" in said
    assert "timer's noise" in said
