"""Figures that a compiler for a neural processing unit reports."""

from __future__ import annotations

from tflbuild.core.metric import TargetMetric, metric


class EthosMetric(TargetMetric):
    """Base of the figures that vela reports for an Arm Ethos-U."""

    target = "ethos_u"
    choice = "ethos_u55"
    higher_is_better = False


@metric("npu_coverage")
class NpuCoverage(EthosMetric):
    """Share of operators that run on the NPU; the rest run on the processor beside it."""

    higher_is_better = True


@metric("npu_cycles")
class NpuCycles(EthosMetric):
    """Cycles of one inference, as vela estimates them."""

    unit = "cycles"


@metric("npu_sram")
class NpuSram(EthosMetric):
    """SRAM that one inference needs, in KiB."""

    unit = "KiB"


@metric("npu_flash")
class NpuFlash(EthosMetric):
    """Memory that the compiled file uses outside of the SRAM: flash, or DRAM where the weights lie there, in KiB."""

    unit = "KiB"


@metric("npu_latency")
class NpuLatency(EthosMetric):
    """Time of one inference on the NPU, in ms, as vela estimates it."""

    unit = "ms"
