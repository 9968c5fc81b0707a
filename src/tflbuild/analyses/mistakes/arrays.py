"""Arrays of numbers: how they become tensors, and the mistakes of apps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tflbuild.analyses.mistakes import candidates
from tflbuild.analyses.mistakes.contract import Contract, Trials
from tflbuild.core.signature import TensorSpec
from tflbuild.evaluation.samples import array_of


class ArrayContract(Contract):
    """How an array becomes a tensor: its numbers as they are."""

    noun = "arrays"

    def read(self, sample: Path) -> Any:
        """Read an array from an `.npy`."""
        return array_of(sample, "array")

    def words(self, spec: TensorSpec) -> str:
        """Say that nothing is done."""
        return "numbers as they are" + (", quantized" if spec.scale else "")

    def trials(self, sample: Path, shape: tuple[int, ...], spec: TensorSpec) -> Trials:
        """Give the array in other orders and scales."""
        codes = self.kind.encode(self.read(sample), shape).codes
        made = candidates.Vectors(codes, self.kind, spec).made
        return Trials(candidates.of_vector(self.kind, spec), made)
