"""LiteRT on a board behind ssh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tflbuild.backends.board.options import BoardOptions
from tflbuild.core.artifact import Artifact
from tflbuild.core.runtime import Execution, Runtime, runtime

if TYPE_CHECKING:
    from tflbuild.backends.board.setup import Setup


@runtime("ssh")
class Ssh(BoardOptions, Runtime):
    """Execute a `.tflite` in the LiteRT of a board, over ssh; target `remote` gives its options.

    A small program of ours is sent into the board's Python with each session. It serves batches of samples over ssh,
    and leaves nothing on the board.
    """

    kinds = ("TFLiteModel",)
    needs = ("ai_edge_litert", "numpy")
    batch = 16
    whole_batches = False
    alone = True

    def check(self) -> None:
        """Hold this machine to having ssh, and the options to naming a board; it is not asked."""
        from tflbuild.backends.board.setup import check

        check(self._setup(), "runtime.ssh")

    def key(self) -> Mapping[str, Any]:
        """Ask the board what it is, its LiteRT among that."""
        from tflbuild.backends.board.execution import device

        return {"device": device(self._setup())}

    def open(self, model: Artifact) -> Execution:
        """Start a session that has the model loaded."""
        from tflbuild.backends.board.execution import Loaded

        return Loaded(self._setup(), model.path)

    def _setup(self) -> Setup:
        from tflbuild.backends.board.setup import Setup

        return Setup(**vars(self))
