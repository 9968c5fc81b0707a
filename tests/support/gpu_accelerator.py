"""Run LiteRT's own GPU accelerator (WebGPU) on the software GPU that Chromium brings, in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from browsing import chromium

PROGRAM = """
import sys
import numpy as np
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.hardware_accelerator import HardwareAccelerator as On
from ai_edge_litert.options import Options

model = CompiledModel.from_file(sys.argv[1], options=Options(hardware_accelerators=On.GPU | On.CPU))
print("whole" if model.is_fully_accelerated() else "part")
images = np.load(sys.argv[2])
found = []
for image in images:
    given, made = model.create_input_buffers(0), model.create_output_buffers(0)
    given[0].write(np.ascontiguousarray(image))
    model.run_by_index(0, given, made)
    found.append(made[0].read(int(sys.argv[3]), images.dtype))
np.save(sys.argv[4], np.array(found))
"""

FOLDERS = (Path("/usr/lib/chromium"),)
SECONDS = 120


def environment(folder: Path) -> dict[str, str]:
    """Give the environment that lets Vulkan find Chromium's software GPU; skip where there is none."""
    own = Path(chromium()).resolve().parent if chromium() else Path("nowhere")
    for place in (own, *FOLDERS):
        if (place / "libvk_swiftshader.so").is_file() and (place / "libvulkan.so.1").is_file():
            driver = folder / "driver.json"
            icd = {"library_path": str(place / "libvk_swiftshader.so"), "api_version": "1.1.0"}
            driver.write_text(json.dumps({"file_format_version": "1.0.0", "ICD": icd}))
            return {**os.environ, "LD_LIBRARY_PATH": str(place), "VK_ICD_FILENAMES": str(driver)}
    pytest.skip("there is no software GPU: apt-get install chromium")


def run(
    path: Path, folder: Path, images: npt.NDArray[np.generic], size: int
) -> tuple[int | None, npt.NDArray[np.generic]]:
    """Run a file with one input on images.

    Args:
        path: the file.
        folder: for what is written.
        images: (images, ...) as the input takes them.
        size: numbers of its first output.

    Returns:
        How many operators the GPU took; None for all. And (images, size) the first output.
    """
    given, made = folder / "given.npy", folder / "made.npy"
    np.save(given, images)
    words: Sequence[str] = [sys.executable, "-c", PROGRAM, str(path), str(given), str(size), str(made)]
    done = subprocess.run(
        words, env=environment(folder), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if "Failed to initialize WebGPU" in done.stderr:
        pytest.skip("LiteRT's GPU accelerator does not start here")
    assert done.returncode == 0, done.stderr[-2000:]
    counted = re.search(r"(\d+) operations will run on the GPU", done.stderr)
    whole = "whole" in done.stdout
    assert whole is not bool(counted)
    return (int(counted[1]) if counted else None), np.load(made)
