"""Things that are delivered beside the model: samples with the outputs that the file gives for them, its proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from tflbuild.core.artifact import Artifact
from tflbuild.core.runtime import Runtime


@dataclass(frozen=True, kw_only=True)
class Export:
    """Options of what is delivered beside each file, so that an app or a device can be compared with this machine."""

    samples: Annotated[int, Ge(0), Le(10_000)] = 0
    """Samples of the test split that are stored beside each delivered file with the outputs that it gives for them;
    they are spread evenly over the split. `tflbuild verify RUN --on DEVICE` replays them. 0 stores none. [samples]"""
    embed: bool = False
    """Whether the samples are packed into a delivered `.tflite`, too. It grows by them, and whoever has the file has
    the samples."""
    steps: Annotated[float, Ge(0), Le(1_000_000)] | None = None
    """Difference that a replay may show in an output that is quantized. null: twice that of the kernels of the machine
    that builds. [steps of quantization]"""
    relative: Annotated[float, Ge(0), Le(1_000_000)] | None = None
    """Difference that a replay may show in any other output, as a share of the largest value in it. null: twice that
    of the kernels of the machine that builds. [fraction of the largest value]"""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The model for which a proof is written, and how it is written.

    Attributes:
        runtime: computes the outputs; its other kernels are held against it.
        model: whose outputs they are.
        delivered: the file that travels; another than the model where this machine cannot execute it.
        of: samples of the split that those of the proof were chosen from.
        export: what the recipe says.
    """

    runtime: Runtime
    model: Artifact
    delivered: Artifact
    of: int
    export: Export
