"""What a person sees of a sweep, to the letter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tflbuild.sweep import show
from tflbuild.sweep.pareto import rule
from tflbuild.sweep.show import show_row, show_summary, show_times
from tflbuild.sweep.summary import shown_table, summarise

ROW: dict[str, Any] = {
    "name": "side=96",
    "overrides": {"model.side": "96"},
    "status": "built",
    "exit_code": 0,
    "error": None,
    "metrics": {"score": {"value": 0.87654, "unit": "1"}},
    "base": {"label": "train", "metrics": {"score": {"value": 0.9, "unit": "1"}}},
    "bytes": 1234567,
    "compressed_bytes": 65432,
    "latency_ms": 2.345,
    "seconds": 12.34,
}


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({}, "[3/12] side=96: built, score 0.877, 1.2 MiB, 2.35 ms, 12.3 s"),
        ({"bytes": None, "latency_ms": None}, "[3/12] side=96: built, score 0.877, 12.3 s"),
        (
            {"bytes": 0, "latency_ms": 0.0, "seconds": 0.0},
            "[3/12] side=96: built, score 0.877, 0 B, 0.00 ms, 0.0 s",
        ),
        (
            {"metrics": {"score": {"value": 0.0}}, "seconds": None},
            "[3/12] side=96: built, score 0.000, 1.2 MiB, 2.35 ms",
        ),
        (
            {"status": "over_budget", "metrics": {}, "bytes": None, "latency_ms": None, "error": "map fell"},
            "[3/12] side=96: over budget, 12.3 s: map fell",
        ),
        ({"metrics": {"score": {"value": None}}}, "[3/12] side=96: built, 1.2 MiB, 2.35 ms, 12.3 s"),
    ],
)
def test_a_job_that_ended_is_one_line(
    changed: dict[str, Any], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_row(ROW | changed, "[3/12]")
    assert capsys.readouterr().out == f"{line}\n"


LOST = {"metrics": {"score": {"value": 0.1, "unit": "1"}}} | {
    "differences": {"score": {"value": -0.8, "low": -0.85, "high": -0.75, "n": 50}}
}
"""A job that lost most of what its base could do, which is 0.9."""


def test_a_job_says_how_far_it_is_from_its_base_and_a_mark_that_most_was_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_row(ROW | LOST, "[1/1]")
    assert (
        "score 0.100 (-0.8000 [-0.8500, -0.7500] since the base: worse), 1.2 MiB" in capsys.readouterr().out
    )
    told = (
        "side=96 is Pareto-optimal, but score fell by 0.800 [0.750, 0.850] since the base, more than half of"
    )
    assert any(line.startswith(told) for line in lines_of(summarise([ROW | LOST], []), tmp_path, capsys))
    assert not any("but score" in line for line in lines_of(summarise([ROW], []), tmp_path, capsys))


def lines_of(summary: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    show_summary(summary, folder)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_a_summary_is_a_table_its_errors_and_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    failed = ROW | {
        "name": "side=128",
        "overrides": {"model.side": "128"},
        "status": "failed",
        "error": "oops",
    }
    failed |= {"metrics": {}, "bytes": None, "compressed_bytes": None, "latency_ms": None}
    lines = lines_of(summarise([ROW, failed], []), tmp_path / "sweep", capsys)
    assert " ".join(lines[0].split()) == (
        "side score since base size compressed latency ms seconds pareto status"
    )
    assert lines[1].split() == [
        "96",
        "0.8765",
        *("-0.0235", "1.2", "MiB", "63.9", "KiB"),
        "2.345",
        "12.3",
        "yes",
        "built",
    ]
    assert lines[2].split() == ["128", "12.3", "failed"]
    assert lines[3:] == [
        rule("score"),
        "side=128: oops",
        "summary: sweep/summary.html",
    ]


def test_without_a_built_job_nothing_is_said_of_pareto(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = lines_of(summarise([ROW | {"status": "over_budget"}], []), tmp_path, capsys)
    assert lines[2:] == ["summary: ./summary.html"]


def test_the_spread_over_seeds_has_mean_deviation_and_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        ROW
        | {
            "name": f"seed={seed}",
            "overrides": {"a.side": "96", "b.side": "7", "seed": str(seed)},
            "metrics": {"score": {"value": 0.5 + seed / 10}},
            "bytes": 1000 + 1000 * seed,
            "latency_ms": None,
        }
        for seed in range(3)
    ]
    rows.append(rows[0] | {"name": "seed=9", "status": "failed", "error": None})
    lines = lines_of(summarise(rows, []), tmp_path, capsys)
    (start,) = (n for n, line in enumerate(lines) if "figure" in line)
    assert lines[start].split() == ["a.side", "b.side", "built", "figure", "mean", "sd", "range"]
    # 0.5, 0.6, 0.7 and 1,000, 2,000, 3,000: deviations 0.1 and 1,000
    score, size = (" ".join(line.split()) for line in lines[start + 1 : start + 3])
    assert score == "96 7 3 of 4 score 0.6000 ± 0.1000 0.5000 .. 0.7000"
    assert size == "96 7 3 of 4 size 2.0 KiB ± 1000 B 1000 B .. 2.9 KiB"
    assert lines[start + 3].startswith("summary: ")


def test_one_seed_has_no_deviation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = lines_of(summarise([ROW | {"overrides": {"seed": "0"}}], []), tmp_path, capsys)
    assert any(
        line.split() == ["1", "of", "1", "score", "0.8765", "0.8765", "..", "0.8765"] for line in lines
    )


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (120, []),
        (75, ["since base"]),
        (66, ["since base", "seconds"]),
        (56, ["since base", "seconds", "compressed"]),
        (20, ["since base", "seconds", "compressed"]),
    ],
)
def test_a_narrow_terminal_does_without_some_columns_in_turn(width: int, left_out: list[str]) -> None:
    headings, rows = shown_table(summarise([ROW], []))
    table = show._fitting(Console(width=width), headings, rows)
    kept = [str(column.header) for column in table.columns]
    assert kept == [heading for heading in ["side", *headings[1:]] if heading not in left_out]
    cells = dict(zip(kept, (next(iter(column.cells)) for column in table.columns), strict=True))
    assert (cells["size"], cells["status"], cells["pareto"]) == ("1.2 MiB", "built", "yes")


def test_times_are_shown_of_a_job_that_left_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show_times(tmp_path)
    assert capsys.readouterr().out == ""
    (tmp_path / "report.json").touch()
    monkeypatch.setattr(show, "read_report", lambda path: {"of": path})
    monkeypatch.setattr(show, "time_lines", lambda report: ["one", str(report["of"])])
    show_times(tmp_path)
    assert capsys.readouterr().out == f"one\n{tmp_path / 'report.json'}\n"
