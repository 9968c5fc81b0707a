"""Ways to partition a graph, by the name that a rule file gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tflbuild.placement.facts import OperatorFacts
from tflbuild.placement.partitions.each import each
from tflbuild.placement.partitions.first_part import first_part
from tflbuild.placement.partitions.largest import largest
from tflbuild.placement.partitions.prefix import prefix
from tflbuild.placement.partitions.xnnpack import xnnpack

Partition = Callable[[Sequence[OperatorFacts], Sequence[bool], Mapping[str, Any]], list[str]]
"""Takes the operators in order of execution, whether each fits the device, and the target's options; gives for each
that fits the reason why it stays on the processor all the same, "" where the device runs it. A reason completes
"it "."""

PARTITIONS: Mapping[str, Partition] = {
    "each": each,
    "prefix": prefix,
    "first_part": first_part,
    "largest": largest,
    "xnnpack": xnnpack,
}
"""Ways to partition a graph, by the name that a rule file gives."""
