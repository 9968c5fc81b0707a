"""Lines over one axis: where their points lie, and what is told beside them; places by hand."""

from __future__ import annotations

import pytest

from tflbuild.core.exhibit import Line, Matrix, Plot
from tflbuild.show.pages.matrix import shaded
from tflbuild.show.pages.plot import place
from tflbuild.show.pages.training import exhibits_of_training

# 56 to 544 across, 264 to 44 upwards: see `waterfall`.


def test_points_lie_between_the_ends_and_a_gap_ends_a_line() -> None:
    line = Line(name="precision", points=((0.0, 0.0), (0.5, 1.0), (0.75, None), (1.0, 0.5)))
    drawn = place(Plot(lines=(line,), x_name="x", y_name="y", ends=(0.0, 1.0), at=0.75, mark="here"))
    assert drawn is not None
    assert drawn.lines == [{"name": "precision", "paths": ["56.0,264.0 300.0,44.0", "544.0,154.0"]}]
    assert drawn.at == {"x": 422.0, "text": "here", "text_x": 416.0, "anchor": "end"}
    assert [tick["text"] for tick in drawn.ticks] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]


def test_without_ends_the_values_decide_and_what_does_not_vary_is_drawn_all_the_same() -> None:
    flat = Plot(lines=(Line(name="rate", points=((0, 0.01), (100, 0.01))),), x_name="step", y_name="rate")
    drawn = place(flat)
    assert drawn is not None
    assert drawn.at is None
    (path,) = drawn.lines[0]["paths"]
    first, last = (point.split(",") for point in path.split())
    assert first[1] == last[1]
    one = place(Plot(lines=(Line(name="a", points=((3, 1.0),)),), x_name="x", y_name="y"))
    assert one is not None
    assert one.lines[0]["paths"][0].startswith("56.0,")


def test_lines_without_values_are_no_plot() -> None:
    assert place(Plot(lines=(Line(name="a", points=((0, None),)),), x_name="x", y_name="y")) is None


def test_cells_are_shaded_by_their_share_of_the_row() -> None:
    names = ("cat", "nothing")
    made = shaded(
        Matrix(rows=names, columns=names, counts=((3, 1), (0, 0)), row_name="is", column_name="said")
    )
    assert made.rows == [
        {
            "name": "cat",
            "cells": [
                {"text": "3", "shade": 30, "right": True},
                {"text": "1", "shade": 10, "right": False},
            ],
            "total": 4,
        },
        {
            "name": "nothing",
            "cells": [{"text": "0", "shade": 0, "right": False}, {"text": "–", "shade": 0, "right": False}],
            "total": 0,
        },
    ]


@pytest.mark.parametrize(
    "curve", [None, {}, {"step": [1], "loss": [2.0]}, {"step": [1, 2], "loss": [None, 2.0]}]
)
def test_a_pass_without_a_curve_has_none(curve: object) -> None:
    assert exhibits_of_training([{"label": "convert"}, {"label": "train", "curve": curve}]) == []


def test_loss_learning_rate_and_speed_are_a_plot_each() -> None:
    curve = {
        "step": [0, 10],
        "loss": [3.0, 1.0],
        "learning_rate": [0.1, 0.0],
        "images_per_second": [None, 90.0],
    }
    (exhibit,) = exhibits_of_training([{"label": "train", "curve": curve}])
    assert exhibit.title == "train"
    assert [(plot.y_name, plot.lines[0].points) for plot in exhibit.parts] == [  # type: ignore[union-attr]
        ("loss", ((0, 3.0), (10, 1.0))),
        ("learning rate", ((0, 0.1), (10, 0.0))),
    ], "one point is not a line"
