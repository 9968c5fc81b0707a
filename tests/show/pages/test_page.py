"""The pages of a report and of a sweep."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

import made_up as pages
import noted
from tflbuild.core.exhibit import Bar, Bars, Curve, Point, Row, Table
from tflbuild.show.pages import curve
from tflbuild.show.pages.class_names import class_table
from tflbuild.show.pages.page import (
    _chart,
    _dropped,
    _told,
    _verdicts,
    _yaml,
    environment,
    render,
)
from tflbuild.show.pages.scatter import scatter
from tflbuild.show.pages.sweep import _job, _spreads, render_summary
from tflbuild.show.pages.waterfall import Column, gauge, limits_of, round_values, waterfall


class Outline(HTMLParser):
    """Collects text and addresses, and holds that every element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & {*self.open}:
            self.text += f" {data}"


def outline(page: str) -> Outline:
    parsed = Outline()
    parsed.feed(page)
    parsed.text = re.sub(r"\s+", " ", parsed.text)
    assert parsed.open == [], "every element is closed"
    return parsed


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        ("built", "Built; whether it is within its budget is undecided"),
        ("over_budget", "Over budget: no model was delivered"),
        ("failed", "Failed"),
        ("interrupted", "Interrupted"),
    ],
)
def test_the_page_opens_with_the_outcome(status: str, headline: str) -> None:
    report = pages.report(status)
    parsed = outline(render(report))
    assert headline in parsed.text
    if report["error"] and status != "over_budget":
        assert report["error"] in parsed.text


def test_the_page_says_how_to_run_a_failed_pass_alone_and_where_a_run_was_stopped() -> None:
    failed = pages.report("failed") | {"reproduce": "tflbuild reproduce outputs/a/latest"}
    assert "tflbuild reproduce outputs/a/latest" in outline(render(failed)).text
    stopped = pages.report() | {"stopped_after": "prune", "targets": []}
    assert "Stopped after prune, as asked; the rest was not built" in outline(render(stopped)).text


def test_the_page_needs_nothing_else() -> None:
    for page, scripts in ((render(pages.report()), 1), (render_summary(pages.summary()), 2)):
        assert not re.search(r"https?://|@import|<script\s|<link", page)
        assert page.count("<script>") == scripts == page.count("&#39;sha256-") + page.count("'sha256-")
        assert "default-src 'none'" in page, "a browser is told so, too"
        assert all(not address.startswith(("/", "file:")) for address in outline(page).addresses)


def test_everything_the_report_proves_is_on_the_page() -> None:
    report = pages.report()
    text = outline(render(report)).text
    for passed in report["passes"]:
        assert passed["label"] in text
        assert passed["reason"] in text
        for verdict in passed["verdicts"]:
            assert verdict["text"] in text
    for target in report["targets"]:
        assert target["sha256"] in text
        assert f"{target['bytes']:,} bytes" in text
    for expected in (
        "64 of 65 operators run on xnnpack",
        "TFLite_Detection_PostProcess",
        "median 1.234 ms, p90 1.410 ms",
        "uint8 0.0078125 128",
        "This machine cannot execute a file for ethos_u55",
        "0.566",  # average precision of the first class
        "test, n = 500, xnnpack",
        "3 skipped in 2 files",
        "box 3 has no width; box 4 lies <outside>",
        "tensorflow 2.21.0",
        "tflbuild recipe=ssd_mobilenet_int8 prune.sparsity=0.5 'data.root=a folder'",
        "sparsity: 0.5",
        "open, undecided",
    ):
        assert expected in text, expected


def test_what_a_report_quotes_cannot_become_markup() -> None:
    report = pages.report("failed")
    report["error"] = "<script>alert(1)</script>"
    page = render(report)
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_a_closed_gate_that_was_kept_is_said_in_the_headline() -> None:
    report = pages.report()
    report["passes"][-1]["verdicts"][0]["ok"] = False
    assert "over the limit of quantize, which was kept (on_breach: warn)" in outline(render(report)).text


def test_a_build_that_failed_before_any_pass_has_a_page() -> None:
    report = pages.report("failed") | {"passes": [], "base": {"label": "", "metrics": {}}, "resolved": {}}
    assert "Failed" in outline(render(report)).text


