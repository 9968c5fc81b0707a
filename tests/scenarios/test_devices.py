"""One recipe for several devices: each gets the file that suits it, and what they share is done once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from own_files import CLASSIFIER, write_classifier
from tflbuild.tflite import flatbuffer
from workspace import Workspace

pytestmark = pytest.mark.slow

BRANCH = "quantize@ethos_u55"
WORDS = [*CLASSIFIER, "budget=null"]
DEVICES = [*WORDS, "target=[cpu,ethos_u55]"]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("devices")
    write_classifier(folder)
    return Workspace(folder)


@pytest.fixture(scope="module")
def report(here: Workspace) -> dict[str, Any]:
    pytest.importorskip("ethosu", reason='pip install "tflbuild[ethos]"')
    return here.build(*DEVICES)


@pytest.fixture(scope="module")
def run(here: Workspace, report: dict[str, Any]) -> Path:
    """Give the folder of the run with both devices."""
    (found,) = (
        file.parent
        for file in here.folder.glob("outputs/int8/2*/report.json")
        if json.loads(file.read_text())["started"] == report["started"]
    )
    return found


def step(report: Mapping[str, Any], label: str) -> Any:
    (found,) = (one for one in report["passes"] if one["label"] == label)
    return found


def dtypes(path: Path) -> tuple[list[str], list[str]]:
    found = flatbuffer.signature(path)
    return [one["dtype"] for one in found["inputs"]], [one["dtype"] for one in found["outputs"]]


def test_what_devices_share_is_done_once_and_each_gets_the_file_that_suits_it(
    run: Path, report: dict[str, Any]
) -> None:
    assert [one["label"] for one in report["passes"]] == ["load", "quantize", BRANCH]
    assert (
        step(report, BRANCH)["input"] == step(report, "quantize")["input"] == step(report, "load")["output"]
    )
    cpu, npu = report["targets"]
    assert dtypes(run / cpu["path"]) == (["uint8"], ["float32"])
    assert [one["dtype"] for one in npu["outputs"]] == ["int8"]
    assert dtypes(run / npu["path"]) == (["uint8"], ["int8"])
    assert (npu["npu_coverage"], npu["delegate"]["left"]) == (1.0, [])


def test_the_table_of_devices_has_the_figures_of_the_report(run: Path, report: dict[str, Any]) -> None:
    cpu, npu = report["targets"]
    page, log = (run / "report.html").read_text(), (run / "log.txt").read_text()
    for told in (
        f"{cpu['latency_ms']['median']:.2f} ms",
        f"{npu['npu_cycles']:,.0f} cycles",
        cpu["path"],
        npu["path"],
    ):
        assert told in page
        assert told in log
    assert f"{BRANCH}: output_dtype=int8 (the device asks for it)" in page
    assert "before it was compiled" in page


def test_the_float_output_is_what_leaves_the_npu(here: Workspace, report: dict[str, Any]) -> None:
    """Measured with vela 5.2: a float output leaves its DEQUANTIZE to the processor, 16-bit scores leave nothing."""
    alone = here.build(*WORDS, "target=[ethos_u55]", "quantize.output_dtype=float32", "quantize.scores=int16")
    (npu,) = alone["targets"]
    assert npu["delegate"]["left"] == ["DEQUANTIZE"]


def test_a_run_with_branches_is_planned_locked_and_built_again(
    here: Workspace, run: Path, report: dict[str, Any]
) -> None:
    planned = here.run("plan", *DEVICES)
    lines = [line.split() for line in planned.splitlines()]
    assert [line[:2] for line in lines if line[:1] in (["load"], ["quantize"], [BRANCH])] == [
        ["load", "HIT"],
        ["quantize", "HIT"],
        [BRANCH, "HIT"],
    ]
    said = " ".join(planned.split())
    assert "(quantize); behind load, for ethos_u55; asked for: output_dtype=int8" in said
    again = here.build(*DEVICES, f"locked={run / 'recipe.lock.yaml'}")
    assert [one["outcome"] for one in again["passes"]] == ["cached"] * 3
    here.run("rerun", str(run))
    assert {one["name"]: one["sha256"] for one in here.report("int8")["targets"]} == {
        one["name"]: one["sha256"] for one in report["targets"]
    }


def test_a_sweep_over_targets_builds_what_they_share_once(here: Workspace, report: dict[str, Any]) -> None:
    here.run("-m", *WORDS, "target=[cpu],[ethos_u55],[cpu,ethos_u55]")
    folder = max((here.folder / "outputs/int8").glob("sweep-*"))
    jobs = json.loads((folder / "summary.json").read_text())["jobs"]
    assert [job["status"] for job in jobs] == ["built"] * 3


def test_options_of_one_device_are_typed_shown_and_swept(here: Workspace, report: dict[str, Any]) -> None:
    word = f"{BRANCH}.weight_bits=4"
    shown = here.run("--cfg", "job", *DEVICES, word)
    assert shown.rstrip().endswith(f"{BRANCH}:\n  weight_bits: 4")
    planned = here.run("plan", *DEVICES, word)
    (line,) = (line for line in planned.splitlines() if line.startswith(BRANCH))
    assert line.split()[1] == "RUN"
    assert [line.split()[1] for line in planned.splitlines() if line.startswith("quantize ")] == ["HIT"]
