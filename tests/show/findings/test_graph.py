"""What a page shows of the changes of a graph."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core.exhibit import Table
from tflbuild.show.findings.notes import exhibits_of, lines_of, plain_notes

STEM = "model/relu;model/bn;model/conv"
NOTE: dict[str, Any] = {
    "operators": {"CONV_2D": [2, 2], "QUANTIZE": [0, 1], "MUL": [1200, 0]},
    "tensors": [7, 8],
    "changed": [
        {
            "operator": "CONV_2D",
            "dtype": ["float32", "int8"],
            "shape": None,
            "count": 2,
            "tensors": [STEM, "b"],
        },
        {
            "operator": "constant",
            "dtype": ["int8", "int8"],
            "shape": [[3, 4], [2, 4]],
            "count": 1,
            "tensors": ["w"],
        },
    ],
    "added": [{"operator": "QUANTIZE", "dtype": "int8", "count": 1, "tensors": ["\x1b[2Jq"]}],
    "removed": [],
    "regridded": 2,
    "revalued": 0,
}


def shown(note: dict[str, Any]) -> tuple[str, list[Table]]:
    assert lines_of({"graph": note}) == []
    assert plain_notes({"graph": note}) == {}, "it is not shown as it is, too"
    (exhibit,) = exhibits_of({"graph": note})
    assert exhibit.title == "changes of the graph"
    return exhibit.text[0], [part for part in exhibit.parts if isinstance(part, Table)]


def test_numbers_stand_in_a_sentence_and_the_tables_list_what_changed() -> None:
    text, (kinds, tensors) = shown(NOTE)
    assert text == ("Of 7 tensors, now 8: 3 with another dtype or shape, 1 added, 2 with other scales alone.")
    assert [row.cells for row in kinds.rows] == [
        ("operator", "QUANTIZE", "0", "1"),
        ("operator", "MUL", "1,200", "0"),
    ]
    assert [row.cells for row in tensors.rows] == [
        ("changed", "CONV_2D", "float32 → int8", "", "2", "model/relu, b"),
        ("changed", "constant", "int8 → int8", "3 × 4 → 2 × 4", "1", "w"),
        ("added", "QUANTIZE", "int8", "", "1", "\\x1b[2Jq"),
    ]
    assert (kinds.summary, bool(tensors.summary)) == ("", True)


def test_a_graph_that_stayed_is_said_to_have() -> None:
    same = {"operators": {"ADD": [1, 1]}, "tensors": [3, 3], "changed": [], "added": [], "removed": []}
    assert shown({**same, "regridded": 0, "revalued": 0}) == (
        "The graph and all that is in it stayed as it was.",
        [],
    )
    assert shown({**same, "regridded": 0, "revalued": 4})[0] == "Of 3 tensors: 4 constants with other values."


def test_layers_and_operators_are_listed_below_each_other() -> None:
    text, (kinds,) = shown({"layers": {"Dense": [2, 0]}, "operators": {"FULLY_CONNECTED": [0, 2]}})
    assert text == "Layers became operators."
    assert [row.cells[0] for row in kinds.rows] == ["layer", "operator"]
    assert shown({"layers": {"Dense": [2, 2], "Dropout": [1, 0]}})[0] == "There are other layers."


def test_why_nothing_could_be_compared_is_said() -> None:
    assert shown({"unread": "it is\x07 broken."}) == (
        "The graphs could not be compared: it is\\x07 broken.",
        [],
    )


@pytest.mark.parametrize("note", [5, "text", ["a"], {"tensors": 5}, {"tensors": [1, 2], "changed": 5}])
def test_a_note_of_another_form_is_shown_as_it_is(note: Any) -> None:
    assert exhibits_of({"graph": note}) == []
    assert plain_notes({"graph": note}) == {"graph": note}
