from __future__ import annotations

from typing import Any

from tflbuild.timings import time_lines


def step(label: str, **changed: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "label": label,
        "cached": False,
        "outcome": "ran",
        "seconds": 2.0,
        "cpu_seconds": 3.5,
    }
    made |= {"peak_rss_mib": 900, "measuring_seconds": 0.5, "cost_seconds": 2.0, "bytes": 1234, "tried": []}
    return made | changed


def test_a_hit_says_what_it_saved_and_a_run_what_it_took() -> None:
    steps = [step("train", cached=True, outcome="cached", cost_seconds=71.25), step("prune")]
    lines = time_lines({"passes": steps, "seconds": 4.0, "status": "built"})
    assert lines[1].split() == ["train", "hit", "0.50", "71.25", "1,234"]
    assert lines[2].split() == ["prune", "ran", "2.00", "3.50", "900", "0.50", "1,234"]
    assert lines[3].split() == ["in", "sum", "2.00", "3.50", "900", "1.00", "71.25"]
    assert lines[4].split()[-1] == "1.00"  # 4 s in all, 2 in passes, 1 measuring
    assert lines[5].split() == ["all", "built", "4.00"]


def test_passes_of_a_fallback_are_counted() -> None:
    tried = [{"run": "quantize"}, {"run": "qat -> convert", "passes": [step("qat"), step("convert")]}]
    lines = time_lines({"passes": [step("quantize", tried=tried)], "seconds": 9.0, "status": "built"})
    assert [line.split()[0] for line in lines[1:4]] == ["quantize", "qat", "convert"]
    assert lines[4].split()[2] == "6.00"
