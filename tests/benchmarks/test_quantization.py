"""The proof's own arithmetic by hand, and the whole of it on a tiny row."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import quantization
from proof import bars, calibration, columns, tables
from proof.book import Book
from proof.measuring import wide_share, zero_share
from proof.rows import GROUPS, ROWS
from tflbuild.core.meaning import Meaning
from tflbuild.tflite.tiny import dense_classifier

FACTS = Meaning.of_image(
    task="classification",
    height=8,
    width=8,
    labels=("cat", "dog"),
    preprocess={"scale": 0.0078125, "offset": -1.0},
)


def cell(score: float, box: float | None = None, **more: Any) -> dict[str, Any]:
    errors = {"scores": score} | ({} if box is None else {"boxes": box})
    return {"errors": errors, **more}


def at(name: str) -> Any:
    return SimpleNamespace(row=ROWS[name])


def test_an_error_is_the_geometric_mean_over_outputs() -> None:
    assert columns.error_of({"scores": 0.02, "boxes": 0.08, "found": 7.0}) == pytest.approx(0.04)
    assert columns.error_of({"scores": 0.02}) == pytest.approx(0.02)


def test_output_errors_are_compared_by_row_and_by_their_geometric_mean() -> None:
    rows = [
        (at("signs"), {"auto": cell(0.01, 0.01), "tf": cell(0.02, 0.02), "litert_default": cell(0.1, 0.1)}),
        (at("resnet"), {"auto": cell(0.02), "tf": cell(0.02), "litert_default": cell(0.01)}),
        (at("crops"), {"auto": cell(0.02), "tf": {"error": "refused"}, "litert_default": cell(0.01)}),
    ]
    # By hand: 0.5 and 1 make sqrt(0.5).
    found = bars.less_error(rows, "tf", "stock", 0.75)
    assert found.measured == f"{math.sqrt(0.5):.2f} (signs 0.50, resnet 1.00)"
    assert found.held
    assert bars.less_error(rows, "tf", "stock", 0.7).held is False
    nearest = bars.close_to_the_better(rows)
    assert nearest.measured == "signs 0.50, resnet 2.00"
    assert nearest.held is False


def test_what_per_tensor_loses_and_wins_back() -> None:
    rows = [
        (
            at("resnet"),
            {
                "tf_per_tensor": cell(0.2, drop=[0.1, 0.0, 0.2]),
                "per_tensor": cell(0.05, drop=[0.03, 0.0, 0.1]),
                "ill_tf_per_tensor": cell(0.2, drop=[0.5, 0.4, 0.6]),
                "ill_auto": cell(0.02, drop=[0.011, 0.0, 0.1]),
            },
        ),
        (
            at("signs"),
            {
                "tf_per_tensor": cell(0.2, drop=[0.001, 0.0, 0.1]),
                "per_tensor": cell(0.1, drop=[0.0, 0.0, 0.1]),
                "ill_tf_per_tensor": cell(0.2, drop=[0.09, 0.0, 0.1]),
                "ill_auto": cell(0.02, drop=[0.05, 0.0, 0.1]),
            },
        ),
    ]
    found = bars.recovered(rows)
    assert found.measured == (
        "resnet 70% of 0.1000 (error 75%); signs loses +0.0010, too little to say (error 50%)"
    )
    assert found.held
    # Signs loses less than 0.10 and is not judged; resnet keeps 0.011, more than 0.01.
    assert bars.ill_conditioned(rows).held is False


def test_budgets_of_mixed_and_pruned_models() -> None:
    rows = [(at("signs"), {"mixed": cell(0.1, drop=[0.004, 0.0, 0.1], wide=0.14)})]
    assert bars.mixed(rows).held
    rows[0][1]["mixed"]["wide"] = 0.16
    assert bars.mixed(rows).held is False
    rows = [(at("signs"), {"pruned": cell(0.1, drop=[0.009, 0.0, 0.1], zeros=0.5)})]
    assert bars.pruned(rows).held
    rows[0][1]["pruned"]["zeros"] = 0.499
    assert bars.pruned(rows).held is False
    assert bars.mixed([]).held is None


def test_noise_is_normal_to_the_model() -> None:
    pixels = calibration.noise((64, 8, 8, 3), FACTS)
    values = calibration.normalised(pixels, FACTS)
    assert values.mean() == pytest.approx(0, abs=0.02)
    # By hand: a normal distribution cut off at -1 and 1 has the deviation sqrt(1 - 2 phi(1)) = 0.718.
    assert values.std() == pytest.approx(0.718, abs=0.02)
    assert (values.min(), values.max()) == (-1, 255 / 128 - 1)


def test_weights_of_a_float_file_are_all_wide_and_none_is_zero() -> None:
    content = dense_classifier()
    assert wide_share(content) == 1
    assert zero_share(content) == 0


def test_a_book_computes_once_until_causes_change_and_tries_failures_again(tmp_path: Path) -> None:
    calls: list[int] = []

    def make(folder: Path) -> dict[str, Any]:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("not  this\ntime")
        return {"value": len(calls)}

    book = Book(tmp_path, again=False)
    assert book.cell("row", "cell", 1, make)["error"] == "not this time"
    assert [book.cell("row", "cell", causes, make)["value"] for causes in (1, 1, 2, 2)] == [2, 2, 3, 3]
    anew = Book(tmp_path, again=True)
    assert [anew.cell("row", "cell", 2, make)["value"] for _ in range(2)] == [4, 4]


def test_tables_are_written_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{quantization.BEGIN}\nold\n{quantization.END}\nafter\n")
    quantization.write("new", page)
    assert page.read_text() == f"before\n{quantization.BEGIN}\n\nnew\n\n{quantization.END}\nafter\n"
    page.write_text("nothing")
    with pytest.raises(SystemExit, match="has no lines"):
        quantization.write("new", page)
    assert quantization.BEGIN in quantization.PAGE.read_text()


def test_a_row_that_is_not_there_is_refused() -> None:
    assert quantization.named(ROWS)("signs,bccd") == ["signs", "bccd"]
    with pytest.raises(ArgumentTypeError, match="'sign' is not one of signs, mobilenet_v2"):
        quantization.named(ROWS)("sign")


def test_every_cell_of_the_tables_has_a_title() -> None:
    assert [*tables.SECTIONS] == [*sorted(GROUPS, key=[*tables.SECTIONS].index)]
    assert {name for _, names in tables.SECTIONS.values() for name in names} == set(columns.TITLES)


@pytest.mark.slow
def test_the_whole_runs_on_a_tiny_row_and_goes_on_where_it_was(tmp_path: Path) -> None:
    command = [sys.executable, quantization.__file__, "--work", str(tmp_path), "--rows", "crops", "--quick"]
    done = subprocess.run([*command, "--groups", "ill"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    cells = {
        path.stem: json.loads(path.read_text()) for path in (tmp_path / "quick" / "crops").glob("*.json")
    }
    assert {name: cell.get("error") for name, cell in cells.items()} == dict.fromkeys(
        ("float", "ill_float", "ill_tf", "ill_tf_per_tensor", "ill_litert", "ill_auto", "ill_per_tensor")
    )
    errors = {name: columns.error_of(cell["errors"]) for name, cell in cells.items()}
    assert cells["float"]["errors"] == {"scores": 0}
    assert errors["ill_float"] < 1e-5
    assert errors["ill_auto"] < min(errors["ill_tf"], errors["ill_tf_per_tensor"]) / 3
    assert cells["ill_auto"]["wide"] == 0
    assert cells["ill_auto"]["n"] == 24
    assert np.load(tmp_path / "quick/crops/calibration.npz")["images"].shape == (24, 96, 96, 3)
    assert "| bar | measured | held |" in (tmp_path / "quantization.md").read_text()
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "quick").rglob("*.json")}
    subprocess.run([*command, "--groups", "ill"], capture_output=True, text=True, check=True)
    assert stamps == {path: path.stat().st_mtime_ns for path in (tmp_path / "quick").rglob("*.json")}
