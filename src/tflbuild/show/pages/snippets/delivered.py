"""A delivered file as code needs it: read from a target of report.json."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tflbuild.core.modality import MODALITIES, takes_codes
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import TensorSpec

IMAGE = "image"

LISTED = 12
"""Class names that stand in the code; more are read from the file."""

LONGEST = 200
"""Letters of a name."""


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """An input or an output.

    Attributes:
        name: by which the file knows it.
        variable: a name for it in code, unlike those of the others.
        spec: its form.
        role: what the task takes it for; its name where nobody says.
        modality: kind of an input, with its options; None where it is not known.
    """

    name: str
    variable: str
    spec: TensorSpec
    role: str = ""
    modality: Any = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Give the sides, with 1 for one that is open."""
        return tuple(max(side, 1) for side in self.spec.shape)

    @property
    def numbers(self) -> int:
        """Give how many numbers it holds."""
        return math.prod(self.shape)

    @property
    def pictured(self) -> bool:
        """Say whether it takes a picture."""
        return self.modality is not None and type(self.modality).name == IMAGE and len(self.spec.shape) == 4

    @property
    def takes_codes(self) -> bool:
        """Say whether it takes pixels as they are, but for 128 in int8."""
        return self.modality is not None and takes_codes(self.spec, self.modality)

    @property
    def integer(self) -> bool:
        """Say whether its numbers are integers with a scale."""
        return bool(self.spec.scale)

    @property
    def lowest(self) -> int:
        """Give the lowest number of its dtype."""
        return -(1 << (self.bits - 1)) if self.spec.dtype.startswith("int") else 0

    @property
    def highest(self) -> int:
        """Give the highest number of its dtype."""
        return self.lowest + (1 << self.bits) - 1

    @property
    def bits(self) -> int:
        """Give the width of an integer."""
        found = re.search(r"\d+$", self.spec.dtype)
        return int(found[0]) if found else 32

    @property
    def text(self) -> str:
        """Describe it in a comment."""
        grid = f", scale {self.spec.scale:.9g}, zero point {self.spec.zero_point}" if self.integer else ""
        return f"{self.spec.text}{grid}"


@dataclass(frozen=True, kw_only=True)
class File:
    """A delivered file.

    Attributes:
        name: of the file.
        signature: key of its signature; "" for none.
        inputs: in order.
        outputs: likewise.
        labels: class names.
        packed_labels: whether the file holds them as `labels.txt`, too.
        left: operators that the processor runs beside an NPU; None for a file without one.
        memory: KiB that the NPU's compiler wants for tensors.
        resolver: methods that register its operators with LiteRT for Microcontrollers; none for other targets.
        arena: bytes of the smallest arena in which that ran it; 0 where nobody measured.
    """

    name: str
    signature: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    labels: tuple[str, ...]
    packed_labels: bool
    left: tuple[str, ...] | None = None
    memory: float | None = None
    resolver: tuple[str, ...] = ()
    arena: int = 0


def file_of(target: Mapping[str, Any]) -> File | None:
    """Read a target of a report; None for one that does not say what goes in."""
    inputs, outputs = target.get("inputs") or [], target.get("outputs") or []
    if not inputs or not outputs:
        return None
    taken: set[str] = set()
    return File(
        name=plain(str(target["path"]).rsplit("/", 1)[-1], LONGEST),
        signature=plain(target.get("signature") or "", LONGEST),
        inputs=tuple(_tensor(entry, taken) for entry in inputs),
        outputs=tuple(_tensor(entry, taken) for entry in outputs),
        labels=tuple(plain(label, LONGEST) for label in target.get("labels") or ()),
        packed_labels="labels.txt" in str(target.get("metadata", "")),
        left=tuple(target["delegate"]["left"]) if "npu" in target else None,
        memory=target.get("npu_sram"),
        resolver=tuple(plain(method, LONGEST) for method in target.get("micro", {}).get("resolver", ())),
        arena=int(target.get("arena") or 0),
    )


def _tensor(entry: Mapping[str, Any], taken: set[str]) -> Tensor:
    name = plain(entry["name"], LONGEST)
    spec = TensorSpec(
        tuple(-1 if side is None else int(side) for side in entry["shape"]),
        str(entry["dtype"]),
        float(entry.get("scale") or 0.0),
        int(entry.get("zero_point") or 0),
    )
    return Tensor(
        name=name,
        variable=_variable(name, taken),
        spec=spec,
        role=str(entry.get("role") or name),
        modality=_modality(entry),
    )


def _modality(entry: Mapping[str, Any]) -> Any:
    if entry.get("modality") not in MODALITIES:
        return None
    return MODALITIES.get(entry["modality"]).of(entry.get("preprocess") or {})


def _variable(name: str, taken: set[str]) -> str:
    """Make a name for code of a tensor's."""
    made = re.sub(r"[^a-z0-9]+", "_", name.rsplit("/", 1)[-1].split(":")[0].lower()).strip("_")[:40]
    made = f"tensor_{made}".rstrip("_") if not made or made[0].isdigit() or keyword.iskeyword(made) else made
    while made in taken | {"run", "model", "np", "interpreter", "outputs", "inputs", "labels"}:
        made += "_"
    taken.add(made)
    return made
