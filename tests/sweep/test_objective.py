"""What a search aims at, and how far a job is over its budget; every number by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.sweep.objective import LEAST, excess_of, figures_at_gate, figures_of


def verdict(limit: dict[str, Any], value: float | None, baseline: float | None = None) -> dict[str, Any]:
    return {"metric": "m", "limit": limit, "value": value, "baseline": baseline, "ok": False}


@pytest.mark.parametrize(
    ("closed", "excess"),
    [
        (verdict({"max": 800}, 1000), 0.25),
        (verdict({"min": 0.5}, 0.4), 0.2),
        (verdict({"max_drop": 0.02, "since": "train"}, 0.55, 0.6), 1.5),
        (verdict({"max_drop": 0}, 0.5, 0.6), 0.1),
        (verdict({"max_rise": 2.0}, 5.0, 2.0), 0.5),
        (verdict({"max_relative_drop": 0.1}, 0.4, 0.5), 1.0),
        (verdict({"max": 800}, None), 1.0),
        (verdict({"max_drop": 0.02}, 0.5, None), 1.0),
        (verdict({"max_drop": 0.2}, 0.5, 0.6), LEAST),  # undecided and strict: within the limit by its value
    ],
)
def test_excess_is_relative_to_the_limit(closed: dict[str, Any], excess: float) -> None:
    at_a_gate = {"passes": [{"verdicts": [closed]}], "budget": {"verdicts": []}}
    assert excess_of(at_a_gate) == pytest.approx(excess)
    in_total = {"passes": [{"verdicts": []}], "budget": {"verdicts": [closed, closed | {"ok": True}]}}
    assert excess_of(in_total) == pytest.approx(excess)


def test_several_exceeded_limits_add_up() -> None:
    closed = [verdict({"max": 800}, 1000), verdict({"min": 0.5}, 0.4)]
    assert excess_of({"passes": [], "budget": {"verdicts": closed}}) == pytest.approx(0.45)


def test_figures_come_from_the_delivered_files_metrics_or_the_rows_own() -> None:
    row = {
        "metrics": {"map": {"value": 0.6}, "size": {"value": 100}},
        "bytes": 100,
        "compressed_bytes": 70,
        "latency_ms": 3.0,
    }
    assert figures_of(row, ["map", "size", "latency", "compressed_size"]) == [0.6, 100.0, 3.0, 70.0]
    assert figures_of(row, ["map", "map50"]) is None
    assert figures_of({**row, "metrics": {"map": {"value": None}}}, ["map"]) is None


def test_figures_at_a_gate_have_a_size_for_a_flatbuffer_only() -> None:
    closed = {"metrics": {"map": {"value": 0.5}}, "bytes": 900, "kind": "TFLiteModel"}
    assert figures_at_gate({"passes": [closed]}, ["map", "size"]) == [0.5, 900.0]
    assert figures_at_gate({"passes": [closed | {"kind": "KerasModel"}]}, ["map", "size"]) is None
    assert figures_at_gate({"passes": []}, ["map"]) is None
