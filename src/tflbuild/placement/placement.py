"""Which operators of a file a device runs, and why the others stay on the processor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Basis = Literal["rules", "compiler", "measured"]


@dataclass(frozen=True, kw_only=True)
class Placed:
    """One operator and where it runs.

    Attributes:
        index: its place in the order of execution, from 0.
        name: e.g. "CONV_2D".
        output: name of its first output.
        on: whether the device runs it.
        macs: multiply-accumulates of one run.
        reason: why the device does not, to complete "it "; "" where it does.
        fits: whether it breaks no rule by itself, so that its place in the graph decides.
        values: of the facts that decide, by how the rule names them.
        cure: what would let the device run it: an override, or a change of the model; "" where none is known.
        unknown: whether the device has no operator of that name, whatever its tensors and options are.
    """

    index: int
    name: str
    output: str
    on: bool
    macs: int = 0
    reason: str = ""
    fits: bool = True
    values: Mapping[str, Any] = field(default_factory=dict)
    cure: str = ""
    unknown: bool = False


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where the operators of a file run, for one device.

    Attributes:
        device: name of the target.
        title: what people call the device.
        basis: who says so: "rules" predict, a "compiler" did it, or it was "measured".
        source: of the rules, or the compiler with its version.
        date: of the source, as YYYY-MM-DD.
        operators: of the file's main graph, in order of execution.
        remarks: sentences about the whole.
    """

    device: str
    title: str
    basis: Basis
    source: str
    date: str = ""
    operators: Sequence[Placed]
    remarks: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the form that `report.json` and `tflbuild check --json` hold."""
        on = [one for one in self.operators if one.on]
        macs = sum(one.macs for one in self.operators)
        ends = next((one.index for one in self.operators if not one.on and not one.fits), None)
        return {
            "device": self.device,
            "title": self.title,
            "basis": self.basis,
            "source": self.source,
            "date": self.date,
            "delegated": len(on),
            "total": len(self.operators),
            "coverage": len(on) / len(self.operators) if self.operators else 0.0,
            "macs_coverage": sum(one.macs for one in on) / macs if macs else None,
            "partitions": stretches([one.on for one in self.operators]),
            "ends": ends,
            "operators": [asdict(one) | {"values": dict(one.values)} for one in self.operators],
            "remarks": list(self.remarks),
        }


def stretches(taken: Sequence[bool]) -> int:
    """Count the stretches of neighbouring operators that the device runs.

    >>> stretches([True, True, False, True])
    2
    """
    return sum(now and not before for before, now in zip([False, *taken], taken, strict=False))
