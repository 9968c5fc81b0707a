"""The cost of rounding each layer: found, and as a terminal tells it and a page draws it, whole and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import noted
from conforming import conforms
from dense_chain import chain
from tflbuild.analyses.sensitivity import SensitivityAnalysis, exhibit_of, lines_of
from tflbuild.core.architecture import Architecture
from tflbuild.core.dataset import Dataset, Index
from tflbuild.core.exhibit import Bar, Bars, Exhibit, Quantity, Row, Table
from tflbuild.core.names import named
from tflbuild.engine.workers.context import Assignment, WorkerContext
from tflbuild.passes.sensitivity import MeasureSensitivity
from tflbuild.testing import run_pass
from tflbuild.wiring import NAMES


def context(made: SensitivityAnalysis, folder: Path) -> WorkerContext:
    """Give what a worker gives an analysis, where there is no data set."""
    assignment = Assignment(
        label="sensitivity",
        seed=0,
        model_spec=Architecture(),
        data=Dataset(),
        index=folder / "unused",
        reads=made.reads(),
        staging=folder,
        checkpoints=folder / "checkpoints",
        checkpoint_seconds=30.0,
    )
    return WorkerContext(
        assignment=assignment,
        index=Index(classes=(), splits={}),
        given=None,
        report=lambda done, total, note: None,
        external=named(NAMES.external),
        log=lambda text: None,
    )


def error(value: float | None) -> Quantity:
    return Quantity(value, "error")


FOUND: dict[str, Any] = {
    "error_of_all": 0.03,
    "error_of_weights": 0.0,
    "guilty": "weights",
    "layers": [
        {
            "layer": "a",
            "operator": "ADD",
            "weights": 0.1,
            "activations": 0.2,
            "alone": 0.3,
            "left_out": 0.029,
        },
        {"tensor": "bb", "alone": 0.005, "bytes": 2048},
        {"layer": "c", "left_out": 0.01},
        {"layer": "d", "left_out": 0.04},
    ],
}


def test_what_rounding_a_layer_costs_is_what_leaving_it_out_gains() -> None:
    assert lines_of(FOUND) == [
        "sensitivity: output error 0.03 with everything quantized, 0 with only weights quantized: weights cost more",
        "  c                      quantizing it adds 0.02 output error",
        "  bb                     quantizing it adds 0.005 output error",
        "  a   ADD                quantizing it adds 0.001 output error",
        "  d                      quantizing it adds -0.01 output error",
    ]
    assert lines_of({"layers": []}) == []
    assert lines_of({"layers": [{"layer": "a"}], "guilty": "weights"})[0] == "sensitivity:"


def test_costs_of_layers_are_drawn_and_listed_from_the_costliest_on() -> None:
    def row(name: str, operator: str, *values: float | None, size: float | None = None) -> Row:
        return Row(cells=(name, operator, *(error(value) for value in values), Quantity(size, "bytes")))

    assert exhibit_of(FOUND) == Exhibit(
        title="what quantizing each layer costs",
        text=(
            "Output error 0.03 with everything quantized, 0 with only weights quantized: weights cost more.",
        ),
        parts=(
            Bars(
                bars=(
                    Bar(label="c", values=(None, None)),
                    Bar(label="bb", values=(None, None)),
                    Bar(label="a", text="ADD", values=(0.1, 0.2)),
                    Bar(label="d", values=(None, None)),
                ),
                unit="error",
                series=("weights", "activations"),
                legend="output error when only this layer is quantized; first the layers that gain most in float",
            ),
            Table(
                headings=(
                    "layer",
                    "operator",
                    "weights",
                    "activations",
                    "alone",
                    "in float",
                    "weights' bytes",
                ),
                rows=(
                    row("c", "", None, None, None, 0.01),
                    row("bb", "", None, None, 0.005, None, size=2048),
                    row("a", "ADD", 0.1, 0.2, 0.3, 0.029),
                    row("d", "", None, None, None, 0.04),
                ),
                summary="all 4 layers",
            ),
        ),
    )


def test_fifteen_layers_have_bars_and_all_are_listed() -> None:
    made = exhibit_of({"layers": [{"layer": f"l{k}"} for k in range(20)]})
    assert made is not None
    bars, table = made.parts
    assert isinstance(bars, Bars)
    assert isinstance(table, Table)
    assert (len(bars.bars), len(table.rows), table.summary) == (15, 20, "all 20 layers")


def test_zeros_are_values() -> None:
    layers = [{"layer": "a", "left_out": 0.5, "alone": 9.0}, {"layer": "b", "left_out": 0.0, "alone": 9.0}]
    assert [line.split()[4] for line in lines_of({"error_of_all": 0.0, "layers": layers})[1:]] == [
        "0",
        "-0.5",
    ]


def test_what_is_missing_is_said_as_a_question_mark() -> None:
    assert lines_of({"layers": [{}]}) == [
        "sensitivity:",
        "  ?                     quantizing it adds 0 output error",
    ]


def test_the_five_costliest_layers_are_told_with_what_rounding_them_costs() -> None:
    told = lines_of(noted.SENSITIVITY)
    assert told[0] == (
        "sensitivity: output error 0.03 with everything quantized, 0.02 with only weights quantized, 0.01 "
        "with only activations quantized: weights cost more"
    )
    assert [line.split()[0] for line in told[1:]] == [f"conv_{k}" for k in range(5)]
    assert told[1].split()[5] == "0.009", "0.03 with everything quantized, 0.021 without conv_0"


def test_layers_are_drawn_with_weights_and_activations_apart() -> None:
    made = exhibit_of(noted.SENSITIVITY)
    assert made is not None
    bars, table = made.parts
    assert isinstance(bars, Bars)
    assert bars.series == ("weights", "activations")
    assert (bars.bars[0].values, bars.bars[-1].values) == ((0.001, 0.002), (None, 0.002))
    assert isinstance(table, Table)
    assert len(table.rows) == 9


def test_every_finding_is_told_and_those_without_layers_are_not_drawn() -> None:
    made = SensitivityAnalysis()
    assert made.lines([FOUND, {"layers": []}, noted.SENSITIVITY]) == [
        *lines_of(FOUND),
        *lines_of(noted.SENSITIVITY),
    ]
    assert made.exhibits([FOUND, {"layers": []}]) == [exhibit_of(FOUND)]
    assert made.title == made.exhibits([FOUND])[0].title


def test_it_looks_at_the_last_float_file_and_reads_its_calibration_source() -> None:
    assert SensitivityAnalysis.of == ("float",)
    assert SensitivityAnalysis().reads() == ("data.train",)
    assert SensitivityAnalysis.light


@pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")
def test_what_is_found_is_what_the_pass_of_that_name_notes(tmp_path: Path) -> None:
    model, calibration = chain(tmp_path)
    made = SensitivityAnalysis(calibration=calibration, scheme="int16x8", samples=4)
    notes: dict[str, Any] = {}
    options = MeasureSensitivity(calibration=calibration, scheme="int16x8", images=4)
    run_pass(options, model, tmp_path, notes=notes)
    (found,) = conforms("analyses.sensitivity", made.run({"float": model}, context(made, tmp_path)))
    assert {**found, "seconds": 0} == {**notes["sensitivity"], "seconds": 0}
    assert found["guilty"] == "weights"
