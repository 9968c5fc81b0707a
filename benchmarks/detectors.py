"""Train every detector for the same time: `python benchmarks/detectors.py --work FOLDER [--seconds 240] [--only NAME]`.

Each detector is trained from scratch on BCCD and cards at 192 px, and on drawn signs at 96 px, quantized to int8 by its
recipe, and measured on the test split. Its steps are those that fit into the seconds at the pace of a short training
that is measured first. `float` is the trained model, with the 95 % interval over images; `drop` is paired by image, and
negative where int8 is better. Milliseconds are medians of rounds in which the files of one data set take turns, one
thread. What is done is kept in FOLDER, so that the command may be interrupted and given again.

Real data is looked for in $TFLBUILD_TEST_DATA, else in `../shared/data` beside the checkout.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import tflbuild

DATA = Path(os.environ.get("TFLBUILD_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SETS = {
    "bccd": ["data=voc", f"data.root={DATA / 'bccd'}", "model.input_size=192"],
    "cards": ["data=coco", f"data.root={DATA / 'cards'}", "model.input_size=192"],
    "signs": ["data=signs", "model.input_size=96"],
}
DETECTORS = {
    "ssd_mobilenet_v1": ("ssd_mobilenet_int8", ["model.alpha=0.5"]),
    "ssd_mobilenet_v2": ("ssd_mobilenet_v2_int8", ["model.alpha=0.5"]),
    "ssd_mobilenet_v2_fpnlite": ("ssd_mobilenet_v2_fpnlite_int8", ["model.alpha=0.5"]),
    "efficientdet_lite0": (
        "efficientdet_lite0_int8",
        ["model.alpha=0.5", "model.pyramid_filters=48", "model.pyramids=2", "model.head_layers=2"],
    ),
}
PILOT = 24
"""Steps of the training that tells the pace; the first of them traces the graph, and is not counted."""
ALWAYS = [
    "pipeline=[train,convert,quantize]",
    "budget=null",
    "convert.budget=null",
    "quantize.budget=null",
    "quantize.fallback=null",
]
ROUNDS = 60
HEADS = ("data", "detector", "steps", "train s", "float mAP", "int8 mAP", "drop", "n", "bytes", "ms")


def main() -> None:
    """Build what is not built, take the times, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of builds and figures")
    parser.add_argument("--seconds", type=float, default=240.0, help="of training, for each detector")
    parser.add_argument(
        "--only", action="append", choices=[*DETECTORS], help="one detector; may be given again"
    )
    parser.add_argument("--data", action="append", choices=[*SETS], help="one data set; may be given again")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    for data in given.data or SETS:
        rows = {}
        for name in given.only or DETECTORS:
            with contextlib.chdir(given.work):
                rows[name] = built(data, name, given.seconds)
        times = timed({name: given.work / row["model"] for name, row in rows.items()})
        print_table(data, rows, times)


def built(data: str, name: str, seconds: float) -> dict[str, Any]:
    """Give the figures of one detector; those of an earlier run where there are any."""
    kept = Path(f"{data}-{name}-{seconds:g}.json")
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    recipe, options = DETECTORS[name]
    words = [*SETS[data], *options, *ALWAYS]
    pilot = tflbuild.build(recipe, [*words, f"train.steps={PILOT}", "stop_after=train"], show=False)
    steps = max(1, round(seconds * pace(pilot)))
    report = tflbuild.build(recipe, [*words, f"train.steps={steps}"], show=False)
    target, base = report["targets"][0], report["base"]["metrics"]["map"]
    trained = next(entry for entry in report["passes"] if entry["label"] == "train")
    row = {
        "steps": steps,
        "train_seconds": trained["cost_seconds"],
        "float": base,
        "int8": target["metrics"]["map"],
        "difference": target["differences"]["map"],
        "bytes": target["bytes"],
        "model": str(Path(report.folder / target["path"]).resolve().relative_to(Path.cwd().resolve())),
    }
    kept.write_text(json.dumps(row, indent=2))
    return row


def pace(report: Any) -> float:
    """Give the steps a second of a training, from its curve."""
    trained = next(entry for entry in report["passes"] if entry["label"] == "train")
    rates = [rate for rate in trained["curve"]["images_per_second"] if rate is not None]
    return float(statistics.median(rates) / trained["options"]["batch_size"])


def timed(files: dict[str, Path]) -> dict[str, float]:
    """Give the median milliseconds of each file; they take turns, so that all see the same machine."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    loaded, times = {}, {name: list[float]() for name in files}
    for name, path in files.items():
        one = Interpreter(model_path=str(path), num_threads=1)
        one.allocate_tensors()
        (entry,) = one.get_input_details()
        values = np.random.default_rng(0).integers(0, 256, entry["shape"]).astype(entry["dtype"])
        one.set_tensor(entry["index"], values)
        loaded[name] = one
    for _ in range(ROUNDS):
        for name, one in loaded.items():
            begun = time.perf_counter()
            one.invoke()
            times[name].append(1000 * (time.perf_counter() - begun))
    return {name: statistics.median(found) for name, found in times.items()}


def print_table(data: str, rows: dict[str, dict[str, Any]], times: dict[str, float]) -> None:
    """Print one data set's rows in Markdown."""
    print(f"\n| {' | '.join(HEADS)} |\n|{' --- |' * len(HEADS)}")
    for name, row in rows.items():
        change = row["difference"]
        cells = [
            data,
            name,
            row["steps"],
            f"{row['train_seconds']:.0f}",
            interval(row["float"]),
            interval(row["int8"]),
            f"{-change['value']:+.4f} [{-change['high']:+.4f}, {-change['low']:+.4f}]",
            row["int8"]["n"],
            f"{row['bytes']:,}",
            f"{times[name]:.2f}",
        ]
        print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def interval(found: dict[str, Any]) -> str:
    """Write a figure with its interval."""
    return f"{found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"


if __name__ == "__main__":
    main()
