"""An operation of Keras 3 as a file has it, and the layers of tf_keras that compute it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tflbuild.formats.keras.keras3.activations import Step
from tflbuild.formats.keras.keras3.calls import Call, Tensor
from tflbuild.formats.keras.keras3.refusal import no_equal


class Operated(NamedTuple):
    """The layers that compute an operation.

    Attributes:
        reads: the tensors that the first one reads; none where a number comes first.
        steps: the layers, each reading the one before.
    """

    reads: tuple[Tensor, ...]
    steps: tuple[Step, ...]


class Given(NamedTuple):
    """An operation as the file has it.

    Attributes:
        name: of its layer.
        kind: its class.
        config: its options.
        call: what it is called with.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    call: Call

    def tensor(self) -> Tensor:
        """Give the one tensor that it reads."""
        found = self.call.tensors()
        if len(found) != 1 or self.call.args != (found[0],) or self.call.kwargs:
            raise self.other(f"of {len(found)} tensors and other values")
        return found[0]

    def own_axis(self, rank: int | None) -> int:
        """Give the axis that it works along, where that is not the axis of the samples."""
        axis = self.config.get("axis", 0)
        if type(axis) is not int or axis == 0 or rank is None or axis <= -rank:
            raise self.other(f"along axis {axis}")
        return axis

    def other(self, how: str) -> Exception:
        """Give the exception that says that it cannot be translated so."""
        return no_equal(self.name, f"is the operation {self.kind} of Keras 3 {how}, which is not translated")

    def check_plain(self, *known: str, **fixed: Any) -> None:
        """Refuse options that are not known, or are not as they must be."""
        for key, value in self.config.items():
            if key in ("name", "dtype", *known) or value is None or value is False:
                continue
            if key not in fixed or value != fixed[key]:
                raise self.other(f"with {key}={value}")
