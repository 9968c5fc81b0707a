"""Where boxes, answers and lines of a sample are drawn."""

from __future__ import annotations

import pytest

from tflbuild.core.exhibit import Mark, SampleView, Trace
from tflbuild.show.pages.sample_views import drawn

BOX = (0.25, 0.5, 0.75, 1.0)


def boxed(**more: object) -> SampleView:
    mark = Mark(label="stop", score=0.912, box=BOX, alone=True)
    both = Mark(label="yield", score=0.5, box=(0.0, 0.0, 0.5, 0.25))
    fields = {"truth": (Mark(label="stop", box=BOX),), "said": (("base", (both, mark)), ("delivered", ()))}
    return SampleView(name="a.jpg", picture="/9j/", width=200, height=100, **{**fields, **more})  # type: ignore[arg-type]


def test_a_box_has_its_place_in_pixels_of_the_picture() -> None:
    made = drawn(boxed())
    base, delivered = made.panels
    # By hand: y 0.25 to 0.75 of 100, x 0.5 to 1 of 200.
    assert [made.truth[0][key] for key in ("x", "y", "width", "height")] == [100.0, 25.0, 100.0, 50.0]
    assert [base.boxes[0][key] for key in ("x", "y", "width", "height")] == [0.0, 0.0, 50.0, 50.0]
    assert [box["alone"] for box in base.boxes] == [False, True]
    assert delivered.boxes == []


def test_what_one_model_alone_says_is_named_first_and_its_text_stays_in_the_picture() -> None:
    base, delivered = drawn(boxed()).panels
    assert [one["text"] for one in base.named] == ["stop 0.91", "yield 0.50"]
    assert [box["text"] for box in base.boxes] == ["", "stop 0.91"]
    letters = drawn(boxed()).letters
    assert base.boxes[1]["text_x"] + 0.6 * letters * len("stop 0.91") <= 200
    assert base.boxes[1]["text_y"] == 23.0
    assert delivered.named == []


def test_four_boxes_of_a_picture_have_their_text() -> None:
    many = tuple(Mark(label=str(k), score=0.5, box=BOX, alone=True) for k in range(6))
    (panel,) = drawn(boxed(said=(("base", many),))).panels
    assert [box["text"] for box in panel.boxes] == ["0 0.50", "1 0.50", "2 0.50", "3 0.50", "", ""]


def test_more_than_eight_answers_are_counted() -> None:
    many = tuple(Mark(label=str(k), score=0.5, box=BOX) for k in range(11))
    (panel,) = drawn(boxed(said=(("base", many),))).panels
    assert ([one["text"] for one in panel.named][-1], panel.more) == ("7 0.50", 3)


def test_a_class_of_the_whole_sample_stands_beside_what_is_right() -> None:
    said = (("base", (Mark(label="cat", score=0.75),)), ("delivered", (Mark(label="dog", score=0.5),)))
    made = drawn(
        SampleView(name="a", picture="/9j/", width=28, height=28, truth=(Mark(label="cat"),), said=said)
    )
    assert not made.boxed
    assert made.pixelated
    assert made.rows == [("truth", "cat", None), ("base", "cat 0.75", True), ("delivered", "dog 0.50", False)]
    unknown = drawn(SampleView(name="a", said=(*said[:1], ("delivered", ()))))
    assert unknown.rows == [("base", "cat 0.75", None), ("delivered", "–", None)]


def test_a_line_spans_the_drawing_and_leaves_out_what_is_not_finite() -> None:
    values = (("base", (0.0, 1.0, 0.5)), ("delivered", (0.0, None, 2.0)))
    (line,) = drawn(SampleView(name="a", traces=(Trace(name="scores", values=values),))).lines
    assert line["text"] == "0 to 2"
    # By hand: 4 to 236 across, 0 at 68 and 2 at 4.
    assert line["paths"] == [
        ("base", "4.0,68.0 120.0,36.0 236.0,52.0"),
        ("delivered", "4.0,68.0 236.0,4.0"),
    ]


@pytest.mark.parametrize("second", [(0.25,), (None,), ()])
def test_an_output_of_one_number_is_said(second: tuple[float | None, ...]) -> None:
    trace = Trace(name="angle", values=(("base", (0.5,)), ("delivered", second)))
    (line,) = drawn(SampleView(name="a", traces=(trace,))).lines
    assert line["text"] == f"base 0.5, delivered {'0.25' if second == (0.25,) else '–'}"
    assert line["paths"] == []
