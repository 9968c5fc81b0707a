"""Compile the C++ sources of a delivered file: against real sources of tflite-micro, or stand-ins of its headers.

$TFLBUILD_TEST_TFLM is a checkout of github.com/tensorflow/tflite-micro in which its own Makefile has made the library:
`gen/*/lib/libtensorflow-microlite.a`, with what it downloaded below `tensorflow/lite/micro/tools/make/downloads`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

STANDING_IN = Path(__file__).parent / "fake_tflm"
DOWNLOADS = "tensorflow/lite/micro/tools/make/downloads"
TYPES = {"float32": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "int8": 9}
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter")


def real() -> Path | None:
    """Give the checkout of tflite-micro; None where there is none."""
    given = os.environ.get("TFLBUILD_TEST_TFLM")
    return Path(given).resolve() if given else None


def compiled(folder: Path) -> Path:
    """Compile the sources in a folder by stand-ins of the headers; gives the program."""
    return _compiled(folder, [f"-I{STANDING_IN}"], [], WARNINGS)


def linked(folder: Path, checkout: Path) -> Path:
    """Compile the sources in a folder with real headers, and link them with the real library."""
    downloads = [
        checkout / DOWNLOADS / name for name in ("flatbuffers/include", "gemmlowp", "ruy", "kissfft")
    ]
    (library,) = checkout.glob("gen/*/lib/libtensorflow-microlite.a")
    defined = ["-DTF_LITE_STATIC_MEMORY", "-fno-rtti", "-fno-exceptions", "-w"]
    return _compiled(
        folder, [f"-I{one}" for one in (checkout, *downloads)], [str(library), "-Wl,--gc-sections"], defined
    )


def _compiled(
    folder: Path, includes: Sequence[str], libraries: Sequence[str], options: Sequence[str]
) -> Path:
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    program, sources = folder / "program", sorted(map(str, folder.glob("*.cc")))
    command = [compiler, "-std=c++17", *options, *includes, "-o", str(program), *sources, *libraries]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return program


def run(program: Path, sample: Mapping[str, Any]) -> tuple[int, list[str]]:
    """Run a program; gives its exit code and lines. The stand-in of the interpreter knows this sample alone."""
    tensors = program.with_name("tensors.txt")
    lines = [
        f"{what} {TYPES[one['dtype']]} {one['hex']}"
        for what in ("input", "output")
        for one in sample[f"{what}s"]
    ]
    tensors.write_text("\n".join(lines))
    done = subprocess.run(
        [str(program)],
        env={**os.environ, "FAKE_TENSORS": str(tensors)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.splitlines()


def tensor(name: str, value: Any) -> dict[str, Any]:
    """Give a tensor of a sample, as targets are given it for their companions."""
    found = {
        "name": name,
        "dtype": value.dtype.name,
        "shape": list(value.shape),
        "hex": value.tobytes().hex(),
    }
    return {**found, "compared": value.size}