def test_a_metric_that_is_not_a_number_leaves_a_gap_in_the_chart() -> None:
    report = pages.report()
    report["passes"][1]["metrics"]["map"] |= {"value": None, "low": None, "high": None}
    page = render(report)
    outline(page)
    assert page.count('class="dot"') == 5  # of 4 passes and 2 on test


@pytest.mark.parametrize("where", ["base", "targets"])
def test_a_figure_that_is_not_a_number_has_no_change(where: str) -> None:
    report = pages.report()
    holder = report["base"] if where == "base" else report["targets"][0]
    holder["metrics"]["map"]["value"] = None
    assert "since train" not in render(report)
    assert "since train" in render(pages.report())


def test_the_waterfall_draws_a_point_a_pass_and_a_line_a_limit() -> None:
    page = render(pages.report())
    assert page.count('class="dot"') == 6
    assert page.count('<line class="limit"') == 3


def chart(*columns: Column) -> Any:
    made = waterfall("map", "1", [("val", columns)])
    assert made is not None
    return made


def test_higher_values_stand_higher_and_limits_far_off_point_outside() -> None:
    made = chart(
        Column(label="a", measurement={"value": 0.7, "low": 0.68, "high": 0.72}, output="x"),
        Column(
            label="b", measurement={"value": 0.6}, limits=((1.7, True), (-0.3, True)), output="y", input="x"
        ),
    )
    first, second = made.points
    assert first["y"] < second["y"]  # SVG counts downwards
    assert first["high"] < first["y"] < first["low"]
    assert second["change"] == "−0.100"
    assert [limit["text"] for limit in made.limits] == ["≥ 1.700 ↑"]


def test_a_step_is_linked_with_what_it_was_made_from() -> None:
    made = chart(
        Column(label="a", measurement={"value": 0.7}, output="x"),
        Column(label="b", measurement={"value": 0.5}, state="left", output="y", input="x"),
        Column(label="c", measurement={"value": 0.6}, output="z", input="x"),
    )
    assert [point["change"] for point in made.points] == ["", "−0.200", "−0.100"]
    assert [link["state"] for link in made.links] == ["left", "kept"]


def test_one_value_alone_has_a_chart() -> None:
    assert len(chart(Column(label="a", measurement={"value": 0.0})).points) == 1
    assert waterfall("map", "1", [("val", ())]) is None


@pytest.mark.parametrize(
    ("limit", "line"),
    [
        ({"min": 0.6}, (0.6, True)),
        ({"max": 0.9}, (0.9, False)),
        ({"max_drop": 0.1, "since": "train"}, (0.6, True)),
        ({"max_relative_drop": 0.5}, (0.35, True)),
        ({"max_rise": 0.1}, (0.8, False)),
    ],
)
def test_a_limit_is_a_line_relative_to_its_baseline(limit: dict[str, Any], line: tuple[float, bool]) -> None:
    ((value, floor),) = limits_of([{"metric": "map", "limit": limit, "baseline": 0.7}], "map")
    assert (round(value, 9), floor) == line


def test_a_gauge_shows_whether_the_interval_holds_the_limit() -> None:
    inside = gauge({"limit": {"max_drop": 0.01}, "low": 0.0, "high": 0.02})
    outside = gauge({"limit": {"max_drop": 0.05}, "low": 0.0, "high": 0.02})
    assert inside is not None
    assert outside is not None
    assert inside["low"] < inside["limit"] < inside["low"] + inside["width"]
    assert outside["low"] + outside["width"] < outside["limit"]
    assert gauge({"limit": {"max": 5}, "low": None, "high": None}) is None


def test_ticks_are_round() -> None:
    values, decimals = round_values(0.63, 0.74)
    assert [round(value, decimals) for value in values] == [0.64, 0.66, 0.68, 0.7, 0.72, 0.74]
    assert round_values(180, 340)[0] == [200, 250, 300]


