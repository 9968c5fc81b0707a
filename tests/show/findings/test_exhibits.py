"""What a page shows and a terminal says of each finding, whole and by hand."""

from __future__ import annotations

from typing import Any

import pytest

import noted
from tflbuild.core.exhibit import (
    Bar,
    Bars,
    Curve,
    Exhibit,
    Point,
    Quantity,
    Row,
    Table,
)
from tflbuild.show.findings import (
    auto,
    channels,
    dequantize,
    islands,
    iterations,
    mixed,
    parity,
    recognised,
    rounding,
    sparse_encoding,
)
from tflbuild.show.findings.notes import FINDINGS, exhibits_of, lines_of


def error(value: float | None) -> Quantity:
    return Quantity(value, "error")


AUTO = {
    "chosen": "mse",
    "error": 0.015,
    "held_out": 25,
    "seconds": 7.6,
    "candidates": [
        {"setting": "minmax", "error": 0.03, "seconds": 0.5},
        {"setting": "p99", "error": 0.0149, "seconds": 1.5},
        {"setting": "lost", "seconds": 9},
        {"setting": "mse", "error": 0.015},
    ],
    "failed": [{"setting": "max", "reason": "it is not finite"}],
}


def test_all_candidates_of_auto_are_shown_the_best_first() -> None:
    def row(setting: str, value: float, seconds: float | None, marked: bool = False) -> Row:
        return Row(cells=(setting, error(value), Quantity(seconds, "s")), marked=marked)

    assert auto.exhibit(AUTO) == Exhibit(
        title="candidates",
        text=(
            "3 settings were measured on 25 held-out calibration samples; chosen: mse. Its error is 50 % below that of "
            "minmax. A simpler setting is taken where a better one is better by a hundredth at most.",
            "auto: 1 setting could not be used and was left out; max: it is not finite",
        ),
        parts=(
            Bars(
                bars=(
                    Bar(label="p99", values=(0.0149,)),
                    Bar(label="mse", values=(0.015,), marked=True),
                    Bar(label="minmax", values=(0.03,)),
                ),
                unit="error",
                legend="output error against the float model; shorter is better",
            ),
            Table(
                headings=("setting", "error", "time"),
                rows=(row("p99", 0.0149, 1.5), row("mse", 0.015, None, True), row("minmax", 0.03, 0.5)),
                summary="all 3 candidates",
            ),
            Table(
                headings=("setting", "reason"),
                rows=(Row(cells=("max", "it is not finite")),),
                summary="all 1 settings that could not be used",
            ),
        ),
    )


def test_auto_says_its_own_time_or_else_the_sum_of_its_candidates() -> None:
    assert auto.lines(AUTO)[0] == "auto: mse; error 0.015 (minmax 0.03); 4 candidates, 8 s"
    summed = {key: value for key, value in AUTO.items() if key != "seconds"}
    assert auto.lines(summed)[0].endswith("4 candidates, 11 s")
    assert auto.lines({"chosen": "mse", "candidates": []}) == ["auto: mse; 0 candidates"]
    assert auto.lines({"candidates": []}) == []
    for note in ({"seconds": 0.0, "candidates": [{"seconds": 5}]}, {"candidates": [{"seconds": 0.0}]}):
        assert auto.lines({"chosen": "mse"} | note) == ["auto: mse; 1 candidate, 0 s"]


@pytest.mark.parametrize(
    ("own", "usual", "said"),
    [
        (0.0, 0.03, " Its error is 100 % below that of minmax."),
        (0.0296, 0.03, " Its error is 1 % below that of minmax."),
        (0.0299, 0.03, ""),
        (0.03, 0.03, ""),
        (0.04, 0.03, ""),
        (0.04, 0.0, ""),
    ],
)
def test_a_gain_of_half_a_percent_is_worth_a_word(own: float, usual: float, said: str) -> None:
    candidates = [{"setting": "minmax", "error": usual}, {"setting": "mse", "error": own}]
    made = auto.exhibit({"chosen": "mse", "error": own, "candidates": candidates})
    assert made is not None
    shown = made.text[0].removesuffix(
        " A simpler setting is taken where a better one is better by a hundredth at most."
    )
    assert shown == f"2 settings were measured; chosen: mse.{said}"


