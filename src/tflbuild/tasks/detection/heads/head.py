"""Heads: frozen dataclasses whose fields say in which numbers a detector's outputs tell boxes and scores.

A head writes its decoding as float operators once. They are grafted onto a file that is delivered with suppression, and
run by themselves on the outputs of one that leaves both to its caller, so that both give the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from tflbuild.core.field_checks import Check, check_fields
from tflbuild.core.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tflbuild.tflite.assembly import Assembly

HEADS: Registry[Head] = Registry("head", "head", "tasks/detection/heads")

Shapes = Mapping[str, tuple[int, ...]]
"""Shapes of outputs by name, the batch of one first."""


class Given(NamedTuple):
    """Facts of a detector that heads are recognised by.

    Attributes:
        outputs: shapes by name.
        height: of the picture that goes in.
        width: likewise.
        parts: of an output that is joined of several, the axis and what each takes of it.
    """

    outputs: Shapes
    height: int
    width: int
    parts: Mapping[str, tuple[int, tuple[int, ...]]] = {}


class Found(NamedTuple):
    """A head that was recognised.

    Attributes:
        options: of the head, filled in.
        classes: that the scores tell apart.
        value: the words for what it is.
        evidence: the words for what shows it.
    """

    options: Mapping[str, Any]
    classes: int
    value: str
    evidence: str


class Coded(NamedTuple):
    """Boxes and scores in the code of `TFLite_Detection_PostProcess`, with scales of 1.

    Attributes:
        boxes: tensor (1, boxes, 4): y, x, height, width relative to the anchors.
        scores: tensor (1, boxes, classes) in 0..1.
        anchors: (boxes, 4) float32: ycenter, xcenter, height, width in 0..1.
    """

    boxes: str
    scores: str
    anchors: npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Head:
    """Base of every head. Declared with `@head("name")`; `checks` holds options of a recipe and of files."""

    name: ClassVar[str] = ""
    checks: ClassVar[Mapping[str, Check]] = {}

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Build from options that `checks` took.

        Raises:
            ValueError: one is unknown or wrong; "'strides' is [0]".
        """
        check_fields("", options, cls.checks)
        return cls(**{name: _frozen(value) for name, value in options.items()})

    @classmethod
    def recognise(cls, given: Given, said: Mapping[str, Any]) -> Found | None:
        """Find the head in the names and shapes of outputs; None where they are others.

        Args:
            given: the detector.
            said: options that the recipe says.

        Raises:
            ValueError: they are of this head, but something has to be said; "anchors: ... are needed".
        """
        raise NotImplementedError

    def settled(self, outputs: Mapping[str, Any], given: Given) -> tuple[Mapping[str, Any], list[str]]:
        """Settle options by outputs on real pictures, which names and shapes do not show.

        Args:
            outputs: (pictures, ...) float32 by name.
            given: the detector.

        Returns:
            The options that are now known, and sentences on what showed each.

        Raises:
            ValueError: the outputs are not what the head says; "scores lie in -3..4, where 0..1 ...".
        """
        return {}, []

    def decode(self, assembly: Assembly, given: Given) -> Coded:
        """Add the operators that turn outputs into boxes and scores.

        Args:
            assembly: its inputs are the outputs that the head reads.
            given: the detector.
        """
        raise NotImplementedError

    def constants(self) -> Mapping[str, str]:
        """Name the outputs that are the same for every picture, and the option that holds the values of each."""
        return {}

    def reads(self) -> tuple[str, ...]:
        """Name the outputs that are read."""
        raise NotImplementedError


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


head = HEADS.declare
"""Class decorator: declare a head under a name."""
