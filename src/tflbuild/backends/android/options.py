"""Options of a phone, which a target and a runtime share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

OURS = re.compile(
    r"--(graph|num_threads|num_runs|min_secs|warmup_\w+|input_layer\w*|output_\w+|signature_to_run_for"
    r"|enable_op_profiling|op_profiling_\w+|profiling_\w+|report_peak_memory_footprint|use_xnnpack|use_gpu|use_nnapi"
    r"|delegate_serialize_\w+|dry_run|help)(=|$)"
)
"""Flags that tflbuild gives benchmark_model itself."""


@dataclass(frozen=True, kw_only=True)
class PhoneOptions:
    """How a phone is reached and how it executes a model, for the target `android` and the runtime `adb`."""

    benchmark: str = ""
    """Path of LiteRT's benchmark_model, built for the phone's ABI. Empty: refused, with where to get it."""
    adb: str = "adb"
    """Android's program adb: its name on the PATH, or its path."""
    serial: str = ""
    """Serial of the phone, as `adb devices` lists it. Empty: the only one that is attached."""
    delegate: Literal["xnnpack", "builtin", "gpu", "nnapi"] = "xnnpack"
    """Delegate that executes the operators that it takes; `builtin` are LiteRT's own kernels alone. Android 15 and
    later advise against `nnapi`."""
    threads: Annotated[int, Ge(1), Le(64)] = 1
    """Threads of the interpreter on the phone. [threads]"""
    flags: tuple[str, ...] = ()
    """Further flags of benchmark_model, such as `--gpu_precision_loss_allowed=false`."""
    affinity: str = ""
    """Processors that it may run on, as a mask of `taskset` in hexadecimal digits, e.g. f0. Empty: all."""
    folder: str = "/data/local/tmp"
    """Folder of the phone that a folder of ours is made in, and removed from at the end."""
    timeout: Annotated[int, Ge(1), Le(86_400)] = 600
    """Time that one command on the phone may take, such as a batch of samples. [seconds]"""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(/[\w.+-]+)+", self.folder):
            raise ValueError(
                f"folder '{self.folder}' is not the whole path of a folder, such as /data/local/tmp"
            )
        if self.affinity and not re.fullmatch(r"[0-9a-fA-F]{1,16}", self.affinity):
            raise ValueError(f"affinity '{self.affinity}' is not a mask in hexadecimal digits, such as f0")
        for flag in self.flags:
            if not re.fullmatch(r"--\w+=.*", flag):
                raise ValueError(f"flags: '{flag}' is not a flag of the form --NAME=VALUE")
            if OURS.match(flag):
                raise ValueError(f"flags: '{flag}' is set by tflbuild itself")
