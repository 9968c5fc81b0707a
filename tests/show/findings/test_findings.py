"""Notes of passes as a terminal tells them and as a page draws them."""

from __future__ import annotations

from typing import Any

import pytest

import altered
import noted
from tflbuild.core.exhibit import Bars, Curve, Exhibit, Table
from tflbuild.show.findings import auto, islands, iterations, mixed, rounding, sparse_encoding
from tflbuild.show.findings.notes import FINDINGS, exhibits_of, lines_of, plain_notes


def shown(exhibit: Exhibit | None) -> Exhibit:
    assert exhibit is not None
    return exhibit


def test_what_auto_chose_is_one_line() -> None:
    assert auto.lines(noted.AUTO) == [
        "auto: mse, biases corrected; error 0.015 (minmax 0.03); 4 candidates, 4 s"  # 3 times 0.5 and 2.5
    ]
    usual = {"chosen": "minmax", "error": 0.03, "candidates": [noted.candidate("minmax", 0.03)]}
    assert auto.lines(usual) == ["auto: minmax; error 0.03; 1 candidate, 0 s"]


FAILED = [
    {"setting": "equalized by weights", "reason": "LiteRT cannot execute it"},
    {"setting": "mse", "reason": "its output 0 is not finite"},
]


def test_settings_that_failed_are_counted_with_the_first_reason_and_listed_with_all() -> None:
    note = noted.AUTO | {"failed": FAILED}
    assert auto.lines(note)[1:] == [
        "auto: 2 settings could not be used and were left out; equalized by weights: LiteRT cannot execute it"
    ]
    table = shown(auto.exhibit(note)).parts[-1]
    assert isinstance(table, Table)
    assert [row.cells for row in table.rows] == [tuple(failed.values()) for failed in FAILED]
    assert "1 setting could not be used and was left out" in auto.lines(note | {"failed": FAILED[:1]})[1]


def test_candidates_are_drawn_from_the_best_on_with_the_chosen_one_marked() -> None:
    bars, table = shown(auto.exhibit(noted.AUTO)).parts
    assert isinstance(bars, Bars)
    assert [bar.values for bar in bars.bars] == [(0.0149,), (0.015,), (0.02,), (0.03,)]
    assert [bar.marked for bar in bars.bars] == [False, True, False, False]
    assert bars.largest == 0.03
    assert isinstance(table, Table)
    assert [row.marked for row in table.rows] == [False, True, False, False]


def test_the_usual_way_has_a_bar_however_many_are_better() -> None:
    many = [noted.candidate(f"mse {k}", 0.001 * k) for k in range(1, 20)] + [noted.candidate("minmax", 0.5)]
    bars = shown(auto.exhibit({"chosen": "mse 1", "error": 0.001, "candidates": many})).parts[0]
    assert isinstance(bars, Bars)
    assert [bar.label for bar in bars.bars][-2:] == ["mse 12", "minmax"]


def test_the_page_says_what_was_gained_and_why_not_the_very_best_was_taken() -> None:
    (sentence,) = shown(auto.exhibit(noted.AUTO)).text
    assert "4 settings were measured on 25 held-out calibration images" in sentence
    assert "50 % below that of minmax" in sentence  # 0.015 against 0.03
    assert "A simpler setting is taken" in sentence


def test_kept_layers_are_told_with_their_cost() -> None:
    assert mixed.lines(noted.MIXED) == [
        "mixed: 1 kept in float32, 5 candidates judged",
        "  head: +9,344 bytes, +0.021 ms (noise 0.004)",
    ]
    table, bars = shown(mixed.exhibit(noted.MIXED)).parts
    assert isinstance(table, Table)
    assert [getattr(cell, "value", cell) for cell in table.rows[0].cells] == [
        "head",
        "float32",
        3072,
        9344,
        0.0213,
        0.004,
    ]
    assert isinstance(bars, Bars)
    assert [(bar.label, bar.marked) for bar in bars.bars] == [
        ("int8", False),
        ("and head", True),
        ("and stem", False),
    ]


def test_a_budget_that_needs_nothing_kept_or_does_not_hold_is_said() -> None:
    none = noted.MIXED | {"kept": [], "order": []}
    assert mixed.lines(none) == ["mixed: nothing had to be kept, int8 is within the budget"]
    assert "Nothing had to be kept" in shown(mixed.exhibit(none)).text[0]
    assert "the budget does not hold" in mixed.lines(noted.MIXED | {"ok": False})[0]


def test_islands_are_listed_with_their_reason_and_only_surprising_ones_are_told() -> None:
    assert islands.lines(noted.ISLANDS) == [
        "in float32: CONV_2D model/head/BiasAdd (left out by qat.exclude)"
    ]
    (table,) = shown(islands.exhibit(noted.ISLANDS)).parts
    assert isinstance(table, Table)
    assert table.rows[1].cells[-1] == "custom operator"


