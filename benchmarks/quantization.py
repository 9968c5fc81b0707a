"""Compare ways to quantize on trained models: `python benchmarks/quantization.py --work FOLDER [--rows signs,bccd]`.

Every method is given the same float file, the same calibration images and the same test images. Models are trained by
tflbuild's own recipes, once: the store lies in the work folder, and so does every finding, so that a run that is
stopped goes on where it was. Rows are printed as they are found; in the end come the bars of the proof, each with what
was measured, and with `--write` the tables go into docs/benchmarks.md.

    --groups int8,trouble,ill,trained,times   some groups of columns only; times are those of auto and sensitivity;
                                              `learned` (rounding, minutes a row) is made only when asked for
    --again                                   measure everything anew, as when code changed; builds come from the store
    --quick                                   tiny data and trainings: says nothing about accuracy

Fashion-MNIST comes from Debian's package dataset-fashion-mnist; BCCD is looked for in $TFLBUILD_TEST_DATA, else in
`../shared/data` beside the checkout.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from proof import columns, tables, times
from proof.bars import bars
from proof.bench import Bench
from proof.book import Book
from proof.product import write_recipes
from proof.rows import GROUPS, ROWS
from tflbuild import plugins

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
TIMES = "times"
"""What can be asked for besides the groups of columns."""

SLOW = "learned"
"""The group that is made only when asked for."""

BEGIN, END = "<!-- quantization: begin -->", "<!-- quantization: end -->"


def main() -> None:
    """Make and measure every cell, then print tables and bars."""
    options = arguments()
    work = options.work.resolve()
    chosen = [ROWS[name] for name in options.rows]
    write_recipes(work, chosen)
    os.chdir(work)
    os.environ.pop("TFLBUILD_STORE", None)
    plugins.load(None)
    book = Book(work / ("quick" if options.quick else "cells"), options.again)
    benches = [Bench(row, book, options.quick) for row in chosen]
    started = time.monotonic()
    cells: dict[str, dict[str, Any]] = {row.name: {} for row in chosen}
    print(tables.table(tables.HEAD, []), flush=True)
    for group in [group for group in options.groups if group in columns.MAKERS]:
        for bench in [bench for bench in benches if group in (*bench.row.groups, SLOW)]:
            try:
                fill(bench, group, cells[bench.row.name])
            except RuntimeError as error:
                print(f"| {bench.row.title} | {error} |", flush=True)
                benches.remove(bench)
    known = times.measured(book, options.quick) if TIMES in options.groups else {}
    text = page(benches, cells, known)
    (work / "quantization.md").write_text(text)
    print(f"\n{text}\n\n{(time.monotonic() - started) / 60:.1f} minutes")
    if options.write:
        write(text)


def fill(bench: Bench, group: str, found: dict[str, Any]) -> None:
    """Make the cells of a group, printing each."""
    bench.floating()
    for name, cell in columns.MAKERS[group](bench):
        found[name] = cell
        print(tables.line(bench.row, name, cell), flush=True)


def page(benches: list[Bench], cells: dict[str, dict[str, Any]], known: dict[str, Any]) -> str:
    """Give the tables and the bars as Markdown."""
    lines = [bar.line for bar in bars(benches, cells, known)]
    judged = tables.table(("bar", "measured", "held"), lines)
    return f"{tables.tables([bench.row for bench in benches], cells)}\n\n### Bars\n\n{judged}"


def write(text: str, path: Path = PAGE) -> None:
    """Put text between the markers of the page."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path} has no lines {BEGIN} and {END} to write between.")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = [*GROUPS, TIMES]
    parser.add_argument("--work", type=Path, required=True, help="folder of the store and the findings")
    parser.add_argument("--rows", type=named(ROWS), default=list(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument(
        "--groups", type=named([*known, SLOW]), default=known, help=f"of {', '.join(known)}, {SLOW}"
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/benchmarks.md")
    return parser.parse_args()


def named(known: Iterable[str]) -> Any:
    """Give what reads a comma-separated choice."""

    def read(text: str) -> list[str]:
        names = text.split(",")
        wrong = [name for name in names if name not in known]
        if wrong:
            raise argparse.ArgumentTypeError(f"'{wrong[0]}' is not one of {', '.join(known)}")
        return names

    return read


if __name__ == "__main__":
    main()
