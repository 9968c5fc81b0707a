"""Parallel coordinates: an axis for each key and figure, a line for each job."""

from __future__ import annotations

from typing import Any

from tflbuild.show.pages.parallel import parallel


def job(
    value: float | None, size: int | None = None, status: str = "built", **overrides: str
) -> dict[str, Any]:
    metrics = {"map": {"value": value, "unit": "1"}} if value is not None else {}
    return {
        "overrides": overrides,
        "status": status,
        "run": "r",
        "pareto": False,
        "metrics": metrics,
        "compressed_bytes": size,
    }


def test_a_number_stands_by_its_size_and_a_word_by_the_order_in_which_it_came() -> None:
    jobs = [
        job(0.5, 1024, a="0.5", b="x"),
        job(0.75, 3072, a="10", b="z"),
        job(1.0, 2048, a="2", b="y"),
    ]
    made = parallel(jobs, ["a", "b"], "map")
    assert made is not None
    assert [axis.name for axis in made.axes] == ["a", "b", "map", "size"]
    a, b, metric, size = made.axes
    # By hand: 268 at the bottom, 52 at the top; 2 is (2 - 0.5) / 9.5 of the way up, and not between as text would be.
    assert a.heights == [268.0, 52.0, 233.9]
    assert b.heights == [268.0, 160.0, 52.0], "x, then z, then y"
    assert metric.heights == [268.0, 160.0, 52.0]
    assert size.heights == [268.0, 52.0, 160.0]
    assert [mark["text"] for mark in a.marks] == ["0.5", "10", "2"]
    assert [mark["text"] for mark in size.marks] == ["1.0 KiB", "3.0 KiB"]
    assert made.lines[1]["points"] == f"{a.x},52.0 {b.x},160.0 {metric.x},160.0 {size.x},52.0"
    assert [line["number"] for line in made.lines] == [1, 2, 3]


def test_a_job_without_a_figure_has_a_line_as_far_as_it_goes() -> None:
    made = parallel([job(0.5, a="1", b="2"), job(None, status="failed", a="2", b="3")], ["a", "b"], "map")
    assert made is not None
    assert [len(line["points"].split()) for line in made.lines] == [3, 2]
    assert [line["status"] for line in made.lines] == ["built", "failed"]


def test_one_job_and_a_sweep_of_nothing_have_no_drawing() -> None:
    assert parallel([job(0.5, a="1", b="2")], ["a", "b"], "map") is None
    assert parallel([job(0.5), job(0.6)], [], "map") is None


def test_values_that_are_all_one_stand_in_the_middle() -> None:
    made = parallel([job(0.5, a="1"), job(0.5, a="1")], ["a"], "map")
    assert made is not None
    assert [axis.heights for axis in made.axes] == [[160.0, 160.0], [160.0, 160.0]]


def test_many_axes_make_a_wider_drawing_and_long_names_are_cut() -> None:
    keys = [f"quantize.calibration.source.{k}" for k in range(12)]
    made = parallel([job(0.5, **dict.fromkeys(keys, str(k))) for k in range(2)], keys, "map")
    assert made is not None
    # By hand: 12 steps of 130 and 84 on both sides.
    assert made.width == 12 * 130 + 2 * 84
    assert made.axes[0].name == "…ation.source.0"  # 15 letters
