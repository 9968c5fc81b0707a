"""Compare evaluation in light processes with a plain loop: `python benchmarks/evaluation.py RUN [--root VOC_FOLDER]`.

RUN is the run folder of a detector, or its `.tflite`. The plain loop is what one writes by hand: for every image read
it, resize it, run one interpreter with one thread, map the boxes back, keep them; one process. The other side is what
a build does: the same images shared by a process a core, their parts joined. Both write the same bytes, or the
benchmark fails. `cold` is a process from its start to its end, imports and all processes that it starts included;
`warm` begins when everything is loaded, as it is in a build from its second measurement on, but no image was read.
`cpu` is the processor time of all processes, cold, which a busy machine changes least.
The sides alternate, so that a machine that slows down slows both.

`signs` draws its images; `voc` decodes JPEG files, which are gone through several times until there are enough.
"""

from __future__ import annotations

import argparse
import json
import pickle
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tflbuild import plugins
from tflbuild.core import digest
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import DATASETS, Dataset, Index, Split
from tflbuild.core.recipe import WorkerOptions
from tflbuild.engine.workers.crew import IMAGES_A_PROCESS, Job, usable_cores
from tflbuild.engine.workers.worker import Worker
from tflbuild.runtimes.litert import Litert
from tflbuild.wiring import NAMES

WARMING = IMAGES_A_PROCESS * usable_cores()
"""Images that start every process and load the model there."""


def main() -> None:
    """Run both sides in turn on each data set and print the ratio of their wall times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder of a detector, or a .tflite")
    parser.add_argument("--root", type=Path, help="folder of a data set in VOC form")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--side", choices=["plain", "crew", "warm"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        return run_side(options.side, options.run)
    model = model_of(options.run)
    sets: dict[str, Dataset] = {"signs": DATASETS.get("signs")(test=options.images)}
    if options.root:
        sets["voc"] = DATASETS.get("voc")(root=str(options.root))
    for name, data in sets.items():
        with tempfile.TemporaryDirectory() as folder:
            compare(name, model, data, options, Path(folder))
    return None


def compare(name: str, model: TFLiteModel, data: Dataset, options: argparse.Namespace, folder: Path) -> None:
    """Print the times of each pair, and the ratio over all."""
    from tflbuild.modalities.image import (
        files as image,  # here, so that a side that shares its images starts as light as a build
    )

    index = folder / "index.json"
    index.write_text(json.dumps(enough(data.index(image.inspect), options.images).to_json()))
    given = folder / "given"
    given.write_bytes(pickle.dumps((model, data, index, options.images)))
    pairs: list[dict[str, float]] = []
    for pair in range(options.pairs):
        sides = ("plain", "crew", "warm") if pair % 2 == 0 else ("warm", "crew", "plain")
        found: dict[str, float] = {}
        for side in sides:
            found |= timed(side, given)
        assert len({(folder / f"{side}.npz").read_bytes() for side in sides}) == 1, "other predictions"
        found["cold_ratio"] = found["plain_cold"] / found["crew_cold"]
        found["warm_ratio"] = found["plain_warm"] / found["crew_warm"]
        found["cpu_ratio"] = found["crew_cpu"] / found["plain_cpu"]
        pairs.append(found)
        print(
            json.dumps({"data": name, **{key: round(value, 3) for key, value in found.items()}}), flush=True
        )
    each = 1e3 * statistics.median(pair["plain_warm"] for pair in pairs) / options.images
    cold, warm, cpu = (
        statistics.median(pair[f"{key}_ratio"] for pair in pairs) for key in ("cold", "warm", "cpu")
    )
    print(
        f"{name}: {options.images} images, {each:.2f} ms each in the plain loop, {usable_cores()} cores: {cold:.2f} x "
        f"cold, {warm:.2f} x warm, for {cpu:.3f} of the processor time; medians of {len(pairs)} rounds (bar: 1.80)"
    )


def timed(side: str, given: Path) -> dict[str, float]:
    """Give the seconds of one side."""
    command = [sys.executable, str(Path(__file__).resolve()), str(given), "--side", side]
    started, used = time.perf_counter(), cpu_seconds()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    whole, cpu = time.perf_counter() - started, cpu_seconds() - used
    inside = float(done.stdout)
    return {
        "plain": {"plain_cold": whole, "plain_warm": inside, "plain_cpu": cpu},
        "crew": {"crew_cold": whole, "crew_cpu": cpu},
        "warm": {"crew_warm": inside},
    }[side]


def cpu_seconds() -> float:
    """Give what the processes that this one waited for, and those that they waited for, have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def enough(index: Index, images: int) -> Index:
    """Give so many test images: those of every split, over and over, under digests of their own."""
    samples = [sample for split in ("test", "train", "val") for sample in index.splits[split]]
    made = [
        samples[k % len(samples)]._replace(digest=f"{samples[k % len(samples)].digest}/{k}")
        for k in range(images)
    ]
    warming = tuple(sample._replace(digest=f"{sample.digest}/warming") for sample in made[:WARMING])
    return Index(classes=index.classes, splits={"test": tuple(made), "warming": warming})


