"""Seconds of passes on an SSD of 160 px with 100 calibration images; what its weights are decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tflbuild
from proof.book import Book

FOUND = ("auto", "sensitivity")


def measured(book: Book, small: bool) -> dict[str, Any]:
    """Give the seconds of `auto` and of `sensitivity`, those that could be measured."""
    found = {}
    for name in FOUND:
        cell = book.cell("times", name, [name, small], lambda folder, name=name: _timed(name, small))
        if "error" not in cell:
            found[name] = cell["seconds"]
    return found


def _timed(name: str, small: bool) -> dict[str, Any]:
    label = "quantize" if name == "auto" else "sensitivity"
    few = ["data.train=120", "data.val=20", "data.test=20", "train.steps=20"]
    samples = 12 if small else 100
    _recipe()
    report = tflbuild.build(
        "proof_times",
        [
            *few,
            f"+passes@{label}={label}",
            f"pipeline=[train,convert,{label}]",
            f"{label}.calibration.samples={samples}",
        ],
        show=False,
    )
    (step,) = [step for step in report["passes"] if step["label"] == label]
    return {"seconds": step["cost_seconds"]}


def _recipe() -> None:
    from dataclasses import replace

    from proof.product import write_recipes
    from proof.rows import ROWS

    write_recipes(Path.cwd(), [replace(ROWS["signs"], name="times", title="SSD, 160 px")])
    path = Path("recipes/proof_times.yaml")
    path.write_text(path.read_text() + "model: {input_size: 160}\n")
