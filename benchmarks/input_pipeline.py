"""Hold training on a data set to training on arrays in memory: `python benchmarks/input_pipeline.py [ROW ...]`.

In one training of a recipe, runs of steps that are fed by the input pipeline (reading, front end, augmentation, in its
threads) take turns with runs of steps that are fed batches that the same pipeline made before. The first steps of each
run are not counted: the pipeline prepares a few batches ahead, which it does while the other run is on. Printed is
steps a second of the first as a share of the second, by pairs of neighbouring runs: the median and the least and the
largest. The first pass over the data, in which files are read, is not timed.

Bar: >= 0.95 of every row.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from tflbuild import plugins
from tflbuild.recipe.load import load_recipe
from tflbuild.testing import run_pass
from tflbuild.training import loop

SMALL = ["data.train=320", "data.val=8", "data.test=8"]
"""So few samples that all are read before anything is timed."""

ROWS: dict[str, list[str]] = {
    "image, detector": ["recipe=ssd_mobilenet_int8", *SMALL],
    "image, classifier": ["recipe=mobilenet_v1_int8", *SMALL],
    "audio, mfcc": ["recipe=keyword_int8", *SMALL],
    "audio, log_mel": ["recipe=keyword_int8", "preprocess.front_end=log_mel", *SMALL],
    "audio, micro": [
        "recipe=keyword_int8",
        "preprocess.front_end=micro",
        "preprocess.level=recorded",
        "preprocess.low=125",
        "preprocess.high=7500",
        *SMALL,
    ],
}
ROWS["vector"] = [
    "recipe=resnet_int8",
    "model=mlp",
    "model.inputs=64",
    "data=arrays",
    "data.root=rows.npz",
    "data.train=320",
]
BAR = 0.95


def main() -> None:
    """Print a line for each row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", default=[*ROWS], choices=[*ROWS])
    parser.add_argument("--pairs", type=int, default=4, help="runs of each kind")
    parser.add_argument(
        "--steps", type=int, default=40, help="of a run, of which the last three quarters are timed"
    )
    options = parser.parse_args()
    plugins.load(None)
    print("| input | batch | steps / s of arrays | input pipeline / arrays | bar 0.95 |")
    print("| --- | --- | --- | --- | --- |")
    for name in options.rows:
        print(row(name, ROWS[name], options.pairs, options.steps), flush=True)


def row(name: str, words: list[str], pairs: int, steps: int) -> str:
    """Train; gives the line."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        rng = np.random.default_rng(0)
        np.savez("rows.npz", x=rng.normal(size=(640, 64)).astype(np.float32), y=np.arange(640) % 4)
        return _trained(name, load_recipe(words), pairs, steps)


def _trained(name: str, recipe: Any, pairs: int, steps: int) -> str:
    first = next(step for step in recipe.steps.values() if step.options.name == "train")
    batch = first.options.batch_size
    read = -(-recipe.data.train // batch)  # a pass over the data
    turns = Turns(pairs, steps, read)
    options = replace(first.options, steps=turns.length)
    fit = loop.fit

    def taking_turns(model: Any, batches: Any, *others: Any) -> float:
        return fit(model, lambda start: turns.of(batches(start)), *others)

    with tempfile.TemporaryDirectory() as folder, mock.patch.object(loop, "fit", taking_turns):
        run_pass(options, None, Path(folder), model_spec=recipe.model, data=recipe.data)
    live, kept = turns.seconds()
    ratios = kept / live
    shown = f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})"
    held = "held" if np.median(ratios) >= BAR else "**missed**"
    return f"| {name} | {batch} | {turns.counted / np.median(kept):.1f} | {shown} | {held} |"


class Turns:
    """Batches of a pipeline and batches that were kept, in turns, with the time of each run.

    Args:
        pairs: runs of each kind.
        steps: of a run.
        read: steps at the beginning that are not timed, and are kept.
    """

    def __init__(self, pairs: int, steps: int, read: int) -> None:
        self._pairs, self._steps, self._read = pairs, steps, read
        self.counted = steps * 3 // 4
        self.length = read + 2 * pairs * steps + 1
        self._times: list[float] = []

    def of(self, live: Iterator[Any]) -> Iterator[Any]:
        """Give the batches of a training, and note when each was asked for."""
        kept = []
        for _ in range(self._read):
            kept.append(next(live))
            yield kept[-1]
        for run in range(2 * self._pairs):
            for step in range(self._steps):
                self._times.append(time.perf_counter())
                yield next(live) if run % 2 == 0 else kept[step % len(kept)]
        self._times.append(time.perf_counter())
        yield kept[0]

    def seconds(self) -> tuple[Any, Any]:
        """Give the seconds of the steps that count, of each run of either kind."""
        ends = np.array(self._times[self._steps :: self._steps])
        begins = np.array(self._times[self._steps - self.counted :: self._steps])[: len(ends)]
        taken = ends - begins
        return taken[0::2], taken[1::2]


if __name__ == "__main__":
    main()
