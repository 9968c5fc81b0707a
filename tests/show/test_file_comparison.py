"""How two model files are shown side by side, by hand."""

from __future__ import annotations

import json
from typing import Any

from tflbuild.core.budget import Limit, Verdict
from tflbuild.core.metric import Difference, Measurement
from tflbuild.show.file_comparison import SCHEMA, FileComparison, Row


def measured(value: float, unit: str = "1", **more: Any) -> Measurement:
    return Measurement(value=value, unit=unit, **more)


OUTPUT = {"y\x1b": {"sqnr_db": 31.25, "cosine": 0.99912, "mean_abs": 0.001234}}
TOP1 = Row(
    before=measured(0.9, n=40),
    after=measured(0.875, n=40),
    difference=Difference(value=-0.025, low=-0.1, high=0.05, n=40),
)
FIDELITY = Row(
    before=measured(1.0, n=40, details={"outputs": OUTPUT}),
    after=measured(0.75, n=40, details={"outputs": OUTPUT}),
    difference=Difference(value=-0.25, low=-0.4, high=-0.1, n=40),
)
SIZE = Row(before=measured(400_000, "bytes"), after=measured(110_000, "bytes"))
LATENCY = Row(before=measured(2.0, "ms"), after=measured(1.5, "ms"))
ONE_SIDED = Row(before=measured(2.0, "ms"), after=None)


def verdict(ok: bool, text: str) -> Verdict:
    limit = Limit(metric="top1", form="max_drop", bound=0.1)
    return Verdict(
        limit=limit, baseline=0.9, value=0.875, low=None, high=None, ok=ok, decided=True, text=text
    )


def comparison(rows: dict[str, Row], **more: Any) -> FileComparison:
    return FileComparison(files=("a.tflite", "b.h5"), split="test", samples=1234, rows=rows, **more)


def test_the_table_has_a_line_for_each_metric_and_each_output() -> None:
    rows = {"top1": TOP1, "fidelity": FIDELITY, "size": SIZE, "latency": LATENCY, "other": ONE_SIDED}
    assert comparison(rows).lines() == [
        "1,234 samples of data.test; differences are second file minus first",
        "                         first        second   difference, 95 % interval",
        "top1                    0.9000        0.8750   -0.0250 [-0.1000, +0.0500]",
        "fidelity                1.0000        0.7500   -0.2500 [-0.4000, -0.1000]",
        "  y\\x1b: SQNR 31.2 dB, cosine 0.99912, mean |difference| 0.00123",
        "size                 390.6 KiB     107.4 KiB   -283.2 KiB (-72.5%)",
        "latency                 2.0000        1.5000   -0.5000 ms (-25.0%)",
        "other                   2.0000             –",
    ]


def test_what_was_0_has_no_share() -> None:
    row = Row(before=measured(0.0, "ms"), after=measured(1.0, "ms"))
    assert (
        comparison({"latency": row}).lines()[-1]
        == "latency                 0.0000        1.0000   +1.0000 ms"
    )
    share = Row(before=measured(0.5), after=measured(1.0))
    assert comparison({"share": share}).lines()[-1].endswith("+0.5000 (+100.0%)")


def test_files_operators_and_verdicts_are_said() -> None:
    seen = [
        {"what": "task", "value": "classification", "evidence": "it ends in SOFTMAX"},
        {"what": "input", "value": "image\x1b", "evidence": ""},
    ]
    made = comparison(
        {},
        operators={"QUANTIZE": (0, 1), "CONV_2D": (15, 14)},
        verdicts=(verdict(True, "top1 fell by 0.025"), verdict(False, "size is too large")),
        recognised=(seen, []),
    )
    lines = made.lines()
    assert lines[:2] == ["first: a.tflite (task: classification; input: image\\x1b)", "second: b.h5"]
    assert lines[4:] == [
        "different operators: CONV_2D 15 -> 14, QUANTIZE 0 -> 1",
        "within the budget: top1 fell by 0.025",
        "over the budget: size is too large",
    ]


def test_the_json_form_has_every_figure_and_null_for_what_is_not_known() -> None:
    seen = [{"what": "task", "value": "classification", "evidence": "it ends in SOFTMAX"}]
    made = comparison(
        {"top1": TOP1, "size": SIZE, "other": ONE_SIDED},
        operators={"CONV_2D": (15, 14)},
        verdicts=(verdict(True, "fine"),),
        recognised=(seen, []),
    ).to_json()
    assert json.loads(json.dumps(made)) == {
        "schema": "tflbuild.compare_files/1",
        "files": ["a.tflite", "b.h5"],
        "split": "test",
        "n": 1234,
        "metrics": {
            "top1": {
                "before": {"value": 0.9, "unit": "1", "n": 40, "low": None, "high": None},
                "after": {"value": 0.875, "unit": "1", "n": 40, "low": None, "high": None},
                "difference": {"value": -0.025, "low": -0.1, "high": 0.05, "n": 40, "variance": None},
            },
            "size": {
                "before": {"value": 400_000, "unit": "bytes"},
                "after": {"value": 110_000, "unit": "bytes"},
                "difference": None,
            },
            "other": {"before": {"value": 2.0, "unit": "ms"}, "after": None, "difference": None},
        },
        "operators": {"CONV_2D": [15, 14]},
        "verdicts": [verdict(True, "fine").to_json()],
        "recognised": [seen, []],
    }
    assert SCHEMA == "tflbuild.compare_files/1"
