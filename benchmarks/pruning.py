"""What each way of pruning costs: `python benchmarks/pruning.py --work FOLDER [--row signs] [--only NAME ...]`.

Every way sets half of the weights of the same trained model to zero (or as many as it says), and is then quantized to
int8 on the same calibration images. It is held, paired by test image, to a float control that trained on for as many
steps at the same learning rate, without pruning. Findings are kept in the folder: a run that is stopped goes on where
it was.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proof.bench import Bench
from proof.book import Book
from proof.product import Pipeline, write_recipes
from proof.rows import ROWS
from tflbuild import plugins

BAR = 0.01
"""Allowed fall against the control."""

DISTILLED = ("distill.weight=0.5", "distill.temperature=2")


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way of pruning.

    Attributes:
        title: for the table.
        steps: of pruning and of its control.
        rate: highest learning rate of both.
        shared: options of both.
        options: of `prune` alone.
    """

    title: str
    steps: int = 400
    rate: float = 1.5e-3
    shared: tuple[str, ...] = ()
    options: tuple[str, ...] = DISTILLED


EVEN = (*DISTILLED, "spread=even")
"""The same share of zeros in each layer, as the proof had it first."""

WAYS = {
    "lamp": Way(title="zeros by `spread=lamp`", options=DISTILLED),
    "magnitude": Way(title="zeros by `spread=magnitude`", options=(*DISTILLED, "spread=magnitude")),
    "even": Way(title="zeros by `spread=even`", options=EVEN),
    "even_alone": Way(title="even, no distillation", options=("spread=even",)),
    "even_gentle": Way(title="even, learning rate 5e-4", rate=5e-4, options=EVEN),
    "even_fast": Way(title="even, learning rate 3e-3", rate=3e-3, options=EVEN),
    "even_early": Way(title="even, ramp over 20 % of the steps", options=(*EVEN, "ramp=0.2")),
    "even_late": Way(title="even, ramp over 80 % of the steps", options=(*EVEN, "ramp=0.8")),
    "even_averaged": Way(
        title="even, weights averaged over some 50 steps", shared=("average=0.98",), options=EVEN
    ),
    "even_levels": Way(title="even, four levels", options=(*EVEN, "schedule=iterative", "start=0.4")),
    "even_long": Way(title="even, 800 steps", steps=800, options=EVEN),
    "even_longer": Way(title="even, 1600 steps", steps=1600, options=EVEN),
    "lamp_long": Way(title="lamp, 800 steps", steps=800),
    "lamp_70": Way(title="lamp, 70 % of the weights", options=(*DISTILLED, "sparsity=0.7")),
}


def main() -> None:
    """Prune in every way, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--row", choices=list(ROWS), default="signs")
    parser.add_argument("--only", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--quick", action="store_true", help="tiny data: says nothing about accuracy")
    options = parser.parse_args()
    work, row = options.work.resolve(), ROWS[options.row]
    write_recipes(work, [row])
    os.chdir(work)
    os.environ.pop("TFLBUILD_STORE", None)
    plugins.load(None)
    bench = Bench(row, Book(work / ("quick" if options.quick else "pruning"), False), options.quick)
    print(f"{row.title}: {shown(bench.floating())} before", flush=True)
    print("| way | control, float | pruned, int8 | fall | within 0.01 | fall before int8 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in options.only:
        print(line(bench, name, WAYS[name], options.quick), flush=True)


def line(bench: Bench, name: str, way: Way, quick: bool) -> str:
    """Give a line of the table."""
    steps = 4 if quick else way.steps
    rate = [f"learning_rate={way.rate:g}", *way.shared]
    control_name = f"control_{steps}_{way.rate:g}_{'_'.join(way.shared)}"
    control = bench.built(
        control_name,
        Pipeline(
            steps={"tune": "train_on"},
            order=["train", "tune", "convert"],
            options=[f"tune.{option}" for option in (f"steps={steps}", *rate)],
        ),
    )
    pruned = [f"prune.{option}" for option in (f"steps={steps}", *rate, *way.options)]
    steps_of = {"prune": "prune", "reestimate": "reestimate_bn"}
    order = ["train", "prune", "reestimate", "convert"]
    loose = [f"prune.budget.{bench.row.metric}.max_drop=1"] if "schedule=iterative" in way.options else []
    floating = bench.built(
        f"{name}_float", Pipeline(steps=steps_of, order=order, options=[*pruned, *loose]), control_name
    )
    found = bench.built(
        name,
        Pipeline(
            steps={**steps_of, "quantize": "quantize"},
            order=[*order, "quantize"],
            options=[*pruned, *loose, *bench.calibrated("quantize")],
        ),
        control_name,
    )
    for cell in (control, floating, found):
        if "error" in cell:
            return f"| {way.title} | failed: {str(cell['error'])[:200]} | | | | |"
    held = "yes" if found["drop"][0] <= BAR else "**no**"
    return f"| {way.title} | {shown(control)} | {shown(found)} | {drop(found)} | {held} | {drop(floating)} |"


def shown(cell: dict[str, Any]) -> str:
    """Give the metric of a cell with its interval."""
    return f"{cell['value']:.4f} [{cell['low']:.4f}, {cell['high']:.4f}]"


def drop(cell: dict[str, Any]) -> str:
    """Give the paired fall of a cell with its interval."""
    return "{:+.4f} [{:+.4f}, {:+.4f}]".format(*cell["drop"])


if __name__ == "__main__":
    main()
