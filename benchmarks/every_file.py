"""Compile every model file of `../shared/models` with `recipe=int8`: `python benchmarks/every_file.py`.

Prints a line for each: exit code, parity of the float `.tflite` with its source (the largest difference of an output as
a share of its largest value) and on how many samples, the figure of the file as loaded and of the int8 file with its
interval and n, the error of the int8 file's outputs as a share of that of TensorFlow's converter, and seconds, by the
clock and of processor; for a refusal its sentence. Errors are mean absolute ones of the output on test samples, of
detectors those of `against_tf/output_error.py` on val samples; TensorFlow's converter is given the same float model and
samples (`against_tf/tf_int8.py`), where it takes the file at all.
Needs the files of `../shared` ($TFLBUILD_TEST_MODELS, $TFLBUILD_TEST_DATA), and the environment `onnx` for ONNX
files. `files.py` holds float files to int8 files that others ship.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from files import DATA, MODELS, TF_CONVERTER, UNIT, convertible, error_of, last_report, prepare, run

BCCD = ["data.classes=[RBC,WBC,Platelets]"]
SIGNED = ["preprocess.scale=0.00784313725490196", "preprocess.offset=-1"]
SSD = "tflite_support/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
CASES: list[tuple[str, str, list[str]]] = [
    # file, data, words
    ("tflite_support/mobilenet_v1_0.25_224_1_metadata_1.tflite", "photos", []),
    ("tflite_support/mobilenet_v1_0.25_224_1_default_1.tflite", "photos", []),
    ("tflite_support/mobilenet_v1_0.25_224_quant.tflite", "photos", []),
    (SSD, "coco128", []),
    ("mlperf_tiny/vww_96.h5", "photos", UNIT),
    ("mlperf_tiny/vww_96_float.tflite", "photos", UNIT),
    ("mlperf_tiny/vww_96_int8.tflite", "photos", []),
    ("mlperf_tiny/kws_ref_model", "mfcc.npz", []),
    ("mlperf_tiny/kws_ref_model_float32.tflite", "mfcc.npz", []),
    ("mlperf_tiny/kws_ref_model.tflite", "mfcc.npz", []),
    ("mlperf_tiny/ad01.h5", "frames.npz", []),
    ("mlperf_tiny/ad01_fp32.tflite", "frames.npz", []),
    ("mlperf_tiny/ad01_int8.tflite", "frames.npz", []),
    ("coral/mobilenet_v1_0.25_128_quant.tflite", "photos", []),
    ("coral/mobilenet_v1_0.25_128_quant_edgetpu.tflite", "photos", []),
    ("coral/split_concat.tflite", "photos", []),
    ("coral/keras_lstm_mnist_ptq.tflite", "rows.npz", []),
    ("coral/posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite", "photos", []),
    ("tflite_micro/person_detect.tflite", "photos", []),
    ("tflite_micro/person_detect_vela.tflite", "photos", []),
    ("onnx/mobilenet_v2_0.35_128.onnx", "photos", []),
    ("onnx/st_ssd_mobilenet_v1_025_256.onnx", "coco128", ["data.classes=[person]", *SIGNED]),
    ("onnx/FastestDet.onnx", "coco128", [*UNIT, "preprocess.channels=bgr"]),
    ("odapi/ssd_mobilenet_v2/exporter_main_v2", "bccd", BCCD),
    ("odapi/ssd_mobilenet_v2/export_tflite_graph_tf2", "bccd", BCCD),
    ("odapi/ssd_mobilenet_v2/export_tflite_graph_tf2_regular_nms100", "bccd", BCCD),
    ("odapi/ssd_mobilenet_v2_fpnlite/export_tflite_graph_tf2_regular_nms100", "bccd", BCCD),
    ("odapi/efficientdet_d0/export_tflite_graph_tf2", "bccd", BCCD),
    ("coral/deeplabv3_mnv2_dm05_pascal_quant.tflite", "photos", []),
]
"""The last ones take longest."""


def main() -> None:
    """Print a line for each file; end with 1 where one ends otherwise than with 0 or a refusal (2)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a part of the names of the files to compile")
    parser.add_argument("--patience", type=float, default=900, help="seconds after which a build is ended")
    options = parser.parse_args()
    held = True
    print("| file | exit | parity | as loaded | int8 | error / TF | s | processor s |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="tflbuild-every-") as name:
        folder = Path(name)
        prepare(folder)
        rows = np.random.default_rng(0).uniform(size=(64, 28, 28)).astype(np.float32)
        np.savez(folder / "rows.npz", rows)
        for data in ("coco128", "bccd"):
            (folder / data).symlink_to(DATA / data)
        for file, data, words in CASES:
            if options.only in file:
                given = [f"model.path={MODELS / file}", f"data.root={data}", *words]
                held &= line(folder, file, given, options.patience)
    sys.exit(not held)


def line(folder: Path, file: str, words: list[str], patience: float) -> bool:
    """Compile a file and print what came of it; says whether it was built or refused."""
    started, before = time.monotonic(), processor_seconds()
    try:
        done = run(folder, "recipe=int8", *words, patience=patience)
        code, said = done.returncode, reason(done.stderr)
    except subprocess.TimeoutExpired:
        code, said = -1, f"not done after {patience:.0f} s"
    seconds, busy = time.monotonic() - started, processor_seconds() - before
    cells = (
        ["", said, "", ""]
        if code
        else [*figures(last_report(folder)), against_tf(folder, file, words, patience)]
    )
    print(f"| {file} | {code} | {' | '.join(cells)} | {seconds:.0f} | {busy:.0f} |", flush=True)
    return code in (0, 2)


def processor_seconds() -> float:
    """Give the seconds of processor that processes took which this one started, and theirs, and which ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def reason(said: str) -> str:
    """Give the last line of what a build said, without this machine's folders."""
    line = (said.strip().splitlines() or [""])[-1]
    return line.removeprefix("error: ").replace(str(MODELS), "...").replace("|", "/")


def against_tf(folder: Path, file: str, words: list[str], patience: float) -> str:
    """Give the error of the int8 file as a share of that of TensorFlow's converter, or why there is none."""
    if not convertible(file):
        return "no source"
    errors = []
    for more in ([], TF_CONVERTER):
        done = run(folder, "recipe=int8", *words, *more, "analyses=[output_error]", patience=patience)
        if done.returncode:
            return reason(done.stderr)
        errors.append(error_in(last_report(folder)))
    return f"{errors[0] / errors[1]:.2f}"


def error_in(report: dict[str, Any]) -> float:
    """Give the mean absolute error of the output on test samples; of detectors, before suppression, on val samples."""
    metrics = report["targets"][0]["metrics"]
    if len(metrics["fidelity"]["details"].get("outputs", ())) == 1:
        return error_of(metrics)
    (found,) = report["analyses"][0]["findings"]
    return float(found["error"])


def figures(report: dict[str, Any]) -> list[str]:
    """Give parity, and the first figure that both files have: of labels, else of fidelity."""
    notes = (step["notes"].get("parity", {}) for step in report["passes"])
    outputs = [one for each in notes for one in each.get("outputs", {}).values()]
    parity = max(one["difference"] / one["size"] for one in outputs if one["size"])
    count = min(one["images"] for one in outputs)
    after, before = report["targets"][0]["metrics"], report["base"]["metrics"]
    name = next(name for name in ("map50", "top1", "fidelity") if name in after)
    return [f"{parity:.1e}, n {count}", figure(name, before[name]), figure(name, after[name])]


def figure(name: str, found: dict[str, Any]) -> str:
    """Say a figure with its interval and n."""
    return f"{name} {found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}], n {found['n']}"


if __name__ == "__main__":
    main()
