"""Hold the rules of the Edge TPU to what Google's compiler did: `python benchmarks/placement_edgetpu.py`.

A pair is `NAME.tflite` and `NAME_edgetpu.tflite`, as Coral ships them: what is in the second outside of
`edgetpu-custom-op` the compiler left to the processor. Each operator of the first is predicted from that file alone,
and right where the second has it on the same side. Beside it stands the estimate of the parameters' memory, and what
the compiled file holds. A pair whose second file is of another network is named, and does not count.

    --pairs FOLDER    searched with its subfolders, several may be given; else coral/ in $TFLBUILD_TEST_MODELS or
                      ../shared/models
    --misses          print these pairs alone
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tflbuild.core.errors import TflbuildError
from tflbuild.placement import facts, rule_file
from tflbuild.placement.by_rules import predict
from tflbuild.targets.edgetpu.memory import estimate
from tflbuild.targets.edgetpu.remaining import Apart, remaining
from tflbuild.targets.edgetpu.target import EdgeTpu
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.edgetpu_package import OPERATOR, packages

CHECKOUT = Path(__file__).resolve().parents[1]
END = "_edgetpu.tflite"
NEAR = 0.1


class Pair(NamedTuple):
    """What came out of a pair.

    Attributes:
        name: of the file that was compiled.
        operators: how many it has.
        left: how many of them the compiler left to the processor.
        misses: those that were predicted otherwise, in words.
        estimated: parameters that the Edge TPU takes, cached and streamed. [bytes]
        held: what the compiled file has of them, with padding. [bytes]
    """

    name: str
    operators: int
    left: int
    misses: Sequence[str]
    estimated: int
    held: int


def pairs(folders: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Give each compiled file with its source."""
    for folder in folders:
        for made in sorted(folder.rglob(f"*{END}")):
            source = made.with_name(made.name.removesuffix(END) + ".tflite")
            if source.is_file():
                yield source, made


def held_to(source: Path, made: Path) -> Pair:
    """Hold a prediction to the compiler's file."""
    table = EdgeTpu().rule_table()
    assert table is not None
    known = facts.read(source)
    placed = predict(known, rule_file.read(table), "edgetpu", {}).operators
    left = remaining(known, facts.read(made), OPERATOR)
    misses = [
        f"{one.index} {one.name}: "
        + ("predicted for the Edge TPU, left" if one.on else f"taken, though it {one.reason}")
        for one in placed
        if one.on == (one.index in left)
    ]
    memory = estimate(known, {one.index for one in placed if one.on})
    held = list(packages(flatbuffer.load(made)))
    total = sum(one.cached + one.streamed for one in held)
    return Pair(source.stem, len(placed), len(left), misses, memory.cached + memory.streamed, total)


def main() -> None:
    """Print a row for each pair, and the sums."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    models = Path(os.environ.get("TFLBUILD_TEST_MODELS") or CHECKOUT.parent / "shared" / "models")
    parser.add_argument("--pairs", type=Path, action="append")
    parser.add_argument("--misses", action="store_true")
    given = parser.parse_args()
    print("| file | operators | left to the processor | placed right | memory estimated | held |")
    print("|:-----|----------:|----------------------:|-------------:|-----------------:|-----:|")
    done: list[Pair] = []
    for source, made in pairs(given.pairs or [models / "coral"]):
        try:
            one = held_to(source, made)
        except (Apart, TflbuildError) as error:
            print(f"| {source.stem}: {made.name} {error} | | | | | |")
            continue
        done.append(one)
        if one.misses or not given.misses:
            right = one.operators - len(one.misses)
            print(
                f"| {one.name} | {one.operators} | {one.left} | {right} | {kib(one.estimated)} | {kib(one.held)} |"
            )
        for miss in one.misses:
            print(f"|   {miss} | | | | | |")
    total, missed = sum(one.operators for one in done), sum(len(one.misses) for one in done)
    ratios = {(one.estimated, one.held): one.estimated / one.held for one in done if one.held}
    near = sum(abs(ratio - 1) <= NEAR for ratio in ratios.values())
    print(f"\n{len(done)} pairs: {total - missed} of {total} operators placed right")
    if ratios:
        print(
            f"memory: estimate / held {median(ratios.values()):.3f} at the median; within {NEAR:.0%} in {near} of "
            f"{len(ratios)} that differ"
        )


def kib(size: int) -> str:
    """Say a size."""
    return f"{size / 1024:,.0f} KiB"


if __name__ == "__main__":
    main()
