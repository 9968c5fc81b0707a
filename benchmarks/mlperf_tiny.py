"""Print the table of MLPerf Tiny for docs/benchmarks.md: `python benchmarks/mlperf_tiny.py`.

For each benchmark whose float and int8 file are at hand: our int8, made of the float file by one command, beside
the int8 that MLPerf ships. The error is the mean absolute difference of the outputs from the float file's on test
samples that nothing of ours was calibrated on; top1 where there are labels; bytes; and the time of ours as a share of
theirs, the median of runs that alternate in one process with one thread, and the middle half of these shares.

Persons are those of coco128, by its labels. Words are spoken digits, which the keyword spotter does not know, so that
there is nothing to say of its accuracy; machine sounds are frames of spoken digits, too. Image classification has no
published file here: its recipe trains one.

Needs the files of `../shared` ($TFLBUILD_TEST_MODELS, $TFLBUILD_TEST_DATA).
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from files import DATA, MODELS, error_of, last_report, prepare, tflbuild
from tflbuild.modalities.audio.files import read
from tflbuild.modalities.audio.modality import Audio

ROUNDS = 400
TINY = MODELS / "mlperf_tiny"
NO_LIMITS = ["convert.budget=null", "quantize.budget=null", "quantize.fallback=[]", "budget=null"]


class Case(NamedTuple):
    """One benchmark.

    Attributes:
        title: of its row.
        floating: the float file.
        shipped: the int8 file that MLPerf made of it.
        words: what says the data, and how they go in.
    """

    title: str
    floating: str
    shipped: str
    words: tuple[str, ...]


UNIT = ("preprocess.scale=0.00392156862745098", "preprocess.offset=0")
CASES = (
    Case(
        "visual wake words",
        "vww_96.h5",
        "vww_96_int8.tflite",
        ("data=image_folder", "data.root=persons", "data.test_fraction=0.5", "data.val_fraction=0.3", *UNIT),
    ),
    Case(
        "keyword spotting",
        "kws_ref_model_float32.tflite",
        "kws_ref_model.tflite",
        ("data=arrays", "data.root=words.npz"),
    ),
    Case("anomaly detection", "ad01.h5", "ad01_int8.tflite", ("data=arrays", "data.root=frames.npz")),
)


def main() -> None:
    """Print a row for each benchmark."""
    print(
        "| benchmark | n | error of ours | of theirs | ours / theirs | top1 float | ours | theirs | bytes ours ",
        end="",
    )
    print("| theirs | time ours / theirs |")
    print("|" + " --- |" * 11)
    with tempfile.TemporaryDirectory(prefix="tflbuild-tiny-") as name:
        folder = Path(name)
        prepare(folder)
        _persons(folder / "persons")
        _words(folder / "words.npz")
        for case in CASES:
            print(row(folder, case), flush=True)


def row(folder: Path, case: Case) -> str:
    """Compile a float file, and hold both int8 files to it."""
    float_file, shipped = TINY / case.floating, TINY / case.shipped
    tflbuild(folder, "recipe=int8", f"model.path={float_file}", *case.words, *NO_LIMITS)
    made = next((folder / "outputs/int8/latest").glob("*.tflite"))
    n = last_report(folder)["targets"][0]["metrics"]["fidelity"]["n"]
    ours, theirs = (_compared(folder, float_file, other, case.words) for other in (made, shipped))
    errors = [_error(metrics) for metrics in (ours, theirs)]
    top1 = [
        _top1(ours, "before"),
        _top1(ours, "after"),
        _top1(theirs, "after"),
    ]
    cells = [
        case.title,
        str(n),
        *(f"{error:.3g}" for error in errors),
        f"{errors[0] / errors[1]:.2f}",
        *top1,
        f"{made.stat().st_size:,}",
        f"{shipped.stat().st_size:,}",
        _ratio(made, shipped),
    ]
    return f"| {' | '.join(cells)} |"


def _compared(folder: Path, float_file: Path, other: Path, words: tuple[str, ...]) -> Mapping[str, Any]:
    said = json.loads(tflbuild(folder, "compare", str(float_file), str(other), *words, "--json"))
    metrics: Mapping[str, Any] = said["metrics"]
    return metrics


def _error(metrics: Mapping[str, Any]) -> float:
    return error_of({name: one["after"] for name, one in metrics.items()})


def _top1(metrics: Mapping[str, Any], which: str) -> str:
    if "top1" not in metrics:
        return ""
    found = metrics["top1"][which]
    return f"{found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"


def _ratio(one: Path, other: Path) -> str:
    """Time two files in turn; gives the median of the shares, and their middle half."""
    runs = [_runner(path) for path in (one, other)]
    for _ in range(20):
        for run in runs:
            run()
    shares = []
    for turn in range(ROUNDS):
        taken = {}
        for place in (0, 1) if turn % 2 else (1, 0):
            start = time.perf_counter()
            runs[place]()
            taken[place] = time.perf_counter() - start
        shares.append(taken[0] / taken[1])
    low, middle, high = np.quantile(shares, (0.25, 0.5, 0.75))
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _runner(path: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    rng = np.random.default_rng(0)
    low, high = (-128, 128) if given["dtype"] == np.int8 else (0, 256)
    interpreter.set_tensor(given["index"], rng.integers(low, high, given["shape"]).astype(given["dtype"]))
    return interpreter.invoke


def _persons(folder: Path) -> None:
    """Sort the photos of coco128 by whether a person, its class 0, is labelled."""
    for photo in sorted((DATA / "coco128").rglob("*.jpg")):
        label = Path(str(photo.parent).replace("images", "labels")) / f"{photo.stem}.txt"
        classes = [line.split()[0] for line in label.read_text().splitlines()] if label.is_file() else []
        place = folder / ("person" if "0" in classes else "non_person")
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, place)


def _words(file: Path) -> None:
    """Write the coefficients of spoken digits, by the benchmark's own front end."""
    kind = Audio()
    paths = sorted((DATA / "spoken_digits").rglob("*.wav"))[::3]
    np.savez(file, np.stack([kind.encode(read(path), kind.shape()).codes for path in paths]))


if __name__ == "__main__":
    main()