def test_twelve_candidates_have_bars_and_so_have_the_usual_and_the_chosen_one() -> None:
    candidates = [{"setting": f"s{k}", "error": 0.001 * k} for k in range(1, 16)]
    candidates.append({"setting": "minmax", "error": 0.5})
    made = auto.exhibit({"chosen": "s14", "error": 0.014, "candidates": candidates})
    assert made is not None
    bars = made.parts[0]
    assert isinstance(bars, Bars)
    assert [bar.label for bar in bars.bars] == [*(f"s{k}" for k in range(1, 13)), "s14", "minmax"]


def test_zeros_are_values() -> None:
    metrics = {"int8": {"map": {"value": 0.0}}, "mixed": {"map": {"value": 0.0}}}
    made = mixed.exhibit({"ok": True, "metrics": metrics})
    assert made is not None
    assert made.text[1] == "map 0.0000 in int8, 0.0000 now."
    cost = {"layer": "a", "file_bytes": 0, "latency_ms": 0.0, "latency_noise_ms": 0.0}
    assert mixed.lines({"kept": [cost]}) == [
        "mixed: 1 kept in ?, ? candidates judged",
        "  a: +0 B, +0.000 ms (noise 0.000)",
    ]
    assert sparse_encoding.lines({"bytes": 0, "dense_bytes": 0}) != []
    assert (
        iterations.lines([{"sparsity": 0.0, "metrics": {"map": 0.0}}])[1] == "  sparsity 0 %, map 0.000: kept"
    )
    assert auto.lines({"chosen": "a", "error": 0.0, "candidates": [{"setting": "minmax", "error": 0.0}]}) == [
        "auto: a; error 0 (minmax 0); 1 candidate"
    ]


ISLAND = {"operator": "ELU", "layer": "head", "tensor": "t", "dtype": "float32", "reason": "no integer form"}


def test_islands_are_listed_with_everything_that_is_known() -> None:
    others = [
        {"operator": "A", "tensor": "t2", "dtype": "int16", "reason": "final scores"},
        {"operator": "B", "tensor": "t3", "dtype": "float32", "reason": "custom operator"},
    ]
    assert islands.lines([ISLAND, *others]) == ["in float32: ELU head (no integer form)"]
    assert islands.exhibit([ISLAND, *others]) == Exhibit(
        title="operators of another dtype",
        parts=(
            Table(
                headings=("operator", "layer or tensor", "dtype", "reason"),
                rows=(
                    Row(cells=("ELU", "head", "float32", "no integer form")),
                    Row(cells=("A", "t2", "int16", "final scores")),
                    Row(cells=("B", "t3", "float32", "custom operator")),
                ),
            ),
        ),
    )
    assert islands.exhibit([]) is None


LEVELS: list[dict[str, Any]] = [
    {"sparsity": 0.3, "metrics": {"map50": 0.9, "map": 0.62}, "ok": True},
    {"sparsity": 0.55, "metrics": {"map50": 0.89, "map": None}, "ok": True},
    {"sparsity": 0.7, "metrics": {"map50": 0.8, "map": 0.5}, "ok": False},
]


def test_levels_of_sparsity_are_drawn_and_listed_with_every_metric() -> None:
    def row(share: float, first: float, second: float | None, ok: str, marked: bool = False) -> Row:
        return Row(cells=(Quantity(share, "%"), Quantity(first), Quantity(second), ok), marked=marked)

    assert iterations.exhibit(LEVELS) == Exhibit(
        title="levels of sparsity",
        parts=(
            Curve(
                points=(Point(x=0.3, y=0.62), Point(x=0.7, y=0.5, ok=False)),
                x_name="sparsity",
                y_name="map",
            ),
            Table(
                headings=("sparsity", "map50", "map", "within budget"),
                rows=(
                    row(0.3, 0.9, 0.62, "yes"),
                    row(0.55, 0.89, None, "yes", True),
                    row(0.7, 0.8, 0.5, "no"),
                ),
            ),
        ),
    )
    assert iterations.lines(LEVELS)[2] == "  sparsity 55 %: kept"
    one = iterations.exhibit(LEVELS[:1])
    assert one is not None
    assert len(one.parts) == 1, "one point is not a curve"
    assert iterations.exhibit([]) is None
    assert iterations.lines(LEVELS[:1])[0] == "pruned in 1 level:"


@pytest.mark.parametrize(
    ("metrics", "shown"),
    [({"loss": 1.0, "top1": 0.5}, "top1 0.500"), ({"loss": 1.0, "gini": 0.5}, "loss 1.000"), ({}, "")],
)
def test_levels_are_told_by_their_accuracy_or_the_first_metric(metrics: dict[str, float], shown: str) -> None:
    line = iterations.lines([{"sparsity": 0.5, "metrics": metrics, "ok": True}])[1]
    assert line == f"  sparsity 50 %{', ' if shown else ''}{shown}: kept"


