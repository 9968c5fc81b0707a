"""Arm's vela: compile a full-integer `.tflite` for an Ethos-U, and read what it reports.

It runs as a process of its own, because it prints its figures; it ends with 0 even where nothing of the
model fits the NPU.
"""

from __future__ import annotations

import csv
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ai_edge_litert import schema_py_generated as schema

from tflbuild.core import toolchain
from tflbuild.core.errors import PassError

OPERATORS = re.compile(r"^(CPU|NPU) operators = (\d+) ", re.MULTILINE)
NPU_OPERATOR = "ethos-u"


class Compiled(NamedTuple):
    """The file that vela compiled and the figures that it reported.

    Attributes:
        content: the compiled file.
        on_npu: operators that run on the NPU.
        on_cpu: operators that are left to the processor.
        left: names of the operators that the compiled file leaves to the processor.
        cycles: of one inference.
        latency_ms: of one inference.
        sram_kib: SRAM that one inference needs.
        flash_kib: off-chip flash or DRAM for what doesn't change.
        macs: multiplications of one inference.
        system_config: the system that the figures are for.
        memory_mode: where tensors lie on it.
    """

    content: bytes
    on_npu: int
    on_cpu: int
    left: list[str]
    cycles: float
    latency_ms: float
    sram_kib: float
    flash_kib: float
    macs: float
    system_config: str
    memory_mode: str


def compile_for_ethos_u(model: Path, folder: Path, options: Sequence[str]) -> Compiled:
    """Compile a file.

    Args:
        model: the `.tflite` file.
        folder: an empty folder to work in.
        options: of vela's command line.

    Raises:
        MissingTool: vela is not installed.
        PassError: it failed, or did not report a figure.
    """
    toolchain.require(("ethosu",), "vela")
    network, made = folder / "model.tflite", folder / "out"
    shutil.copyfile(model, network)
    command = [sys.executable, "-P", "-m", "ethosu.vela", str(network), "--output-dir", str(made), *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    compiled = made / "model_vela.tflite"
    if done.returncode or not compiled.is_file():
        raise PassError(f"vela failed: {_last_line(done.stderr or done.stdout)}")
    on_cpu, on_npu = _counts(done.stdout)
    figures = _summary(made)
    content = compiled.read_bytes()
    return Compiled(
        content=content,
        on_npu=on_npu,
        on_cpu=on_cpu,
        left=_left(content),
        cycles=_figure(figures, "cycles_total"),
        latency_ms=_figure(figures, "inference_time") * 1e3,
        sram_kib=_figure(figures, "sram_memory_used"),
        flash_kib=_figure(figures, "off_chip_flash_memory_used") + _figure(figures, "dram_memory_used"),
        macs=_figure(figures, "nn_macs"),
        system_config=figures["system_config"],
        memory_mode=figures["memory_mode"],
    )


def _counts(printed: str) -> tuple[int, int]:
    """Read how many operators the CPU and the NPU run; the summary file does not say it."""
    counts = {where: int(count) for where, count in OPERATORS.findall(printed)}
    if counts.keys() != {"CPU", "NPU"}:
        raise PassError("vela did not print how many operators run on the NPU; is its version supported?")
    return counts["CPU"], counts["NPU"]


def _summary(folder: Path) -> dict[str, str]:
    """Read the one row of vela's summary."""
    files = sorted(folder.glob("model_summary_*.csv"))
    if len(files) != 1:
        raise PassError("vela wrote no summary of its figures.")
    with files[0].open(encoding="utf-8", newline="") as file:
        return next(csv.DictReader(file))


def _figure(figures: dict[str, str], name: str) -> float:
    value = float(figures.get(name) or "nan")
    if not math.isfinite(value):
        raise PassError(f"vela's summary has no figure '{name}'.")
    return value


def _left(content: bytes) -> list[str]:
    """Name the operators of a compiled file that are not the NPU's."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    operators: list[Any] = [op for graph in model.subgraphs for op in graph.operators]
    codes = [model.operatorCodes[op.opcodeIndex] for op in operators]
    found = [code.customCode.decode() if code.customCode else names[code.builtinCode] for code in codes]
    return [name for name in found if name != NPU_OPERATOR]


def _last_line(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
