"""What pruning channels costs and gains: `python benchmarks/channels.py [--only signs bccd fashion] [OVERRIDE ...]`.

A row is a data set: an int8 file with fewer channels beside its control, which is the same recipe with the same trained
model, trained on for as many steps and with the same learning rate, but with all of its channels. The loss is paired by
image, with its 95 % interval; positive means that the pruned file is worse. Both files are timed in turns on one
thread. Everything is kept in the store of the folder `--work`, so that an interrupted run continues. OVERRIDEs are
given to both builds, e.g. `train.steps=400`. Real data is looked for in $TFLBUILD_TEST_DATA, else in `../shared/data`
beside the checkout.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tflbuild
from tflbuild.runtimes.interpreter import latency

DATA = Path(os.environ.get("TFLBUILD_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))

TURNS, RUNS = 9, 50
"""Times that both files are timed, one after the other, and invocations in each."""

BAR = 0.01
"""Largest loss of accuracy that issue 16 allows."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A recipe on a data set.

    Attributes:
        recipe: with a step `prune_channels`.
        metric: of the task.
        words: overrides that say the data and the model.
        aim: how far to prune.
        steps: of `prune_channels`, in all rounds.
    """

    recipe: str
    metric: str
    words: tuple[str, ...] = ()
    aim: str = "macs=0.5"
    steps: int = 1500


SUBJECTS = {
    "signs": Subject(recipe="ssd_mobilenet_channels_int8", metric="map", words=("data=signs",)),
    "bccd": Subject(
        recipe="ssd_mobilenet_channels_int8",
        metric="map",
        words=("data=voc", f"data.root={DATA / 'bccd'}", "model.alpha=0.5", "model.input_size=192"),
    ),
    "fashion": Subject(
        recipe="mobilenet_v2_channels_int8", metric="top1", words=("data=fashion_mnist",), aim="macs=0.6"
    ),
}

FREE = (
    "budget=null",
    "prune_channels.within_budget=false",
    "prune_channels.budget=null",
    "convert.budget=null",
    "quantize.budget=null",
    "quantize.fallback=null",
    "quantize.method=fixed",
)
"""So that both files are built whatever they lose."""


def main() -> None:
    """Build and print one row each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[*SUBJECTS], choices=[*SUBJECTS])
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "tflbuild-channels")
    parser.add_argument("--steps", type=int, help="of prune_channels, in all rounds; else 1500")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--aim", help="e.g. macs=0.5; else that of the data set")
    given, words = parser.parse_known_args()
    given.work.mkdir(parents=True, exist_ok=True)
    os.chdir(given.work)
    print(
        "| data | aim | metric | control | pruned | loss, paired | n | MACs | parameters | bytes | int8 ms | latency | "
        "within the bars |"
    )
    print("|" + " --- |" * 13)
    for name in given.only:
        subject = SUBJECTS[name]
        steps, aim = given.steps or subject.steps, given.aim or subject.aim
        print(row(name, subject, aim, steps, given.rounds, words), flush=True)


def row(name: str, subject: Subject, aim: str, steps: int, rounds: int, words: Sequence[str]) -> str:
    """Build both files and give one line of the table."""
    common = [*subject.words, *FREE, *words]
    pruned = _built(
        subject, [*common, f"prune_channels.rounds={rounds}", *_steps(steps // rounds), *_aim(aim)]
    )
    control = _built(subject, [*common, "prune_channels.rounds=1", *_steps(steps), *_aim("sparsity=0")])
    files = [str(report.folder / report["targets"][0]["path"]) for report in (control, pruned)]
    data = [word for word in common if word.split(".")[0].split("=")[0] == "data"]
    found = tflbuild.compare(*files, overrides=data)["metrics"][subject.metric]
    note = next(one["notes"]["channels"] for one in pruned["passes"] if one["label"] == "prune_channels")
    times = [[latency(Path(file), runs=RUNS)["median"] for file in files] for _ in range(TURNS)]
    before, after = (statistics.median(one[place] for one in times) for place in (0, 1))
    faster = statistics.median(second / first for first, second in times)
    loss = {
        end: -found["difference"][key] for end, key in (("value", "value"), ("low", "high"), ("high", "low"))
    }
    bar = faster <= 0.65 if subject.metric == "map" else _share(note["macs"]) <= 0.6
    cells = [
        name,
        aim,
        subject.metric,
        f"{found['before']['value']:.4f}",
        f"{found['after']['value']:.4f}",
        f"{loss['value']:+.4f} [{loss['low']:+.4f}, {loss['high']:+.4f}]",
        found["after"]["n"],
        f"{_share(note['macs']):.3f} x",
        f"{_share(note['parameters']):.3f} x",
        f"{pruned['targets'][0]['bytes']:,} of {control['targets'][0]['bytes']:,}",
        f"{before:.3f} -> {after:.3f}",
        f"{faster:.3f} x",
        "yes" if bar and loss["value"] <= BAR else "**no**",
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _built(subject: Subject, words: list[str]) -> Any:
    return tflbuild.build(subject.recipe, words, show=False)


def _steps(count: int) -> list[str]:
    return [f"prune_channels.round_steps={count}"]


def _aim(aim: str) -> list[str]:
    """Set one of the options that say how far to go, and none of the others."""
    name = aim.split("=")[0]
    others = [other for other in ("macs", "sparsity", "target_latency") if other != name]
    return [*(f"prune_channels.{other}=null" for other in others), f"prune_channels.{aim}"]


def _share(figure: dict[str, float]) -> float:
    return figure["after"] / figure["before"]


if __name__ == "__main__":
    main()