KEPT = {
    "layer": "head",
    "tensors": ["t"],
    "dtype": "int16x8",
    "weight_bytes": 3072,
    "file_bytes": -9344,
    "latency_ms": -0.0213,
    "latency_noise_ms": 0.0044,
}
MIXED = {
    "keep": "float32",
    "ok": True,
    "judged": 5,
    "order": [
        {"layer": "head", "tensors": ["t"], "error_before": 0.03, "error_after": 0.02},
        {"layer": "stem", "tensors": ["u"], "error_before": 0.02, "error_after": 0.018},
        {"layer": "lost", "tensors": ["v"]},
    ],
    "kept": [KEPT, {"layer": "body", "tensors": ["w"]}],
    "metrics": {
        "int8": {"map": {"value": 0.61}, "map50": {"value": None}, "top1": {"value": 0.5}},
        "mixed": {"map": {"value": 0.6234}, "map50": {"value": 0.9}},
    },
    "failed": [{"kept": "stem", "reason": "it crashed"}, {}],
}


def test_layers_kept_out_of_int8_are_listed_with_their_cost_and_course() -> None:
    assert mixed.exhibit(MIXED) == Exhibit(
        title="layers kept out of int8",
        text=(
            "map 0.6100 in int8, 0.6234 now.",
            "mixed: 2 candidates could not be used; stem kept: it crashed.",
        ),
        parts=(
            Table(
                headings=(
                    "layer",
                    "kept in",
                    "weights",
                    "file grows by",
                    "latency rises by",
                    "noise of that",
                ),
                rows=(
                    Row(
                        cells=(
                            "head",
                            "int16x8",
                            Quantity(3072, "bytes"),
                            Quantity(-9344, "bytes"),
                            Quantity(-0.0213, "ms"),
                            Quantity(0.0044, "ms"),
                        )
                    ),
                    Row(
                        cells=(
                            "body",
                            "float32",
                            *(Quantity(None, "bytes"),) * 2,
                            *(Quantity(None, "ms"),) * 2,
                        )
                    ),
                ),
            ),
            Bars(
                bars=(
                    Bar(label="int8", values=(0.03,)),
                    Bar(label="and head", values=(0.02,), marked=True),
                    Bar(label="and stem", values=(0.018,)),
                ),
                unit="error",
                legend="output error as more layers are kept; marked are those of the result",
            ),
        ),
    )


def test_the_cost_of_kept_layers_is_said_with_its_sign() -> None:
    assert mixed.lines(MIXED) == [
        "mixed: 2 kept in float32, 5 candidates judged",
        "  head: -9.1 KiB, -0.021 ms (noise 0.004)",
        "  body: its cost was not measured",
        "mixed: 2 candidates could not be used; stem kept: it crashed",
    ]
    whole = KEPT | {"file_bytes": 0, "latency_noise_ms": None}
    assert mixed.lines(MIXED | {"kept": [whole]})[1] == "  head: +0 B, -0.021 ms"
    assert mixed.lines({"kept": [], "ok": False}) == []
    assert mixed.exhibit({"kept": [], "ok": False}) is None
    assert mixed.lines(MIXED | {"ok": False})[0].endswith("5 candidates judged; the budget does not hold")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            {"difference": 2.14e-7, "size": 0.9812, "images": 1600},
            "is within 2.1e-07 of that of a as loaded on 1,600 samples, whose largest value is 0.981",
        ),
        ({"difference": 0.0, "size": 0.0, "images": 0}, "is within 0 of that of a as loaded on 0 samples, whose "
         "largest value is 0"),
        ({"difference": 0.1}, "is within 0.1 of that of a as loaded"),
        ({"size": 1.0}, "was not compared with a as loaded"),
    ],
)  # fmt: skip
def test_parity_is_said_as_far_as_it_is_known(found: dict[str, float], said: str) -> None:
    note = {"of": "a", "outputs": {"scores": found}}
    assert parity.lines(note) == [f"parity: 'scores' {said}"]
    assert parity.exhibit(note) == Exhibit(
        title="the file against the model as loaded", text=(f"Parity: 'scores' {said}.",), parts=()
    )
    assert parity.exhibit({"outputs": {}}) is None


