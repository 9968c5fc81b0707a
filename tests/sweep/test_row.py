"""What a row of a summary says of a job, however it ended."""

from __future__ import annotations

from typing import Any

from tflbuild.sweep.row import row_of_interruption, row_of_loss, row_of_report, row_of_waiting

DIFFERS = {"prune.sparsity": "0.5"}
TARGET = {
    "name": "cpu",
    "metrics": {"map": {"value": 0.5}},
    "bytes": 700,
    "compressed_bytes": 300,
    "latency_ms": {"median": 2.5, "p90": 9.0, "threads": 1, "runs": 50},
    "sha256": "abc",
}


def report(**changed: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"status": "built", "error": None, "seconds": 12.3456, "targets": [TARGET]}
    return made | {"base": {"label": "train", "metrics": {}}} | changed


def test_a_built_job_has_the_figures_of_its_first_target() -> None:
    coverage = {"metrics": {"npu_coverage": {"value": 0.75}, "map": {"value": None}}, "latency_ms": None}
    second = {**TARGET, **coverage, "name": "npu", "bytes": 1, "sha256": "other"}
    assert row_of_report("name", DIFFERS, report(targets=[TARGET, second]), 0) == {
        "name": "name",
        "overrides": DIFFERS,
        "status": "built",
        "exit_code": 0,
        "run": "name",
        "error": None,
        "pareto": False,
        "metrics": {"map": {"value": 0.5}},
        "seconds": 12.35,
        "base": {"label": "train", "metrics": {}},
        "bytes": 700,
        "compressed_bytes": 300,
        "latency_ms": 2.5,
        "latency_noise_ms": 6.5,
        "differences": {},
        "sha256": "abc",
        "figures": {
            "map@cpu": 0.5,
            "size@cpu": 700,
            "compressed_size@cpu": 300,
            "latency@cpu": 2.5,
            "npu_coverage@npu": 0.75,
            "size@npu": 1,
            "compressed_size@npu": 300,
        },
    }


def test_a_target_without_a_latency_leaves_it_out() -> None:
    for latency in ({"latency_ms": None}, {}):
        target = {key: value for key, value in TARGET.items() if key != "latency_ms"} | latency
        assert row_of_report("name", {}, report(targets=[target]), 0)["latency_ms"] is None


def test_a_job_that_delivered_nothing_has_its_error_and_no_figures() -> None:
    row = row_of_report("name", {}, report(status="failed", error="x", targets=[]), 4)
    assert (row["status"], row["exit_code"], row["error"], row["run"]) == ("failed", 4, "x", "name")
    assert row["metrics"] == {}
    assert "bytes" not in row


def test_jobs_without_a_report_say_how_they_ended() -> None:
    plain = {"name": "n", "overrides": DIFFERS, "run": None, "pareto": False, "metrics": {}}
    assert row_of_waiting("n", DIFFERS) == plain | {"status": "waiting", "exit_code": 0, "error": None}
    assert row_of_interruption("n", DIFFERS) == plain | {
        "status": "interrupted",
        "exit_code": 130,
        "error": "interrupted by the user",
    }
    assert row_of_loss("n", DIFFERS, "gone") == plain | {"status": "failed", "exit_code": 4, "error": "gone"}
    assert row_of_loss("n", DIFFERS)["error"] == "its launcher ended without a result"
