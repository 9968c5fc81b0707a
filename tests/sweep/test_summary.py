"""Pareto optimality and spread, by hand."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.errors import MissingTool, RecipeError, StoreError
from tflbuild.core.metric import METRICS, TargetMetric
from tflbuild.show.pages.sweep import render_summary
from tflbuild.sweep.pareto import optimal
from tflbuild.sweep.row import row_of_error
from tflbuild.sweep.spread import groups_of, spread_of
from tflbuild.sweep.summary import shown_table, summarise, table_of, without_formula, write_summary


def row(
    accuracy: float | None, size: int | None, latency: float | None, status: str = "built", **differs: str
) -> dict[str, Any]:
    return {
        "name": ",".join(f"{key}={value}" for key, value in differs.items()),
        "overrides": differs,
        "status": status,
        "exit_code": 0,
        "error": None,
        "metrics": {"score": {"value": accuracy}},
        "bytes": size,
        "latency_ms": latency,
    }


PARETO = {
    "alone": ([row(0.5, 10, 1.0)], [True]),
    "beaten in everything": ([row(0.5, 10, 1.0), row(0.4, 11, 1.1)], [True, False]),
    "beaten in one, equal in two": ([row(0.5, 10, 1.0), row(0.5, 10, 1.1)], [True, False]),
    "a trade each": ([row(0.5, 10, 1.0), row(0.6, 20, 1.0), row(0.4, 10, 0.5)], [True, True, True]),
    "equal in everything": ([row(0.5, 10, 1.0), row(0.5, 10, 1.0)], [True, True]),
    "between two, beaten by neither": ([row(0.7, 30, 3.0), row(0.6, 20, 2.0), row(0.5, 10, 1.0)], [True] * 3),
    "worse than a mixture, beaten by one": ([row(0.7, 10, 3.0), row(0.6, 20, 4.0)], [True, False]),
    "what was not built": ([row(0.9, 1, 0.1, "over_budget"), row(0.5, 10, 1.0)], [False, True]),
    "not measured is worst": ([row(0.5, 10, None), row(0.5, 10, 1.0)], [False, True]),
    "measured nowhere": ([row(0.5, 10, None), row(0.5, 11, None)], [True, False]),
}


@pytest.mark.parametrize("what", PARETO)
def test_a_job_is_optimal_that_no_other_beats(what: str) -> None:
    rows, expected = PARETO[what]
    assert optimal(rows, "score") == expected


def test_the_spread_is_mean_sample_deviation_and_range() -> None:
    # 2, 4, 4, 4, 5, 5, 7, 9: mean 5, squares of deviations 9+1+1+1+0+0+4+16 = 32, over n-1 = 7
    found = spread_of([2, 4, 4, 4, 5, 5, 7, 9])
    assert found == pytest.approx({"n": 8, "mean": 5, "sd": (32 / 7) ** 0.5, "min": 2, "max": 9})
    assert spread_of([3.0]) == {"n": 1, "mean": 3.0, "sd": None, "min": 3.0, "max": 3.0}
    assert spread_of([]) == {"n": 0, "mean": None, "sd": None, "min": None, "max": None}


def test_jobs_are_grouped_that_differ_in_nothing_but_their_seed() -> None:
    rows = [
        row(0.5, 10, 1.0, side="96", seed="0"),
        row(0.7, 12, 1.0, side="96", seed="1"),
        row(None, None, None, "failed", side="96", seed="2"),
        row(0.9, 20, None, side="128", seed="0"),
    ]
    small, large = groups_of(rows, "score")
    assert small["overrides"] == {"side": "96"}
    assert small["jobs"] == ["side=96,seed=0", "side=96,seed=1", "side=96,seed=2"]
    assert small["built"] == 2
    assert small["figures"]["score"] == pytest.approx(
        {"n": 2, "mean": 0.6, "sd": 0.02**0.5, "min": 0.5, "max": 0.7}
    )
    assert small["figures"]["bytes"]["mean"] == 11
    assert large["figures"]["latency_ms"]["n"] == 0
    assert groups_of([row(0.5, 10, 1.0, side="96")], "score") == []


def test_a_summary_names_the_metric_that_stands_for_accuracy(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {**row(None, None, None, "failed"), "metrics": {}}
    measured_base = {**failed, "base": {"label": "train", "metrics": {"score": {"value": 0.9}}}}
    assert summarise([row(0.5, 10, 1.0)], [])["metric"] == "score"
    assert summarise([measured_base], [])["metric"] == "score"
    assert summarise([failed], [])["metric"] == "accuracy"
    monkeypatch.setattr(
        METRICS.get("score"), "primary", False
    )  # as `fidelity` is, which data without labels have
    assert summarise([row(0.5, 10, 1.0)], [])["metric"] == "score"


def test_the_table_leaves_empty_what_is_not_known() -> None:
    rows = [row(0.5, 10, 1.0, side="96"), {**row(None, None, None, "failed", seed="1"), "metrics": {}}]
    rows[0]["base"] = {"label": "train", "metrics": {"score": {"value": 0.6}}}
    headings, texts = table_of(summarise(rows, []))
    assert headings[:4] == ["side", "seed", "score", "drop"]
    assert texts[0] == ["96", "", "0.5000", "+0.1000", "10", "", "1.000", "", "yes", "built"]
    assert texts[1] == ["", "1", "", "", "", "", "", "", "", "failed"]


def test_every_column_of_the_table_holds_its_own_figure() -> None:
    one = row(0.87654, 1234567, 2.3456, side="96") | {"compressed_bytes": 65432, "seconds": 12.34}
    one |= {"base": {"label": "train", "metrics": {"score": {"value": 0.9}}}}
    headings, (texts,) = table_of(summarise([one], []))
    assert dict(zip(headings, texts, strict=True)) == {
        "side": "96",
        "score": "0.8765",
        "drop": "+0.0235",
        "bytes": "1234567",
        "compressed": "65432",
        "latency ms": "2.346",
        "seconds": "12.3",
        "pareto": "yes",
        "status": "built",
    }


def test_a_figure_of_a_device_has_a_column_of_its_own() -> None:
    METRICS.declare("npu_coverage")(type("Coverage", (TargetMetric,), {"target": "npu"}))
    figures = {"score@cpu": 0.5, "latency@cpu": 1.0, "size@cpu": 9, "score@npu": 0.25, "latency@npu": 2.5}
    one = row(0.5, 10, 1.0, side="96") | {"figures": {**figures, "npu_coverage@npu": 0.75}, "seconds": 2.0}
    old = row(0.5, 10, 1.0, side="64")
    summary = summarise([one, old], [])
    headings, texts = table_of(summary)
    known = dict(zip(headings, texts[0], strict=True))
    assert headings[-6:] == ["score@npu", "latency@npu", "npu_coverage@npu", "seconds", "pareto", "status"]
    assert [known[name] for name in headings[-6:-2]] == ["0.25", "2.5", "0.75", "2.0"]
    assert texts[1][-6:-2] == ["", "", "", ""], "a job of an earlier tflbuild has none"
    shown, rows = shown_table(summary)
    assert dict(zip(shown, rows[0], strict=True))["npu_coverage@npu"] == "0.75"
    assert (shown[0], shown[2], rows[0][3]) == ("side", "since base", "10 B")
    unit = [
        {**job, "metrics": {"score": {**job["metrics"]["score"], "unit": "1"}}} for job in summary["jobs"]
    ]
    page = render_summary({**summary, "jobs": unit})
    assert '<th class="number">npu_coverage@npu</th>' in page
    assert 'data-value="0.75">0.750<' in page


@pytest.mark.parametrize(
    ("before", "after", "drop"),
    [(0.5, 0.5, "+0.0000"), (0.5, 0.50001, "+0.0000"), (0.4, 0.5, "-0.1000"), (0.5, 0.0, "+0.5000")],
)
def test_a_drop_is_how_much_less_than_the_base(before: float, after: float, drop: str) -> None:
    one = row(after, 10, 1.0) | {"base": {"label": "train", "metrics": {"score": {"value": before}}}}
    headings, (texts,) = table_of(summarise([one], []))
    assert texts[headings.index("drop")] == drop


def test_zeros_are_figures() -> None:
    headings, (texts,) = table_of(summarise([row(0.0, 0, 0.0) | {"seconds": 0.0}], []))
    assert texts == ["0.0000", "", "0", "", "0.000", "0.0", "yes", "built"]
    assert headings[0] == "score"
    assert spread_of([0.0, 0.0]) == {"n": 2, "mean": 0.0, "sd": 0.0, "min": 0.0, "max": 0.0}


def test_a_summary_says_what_was_typed_and_marks_what_is_optimal() -> None:
    rows = [row(0.5, 10, 1.0), row(0.4, 11, 1.1)]
    made = summarise(rows, ["recipe=r", "a=1,2"])
    assert (made["schema"], made["command"]) == ("tflbuild.summary/1", ["recipe=r", "a=1,2"])
    assert [job["pareto"] for job in made["jobs"]] == [True, False]
    assert (made["metric"], made["groups"]) == ("score", [])


def test_a_spread_is_that_of_the_built_alone() -> None:
    rows = [row(0.5, 10, 4.0, seed="0"), row(0.9, 99, 9.0, "over_budget", seed="1")]
    (group,) = groups_of(rows, "score")
    assert (group["built"], len(group["jobs"])) == (1, 2)
    assert [group["figures"][name]["max"] for name in ("score", "bytes", "latency_ms")] == [0.5, 10, 4.0]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RecipeError("x"), "invalid", 2),
        (MissingTool("x"), "invalid", 6),
        (StoreError("x"), "failed", 4),
        (TypeError("x"), "failed", 70),
    ],
)
def test_an_error_before_the_report_is_a_row_too(error: Exception, status: str, code: int) -> None:
    made = row_of_error("only", {}, error)
    assert (made["status"], made["exit_code"], made["run"]) == (status, code, None)
    assert "x" in made["error"]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\uff1d1+1",
        "-",
        "+",
        "-1e",
        "\t1",
    ],
)
def test_text_that_begins_like_a_formula_is_written_as_text(text: str) -> None:
    assert without_formula(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["", "0.5", "-0.0021", "+0.0100", "-1e-3", "int8", "a=b", "[1,2]", "'=1", "built"]
)
def test_numbers_and_other_text_stay_as_they_are(text: str) -> None:
    assert without_formula(text) == text


def test_a_summary_holds_no_formula(tmp_path: Path) -> None:
    evil = {"=HYPERLINK(1)": "+1+1", "data.root": "@x"}
    metrics = {"score": {"value": 0.5, "unit": "1"}}
    write_summary(summarise([row(0.5, 10, 1.0) | {"overrides": evil, "metrics": metrics}], []), tmp_path)
    with (tmp_path / "summary.csv").open(newline="") as file:
        headings, cells = csv.reader(file)
    assert headings[:2] == ["'=HYPERLINK(1)", "data.root"]
    assert cells[:2] == ["'+1+1", "'@x"]