def test_what_was_recognised_is_said_with_its_evidence_where_there_is_any() -> None:
    note = [{"what": "outputs", "value": "softmax"}, {"what": "a", "value": "b", "evidence": "c"}, "odd"]
    assert recognised.lines(note) == ["outputs: softmax", "a: b (c)"]
    assert recognised.untold(["a", "b", "c"], ["b"]) == ["a", "c"]
    assumed, seen = "pixels: assumed (usual)", "pixels: 0..1 (seen in the graph)"
    assert recognised.untold([assumed], ["pixels: scale 1 (said)", "task: assumed (usual)"]) == []
    assert recognised.untold([assumed, seen], ["pixel: scale 1 (said)"]) == [assumed, seen]
    assert recognised.untold([seen], ["pixels: scale 1 (said)"]) == [seen]
    assert recognised.exhibit(note) is None


def test_learned_rounding_is_drawn_for_the_layers_that_gained_most() -> None:
    layers: list[dict[str, Any]] = [
        {
            "layer": "stem;stem/Relu",
            "operator": "CONV_2D",
            "bits": 4,
            "nearest_error": 0.03,
            "learned_error": 0.02,
            "turned": 1500,
            "weights": 4000,
        },
        {"layer": "head", "nearest_error": 0.05, "learned_error": 0.01, "turned": 7},
        {"layer": "worse", "nearest_error": 0.01, "learned_error": 0.02, "turned": 9},
    ]
    assert rounding.lines(layers) == [
        "round: learned in 2 of 3 layers, 1,507 weights turned; most in head, from 0.05 to 0.01"
    ]
    assert rounding.lines([]) == []
    assert rounding.exhibit([]) is None
    assert rounding.exhibit(layers) == Exhibit(
        title="learned rounding",
        parts=(
            Bars(
                bars=(
                    Bar(label="head", text="? bit", values=(0.05, 0.01)),
                    Bar(label="stem", text="4 bit", values=(0.03, 0.02)),
                    Bar(label="worse", text="? bit", values=(0.01, 0.02)),
                ),
                unit="error",
                series=("nearest", "learned"),
                legend="error of the layer's output on samples that rounding was not learned from",
            ),
            Table(
                headings=("layer", "operator", "nearest", "learned", "weights turned"),
                rows=(
                    Row(cells=("head", "", error(0.05), error(0.01), "7 of ?")),
                    Row(cells=("stem", "CONV_2D", error(0.03), error(0.02), "1500 of 4000")),
                    Row(cells=("worse", "", error(0.01), error(0.02), "9 of ?")),
                ),
                summary="all 3 layers",
            ),
        ),
    )


def test_fifteen_layers_have_bars_and_all_are_listed() -> None:
    made = rounding.exhibit([{"layer": f"l{k}"} for k in range(20)])
    assert made is not None
    bars, table = made.parts
    assert isinstance(bars, Bars)
    assert isinstance(table, Table)
    assert (len(bars.bars), len(table.rows), table.summary) == (15, 20, "all 20 layers")


def test_sizes_without_zeros_are_set_side_by_side() -> None:
    note = {"kernels": 3, "bytes": 0, "dense_bytes": 2048}
    assert sparse_encoding.exhibit(note) == Exhibit(
        title="kernels stored without their zeros",
        parts=(
            Bars(
                bars=(
                    Bar(label="with zeros", values=(2048.0,)),
                    Bar(label="without", values=(0.0,), text="3 kernels"),
                ),
                unit="bytes",
            ),
        ),
    )
    for missing in ("bytes", "dense_bytes"):
        assert sparse_encoding.lines(note | {missing: None}) == []
        assert sparse_encoding.exhibit(note | {missing: None}) is None


def test_a_float_model_is_told_with_what_explains_its_distance_from_the_shipped_file() -> None:
    assert dequantize.lines(noted.DEQUANTIZE) == [
        "dequantize: 'scores' of the float model is 0.015 from the shipped file's of step 0.0039 and size 0.996 (rms, "
        "32 samples): its steps make 0.014, the ends of its ranges 0.0068; rounded to its steps it is 0.0047 from it, "
        "0.068 allowed",
        "dequantize: 1 activation goes beyond ranges that the shipped file clips them to, which is not kept; 'logits' "
        "has -13.3..23.2 and reaches -15.6..22.5",
    ]
    (places,) = dequantize.lines(
        {"outputs": {"place": noted.DEQUANTIZE["outputs"]["scores"] | {"whole": True}}}
    )
    assert places == (
        "dequantize: 'place' of the float model has other numbers than the shipped file's in 1.52% of its places (32 "
        "samples): its steps make 1.41%, the ends of its ranges 0.68%; rounded to its steps it has others in 0.47%, "
        "6.80% allowed"
    )
    found = dequantize.exhibit(noted.DEQUANTIZE)
    assert found is not None
    (table,) = found.parts
    assert isinstance(table, Table)
    assert table.rows[0].cells == ("logits", (-13.3, "1"), (23.2, "1"), (-15.6, "1"), (22.5, "1"))
    assert dequantize.exhibit(noted.DEQUANTIZE | {"beyond": []}).parts == ()  # type: ignore[union-attr]
    assert dequantize.exhibit({}) is None


