"""Numbers beside points, and texts under columns and beside axes, stay apart."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from made_up import measurement
from tflbuild.show.pages.parallel import NEAREST, parallel
from tflbuild.show.pages.scatter import _box, _meet, scatter
from tflbuild.show.pages.waterfall import Column, fitting, waterfall


def job(size: int, value: float, **overrides: str) -> dict[str, Any]:
    metrics = {"map": measurement(value, "test", 500, "xnnpack")}
    found = {"overrides": overrides, "status": "built", "run": "r", "pareto": False, "metrics": metrics}
    return found | {"compressed_bytes": size, "latency_ms": None}


def test_numbers_of_neighbours_stand_on_different_sides() -> None:
    jobs = [job(300_000 + 200 * k, 0.6 + 0.0005 * k) for k in range(4)] + [
        job(200_000, 0.4),
        job(500_000, 0.8),
    ]
    chart = scatter(jobs, "map")
    assert chart is not None
    boxes = []
    for point in chart.points:
        dx, dy = point["text_x"] - point["x"], point["text_y"] - point["y"]
        boxes.append(_box(point, dx, dy, 9.0))
    for place, box in enumerate(boxes):
        assert not any(_meet(box, other) for other in boxes[:place])
    alone = chart.points[4]
    assert (round(alone["text_x"] - alone["x"]), alone["anchor"]) == (13, "start"), "as it always stood"


def test_numbers_of_a_search_are_short() -> None:
    jobs = [job(300_000, 0.6, sparsity="0.30000000000000004"), job(200_000, 0.5, sparsity="0.5")]
    chart = scatter(jobs, "map")
    assert chart is not None
    assert chart.points[0]["text"].startswith("sparsity=0.3: map 0.600")


def test_a_name_is_cut_where_its_column_is_narrow() -> None:
    assert fitting("quantize_mixed", 170) == "quantize_mixed"
    assert fitting("quantize_mixed", 68) == "quantize_…"  # ten letters of 6.8
    columns = [
        Column(label=f"quantize_mixed_{k}", measurement=measurement(0.5, "val", 9, "x")) for k in range(12)
    ]
    chart = waterfall("map", "1", [("after each pass", columns)])
    assert chart is not None
    assert chart.points[0]["label"] == "quantize_mixed_0"
    assert chart.points[0]["short"] == "quantize_…"  # ten letters in 888 / 12


def test_values_that_would_lie_over_one_another_are_left_out_but_for_the_ends() -> None:
    values = ["0", "1", "2", "50", "100"]
    jobs = [job(300_000, 0.5 + k / 100, side=value) for k, value in enumerate(values)]
    chart = parallel(jobs, ["side"], "map")
    assert chart is not None
    marks = chart.axes[0].marks
    assert sorted(mark["text"] for mark in marks) == ["0", "100", "50"]
    heights = sorted(mark["y"] for mark in marks)
    assert all(after - before >= NEAREST for before, after in pairwise(heights))