def test_a_summary_holds_every_job_failed_ones_included() -> None:
    summary = pages.summary()
    parsed = outline(render_summary(summary))
    for expected in ("3 built", "1 over budget", "1 invalid", "0.670", "0.648 to 0.690", "−0.020"):
        assert expected in parsed.text, expected
    for job in summary["jobs"]:
        assert not job["error"] or job["error"] in parsed.text
    leading = [f"{job['run']}/report.html" for job in summary["jobs"] if job["run"]]
    measured = leading[:3]  # the fourth has no figures, so that it is in neither chart of them
    pages_of_jobs = [address for address in parsed.addresses if not address.startswith("#")]
    assert pages_of_jobs == [*measured, *measured, *leading, *(one for one in leading for _ in range(2))]


def test_an_address_of_a_job_is_one_whatever_its_name_holds() -> None:
    summary = pages.summary()
    summary["jobs"][0]["run"] = 'javascript:alert(1)#?%"x'
    assert "javascript%3Aalert%281%29%23%3F%25%22x/report.html" in outline(render_summary(summary)).addresses


def test_the_pareto_optimal_are_marked_in_table_and_chart() -> None:
    page = render_summary(pages.summary())
    assert page.count('class="badge pareto"') == 3
    assert page.count('class="ring"') == 6, "in both charts"


def test_the_spread_over_seeds_has_a_table() -> None:
    summary = pages.summary()
    found = {"n": 2, "mean": 0.65, "sd": 0.02, "min": 0.63, "max": 0.67}
    none = {"n": 0, "mean": None, "sd": None, "min": None, "max": None}
    figures = {"map": found, "bytes": {**found, "mean": 2048}, "latency_ms": none}
    group = {"overrides": {"prune.sparsity": "0.5"}, "jobs": ["a", "b", "c"], "built": 2, "figures": figures}
    summary["groups"] = [group]
    text = outline(render_summary(summary)).text
    for expected in ("Spread over seeds", "prune.sparsity=0.5", "2 of 3", "0.650", "0.020", "2.0 KiB"):
        assert expected in text, expected
    assert "latency_ms" not in text, "nothing was measured"


def test_the_front_leaves_out_what_something_smaller_equals() -> None:
    jobs = pages.summary()["jobs"]
    jobs[0]["metrics"]["map"]["value"] = 0.6  # now larger and worse than the second job
    made = scatter(jobs, "map")
    assert made is not None
    assert len(made.front.split()) == 2
    assert scatter(jobs[:1], "map") is None


def test_a_sweep_in_which_nothing_was_built_has_a_page() -> None:
    summary = pages.summary()
    summary["jobs"] = summary["jobs"][3:]
    assert "Sweep of 2 jobs" in outline(render_summary(summary)).text


def test_what_passes_found_is_drawn() -> None:
    report = pages.report()
    report["passes"][-1]["notes"] = noted.NOTES
    page = render(report)
    text = outline(page).text
    for expected in (
        "What quantize found",
        "mse, biases corrected",
        "all 4 candidates",
        "all 9 layers",
        "9.1 KiB",
        "left out by qat.exclude",
        "loss 1.5",
    ):
        assert expected in text, expected
    assert "{'setting'" not in text, "a finding is not printed as it is"
    report["passes"][-1]["notes"] = {"calibration": {"source": "data.train", "of": [1, 2]}}
    assert "source: data.train, of: 1, 2" in outline(render(report)).text
    assert page.count('class="series1 marked"') == 2, "of the candidates and of the kept layers"
    assert page.count('class="ring"') == 2, "the level and the round of channels that were kept"


def test_a_pruned_file_is_set_against_its_compressed_size() -> None:
    assert "of the pruned layers' weights are zeros" not in render(pages.report())
    report = pages.report()
    report["passes"][1]["notes"] = {"sparsity": 0.5}
    text = outline(render(report)).text
    assert "50 % of the pruned layers' weights are zeros" in text
    assert "compressed 50 % less" in text  # 321,234 of 643,384 bytes


