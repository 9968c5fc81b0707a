"""Hold int8 files that others ship, and ours, to their float model: `python benchmarks/foreign_int8.py`.

The float and the int8 file of a pair come from MLPerf Tiny, out of one training. Both are run on photos that none of
our files was calibrated on, and the error is the mean absolute difference of the scores from the float file's. Photos
are those of coco128, each resized to the model's input. Half of them calibrate and the other half is measured on, and
then the other way round, so that every photo is measured on once; what MLPerf calibrated on is not among them.
Intervals are 95 %; those against `auto` are of paired differences by photo.

    --models FOLDER   with mlperf_tiny/ in it; else $TFLBUILD_TEST_MODELS, else ../shared/models
    --data FOLDER     with coco128/ in it; else $TFLBUILD_TEST_DATA, else ../shared/data

Of MLPerf Tiny's pairs this is `vww` alone: `kws` takes spectra of speech and `ad01` spectra of machines, of which there
are none here.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.meaning import IMAGE, Meaning
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.quantization.observation import Executable
from tflbuild.testing import artifact, run_pass
from tflbuild.tflite import flatbuffer

CHECKOUT = Path(__file__).resolve().parents[1]
CERTAIN = 1.96
Errors = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A float file and an int8 file that somebody made of it.

    Attributes:
        floating: name of the float file in mlperf_tiny/.
        int8: of the other.
        side: of the square input.
        preprocess: how a byte becomes a value.
        labels: what the scores are of.
    """

    floating: str
    int8: str
    side: int
    preprocess: Mapping[str, float]
    labels: tuple[str, ...]


PAIRS = {
    "vww": Pair(
        floating="vww_96_float.tflite",
        int8="vww_96_int8.tflite",
        side=96,
        preprocess={"scale": 1 / 255, "offset": 0.0},
        labels=("no person", "person"),
    )
}

SHIPPED = "int8 as shipped"
OURS: Mapping[str, Mapping[str, Any]] = {
    "method=fixed ranges=minmax": {"method": "fixed", "ranges": "minmax"},
    "method=fixed ranges=mse": {"method": "fixed", "ranges": "mse"},
    "method=auto": {"method": "auto"},
}
AUTO = "method=auto"


def main() -> None:
    """Print a table for every pair; exit with 1 where `auto` is not nearer than the others."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, default=_shared("TFLBUILD_TEST_MODELS", "models"))
    parser.add_argument("--data", type=Path, default=_shared("TFLBUILD_TEST_DATA", "data"))
    options = parser.parse_args()
    plugins.load(None)
    failed = False
    for name, pair in PAIRS.items():
        photos = _photos(options.data / "coco128", pair.side)
        with tempfile.TemporaryDirectory() as folder:
            found = measured(pair, options.models / "mlperf_tiny", photos, Path(folder))
        print("\n".join(table(name, found)), flush=True)
        failed |= any(found[AUTO].mean() >= found[other].mean() for other in (SHIPPED, next(iter(OURS))))
    raise SystemExit(failed)


def _shared(variable: str, name: str) -> Path:
    return Path(os.environ.get(variable) or CHECKOUT.parent / "shared" / name)


def _photos(folder: Path, side: int) -> npt.NDArray[np.uint8]:
    paths = sorted((folder / "images" / "train").glob("*.jpg"))
    if not paths:
        raise SystemExit(f"{folder} holds no photos")
    return np.stack([np.asarray(Image.open(path).convert("RGB").resize((side, side))) for path in paths])


def measured(pair: Pair, models: Path, photos: npt.NDArray[np.uint8], work: Path) -> dict[str, Errors]:
    """Give the error of every file on every photo."""
    floating = signed((models / pair.floating).read_bytes())
    wanted = scores(floating, pair, photos)
    found = {SHIPPED: np.abs(scores((models / pair.int8).read_bytes(), pair, photos) - wanted).mean(axis=1)}
    for name, options in OURS.items():
        errors = np.zeros(len(photos))
        for calibrating, rest in halves(len(photos)):
            content = quantized(floating, pair, photos[calibrating], options, work)
            errors[rest] = np.abs(scores(content, pair, photos[rest]) - wanted[rest]).mean(axis=1)
        found[name] = errors
    return found


def halves(count: int) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Give what calibrates and what is measured on, and the same the other way round."""
    order = np.random.default_rng(0).permutation(count)
    one, other = order[: count // 2], order[count // 2 :]
    yield one, other
    yield other, one


def signed(content: bytes) -> bytes:
    """Give a file its inputs and outputs by name, which MLPerf's lack."""
    model = flatbuffer.unpack(content)
    graph, signature = model.subgraphs[0], schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    signature.inputs, signature.outputs = (
        [_entry(name, int(index)) for index in indices]
        for name, indices in ((b"image", graph.inputs), (b"scores", graph.outputs))
    )
    model.signatureDefs = [signature]
    return flatbuffer.pack(model)


def _entry(name: bytes, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry


def quantized(
    floating: bytes, pair: Pair, photos: npt.NDArray[np.uint8], options: Mapping[str, Any], work: Path
) -> bytes:
    """Quantize the float file as `quantize` does."""
    folder = Path(tempfile.mkdtemp(dir=work))
    (folder / "float.tflite").write_bytes(floating)
    np.savez(folder / "photos.npz", images=photos)
    facts = Meaning.of_image(
        task="classification",
        height=pair.side,
        width=pair.side,
        labels=pair.labels,
        preprocess=dict(pair.preprocess),
    )
    model = artifact(TFLiteModel, folder / "float.tflite", facts)
    calibration = Calibration(source=str(folder / "photos.npz"), samples=len(photos))
    made = PASSES.get("quantize")(calibration=calibration, **options)  # type: ignore[call-arg]
    content: bytes = run_pass(made, model, folder).path.read_bytes()
    return content


def scores(content: bytes, pair: Pair, photos: npt.NDArray[np.uint8]) -> Errors:
    """Run a file on photos, whose values it is given; an integer input rounds them by its own scale."""
    running = Executable(content)
    scale, offset = (np.float32(pair.preprocess[key]) for key in ("scale", "offset"))
    return np.stack([running.run({IMAGE: photo.astype(np.float32) * scale + offset})[0] for photo in photos])


def table(name: str, found: Mapping[str, Errors]) -> list[str]:
    """Say it in lines of Markdown."""
    lines = [
        f"| {name}, n = {len(found[AUTO])} | error of the scores | more than auto |",
        "| --- | --- | --- |",
    ]
    for method, errors in found.items():
        more = "" if method == AUTO else _interval(errors - found[AUTO], signed=True)
        lines.append(f"| {method} | {_interval(errors)} | {more} |")
    return lines


def _interval(values: Errors, *, signed: bool = False) -> str:
    mean, half = float(values.mean()), CERTAIN * float(values.std(ddof=1)) / len(values) ** 0.5
    form = "+.4f" if signed else ".4f"
    return f"{mean:{form}} [{mean - half:{form}}, {mean + half:{form}}]"


if __name__ == "__main__":
    main()