def test_the_last_level_within_the_budget_is_the_one_that_was_kept() -> None:
    assert iterations.lines(noted.ITERATIONS) == [
        "pruned in 3 levels:",
        "  sparsity 30 %, map 0.620: within budget",
        "  sparsity 50 %, map 0.610: kept",
        "  sparsity 70 %, map 0.500: over budget",
    ]
    curve, _ = shown(iterations.exhibit(noted.ITERATIONS)).parts
    assert isinstance(curve, Curve)
    assert [(point.x, point.y, point.ok, point.kept) for point in curve.points] == [
        (0.3, 0.62, True, False),
        (0.5, 0.61, True, True),
        (0.7, 0.5, False, False),
    ]


def test_layers_that_gained_by_learned_rounding_are_told() -> None:
    assert rounding.lines(noted.ROUND) == [
        "round: learned in 2 of 3 layers, 30 weights turned; most in head, from 0.04 to 0.01"
    ]
    bars, table = shown(rounding.exhibit(noted.ROUND)).parts
    assert isinstance(bars, Bars)
    assert [(bar.label, bar.values) for bar in bars.bars] == [
        ("head", (0.04, 0.01)),
        ("stem", (0.03, 0.02)),
        ("middle", (0.02, 0.02)),
    ]
    assert isinstance(table, Table)
    assert table.rows[0].cells[-1] == "20 of 128"
    assert rounding.lines(noted.ROUND[1:2]) == ["round: nearest rounding is best in every layer"]


def test_what_a_sparse_file_saves_is_told() -> None:
    note = noted.NOTES["sparse_encoding"]
    assert sparse_encoding.lines(note) == ["sparse encoding: 1,000 bytes, with zeros it would be 2,048"]
    (bars,) = shown(sparse_encoding.exhibit(note)).parts
    assert isinstance(bars, Bars)
    assert [bar.values for bar in bars.bars] == [(2048,), (1000,)]


def test_where_no_level_is_within_the_budget_the_first_was_kept() -> None:
    closed = [level | {"ok": False} for level in noted.ITERATIONS]
    assert [line.endswith("kept") for line in iterations.lines(closed)] == [False, True, False, False]


@pytest.mark.parametrize("name", FINDINGS)
def test_notes_that_lack_keys_are_told_as_far_as_they_go(name: str) -> None:
    whole = noted.NOTES[name]
    entries: Any = ({}, {"layers": [{}]}, {"candidates": [{}, {"error": 0.1}], "chosen": "a"}, {"kept": [{}]})
    broken = [[], [{}], [{"ok": True}]] if isinstance(whole, list) else entries
    for note in (*broken, whole):
        FINDINGS[name].lines(note)
        FINDINGS[name].exhibit(note)


def test_other_notes_are_shown_as_they_are() -> None:
    assert plain_notes(noted.NOTES) == {"loss": 1.5}
    assert (
        len(exhibits_of(noted.NOTES)) == len(FINDINGS) - 1
    )  # the page has a section for what was recognised
    assert lines_of({"loss": 1.5, "auto": {}, "islands": []}) == []


def test_candidates_that_could_not_be_kept_are_counted_with_the_first_reason() -> None:
    note = {"ok": True, "kept": [], "failed": [{"kept": "nothing", "reason": "LiteRT cannot execute it"}]}
    assert (
        mixed.lines(note)[-1]
        == "mixed: 1 candidate could not be used; nothing kept: LiteRT cannot execute it"
    )
    assert "LiteRT cannot execute it." in shown(mixed.exhibit(note)).text[-1]


def test_a_note_that_is_no_finding_is_shown_as_it_is() -> None:
    for changed in altered.every(noted.NOTES, 150):
        lines_of(changed)
        exhibits_of(changed)
        plain_notes(changed)
    assert plain_notes({"auto": "text", "sparsity": 0.5}) == {"auto": "text", "sparsity": 0.5}


def test_what_was_recognised_is_told_with_its_evidence() -> None:
    assert lines_of({"recognised": noted.RECOGNISED}) == [
        "outputs: softmax (layer 'dense_1' ends in softmax)"
    ]


def test_parity_is_told_with_its_size_and_samples() -> None:
    assert lines_of({"parity": noted.PARITY}) == [
        "parity: 'scores' is within 2.1e-07 of that of 'my.h5' as loaded on 16 images, whose largest value is 0.98"
    ]


def test_names_from_a_file_reach_a_terminal_without_what_it_would_obey() -> None:
    entry = {"what": "outputs\x1b[2J", "value": "softmax\n", "evidence": "layer '\u202eevil'"}
    island = {"operator": "ELU", "tensor": "x\x1b]0;", "dtype": "float32", "reason": "none"}
    (recognised, kept) = lines_of({"recognised": [entry], "islands": [island]})
    assert (recognised + kept).isprintable()