ORDERED = [
    "recognised",
    "weights",
    "settled",
    "parity",
    "dequantize",
    "calibration",
    "shared_scales",
    "auto",
    "round",
    "sensitivity",
    "mixed",
    "islands",
    "iterations",
    "channels",
    "sparse_encoding",
    "graph",
]


def test_findings_are_told_in_their_order_each_by_its_own_module() -> None:
    assert list(FINDINGS) == ORDERED
    notes: dict[str, Any] = {
        "graph": {"tensors": [1, 1]},
        "sparse_encoding": {"bytes": 1, "dense_bytes": 2},
        "iterations": LEVELS[:1],
        "islands": [ISLAND],
        "mixed": {"ok": True},
        "sensitivity": {"layers": [{"layer": "a"}]},
        "round": [{"layer": "a"}],
        "auto": {"chosen": "mse", "candidates": [{"error": 1}]},
        "dequantize": {"outputs": {"a": {}}},
        "shared_scales": [{"text": "'o': shared"}],
        "calibration": {"source": "x", "samples": 8, "of": 9, "named": [{"text": "few"}]},
        "parity": {"outputs": {"a": {}}},
        "settled": ["units: pixels"],
        "weights": {"file": "a.h5"},
        "recognised": [{"what": "a", "value": "b"}],
    }
    assert [line.split(":")[0].strip() for line in lines_of(notes) if not line.startswith("  ")] == [
        "a",
        "weights",
        "units", "parity", "dequantize", "warning", "'o'", "auto", "round", "sensitivity", "mixed", "in float32",
        "pruned in 1 level",
        "sparse encoding",
    ]  # fmt: skip
    assert [exhibit.title for exhibit in exhibits_of(notes)] == [
        "weights that training started from",
        "settled on samples",
        "the file against the model as loaded",
        "the float model against the shipped file",
        "calibration",
        "outputs that share a scale",
        "candidates",
        "learned rounding",
        "what quantizing each layer costs",
        "layers kept out of int8",
        "operators of another dtype",
        "levels of sparsity",
        "kernels stored without their zeros",
        "changes of the graph",
    ]


MISSING: list[tuple[Any, Any, list[str]]] = [
    (
        auto,
        {"chosen": "a", "failed": [{}, "odd"]},
        ["auto: a; 0 candidates", "auto: 1 setting could not be used and was left out; ?: ?"],
    ),
    (
        mixed,
        {"kept": [{}], "failed": [{}]},
        [
            "mixed: 1 kept in ?, ? candidates judged",
            "  ?: its cost was not measured",
            "mixed: 1 candidate could not be used; ? kept: ?",
        ],
    ),
    (islands, [{}], ["in ?:   (?)"]),
    (iterations, [{}, {}], ["pruned in 2 levels:", "  sparsity 0 %: kept", "  sparsity 0 %: over budget"]),
    (parity, {"outputs": {"a": {}}}, ["parity: 'a' was not compared with the model as loaded"]),
    (recognised, [{}], [": "]),
]
"""What is said of notes that lack all that could lack, by hand."""


