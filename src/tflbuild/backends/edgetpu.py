"""Google's edgetpu_compiler: compile a full-integer `.tflite` for an Edge TPU, and read what it prints.

It is a program of its own for Linux on x86-64, from Google's package repository, which no package index has.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tflbuild.backends import processes
from tflbuild.core.errors import MissingTool, PassError
from tflbuild.core.plain_text import plain

PROGRAM = "edgetpu_compiler"
INSTALL = (
    "on Debian or Ubuntu with an x86-64 processor add Google's package repository as "
    "https://coral.ai/docs/edgetpu/compiler/ says, then: sudo apt-get install edgetpu-compiler; elsewhere run it in "
    "Docker (docker run --platform linux/amd64 debian) or in the Colab notebook that this page names"
)
"""How a person gets the compiler, to complete a sentence."""

UNITS: Mapping[str, int] = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
MAPPED = "Mapped to Edge TPU"
CUSTOM = "CUSTOM"
"""Name of every custom operator in its table."""
STATUS = re.compile(r"^(\w+) +(\d+) +(\S.*?) *$", re.MULTILINE)
VERSION = re.compile(r"Edge TPU Compiler version (\S+)")
FAILURES = (
    "ERROR:",
    "Compilation failed:",
    "Internal compiler error",
    "Invalid model",
    "Model not quantized",
)

CURES: Mapping[str, str] = {
    "large activation tensors": "try target.edgetpu.search_delegate=true, or a smaller input",
    "not quantized": "it takes full-integer files; set quantize.scheme=int8",
    "dynamic-sized tensors": "convert the model with a batch of 1 and sides that are known",
    "unresolved custom op": "take the custom operator out of the model",
    "Didn't find op": "it is of 2021 and does not know an operator of this file; convert with an older TensorFlow",
    "out of range": "it is of 2021 and does not know an operator of this file; use another layer",
    "Internal compiler error": "try target.edgetpu.search_delegate=true, or a smaller input",
}
"""Cures, by a part of the message that the compiler prints when it fails."""


class Status(NamedTuple):
    """A line of the compiler's table.

    Attributes:
        operator: name of an operator.
        number: how many of them.
        text: where they run, or why they stay on the processor.
    """

    operator: str
    number: int
    text: str


class Compiled(NamedTuple):
    """The file that the compiler wrote, and what it printed.

    Attributes:
        content: the compiled file.
        version: of the compiler; "" where it did not say.
        cached: parameters in the chip's memory; None where it did not say. [bytes]
        streamed: parameters that are sent in every run; None where it did not say. [bytes]
        parts: parts of the graph that run on the Edge TPU; None where it did not say.
        statuses: its table.
    """

    content: bytes
    version: str
    cached: int | None
    streamed: int | None
    parts: int | None
    statuses: tuple[Status, ...]


def installed() -> Path | None:
    """Find the compiler on the PATH; None where there is none."""
    found = shutil.which(PROGRAM)
    return Path(found) if found else None


def compile_for_edgetpu(model: Path, folder: Path, options: Sequence[str], limit: float) -> Compiled:
    """Compile a file.

    Args:
        model: the `.tflite` file.
        folder: an empty folder to work in.
        options: of the compiler's command line.
        limit: time that it may take. [s]

    Raises:
        MissingTool: the compiler is not on the PATH.
        PassError: it failed, took too long, or wrote no file.
    """
    program = installed()
    if program is None:
        raise MissingTool(f"target edgetpu needs {PROGRAM}, which is not on the PATH: {INSTALL}.")
    network, made = folder / "model.tflite", folder / "out"
    made.mkdir()
    shutil.copyfile(model, network)
    command = [str(program), "--show_operations", "--out_dir", str(made), *options, str(network)]
    done = processes.run_compiler(PROGRAM, command, folder, limit, "; allow more with target.edgetpu.timeout")
    compiled = made / "model_edgetpu.tflite"
    printed = f"{done.stdout}\n{done.stderr}"
    if done.returncode or not compiled.is_file():
        raise PassError(f"{PROGRAM} failed: {_failure(printed, done.returncode)}")
    return parse(compiled.read_bytes(), printed)


def parse(content: bytes, printed: str) -> Compiled:
    """Read what the compiler printed when it succeeded.

    Args:
        content: the file that it wrote.
        printed: what it printed.
    """
    version = VERSION.search(printed)
    table = printed.partition("Status\n")[2]
    parts = re.search(r"^Number of Edge TPU subgraphs: (\d+)", printed, re.MULTILINE)
    return Compiled(
        content=content,
        version=version[1] if version else "",
        cached=_size(printed, "On-chip memory used for caching model parameters"),
        streamed=_size(printed, "Off-chip memory used for streaming uncached model parameters"),
        parts=int(parts[1]) if parts else None,
        statuses=tuple(Status(name, int(count), text) for name, count, text in STATUS.findall(table)),
    )


def _size(printed: str, what: str) -> int | None:
    found = re.search(rf"^{re.escape(what)}: ([\d.]+)(B|KiB|MiB|GiB)", printed, re.MULTILINE)
    return round(float(found[1]) * UNITS[found[2]]) if found else None


def _failure(printed: str, code: int) -> str:
    """Say why it failed, in its own words, and what helps."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    told = [line for line in lines if any(part in line for part in FAILURES)]
    said = told[-1] if told else lines[-1] if lines else f"it ended with code {code} and said nothing"
    cure = next((cure for part, cure in CURES.items() if any(part in line for line in (*told, said))), "")
    text = plain(said.removeprefix("ERROR:").removeprefix("Compilation failed:").strip(), 300).rstrip(".")
    return f"{text}; {cure}." if cure else f"{text}."
