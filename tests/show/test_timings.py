from __future__ import annotations

from typing import Any

from tflbuild.show.timings import time_lines


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
    assert lines[1].split() == ["train", "cached", "0.50", "71.25", "1.2", "KiB"]
    assert lines[2].split() == ["prune", "ran", "2.00", "3.50", "900", "0.50", "1.2", "KiB"]
    assert lines[3].split() == ["in", "sum", "2.00", "3.50", "900", "1.00", "71.25"]
    assert lines[4].split()[-1] == "1.00"  # 4 s in all, 2 in passes, 1 measuring
    assert lines[5].split() == ["all", "built", "4.00"]


def test_passes_of_a_fallback_are_counted() -> None:
    tried = [{"run": "quantize"}, {"run": "qat -> convert", "passes": [step("qat"), step("convert")]}]
    lines = time_lines({"passes": [step("quantize", tried=tried)], "seconds": 9.0, "status": "built"})
    assert [line.split()[0] for line in lines[1:4]] == ["quantize", "qat", "convert"]
    assert lines[4].split()[2] == "6.00"


def test_every_column_has_its_own_sum_and_memory_its_peak() -> None:
    steps = [
        step(
            "train", seconds=1.0, cpu_seconds=10.0, peak_rss_mib=1500, measuring_seconds=100.0, bytes=12345678
        ),
        step("prune", seconds=2.0, cpu_seconds=20.0, peak_rss_mib=700, measuring_seconds=200.0, bytes=0),
        step("hit", cached=True, measuring_seconds=0.0, cost_seconds=1000.0),
        step("too", cached=True, measuring_seconds=0.0, cost_seconds=2000.0),
    ]
    lines = time_lines({"passes": steps, "seconds": 310.0, "status": "over_budget"})
    assert lines[0].split("  ")[0].strip() == "pass"
    assert lines[1].split() == ["train", "ran", "1.00", "10.00", "1,500", "100.00", "11.8", "MiB"]
    assert lines[2].split() == ["prune", "ran", "2.00", "20.00", "700", "200.00"]
    assert lines[3].split() == ["hit", "cached", "1000.00", "1.2", "KiB"]
    assert lines[5].split() == ["in", "sum", "3.00", "30.00", "1,500", "300.00", "3000.00"]
    assert lines[6].split() == ["planning,", "delivery,", "reports", "7.00"]  # 310 - 3 - 300
    assert lines[7].split() == ["all", "over", "budget", "310.00"]


def test_numbers_stand_under_their_headings_to_the_right() -> None:
    lines = time_lines({"passes": [step("a")], "seconds": 1.0, "status": "built"})
    heading, row = lines[:2]
    assert row.index("ran") == len("planning, delivery, reports  ")
    for name, value in (("wall s", "2.00"), ("cpu s", "3.50"), ("peak MiB", "900"), ("measuring s", "0.50")):
        assert heading.index(name) + len(name) == row.index(value) + len(value)
    assert heading.rstrip().endswith("size")
    assert heading.index("size") + 4 == row.index("1.2 KiB") + 7
    assert lines[3].split() == ["planning,", "delivery,", "reports"], (
        "what passes took is not less than nothing"
    )


def test_a_build_of_nothing_has_a_table_too() -> None:
    lines = time_lines({"passes": [], "seconds": 0.25, "status": "failed"})
    assert [line.split()[-1] for line in lines[1:]] == ["sum", "0.25", "0.25"]


def test_passes_of_a_fallback_stand_under_their_step() -> None:
    tried = [{"run": "x"}, {"run": "qat", "passes": [step("qat")]}]
    lines = time_lines({"passes": [step("quantize", tried=tried)], "seconds": 9.0, "status": "built"})
    assert lines[1].startswith("quantize")
    assert lines[2].startswith("  qat ")
