"""How apps prepare samples of a modality: in words, and with which mistakes. The modality names its contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from tflbuild.analyses.mistakes.candidates import Candidate
from tflbuild.analyses.mistakes.mistake import Mistake
from tflbuild.core.modality import Modality
from tflbuild.core.names import named
from tflbuild.core.signature import TensorSpec


class Trials(NamedTuple):
    """Tensors that an app may make of one sample.

    Attributes:
        mistakes: that are known.
        made: gives the tensor that some of them make.
    """

    mistakes: Sequence[Mistake]
    made: Callable[..., Candidate]


class Contract:
    """How samples of one modality become tensors.

    Args:
        kind: how they are prepared when that is right.
    """

    noun: ClassVar[str] = "samples"
    """The noun for samples, in the plural."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def read(self, sample: Path) -> Any:
        """Read a raw sample from a file.

        Raises:
            RecipeError: it cannot be read.
        """
        raise NotImplementedError

    def words(self, spec: TensorSpec) -> str:
        """Say how a sample becomes a tensor."""
        raise NotImplementedError

    def trials(self, sample: Path, shape: tuple[int, ...], spec: TensorSpec) -> Trials:
        """Give what an app may make of a sample.

        Args:
            sample: its file.
            shape: of the input, without the batch axis.
            spec: of the tensor.

        Raises:
            RecipeError: it cannot be read.
        """
        raise NotImplementedError

    def readings(self) -> list[Mistake]:
        """Give the other ways that options can say; [] where there are none."""
        return []

    def every(self) -> list[Mistake]:
        """Give every known mistake that can be measured on samples of a data set."""
        return self.readings()

    def cause_of(self, one: Mistake) -> str:
        """Name the cause that a better way stands for."""
        return f"preprocessing.{one.kind.partition('+')[0]}"


def contract_of(kind: Modality) -> Contract | None:
    """Give the contract that a modality names; None where it names none, or makes several pieces of a sample."""
    if not type(kind).contract or kind.several():
        return None
    made: Contract = named(type(kind).contract)(kind)
    return made
