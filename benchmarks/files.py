"""Compile model files that others made, and hold them to what other tools make of them: `python benchmarks/files.py`.

For each file the mean absolute difference of the int8 file's outputs from the float file's on the test samples, and for
comparison that of the second half of TensorFlow's converter from the same float model and calibration samples
(`against_tf/tf_int8.py`), and that of the int8 file that MLPerf ships. `--scores int8` gives our final scores 8 bits
too, as the converter's have, and asks for a geometric mean. Needs the files of `../shared` ($TFLBUILD_TEST_MODELS,
$TFLBUILD_TEST_DATA).
Sounds for the autoencoder and the keyword model are features of spoken digits, made here.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np

SHARED = Path(__file__).resolve().parents[2] / "shared"
MODELS = Path(os.environ.get("TFLBUILD_TEST_MODELS", SHARED / "models"))
DATA = Path(os.environ.get("TFLBUILD_TEST_DATA", SHARED / "data"))
BAR = 0.75
"""Largest error of ours, as a share of that of TensorFlow's converter."""

MEAN_BAR = 0.6
"""Largest geometric mean of those shares, with scores of 8 bits on both sides."""

UNIT = ["preprocess.scale=0.00392156862745098", "preprocess.offset=0"]
PLUGINS = Path(__file__).resolve().parent / "against_tf"
TF_CONVERTER = [
    "pipeline=[load,convert,tf_int8]",
    "+passes@tf_int8=tf_int8",
    "quantize.budget=null",
    "budget=null",
]
"""What makes `recipe=int8` quantize as TensorFlow's converter does, from the same float file and samples."""

OPEN = ["quantize.budget=null", "budget=null"]
"""Limits left out, so that a file is measured and not refused, or mended by a fallback."""

CASES: list[tuple[str, str, str, list[str], str]] = [
    # name, file, data, words, the int8 file that is shipped
    ("MobileNet v1, metadata", "tflite_support/mobilenet_v1_0.25_224_1_metadata_1.tflite", "photos", [], ""),
    ("MobileNet v1, bare", "tflite_support/mobilenet_v1_0.25_224_1_default_1.tflite", "photos", [], ""),
    ("VWW, Keras", "mlperf_tiny/vww_96.h5", "photos", UNIT, "mlperf_tiny/vww_96_int8.tflite"),
    (
        "VWW, float .tflite",
        "mlperf_tiny/vww_96_float.tflite",
        "photos",
        UNIT,
        "mlperf_tiny/vww_96_int8.tflite",
    ),
    ("autoencoder, Keras", "mlperf_tiny/ad01.h5", "frames.npz", [], "mlperf_tiny/ad01_int8.tflite"),
    (
        "autoencoder, .tflite",
        "mlperf_tiny/ad01_fp32.tflite",
        "frames.npz",
        [],
        "mlperf_tiny/ad01_int8.tflite",
    ),
    (
        "keywords, .tflite",
        "mlperf_tiny/kws_ref_model_float32.tflite",
        "mfcc.npz",
        [],
        "mlperf_tiny/kws_ref_model.tflite",
    ),
]


def main() -> None:
    """Print a line for each file; end with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a part of the names of the files to compile")
    parser.add_argument(
        "--scores", default="int16", choices=("int8", "int16"), help="width of our final scores"
    )
    options = parser.parse_args()
    held, ratios = True, []
    print("| file | seconds | samples | ours | TF converter | shipped | ours / TF | held |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="tflbuild-files-") as name:
        folder = Path(name)
        prepare(folder)
        for case in CASES:
            if options.only in case[0]:
                ok, ratio = line(folder, options.scores, *case)
                held &= ok
                ratios += [ratio] if ratio else []
    if options.scores == "int8" and ratios:
        mean = float(np.exp(np.mean(np.log(ratios))))
        held &= mean <= MEAN_BAR
        print(f"\ngeometric mean of ours / TF: {mean:.2f} over {len(ratios)} files (bar {MEAN_BAR})")
    sys.exit(not held)


def line(
    folder: Path, scores: str, name: str, file: str, data: str, words: list[str], shipped: str
) -> tuple[bool, float | None]:
    """Compile a file in each way and print the errors; says whether the bars are held, and ours / TF."""
    given = [f"model.path={MODELS / file}", f"data.root={data}", *words]
    report = build(folder, [*given, f"quantize.scores={scores}", *OPEN])
    ours = error_of(report["targets"][0]["metrics"])
    tf = error_of(build(folder, [*given, *TF_CONVERTER])["targets"][0]["metrics"])
    other = None
    if shipped:
        made = tflbuild(
            folder,
            "compare",
            str(MODELS / file),
            str(MODELS / shipped),
            f"data.root={data}",
            *words,
            "--json",
        )
        other = error_of({name: row["after"] for name, row in json.loads(made)["metrics"].items()})
    ratio = ours / tf if tf else None  # nothing differs where an output never changes
    ok = (ratio is None or ratio <= BAR) and (other is None or ours < other)
    cells = (f"{value:.3g}" if value is not None else "-" for value in (ours, tf, other, ratio))
    n = report["targets"][0]["metrics"]["fidelity"]["n"]
    print(
        f"| {name} | {report['seconds']:.1f} | {n} | {' | '.join(cells)} | {'yes' if ok else 'NO'} |",
        flush=True,
    )
    return ok, ratio


def convertible(file: str) -> bool:
    """Say whether TensorFlow's converter takes a file as it is: a Keras file or a SavedModel."""
    return not file.endswith((".tflite", ".onnx"))


