"""TensorFlow's own post-training quantization of float files, in a process of its own.

What `TFLiteConverter` does after it has made the float file: calibrate, then `mlir_quantize`. So it can be given any
float file, and be asked for one scale a tensor. `python -m proof.tensorflow_stock JOBS`
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Job:
    """One file to quantize.

    Attributes:
        model: the float `.tflite`.
        images: `.npy` of (images, height, width, 3) float32, as the model is to see them.
        per_tensor: whether weights have one scale a tensor instead of one a channel.
        out: the file to write.
    """

    model: str
    images: str
    per_tensor: bool
    out: str


def quantize(jobs: Sequence[Job], folder: Path) -> list[float]:
    """Quantize files, in one process that imports TensorFlow.

    Returns:
        Seconds of each, without the import.

    Raises:
        RuntimeError: TensorFlow failed; holds what it wrote last.
    """
    given, times = folder / "jobs.json", folder / "seconds.json"
    given.write_text(json.dumps([asdict(job) for job in jobs]))
    root = Path(__file__).resolve().parents[1]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, "-m", "proof.tensorflow_stock", str(given), str(times)],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"TensorFlow could not quantize: {' '.join(done.stderr.split())[-600:]}")
    seconds: list[float] = json.loads(times.read_text())
    return seconds


def main(given: str, times: str) -> None:
    """Do the jobs of a file."""
    seconds = []
    for entry in json.loads(Path(given).read_text()):
        job = Job(**entry)
        started = time.perf_counter()
        Path(job.out).write_bytes(_quantized(job))
        seconds.append(time.perf_counter() - started)
    Path(times).write_text(json.dumps(seconds))


def _quantized(job: Job) -> bytes:
    import numpy as np
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize import calibrator

    content = calibrator.add_intermediate_tensors(Path(job.model).read_bytes())
    images = np.load(job.images)
    calibrated = calibrator.Calibrator(content).calibrate(
        lambda: ({"image": image[None]} for image in images)
    )
    return bytes(mlir_quantize(calibrated, disable_per_channel=job.per_tensor))


if __name__ == "__main__":
    main(*sys.argv[1:])