@pytest.mark.parametrize(
    ("finding", "note", "lines"), MISSING, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_is_missing_is_said_as_a_question_mark(finding: Any, note: Any, lines: list[str]) -> None:
    assert finding.lines(note) == lines


def test_a_line_is_cut_at_two_thousand_letters() -> None:
    (line,) = lines_of({"islands": [ISLAND | {"operator": "x" * 3000}]})
    assert (len(line), line[-1]) == (2000, "…")


REFUSED = [{"setting": "p99", "reason": "it crashed"}, {"setting": "mse", "reason": "it is not finite"}]
CLOSED: list[dict[str, Any]] = [
    {"sparsity": 0.3, "metrics": {"map": 0.62}, "ok": True},
    {"sparsity": 0.5, "metrics": {"map": 0.61}, "ok": True},
    {"sparsity": 0.7, "metrics": {"map": 0.5}, "ok": False},
]
TOLD: list[tuple[Any, Any, list[str]]] = [
    (
        auto,
        {"chosen": "minmax", "error": 0.03, "candidates": [{"setting": "minmax", "error": 0.03}]},
        ["auto: minmax; error 0.03; 1 candidate"],  # the usual way is not compared with itself
    ),
    (
        auto,
        {"chosen": "minmax", "candidates": [], "failed": REFUSED},
        [
            "auto: minmax; 0 candidates",
            "auto: 2 settings could not be used and were left out; p99: it crashed",
        ],
    ),
    (mixed, {"ok": True, "kept": []}, ["mixed: nothing had to be kept, int8 is within the budget"]),
    (
        mixed,
        {"ok": True, "kept": [], "failed": [{"kept": "nothing", "reason": "it crashed"}]},
        [
            "mixed: nothing had to be kept, int8 is within the budget",
            "mixed: 1 candidate could not be used; nothing kept: it crashed",
        ],
    ),
    (
        iterations,
        CLOSED,
        [
            "pruned in 3 levels:",
            "  sparsity 30 %, map 0.620: within budget",
            "  sparsity 50 %, map 0.610: kept",
            "  sparsity 70 %, map 0.500: over budget",
        ],
    ),
    (
        iterations,
        [
            level | {"ok": False} for level in CLOSED[1:]
        ],  # where none is within the budget, the first was kept
        [
            "pruned in 2 levels:",
            "  sparsity 50 %, map 0.610: kept",
            "  sparsity 70 %, map 0.500: over budget",
        ],
    ),
    (
        rounding,
        [{"layer": "a", "nearest_error": 0.02, "learned_error": 0.02, "turned": 0}],
        ["round: nearest rounding is best in every layer"],
    ),
    (
        sparse_encoding,
        {"kernels": 3, "bytes": 1000, "dense_bytes": 2048},
        ["sparse encoding: 1,000 bytes, with zeros it would be 2,048"],
    ),
]


@pytest.mark.parametrize(("finding", "note", "lines"), TOLD, ids=lambda value: getattr(value, "__name__", ""))
def test_a_terminal_tells_what_matters_most_of_a_finding(finding: Any, note: Any, lines: list[str]) -> None:
    assert finding.lines(note) == lines


def test_the_level_that_was_kept_is_marked_on_the_curve() -> None:
    made = iterations.exhibit(CLOSED)
    assert made is not None
    curve = made.parts[0]
    assert isinstance(curve, Curve)
    assert curve.points == (
        Point(x=0.3, y=0.62),
        Point(x=0.5, y=0.61, kept=True),
        Point(x=0.7, y=0.5, ok=False),
    )


def test_a_page_says_that_nothing_had_to_be_kept() -> None:
    made = mixed.exhibit({"ok": True, "kept": []})
    assert made is not None
    assert "Nothing had to be kept" in made.text[0]


def test_channels_are_told_in_a_line_with_what_stays_whole_and_which_round_was_kept() -> None:
    note = noted.CHANNELS
    assert channels.lines(note) == [
        "channels 40 -> 24: 0.50 x the multiply-accumulates, 0.75 x the parameters, 0.68 x the latency; "
        "multiply-accumulates 2,000 -> 1,000",
        "  round 2 was over budget: round 1 is kept",
        "  stays whole: 'mix' (LayerNormalization 'odd' is not known to keep channels apart)",
    ]
    drawn = channels.exhibit(note)
    assert drawn is not None
    curve, rounds, totals, bars, whole = drawn.parts
    assert curve == Curve(
        points=(Point(x=0.75, y=0.6, kept=True), Point(x=0.5, y=0.5, ok=False)),
        x_name="multiply-accumulates",
        y_name="map",
    )
    assert isinstance(rounds, Table)
    assert [row.marked for row in rounds.rows] == [True, False]
    assert isinstance(totals, Table)
    assert totals.rows[0].cells == (
        "multiply-accumulates",
        Quantity(2000.0, "count"),
        Quantity(1000.0, "count"),
        Quantity(0.5, "%"),
    )
    assert totals.rows[-1].cells[0] == "latency of the float file"
    assert bars == Bars(
        bars=(Bar(label="stem", values=(16.0, 8.0), text="block_out"),),
        unit="count",
        series=("before", "after"),
        legend="channels of each group; small letters name the other layers that make them",
    )
    assert isinstance(whole, Table)
    assert [row.cells[0] for row in whole.rows] == ["logits", "mix"]