def build(folder: Path, words: list[str]) -> dict[str, Any]:
    """Build `recipe=int8`; gives the report."""
    tflbuild(folder, "recipe=int8", *words)
    return last_report(folder)


def last_report(folder: Path) -> dict[str, Any]:
    """Read the report of the last build."""
    report: dict[str, Any] = json.loads((folder / "outputs/int8/latest/report.json").read_text())
    return report


def tflbuild(folder: Path, *words: str) -> str:
    """Run a command; gives what it printed."""
    done = run(folder, *words)
    if done.returncode:
        raise SystemExit(
            f"tflbuild {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}"
        )
    return done.stdout


def run(folder: Path, *words: str, patience: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command; `patience` is in seconds."""
    return subprocess.run(
        [sys.executable, "-m", "tflbuild", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=patience,
    )


def error_of(metrics: dict[str, Any]) -> float:
    """Give the mean absolute difference of the outputs from the base's."""
    (output,) = metrics["fidelity"]["details"]["outputs"].values()
    return float(output["mean_abs"])


def prepare(folder: Path) -> None:
    """Put data and plugins where builds run: pictures, frames of 5 x 128 log-mel bands, and 49 x 10 MFCCs."""
    (folder / "plugins").symlink_to(PLUGINS)
    (folder / "photos").symlink_to(DATA / "coco128" / "images")
    sounds = [sound(path) for path in sorted((DATA / "spoken_digits").rglob("*.wav"))[::10]]
    bands = [log_mel(each, 128, 1024, 512) for each in sounds]
    frames = [part[k : k + 5].ravel() for part in bands for k in range(0, len(part) - 4, 5)]
    np.savez(folder / "frames.npz", np.stack(frames[:400]).astype(np.float32))
    coefficients = [mfcc(each) for each in sounds]
    np.savez(folder / "mfcc.npz", np.stack(coefficients).astype(np.float32))


def sound(path: Path) -> np.ndarray:
    """Read a recording as float32 in [-1, 1], one second at 16 kHz: repeated samples and silence behind."""
    with wave.open(str(path)) as file:
        values = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
        doubled = np.repeat(values, 16000 // file.getframerate())
    return np.pad(doubled, (0, max(0, 16000 - len(doubled))))[:16000].astype(np.float32)


def log_mel(values: np.ndarray, bands: int, frame: int, hop: int) -> np.ndarray:
    """Give (frames, bands) of 20 log10 of the mel spectrum, as MLPerf Tiny's anomaly detection takes them."""
    parts = np.stack([values[k : k + frame] for k in range(0, len(values) - frame + 1, hop)])
    spectrum = np.abs(np.fft.rfft(parts * np.hanning(frame)))
    return 20 * np.log10(np.maximum(spectrum @ mel_matrix(bands, frame).T, 1e-6))


def mel_matrix(bands: int, frame: int) -> np.ndarray:
    """Give (bands, bins) triangles, evenly spaced in mel from 0 to 8 kHz."""
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), bands + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = np.linspace(0, 8000, frame // 2 + 1)
    rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0, np.minimum(rise, fall))


def mfcc(values: np.ndarray) -> np.ndarray:
    """Give (49, 10) cosine coefficients of 40 log-mel bands: frames of 30 ms, 20 ms apart."""
    bands = log_mel(values, 40, 480, 320)[:49] / 8.6859
    angles = np.pi / 40 * (np.arange(40) + 0.5)[:, None] * np.arange(10)
    return bands @ np.cos(angles) * np.sqrt(2 / 40)


if __name__ == "__main__":
    main()