def test_a_curve_rises_with_its_values_and_keeps_inside() -> None:
    points = tuple(Point(x=x, y=y) for x, y in ((0.3, 0.6), (0.5, 0.7)))
    drawn = curve.place(Curve(points=points, x_name="sparsity", y_name="map"))
    first, second = drawn.points
    assert first["x"] < second["x"] < drawn.width
    assert second["y"] < first["y"] < drawn.height  # SVG counts downwards


def test_a_curve_of_one_point_has_a_tenth_to_either_side() -> None:
    drawn = curve.place(Curve(points=(Point(x=0.5, y=0.9),), x_name="sparsity", y_name="map"))
    assert [float(column["text"]) for column in drawn.columns] == [0.4, 0.45, 0.5, 0.55, 0.6]


def test_a_curve_of_nearly_equal_values_is_nearly_flat() -> None:
    points = tuple(Point(x=x, y=y) for x, y in ((0.3, 0.60001), (0.5, 0.6)))
    drawn = curve.place(Curve(points=points, x_name="sparsity", y_name="map"))
    first, second = drawn.points
    assert 0 <= second["y"] - first["y"] < 2
    assert all(len(tick["text"]) <= 6 for tick in drawn.ticks), "0.6020 fits beside the axis"


def at_chance() -> dict[str, Any]:
    order = {
        "how": "in alphabetical order",
        "classes": ["disc", "square"],
        "value": 1.0,
        "low": 0.9,
        "high": 1.0,
    }
    reading = {"how": "pixels as 0..1", "metric": "top1", "value": 0.4, "low": None, "high": None, "n": 64}
    finding = {
        "verdict": "chance",
        "metric": "top1",
        "text": "the base is not better than chance: <script>",
        "orders": [order | {"n": 40, "better": True, "override": "data.classes=[disc,square]"}],
        "now": {"value": 0.1},
        "readings": [
            reading | {"better": False, "override": "data.preprocess.scale=0.1", "with_order": order}
        ],
    }
    return {"name": "chance", "key": pages.SHA, "findings": [finding]}


def test_a_base_at_chance_is_on_the_page_with_what_would_explain_it() -> None:
    made = pages.report() | {"analyses": [at_chance(), {"name": "from a later version", "findings": [{}]}]}
    page = render(made)
    seen = outline(page)
    assert "Built, but the base model looks wrong" in seen.text
    assert "The base is not better than chance: <script>." in seen.text
    assert "<script>." not in page
    assert "data.classes=[disc,square]" in seen.text
    assert "Output 0 of the model seems to be your 'disc'" in seen.text
    assert "1.000 [0.900, 1.000] with classes in alphabetical order, too" in seen.text


@pytest.mark.parametrize("finding", [{}, {"orders": [{}], "readings": [{}]}, {"text": "x", "now": None}])
def test_a_finding_that_lacks_keys_is_drawn_as_far_as_it_goes(finding: dict[str, Any]) -> None:
    outline(render(pages.report() | {"analyses": [{"name": "chance", "findings": [finding]}]}))


def test_what_was_recognised_and_what_was_built_is_on_the_page() -> None:
    entry = {"what": "outputs", "value": "softmax", "evidence": "layer '<dense>'"}
    made = pages.report() | {"recognised": [entry], "subject": "keras best.h5 on voc ../shared/data/bccd"}
    text = outline(render(made)).text
    assert "What was recognised" in text
    assert "(layer '<dense>')" in text
    assert "keras best.h5 on voc ../shared/data/bccd" in text


def test_class_names_that_differ_stand_side_by_side() -> None:
    same = pages.report() | {"labels": {"labels.txt": [name.upper() for name in pages.CLASSES]}}
    assert "by labels.txt" not in outline(render(same)).text
    swapped = ["yield", "stop", *pages.CLASSES[2:], "one more"]
    page = render(pages.report() | {"labels": {"labels.txt": swapped}})
    assert "by labels.txt" in outline(page).text
    assert page.count('<tr class="marked"><td>') == 3  # the two that were swapped, and the one more


