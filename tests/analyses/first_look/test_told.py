"""A base that is not better than chance, as a terminal tells it and as a page draws it, whole and by hand."""

from __future__ import annotations

import pytest

from tflbuild.analyses.first_look.told import exhibit_of, lines_of
from tflbuild.core.exhibit import Bar, Bars, Exhibit, Row, Table

ORDER = {
    "how": "reversed",
    "classes": ["b", "a"],
    "value": 0.5,
    "low": 0.25,
    "high": 0.75,
    "n": 40,
    "better": True,
    "override": "data.classes=[b,a]",
}
READING = {"how": "0..1", "metric": "top1", "value": 0.25, "n": 64, "override": "x=1", "with_order": ORDER}
CHANCE = {
    "verdict": "order",
    "metric": "map",
    "text": "the base is no better than chance",
    "orders": [{"how": "as now", "value": 0.1, "n": 40}, ORDER],
    "now": {"value": 0.125},
    "readings": [READING],
}
WORSE = {"how": "as now", "value": 0.1, "n": 40}


def test_what_was_tried_on_a_base_at_chance_is_said_line_by_line() -> None:
    assert lines_of(CHANCE) == [
        "tried:",
        "  objects found right 0.100 with classes as now",
        "  objects found right 0.500 [0.250, 0.750] with classes reversed: data.classes=[b,a]",
        "  top1 0.250 with 0..1; 0.500 [0.250, 0.750] with classes reversed, too",
        "  output 0 of the model seems to be your 'b'",
        "  output 1 of the model seems to be your 'a'",
    ]
    assert lines_of({"orders": [], "readings": []}) == []
    assert lines_of({"metric": "top1", "orders": [WORSE]}) == [
        "tried:",
        "  top1 0.100 with classes as now",
    ]


def test_what_was_tried_on_a_base_at_chance_is_drawn_with_what_would_take_it() -> None:
    made = exhibit_of(CHANCE)
    headings = ("value", "samples", "override")
    assert made == Exhibit(
        title="classes in another order",
        text=(
            "The base is no better than chance.",
            "Output 0 of the model seems to be your 'b'; output 1 of the model seems to be your 'a'.",
        ),
        parts=(
            Bars(
                bars=(Bar(label="as now", values=(0.1,)), Bar(label="reversed", values=(0.5,), marked=True)),
                legend="objects found right with the classes in another order; marked: clearly better than now",
            ),
            Table(
                headings=("order of the classes", *headings),
                rows=(
                    Row(cells=("as now", "0.100", "40", "")),
                    Row(cells=("reversed", "0.500 [0.250, 0.750]", "40", "data.classes=[b,a]"), marked=True),
                ),
                summary="2 tried, and the override for each",
            ),
            Bars(
                bars=(Bar(label="as now", values=(0.125,)), Bar(label="0..1", values=(0.25,))),
                legend="top1 on 64 samples with other values of the pixels; marked: clearly better than now",
            ),
            Table(
                headings=("reading of the pixels", *headings),
                rows=(
                    Row(
                        cells=(
                            "0..1",
                            "0.250; 0.500 [0.250, 0.750] with classes reversed, too",
                            "64",
                            "x=1",
                        )
                    ),
                ),
                summary="1 tried, and the override for each",
            ),
        ),
    )


@pytest.mark.parametrize(
    ("verdict", "title"),
    [
        ("reading", "other pixels than it was trained on"),
        ("order", "classes in another order"),
        ("one_class", "only one class is predicted"),
        ("chance", "not better than chance"),
        (None, "not better than chance"),
    ],
)
def test_each_verdict_on_a_base_has_its_title(verdict: str | None, title: str) -> None:
    made = exhibit_of({"verdict": verdict, "text": "x"})
    assert made.title == title


def test_eight_are_said_and_drawn_and_all_are_listed() -> None:
    note = {"metric": "top1", "orders": [{"how": f"h{k}", "value": 0.0} for k in range(10)]}
    assert [line.split()[-1] for line in lines_of(note)[1:]] == [f"h{k}" for k in range(8)]
    made = exhibit_of(note)
    bars, table = made.parts
    assert isinstance(bars, Bars)
    assert isinstance(table, Table)
    assert (len(bars.bars), len(table.rows)) == (8, 10)


@pytest.mark.parametrize(("count", "told"), [(12, 12), (13, 0)])
def test_a_dozen_classes_are_named_one_by_one(count: int, told: int) -> None:
    order = ORDER | {"classes": [f"c{k}" for k in range(count)]}
    assert len(lines_of({"metric": "top1", "orders": [order]})) == 2 + told


def test_an_end_of_an_interval_that_is_missing_leaves_the_value_alone() -> None:
    for row in (ORDER | {"low": None}, ORDER | {"high": None}):
        assert lines_of({"metric": "top1", "orders": [row]})[1].startswith("  top1 0.500 with classes")


def test_zeros_are_values() -> None:
    row = {"how": "x", "value": 0.0, "low": 0.0, "high": 0.0, "with_order": {"value": 0.0, "how": "y"}}
    assert lines_of({"readings": [row]})[1] == "  0.000 [0.000, 0.000] with x; 0.000 with classes y, too"


def test_what_is_missing_is_said_as_a_question_mark() -> None:
    assert lines_of({"orders": [{}], "readings": [{}]}) == [
        "tried:",
        "  0.000 with classes ?",
        "  0.000 with ?",
    ]
