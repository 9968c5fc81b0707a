"""Signatures: the named tensors that go into a model and come out of it, read without a framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class TensorSpec(NamedTuple):
    """One input or output of a model.

    Attributes:
        shape: sides, the batch first; -1 for one that is open.
        dtype: e.g. "float32", "int8".
        scale: what one step of an integer is worth; 0 where it is not quantized.
        zero_point: the integer that means 0.
    """

    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0

    @property
    def text(self) -> str:
        """Give shape and dtype as a sentence has them: "(1, 640) float32"."""
        sides = ", ".join("?" if side < 0 else str(side) for side in self.shape)
        return f"({sides}{',' if len(self.shape) == 1 else ''}) {self.dtype}"


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a model by name, in the model's order."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]

    def to_json(self) -> dict[str, list[dict[str, Any]]]:
        """Give the form that report.json and `Artifact.meta["signature"]` hold."""
        return {"inputs": _entries(self.inputs), "outputs": _entries(self.outputs)}

    @classmethod
    def from_json(cls, value: Mapping[str, Sequence[Mapping[str, Any]]]) -> Signature:
        """Read what `to_json` gave."""
        return cls(_specs(value.get("inputs", ())), _specs(value.get("outputs", ())))


def _entries(specs: Mapping[str, TensorSpec]) -> list[dict[str, Any]]:
    entries = []
    for name, spec in specs.items():
        entry: dict[str, Any] = {"name": name, "shape": list(spec.shape), "dtype": spec.dtype}
        if spec.scale:
            entry |= {"scale": spec.scale, "zero_point": spec.zero_point}
        entries.append(entry)
    return entries


def _specs(entries: Sequence[Mapping[str, Any]]) -> dict[str, TensorSpec]:
    return {
        entry["name"]: TensorSpec(
            tuple(entry["shape"]), entry["dtype"], entry.get("scale", 0.0), entry.get("zero_point", 0)
        )
        for entry in entries
    }
