"""The figures on top of a report, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.show.pages.packing import packing
from tflbuild.show.pages.tiles import measured_where, tiles


def measured(value: float | None, split: str = "test", **more: Any) -> dict[str, Any]:
    return {"value": value, "unit": "1", "split": split, "n": 1500, "low": 0.6, "high": 0.7} | more


TARGET: dict[str, Any] = {
    "name": "cpu",
    "bytes": 2048,
    "compressed_bytes": 1024,
    "metrics": {"map": measured(0.65)},
    "latency_ms": {"median": 1.234, "p90": 1.41, "threads": 1, "cpu": "Made-up 3000"},
}
REPORT: dict[str, Any] = {
    "targets": [TARGET],
    "base": {"label": "train", "metrics": {"map": measured(0.684)}},
    "passes": [
        {"label": "train", "cached": True, "metrics": {"map": measured(0.7, "val")}},
        {"label": "prune", "cached": False, "metrics": {}},
        {"label": "old", "metrics": {}},
    ],
    "seconds": 271.2,
}


def shown(report: dict[str, Any], metric: str = "map", unit: str = "1") -> list[list[str]]:
    return [[tile["name"], tile["value"], *tile["notes"]] for tile in tiles(report, metric, unit)]


def target(**changed: Any) -> dict[str, Any]:
    return REPORT | {"targets": [TARGET | changed]}


def test_the_tiles_say_accuracy_change_file_latency_and_time() -> None:
    assert shown(REPORT) == [
        ["map", "0.650", "0.600 to 0.700", "test, n = 1,500"],
        ["change", "−0.034", "since train, which had 0.684", "no limit on map was set"],
        ["file", "2.0 KiB", "1.0 KiB compressed", "cpu"],
        ["latency", "1.23 ms", "p90 1.41 ms, 1 thread", "Made-up 3000"],
        ["time", "4 min 31 s", "1 of 3 passes from the store"],
    ]


def test_without_a_target_the_last_pass_that_was_measured_is_shown() -> None:
    report = REPORT | {"targets": []}
    assert shown(report)[0] == ["map", "0.700", "0.600 to 0.700", "val, n = 1,500"]
    assert [row[0] for row in shown(report)] == ["map", "time"], "val and test are not pair"
    again = [*REPORT["passes"], {"label": "q", "cached": True, "metrics": {"map": measured(0.5, "test")}}]
    assert shown(report | {"passes": again})[:2] == [
        ["map", "0.500", "0.600 to 0.700", "test, n = 1,500"],
        ["change", "−0.184", "since train, which had 0.684", "no limit on map was set"],
    ]
    assert [row[0] for row in shown(report | {"passes": []})] == ["time"]


@pytest.mark.parametrize("base", [{}, {"map": measured(None)}, {"map": measured(0.684, "val")}])
def test_there_is_no_change_where_there_is_no_base_on_the_same_images(base: dict[str, Any]) -> None:
    report = REPORT | {"base": {"label": "train", "metrics": base}}
    assert [row[0] for row in shown(report)] == ["map", "file", "latency", "time"]


def test_a_value_of_zero_is_a_value() -> None:
    report = target(metrics={"map": measured(0.0, low=0.0, high=0.0)})
    assert shown(report)[:2] == [
        ["map", "0.000", "0.000 to 0.000", "test, n = 1,500"],
        ["change", "−0.684", "since train, which had 0.684", "no limit on map was set"],
    ]


def test_an_npu_says_its_latency_and_how_much_of_the_model_it_takes() -> None:
    report = target(latency_ms=None, npu_latency=0.7432, npu_coverage=0.956)
    assert shown(report)[3] == ["NPU", "0.74 ms", "96% of operators on the NPU"]
    assert shown(target(latency_ms=None, npu_latency=0.0, npu_coverage=1.0))[3][1:] == [
        "0.00 ms",
        "100% of operators on the NPU",
    ]
    assert [row[0] for row in shown(target(latency_ms=None))] == ["map", "change", "file", "time"]


def test_several_threads_are_several() -> None:
    report = target(latency_ms=TARGET["latency_ms"] | {"threads": 2})
    assert "p90 1.41 ms, 2 threads" in shown(report)[3]


def test_where_something_was_measured_is_said_with_the_number_of_images() -> None:
    assert measured_where(measured(0.5)) == "test, n = 1,500"
    assert measured_where({"value": 1}) == ""


def test_a_file_is_set_against_its_compressed_size_where_weights_are_zeros() -> None:
    pruned = [{"notes": {"sparsity": 0.3}}, {}, {"notes": {"sparsity": 0.625}}, {"notes": {"sparsity": {}}}]
    made = packing({"passes": pruned}, {"bytes": 2000, "compressed_bytes": 500})
    assert made is not None
    assert made.title == "Size"
    assert made.text[0].startswith(
        "62 % of the pruned layers' weights are zeros. They are stored like other weights"
    )
    (bars,) = made.parts
    assert [(bar.label, bar.values, bar.text) for bar in bars.bars] == [  # type: ignore[union-attr]
        ("stored", (2000.0,), ""),
        ("compressed", (500.0,), "75 % less"),
    ]
    assert bars.unit == "bytes"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("sparsity", "compressed"), [(0.0, 500), (0, 500), (None, 500), ("0.5", 500), (0.5, 0), (0.5, None)]
)
def test_where_nothing_is_zero_or_compressed_there_is_nothing_to_set_against(
    sparsity: Any, compressed: int | None
) -> None:
    passes = [{"notes": {"sparsity": sparsity}}]
    assert packing({"passes": passes}, {"bytes": 2000, "compressed_bytes": compressed}) is None
