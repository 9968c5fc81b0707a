"""The table of devices: figures of each, what was done differently, and who was given no file."""

from __future__ import annotations

from typing import Any

import made_up
from tflbuild.show.breach import breach_of, next_commands
from tflbuild.show.conclusion import conclusion
from tflbuild.show.devices import device_lines, devices, line_of
from tflbuild.show.losses import loss_of, steps_behind
from tflbuild.show.outcome import outcome_lines
from tflbuild.show.pages.page import render

BRANCH = "quantize@ethos_u55"
TARGETS = {"cpu": {"type": "cpu"}, "ethos_u55": {"type": "ethos_u", "step": BRANCH}}


def branched(**changed: Any) -> dict[str, Any]:
    """Give a report of a build with a branch for the NPU, whose step is changed as said."""
    report = made_up.report()
    main = report["passes"][-1] | {
        "options": {
            "calibration": {"samples": 200, "source": "a"},
            "weight_bits": 8,
            "output_dtype": "float32",
        }
    }
    own = made_up.step(
        BRANCH,
        0.66,
        "c",
        "e",
        takes="convert",
        wanted={"output_dtype": "int8"},
        options={"calibration": {"samples": 9, "source": "a"}, "weight_bits": 4, "output_dtype": "int8"},
    )
    return report | {
        "passes": [*report["passes"][:-1], main, own | changed],
        "resolved": report.get("resolved", {}) | {"target": TARGETS},
    }


def test_a_build_for_one_device_has_no_table() -> None:
    report = made_up.report()
    alone = report | {"targets": report["targets"][:1], "resolved": {"target": {"cpu": {"type": "cpu"}}}}
    assert devices(alone) == []
    assert device_lines(alone) == []


def test_each_device_has_its_figures_and_what_was_done_differently() -> None:
    cpu, npu = devices(branched())
    assert cpu.cells == (
        "cpu",
        "cpu/model.tflite",
        "map 0.6710 [0.6490, 0.6910] on 500 test samples",
        "628.3 KiB",
        "1.23 ms",
        "64 of 65",
        "",
    )
    assert npu.cells == (
        "ethos_u55",
        "ethos_u55/model.tflite",
        "map 0.6600 [0.6380, 0.6800] on 300 val samples, before it was compiled",
        "500.0 KiB",
        "371,355 cycles, 0.74 ms by the compiler",
        "82 of 86",
        f"{BRANCH}: output_dtype=int8 (the device asks for it), calibration.samples=9, weight_bits=4",
    )


def test_a_prediction_is_called_one_and_what_nobody_knows_is_left_open() -> None:
    report = branched()
    bare = {key: report["targets"][1][key] for key in ("name", "path", "bytes", "metrics")}
    placed = made_up.placement() | {"basis": "rules"}
    found = devices(report | {"targets": [report["targets"][0], bare | {"placement": placed}]})[1]
    assert (found.coverage, found.speed, found.accuracy) == ("82 of 86 by rules", "–", "not measured")


def test_devices_that_share_all_steps_say_so() -> None:
    report = made_up.report() | {"resolved": {"target": {"cpu": {}, "ethos_u55": {}}}}
    assert [one.differently for one in devices(report)] == ["", "as for cpu"]


def test_what_took_the_place_of_a_step_is_told() -> None:
    reason = "it exceeded its limit; quantize_mixed@ethos_u55 replaced it"
    found = devices(branched(outcome="replaced", reason=reason))[1]
    assert found.differently.endswith(reason)


def test_the_terminal_has_a_line_a_device_with_the_rest_below_in_80_columns() -> None:
    lines = device_lines(branched())
    assert lines == [
        "device     bytes      latency or cycles                        coverage",
        "cpu        628.3 KiB  1.23 ms                                  64 of 65",
        "  map 0.6710 [0.6490, 0.6910] on 500 test samples",
        "ethos_u55  500.0 KiB  371,355 cycles, 0.74 ms by the compiler  82 of 86",
        "  map 0.6600 [0.6380, 0.6800] on 300 val samples, before it was compiled",
        f"  {BRANCH}: output_dtype=int8 (the device asks for it), calibration.samples=9, weight_bits=4",
    ]
    assert set(lines) <= set(outcome_lines(branched(), "RUN"))
    failed = branched(outcome="failed") | {"targets": branched()["targets"][:1]}
    assert "  no file" in device_lines(failed)


def test_a_device_that_was_given_no_file_is_in_the_table_and_in_the_sentence() -> None:
    report = branched(outcome="failed")
    failed = report | {"status": "failed", "error": f"{BRANCH}: broken", "targets": report["targets"][:1]}
    assert devices(failed)[1].cells[1:3] == ("none", "–")
    assert conclusion(failed).text == "Failed for ethos_u55, which was given no file; built for cpu."
    over = failed | {"status": "over_budget"}
    assert conclusion(over).text.startswith(
        "Over budget for ethos_u55, which was given no file; built for cpu"
    )
    assert conclusion(over | {"targets": []}).text.startswith("Over budget: no model was delivered")


def test_the_page_has_the_table_with_its_names_escaped() -> None:
    report = branched(options={"scores": "<b>", "weight_bits": 8, "output_dtype": "int8"})
    page = render(report)
    assert "<h2" in page.partition(">Devices</h2>")[0]
    assert 'data-label="latency or cycles">371,355 cycles' in page
    assert "scores=&lt;b&gt;" in page
    assert ">Devices</h2>" not in render(report | {"targets": [], "resolved": {}})


def test_what_a_branch_lost_is_blamed_on_its_own_steps() -> None:
    lost = {"map": {"value": -0.03, "low": -0.04, "high": -0.02, "n": 300}}
    report = branched(differences=lost)
    less = {"map": {"value": -0.2, "low": -0.25, "high": -0.15, "n": 500}}
    report["targets"][1]["differences"] = less
    report["base"] = {"label": "train", "metrics": {}}
    assert [one["label"] for one in steps_behind(report)] == ["prune", "convert", "quantize"]
    assert [one["label"] for one in steps_behind(report, BRANCH)] == ["prune", "convert", BRANCH]
    assert loss_of(report).endswith(f"in the file for ethos_u55, most of it in {BRANCH}")


def test_the_step_that_ended_the_build_need_not_be_the_last() -> None:
    report = branched()
    closed = made_up.verdict(0.001, 0.689, 0.681)
    report["passes"][-2] |= {"verdicts": [closed], "tried": []}
    over = report | {"status": "over_budget", "error": f"quantize: {closed['text']}", "targets": []}
    over["budget"] = {"ok": False, "verdicts": []}
    assert breach_of(over, "RUN")[0].startswith("over budget: quantize: ")
    assert any("quantize.on_breach=skip" in line or "diagnose" in line for line in next_commands(over, "RUN"))


def test_the_line_of_a_step_leads_back_to_the_first() -> None:
    passes = branched()["passes"]
    assert [one["label"] for one in line_of(passes, BRANCH)] == ["train", "prune", "convert", BRANCH]
    assert line_of(passes, "none") == []
    between = [*passes[:3], passes[4], passes[3]]
    assert [one["label"] for one in line_of(between, "quantize")] == ["train", "prune", "convert", "quantize"]
