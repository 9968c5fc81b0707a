"""Print the table of MLPerf Tiny for docs/benchmarks.md: `python benchmarks/mlperf_tiny.py`.

For each benchmark whose float and int8 file are at hand: our int8, made of the float file by `recipe=int8`, beside
the int8 that MLPerf ships. Every second sample is given to the build, to calibrate on; the others are measured on.
The error is the mean absolute difference of the outputs from those of the float `.tflite`; top1 with its 95 %
interval where there are labels; bytes; and the time of ours as a share of theirs: the median of runs that alternate
in one process with one thread, and the middle half of these shares. By default ours takes and gives floats, and
computes scores in more than 8 bits; `int8 from end to end` begins and ends as MLPerf's files do.

Persons are those of coco128, by its labels. Words are spoken digits, which the keyword spotter does not know, so that
there is nothing to say of its accuracy. Machine sounds are frames of spoken digits, too. Image classification has no
published file here: its recipe trains one.

Needs the files of `../shared` ($TFLBUILD_TEST_MODELS, $TFLBUILD_TEST_DATA).
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from files import DATA, MODELS, UNIT, prepare, tflbuild
from tflbuild.metrics.statistics.resampling import wilson
from tflbuild.modalities.audio.files import read
from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.image.modality import ImageModality

ROUNDS = 400
TINY = MODELS / "mlperf_tiny"
NO_LIMITS = ["convert.budget=null", "quantize.budget=null", "quantize.fallback=[]", "budget=null"]
WHOLE = ("quantize.scores=int8", "quantize.input_dtype=int8", "quantize.output_dtype=int8")
"""Words for a file that begins and ends as MLPerf's do."""

Floats = NDArray[np.float32]


class Case(NamedTuple):
    """One benchmark.

    Attributes:
        title: of its row.
        source: the float file that is compiled.
        floating: the float `.tflite` of the same training.
        shipped: the int8 file that MLPerf made of it.
        samples: gives the words of the recipe, the model values that are measured on, and their classes or None.
    """

    title: str
    source: str
    floating: str
    shipped: str
    samples: Callable[[Path], tuple[list[str], Floats, NDArray[np.int64] | None]]


def main() -> None:
    """Print a row for each benchmark."""
    print("| benchmark | n | error of ours | of theirs | ours / theirs | top1 float | ours | theirs ", end="")
    print("| bytes of ours | of theirs | time ours / theirs |")
    print("|" + " --- |" * 11)
    with tempfile.TemporaryDirectory(prefix="tflbuild-tiny-") as name:
        folder = Path(name)
        prepare(folder)
        for case in CASES:
            words, samples, classes = case.samples(folder)
            for ours in (), WHOLE:
                print(row(folder, case, [*words, *ours], samples, classes), flush=True)


def row(
    folder: Path, case: Case, words: list[str], samples: Floats, classes: NDArray[np.int64] | None
) -> str:
    """Compile a float file, and hold both int8 files to it."""
    tflbuild(folder, "recipe=int8", f"model.path={TINY / case.source}", *words, *NO_LIMITS)
    made, shipped = next((folder / "outputs/int8/latest").glob("*.tflite")), TINY / case.shipped
    exact, ours, theirs = (outputs(path, samples) for path in (TINY / case.floating, made, shipped))
    errors = [float(np.abs(found - exact).mean()) for found in (ours, theirs)]
    cells = [
        case.title + ", int8 from end to end" * (WHOLE[0] in words),
        str(len(samples)),
        *(f"{error:.3g}" for error in errors),
        f"{errors[0] / errors[1]:.2f}",
        *(_top1(found, classes) for found in (exact, ours, theirs)),
        f"{made.stat().st_size:,}",
        f"{shipped.stat().st_size:,}",
        _ratio(made, shipped),
    ]
    return f"| {' | '.join(cells)} |"


def outputs(path: Path, samples: Floats) -> Floats:
    """Give what a file says of each sample, in model values."""
    interpreter = _opened(path)
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    found = []
    for sample in samples:
        interpreter.set_tensor(given["index"], _codes(sample.reshape(given["shape"]), given))
        interpreter.invoke()
        scale, zero = made["quantization"]
        values = interpreter.get_tensor(made["index"]).astype(np.float32)
        found.append(((values - zero) * scale if scale else values).ravel())
    return np.stack(found)


def _codes(values: Floats, given: dict[str, Any]) -> Any:
    scale, zero = given["quantization"]
    if not scale:
        return values.astype(given["dtype"])
    ends = np.iinfo(given["dtype"])
    return np.clip(np.rint(values / scale) + zero, ends.min, ends.max).astype(given["dtype"])


def _opened(path: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def _top1(found: Floats, classes: NDArray[np.int64] | None) -> str:
    if classes is None:
        return ""
    right = int((found.argmax(axis=1) == classes).sum())
    low, high = wilson(right, len(classes))
    return f"{right / len(classes):.4f} [{low:.4f}, {high:.4f}]"


def _ratio(one: Path, other: Path) -> str:
    """Time two files in turn; gives the median of the shares, and their middle half."""
    runs = [_opened(path).invoke for path in (one, other)]
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


def _persons(folder: Path) -> tuple[list[str], Floats, NDArray[np.int64]]:
    """Give the photos of coco128, and whether a person, its class 0, is labelled."""
    photos = sorted((DATA / "coco128").rglob("*.jpg"))
    (folder / "calibration").mkdir()
    for photo in photos[::2]:
        shutil.copy(photo, folder / "calibration")
    kind, samples, classes = ImageModality(scale=1 / 255, offset=0.0), [], []
    for photo in photos[1::2]:
        pixels = np.asarray(Image.open(photo).convert("RGB"))
        samples.append(kind.values(kind.encode(pixels, (96, 96, 3)).codes))
        label = Path(str(photo.parent).replace("images", "labels")) / f"{photo.stem}.txt"
        lines = label.read_text().splitlines() if label.is_file() else []
        classes.append(int(any(line.split()[0] == "0" for line in lines)))
    return ["data=images", "data.root=calibration", *UNIT], np.stack(samples), np.array(classes)


def _words(folder: Path) -> tuple[list[str], Floats, None]:
    """Give the coefficients of spoken digits, by the benchmark's front end."""
    kind = Audio()
    paths = sorted((DATA / "spoken_digits").rglob("*.wav"))[::4]
    whole = np.stack([kind.encode(read(path), kind.shape()).codes for path in paths])
    return _halved(folder / "words.npz", whole)


def _machines(folder: Path) -> tuple[list[str], Floats, None]:
    """Give frames of five times 128 bands."""
    return _halved(folder / "machines.npz", np.load(folder / "frames.npz")["arr_0"])


def _halved(file: Path, whole: Floats) -> tuple[list[str], Floats, None]:
    np.savez(file, whole[::2])
    return ["data=arrays", f"data.root={file}"], whole[1::2], None


CASES = (
    Case("visual wake words", "vww_96.h5", "vww_96_float.tflite", "vww_96_int8.tflite", _persons),
    Case(
        "keyword spotting",
        "kws_ref_model_float32.tflite",
        "kws_ref_model_float32.tflite",
        "kws_ref_model.tflite",
        _words,
    ),
    Case("anomaly detection", "ad01.h5", "ad01_fp32.tflite", "ad01_int8.tflite", _machines),
)


if __name__ == "__main__":
    main()