class Rows(HTMLParser):
    """Collects the cells of every row of every table, and what bars and rails are filled to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.styles: list[str] = []
        self._cell: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.styles += [f"{dict(attrs).get('class')} {value}" for name, value in attrs if name == "style"]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.rows[-1].append(" ".join(self._cell.split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell += f"{data} "


SHA = "0123456789abcdef" * 4


def test_every_row_of_a_report_stands_under_its_heading() -> None:
    found = Rows(render(pages.report()))
    detail = (
        f"never run before map50 {{}} {{}} loss {{}} options steps=2200, learning_rate=0.004 {{}}action {SHA}"
    )
    opened = detail.format("0.889", "0.867 to 0.909", "1.234", "processor time 20 s ")
    measured = ["metric", "value", "95 % interval", "measured on"]
    form = ["name", "shape", "type", "scale", "zero point"]
    tensors = [
        form,
        ["image", "1 × 96 × 96 × 3", "uint8", "0.0078125", "128"],
        form,
        ["detection_boxes", "1 × 100 × 4", "float32", "", ""],
        ["num_detections", "1", "float32", "", ""],
    ]
    assert [row for row in found.rows if row[0].partition(" ")[0] != "never"] == [
        ["device", "file", "accuracy", "bytes", "latency or cycles", "coverage"],
        [
            *("cpu", "cpu/model.tflite", "map 0.6710 [0.6490, 0.6910] on 500 test samples"),
            *("628.3 KiB", "1.23 ms", "64 of 65"),
        ],
        [""],
        [
            *("ethos_u55", "ethos_u55/model.tflite"),
            "map 0.6810 [0.6590, 0.7010] on 300 val samples, before it was compiled",
            *("500.0 KiB", "371,355 cycles, 0.74 ms by the compiler", "82 of 86"),
        ],
        ["as for cpu"],
        ["pass", "outcome", "map", "file", "time", "peak memory"],
        ["train", "ran", "0.702 0.680 to 0.722", "1.9 MiB", "2 min 31 s", "1210 MiB"],
        ["prune", "ran", "0.689 0.667 to 0.709", "1.9 MiB", "68 s", "1210 MiB"],
        ["convert", "cached", "0.689 0.667 to 0.709", "1.6 MiB", "2.1 s", "1210 MiB"],
        ["quantize", "ran", "0.681 0.659 to 0.701", "628.3 KiB", "12 s", "1210 MiB"],
        measured,
        ["map", "0.671", "0.649 to 0.691", "test, n = 500, xnnpack"],
        ["map50", "0.883", "0.861 to 0.903", "test, n = 500, xnnpack"],
        ["size", "628.3 KiB", "", ""],
        ["compressed_size", "313.7 KiB", "", ""],
        ["latency", "1.23 ms", "", "xnnpack"],
        *tensors,
        measured,
        ["size", "500.0 KiB", "", ""],
        ["npu_coverage", "0.953", "", ""],
        ["npu_cycles", "371,355 cycles", "", ""],
        ["operators", "ethos_u55", "kind"],
        ["0-81", "yes", "82 operators: CONV_2D, DEPTHWISE_CONV_2D"],
        ["82-84", "no [1]", "3 operators: DEQUANTIZE"],
        ["85", "no [2]", "TFLite_Detection_PostProcess"],
        [
            *("operator", "kind", "cycles", "of all cycles", "SRAM in use", "multiplications"),
            "use of the multipliers",
        ],
        ["0", "CONV_2D", "300,000", "60 %", "64.0 KiB", "9,600,000", "25 %"],
        ["1", "CONV_2D", "200,000", "40 %", "64.0 KiB", "9,600,000", "25 %"],
        *tensors,
    ]
    details = [row[0] for row in found.rows if row[0].startswith("never")]
    assert details[2] == f"{opened} input b output c"
    assert details[1] == (
        f"{opened} input a output b open map fell by 0.0130 [0.0070, 0.0180], from 0.7020 to 0.6890; at most 0.0300 "
        f"allowed (val)"
    )
    assert details[3].partition("output d ")[2].startswith("open, undecided map fell by 0.0080")
    # Of the largest file and the longest pass, in per cent.
    assert [style for style in found.styles if style.startswith("bar ")] == [
        *("bar width:100.0%", "bar width:100.0%"),
        *("bar width:100.0%", "bar width:45.0%"),
        *("bar width:85.9%", "bar width:1.4%"),
        *("bar width:32.3%", "bar width:8.1%"),
    ]
    # Of the verdict on `prune`, a fall of 0.007 to 0.018 where 0.03 is allowed: 6 + 88 x 7 / 30, and so on.
    assert found.styles[4:7] == ["zero left:6.0%", "span left:26.53%;width:32.27%", "limit left:94.0%"]


def test_what_was_tried_is_said_with_what_it_gave() -> None:
    report = pages.report("failed")
    report["passes"][-1]["tried"] = [
        {"run": "quantize", "ok": False, "seconds": 3.0, "error": "it broke"},
        {"run": "qat -> convert", "ok": True, "metrics": {"map": {"value": 0.5}}},
    ]
    text = outline(render(report)).text
    assert "tried quantize : not within budget it broke 3.0 s" in text
    assert "tried qat -> convert : within budget map 0.500" in text


def test_every_row_of_a_sweep_stands_under_its_heading() -> None:
    assert Rows(render_summary(pages.summary())).rows == [
        [
            *("job", "status", "prune.sparsity", "model.input_size", "map", "since base"),
            *("file", "compressed", "latency", "time"),
        ],
        [
            *("1", "built Pareto", "0.5", "96", "0.670 0.648 to 0.690", "−0.020"),
            *("628.3 KiB", "313.5 KiB", "1.23 ms", "2 min 3 s"),
        ],
        [
            *("2", "built Pareto", "0.8", "96", "0.620 0.598 to 0.640", "−0.070"),
            *("628.3 KiB", "196.3 KiB", "1.23 ms", "2 min 3 s"),
        ],
        [
            *("3", "built Pareto", "0.5", "128", "0.710 0.688 to 0.730", "+0.020"),
            *("628.3 KiB", "322.3 KiB", "1.23 ms", "2 min 3 s"),
        ],
        ["4", "over budget", "0.8", "128", "", "", "", "", "", "2 min 3 s"],
        ["5", "invalid", "1.5", "96", "", "", "", "", "", ""],
    ]


def test_what_a_delivered_file_says_of_itself_is_on_its_page() -> None:
    report = pages.report()
    assert "Metadata" not in outline(render(report)).text
    report["targets"][0]["metadata"] = "image to <b>probability</b>; labels.txt"
    page = render(report)
    assert "Metadata image to <b>probability</b>; labels.txt" in outline(page).text
    assert "<b>probability" not in page


def test_what_a_page_says_beside_its_tables() -> None:
    text = outline(render(pages.report())).text
    for expected in (
        "643,384 bytes, 321,234 compressed",
        "median 1.234 ms, p90 1.410 ms over 50 warm runs on 1 thread (Made-up Processor 3000)",
        "82 of 86 operators run on ethos-u55-128; the others: DEQUANTIZE",
        "memory mode Shared_Sram",
        "What operators cost on the NPU",
        "most cycles: operator 0 (CONV_2D) 60.0%, operator 1 (CONV_2D) 40.0%",
        "voc from ../shared/data/bccd : 2,400 train, 300 val samples",
        "8 classes: stop, yield,",
        "started 2026-11-21T08:00:01+00:00 seed 0 device cpu threads 2",
        "toolchain tensorflow 2.21.0, tflbuild 0.1.0",
        "cpu : map fell by 0.0130",
        "map by class and objects",
        "stop 0.566 120",
        "Warnings data: 3 things left out",
    ):
        assert expected in text, expected
    assert (
        "Nothing was skipped." in outline(render(pages.report() | {"data": {"splits": {}, "root": ""}})).text
    )


def test_a_summary_says_its_command_and_how_many_jobs_there_are() -> None:
    text = outline(render_summary(pages.summary())).text
    assert "Sweep of 5 jobs 3 built 1 over budget 1 invalid" in text
    assert "tflbuild -m recipe=ssd_mobilenet_int8 prune.sparsity=0.5,0.8,1.5" in text
    assert "The green line joins the built models that are better than every one of less size." in text
    assert "1. prune.sparsity=0.5, model.input_size=96: map 0.670, size 313.5 KiB, latency 1.23 ms" in text
    assert "job 5 prune.sparsity: 1.5 should be less than 1" in text


def drawn(name: str, part: Any) -> str:
    macros: Any = environment().get_template("parts.html.j2").module
    return str(getattr(macros, name)(part))


def test_bars_are_as_long_as_their_share_of_the_largest() -> None:
    bars = (
        Bar(label="a", values=(0.5, 0.25), marked=True, text="8 bit"),
        Bar(label="b", values=(None, 0.125)),
    )
    page = drawn("bars", Bars(bars=bars, unit="error", series=("x", "y"), legend="what is shown"))
    assert Rows(page).styles == [
        *("series1 marked width:100.0%", "series2 marked width:50.0%"),
        *("series1 width:0.0%", "series2 width:25.0%"),
    ]
    words = "a 8 bit 0.500 0.250 b – 0.125 x y what is shown"
    assert outline(page).text.split() == words.split()


def test_a_table_has_its_headings_rows_and_marks() -> None:
    part = Table(headings=("h", "i"), rows=(Row(cells=("a", "b")), Row(cells=("<c>", "d"), marked=True)))
    page = drawn("table", part)
    assert Rows(page).rows == [["h", "i"], ["a", "b"], ["<c>", "d"]]
    assert page.count('class="marked"') == 1
    assert "details" not in page


def test_the_banner_has_the_colour_of_what_happened() -> None:
    limited = pages.report()
    free = limited | {"budget": {"ok": True, "verdicts": []}}
    free["passes"] = [step | {"verdicts": []} for step in limited["passes"]]
    banners = [
        re.findall(r'class="banner ([a-z_]+)"', render(report))
        for report in (free, pages.report("over_budget"), pages.report("failed"))
    ]
    assert banners == [["warned"], ["over_budget"], ["failed"]]


def test_a_limit_that_ended_a_build_is_told_with_what_to_do_next() -> None:
    text = outline(render(pages.report("over_budget"), folder="a run")).text
    assert "over budget: " in text
    assert "tflbuild diagnose 'a run'" in text


@pytest.mark.parametrize(
    ("ok", "decided", "word"),
    [
        (True, True, "open"),
        (True, False, "open, undecided"),
        (False, True, "closed"),
        (False, False, "closed, undecided"),
    ],
)
def test_a_verdict_has_its_word(ok: bool, decided: bool, word: str) -> None:
    verdict = {"ok": ok, "decided": decided, "limit": {"max": 1}, "low": None, "high": None}
    assert _verdicts([verdict]) == [verdict | {"word": word, "gauge": None}]


def test_notes_are_told_in_words_and_recipes_in_yaml() -> None:
    assert _told({"a": [1, {"b": None}], "c": "d"}) == "a: 1, b: None, c: d"
    assert _yaml({}) == ""
    assert _yaml({"b": 1, "a": "ü"}) == "b: 1\na: ü\n"


def test_what_was_left_out_is_grouped_by_file_in_order() -> None:
    rows = [{"file": file, "reason": reason} for file, reason in (("b", "1"), ("a", "2"), ("b", "3"))]
    assert _dropped(rows) == [("b", ["1", "3"]), ("a", ["2"])]


def found(value: float | None, split: str = "test") -> dict[str, Any]:
    return {"value": value, "unit": "1", "split": split, "n": 10}


def test_a_job_has_no_change_without_both_figures() -> None:
    job = {
        "overrides": {"a": "1"},
        "status": "built",
        "pareto": False,
        "metrics": {"map": found(0.0)},
        "base": {"metrics": {"map": found(0.25)}},
    }
    row = _job(job, ["b", "a"], "map")
    assert (row["settings"], row["change"], row["measured"]) == (["", "1"], -0.25, found(0.0))
    unknown = (
        {"base": None},
        {"base": {"metrics": {"map": found(None)}}},
        {"metrics": {"map": found(None)}},
        {"metrics": {}},
    )
    for more in unknown:
        assert _job(job | more, ["a"], "map")["change"] is None
    assert _job(job | {"base": {"metrics": {"map": found(0.0)}}}, ["a"], "map")["change"] == 0.0


def test_a_spread_has_the_unit_of_its_figure() -> None:
    figures = {name: {"n": 2, "mean": 1} for name in ("map", "bytes", "latency_ms")} | {"top1": {"n": 0}}
    group = {"overrides": {"a": 1, "b": 2}, "jobs": ["x", "y", "z"], "built": 2, "figures": figures}
    rows = _spreads({"groups": [group]})
    assert [(row["name"], row["unit"]) for row in rows] == [
        ("map", "1"),
        ("bytes", "bytes"),
        ("latency_ms", "ms"),
    ]
    assert rows[0] == {
        "settings": ["a=1", "b=2"],
        "built": 2,
        "jobs": 3,
        "name": "map",
        "unit": "1",
        "n": 2,
        "mean": 1,
    }


def step(label: str, value: float | None, outcome: str = "ran", verdicts: Any = ()) -> dict[str, Any]:
    return {
        "label": label,
        "metrics": {"map": found(value, "val")},
        "outcome": outcome,
        "verdicts": list(verdicts),
        "output": label.upper(),
        "input": None,
    }


DROP = {"metric": "map", "limit": {"max_drop": 0.1}, "baseline": 0.5}


def test_the_chart_has_a_panel_for_each_split_with_the_limits_of_each() -> None:
    report = {
        "passes": [
            step("train", 0.5, "cached"),
            step("lost", None),
            step("prune", 0.4, verdicts=[DROP | {"ok": False}]),
            step("skip", 0.45, "skipped"),
        ],
        "base": {"label": "train", "metrics": {"map": found(0.5)}},
        "targets": [
            {"name": name, "metrics": {"map": found(value)}}
            for name, value in (("cpu", 0.4), ("npu", None), ("gpu", 0.0))
        ],
        "budget": {
            "verdicts": [
                DROP | {"target": "cpu", "ok": True},
                DROP | {"limit": {"min": 0.3}, "target": "gpu", "ok": True},
                DROP | {"limit": {"min": 0.2}, "ok": True},
            ]
        },
    }
    chart = _chart(report, "map", "1")
    assert chart is not None
    assert [panel["title"] for panel in chart.panels] == [
        "after each pass (val, n = 10)",
        "delivered (test, n = 10)",
    ]
    assert [(point["label"], point["state"], point["value"]) for point in chart.points] == [
        ("train", "kept", 0.5),
        ("prune", "closed", 0.4),
        ("skip", "left", 0.45),
        ("train (base)", "kept", 0.5),
        ("cpu", "kept", 0.4),
        ("gpu", "kept", 0.0),
    ]
    assert [limit["text"] for limit in chart.limits] == [
        "≥ 0.400",
        "≥ 0.400",
        "≥ 0.200",
        "≥ 0.300",
        "≥ 0.200",
    ]
    alone = _chart(report | {"targets": []}, "map", "1")
    assert alone is not None
    assert len(alone.panels) == 1, "a base beside which nothing was delivered has no panel"


def test_names_of_the_model_stand_beside_those_of_the_data() -> None:
    report = {
        "data": {"classes": ["No Entry", "stop", "yield"]},
        "labels": {"a.txt": ["no_entry", "stop", "yield"], "b.txt": ["no_entry", "yield", "stop", "x"]},
    }
    assert class_table(report) == Table(
        headings=("output", "class of the data", "by b.txt"),
        rows=(
            Row(cells=("0", "No Entry", "no_entry")),
            Row(cells=("1", "stop", "yield"), marked=True),
            Row(cells=("2", "yield", "stop"), marked=True),
            Row(cells=("3", "–", "x"), marked=True),
        ),
    )
    assert class_table({"data": {}, "labels": {}}) is None
    assert class_table({"data": {"classes": ["a"]}}) is None


def test_the_page_says_how_to_see_the_graph_of_what_was_delivered() -> None:
    assert 'tabindex="0">tflbuild view &#39;outputs/a b&#39;</pre>' in render(
        pages.report(), folder="outputs/a b"
    )
    assert "tflbuild view" not in render(pages.report() | {"targets": []}, folder="outputs/a")
