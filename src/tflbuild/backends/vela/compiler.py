"""Arm's vela: compile a full-integer `.tflite` for an Ethos-U, and read what it reports.

It runs as a process of its own, because it prints its figures, and because it crashes or never ends on some files; it
ends with 0 even where nothing of the model fits the NPU.
"""

from __future__ import annotations

import csv
import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ai_edge_litert import schema_py_generated as schema

from tflbuild.backends import processes
from tflbuild.backends.vela import database
from tflbuild.backends.vela.database import Database
from tflbuild.backends.vela.log import Complaint, complaints, failure
from tflbuild.core import toolchain
from tflbuild.core.errors import PassError

NPU_OPERATOR = "ethos-u"
OUTSIDE = ("off_chip_flash", "on_chip_flash", "dram")
"""Memories besides the SRAM, as the summary's columns begin."""


class Left(NamedTuple):
    """An operator of a compiled file that the processor runs.

    Attributes:
        name: e.g. "SOFTMAX".
        outputs: names of its outputs.
    """

    name: str
    outputs: tuple[str, ...]


class Compiled(NamedTuple):
    """The file that vela compiled and what it reported.

    Attributes:
        content: the compiled file.
        left: its operators that the NPU doesn't run.
        on_npu: number of its operators that the NPU runs; each is a part of the file as a whole.
        complaints: vela's reasons for what it left to the processor.
        database: what became of each operator of the file.
        cycles: of one inference.
        latency_ms: of one inference.
        sram_kib: SRAM that one inference needs.
        flash_kib: memory that it uses outside of the SRAM: flash, or DRAM where weights lie there.
        macs: multiplications of one inference.
        system_config: the system that the figures are for.
        memory_mode: where tensors lie on it.
    """

    content: bytes
    left: Sequence[Left]
    on_npu: int
    complaints: Sequence[Complaint]
    database: Database
    cycles: float
    latency_ms: float
    sram_kib: float
    flash_kib: float
    macs: float
    system_config: str
    memory_mode: str


def compile_for_ethos_u(model: Path, folder: Path, options: Sequence[str], time_limit: float) -> Compiled:
    """Compile a file.

    Args:
        model: the `.tflite` file.
        folder: an empty folder to work in.
        options: of vela's command line.
        time_limit: how long vela may take. [seconds]

    Raises:
        MissingTool: vela is not installed.
        PassError: it failed, took too long, or did not report a figure.
    """
    toolchain.require(("ethosu",), "vela")
    network, made = folder / "model.tflite", folder / "out"
    shutil.copyfile(model, network)
    where = [str(network), "--output-dir", str(made), "--enable-debug-db"]
    command = [sys.executable, "-P", "-m", "ethosu.vela", *where, *options]
    advice = " and was stopped; it never ends on some files"
    done = processes.run_compiler("vela", command, folder, time_limit, advice)
    compiled = made / "model_vela.tflite"
    if done.returncode or not compiled.is_file():
        raise PassError(f"vela failed: {failure(done.returncode, done.stdout, done.stderr)}")
    figures = _summary(made)
    content = compiled.read_bytes()
    left, on_npu = _operators(content)
    return Compiled(
        content=content,
        left=left,
        on_npu=on_npu,
        complaints=complaints(done.stdout),
        database=database.read(made / "model_debug.xml"),
        cycles=_figure(figures, "cycles_total"),
        latency_ms=_figure(figures, "inference_time") * 1e3,
        sram_kib=_figure(figures, "sram_memory_used"),
        flash_kib=sum(_figure(figures, f"{where}_memory_used") for where in OUTSIDE),
        macs=_figure(figures, "nn_macs"),
        system_config=figures["system_config"],
        memory_mode=figures["memory_mode"],
    )


def _summary(folder: Path) -> Mapping[str, str]:
    """Read the one row of vela's summary."""
    files = sorted(folder.glob("model_summary_*.csv"))
    if len(files) != 1:
        raise PassError("vela wrote no summary of its figures.")
    with files[0].open(encoding="utf-8", newline="") as file:
        return next(csv.DictReader(file))


def _figure(figures: Mapping[str, str], name: str) -> float:
    value = float(figures.get(name) or "nan")
    if not math.isfinite(value):
        raise PassError(f"vela's summary has no figure '{name}'.")
    return value


def _operators(content: bytes) -> tuple[list[Left], int]:
    """Give the operators of a compiled file that are not the NPU's, and the number of those that are."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    left, on_npu = [], 0
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = code.customCode.decode() if code.customCode else names[code.builtinCode]
            if name == NPU_OPERATOR:
                on_npu += 1
            else:
                left.append(Left(name, _outputs(graph, operator)))
    return left, on_npu


def _outputs(graph: Any, operator: Any) -> tuple[str, ...]:
    found = operator.outputs if operator.outputs is not None else ()
    names = (graph.tensors[index].name for index in found)
    return tuple(name.decode("utf-8", "replace") if name else "" for name in names)