def model_of(path: Path) -> TFLiteModel:
    """Give a handle on a delivered file."""
    from tflbuild.tflite.flatbuffer import read_facts

    plugins.load(None)
    file = path / "model.tflite" if path.is_dir() else path
    sha256 = digest.of_file(file)
    return TFLiteModel(
        path=file.resolve(), digest=sha256, fingerprint=sha256, meta={"facts": read_facts(file)}
    )


def run_side(side: str, given: Path) -> None:
    """Do one side's work in this process; prints how long it took once everything was loaded."""
    plugins.load(None)
    model, data, index, images = pickle.loads(given.read_bytes())
    out = given.parent / f"{side}.npz"
    if side == "plain":
        print(plain(model, data, index, images, out))
        return
    worker = Worker(WorkerOptions(), "cpu", (plugins.LOADER, None), NAMES)
    try:
        if side == "warm":
            worker.crew.share(
                Job("predict", (Litert(), model, data, index, "warming"), WARMING, out, "warming up")
            )
        started = time.perf_counter()
        worker.crew.share(
            Job("predict", (Litert(), model, data, index, "test"), images, out, "the benchmark")
        )
        print(time.perf_counter() - started)
    finally:
        worker.stop()


def plain(model: TFLiteModel, data: Dataset, index: Path, images: int, out: Path) -> float:
    """Read, resize, run, map back and keep, one image after the other."""
    import numpy as np

    from tflbuild.core.meaning import IMAGE, Meaning
    from tflbuild.evaluation.feeding import as_input
    from tflbuild.evaluation.predictions import readable
    from tflbuild.runtimes.interpreter import Loaded

    split = Split("test", data, Index.from_json(json.loads(index.read_text())))
    facts = Meaning.of(model)
    given: Any = facts.only.kind
    height, width = facts.only.shape[:2]
    known = {name: number for number, name in enumerate(split.classes)}
    columns = np.array([known.get(name, -1) for name in facts.labels], np.int32)
    loaded = Loaded(model.path)
    spec = loaded.signature.inputs[IMAGE]
    started = time.perf_counter()
    boxes, classes, scores, counts = [], [], [], [0]
    for position in range(images):
        picture = split[position].value
        pixels = given.pixels(picture, height, width)
        found = readable(loaded.run({IMAGE: as_input(pixels[None], given, spec)}), loaded)
        count = int(found.pop("num_detections").ravel()[0])
        found = {name: value[0][:count] for name, value in found.items()}
        labels = columns[found["detection_classes"].astype(np.int64)]
        place = given.unplace(found["detection_boxes"], *picture.shape[:2], height, width)
        boxes.append(place[labels >= 0])
        classes.append(labels[labels >= 0])
        scores.append(found["detection_scores"][labels >= 0])
        counts.append(int((labels >= 0).sum()))
    arrays = {
        "boxes": np.concatenate(boxes).reshape(-1, 4).astype(np.float32),
        "classes": np.concatenate(classes),
        "missing": np.array([name for name in split.classes if name not in facts.labels], np.str_),
        "offsets": np.cumsum(counts, dtype=np.int64),
        "scores": np.concatenate(scores).astype(np.float32),
    }
    with out.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
