"""LiteRT on a board behind ssh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Le

from tflbuild.core.artifact import Artifact
from tflbuild.core.runtime import Execution, Runtime, runtime

if TYPE_CHECKING:
    from tflbuild.backends.board.setup import Setup


@runtime("ssh")
class Ssh(Runtime):
    """Execute a `.tflite` in the LiteRT of a board, over ssh; target `remote` gives its options.

    A small program of ours is sent into the board's Python with each session. It serves batches of samples over ssh,
    and leaves nothing on the board.
    """

    kinds = ("TFLiteModel",)
    needs = ("ai_edge_litert", "numpy")
    batch = 16
    whole_batches = False
    alone = True

    host: str = ""
    """Name or address of the board, or a name of the user's ssh configuration. Empty: refused when it is needed."""
    user: str = ""
    """User on the board. Empty: as ssh has it."""
    port: Annotated[int, Ge(0), Le(65_535)] = 0
    """Port of its ssh server; 0 as ssh has it. [no unit]"""
    identity: str = ""
    """File with the private key. Empty: as ssh has it."""
    options: tuple[str, ...] = ()
    """Further options of ssh, each as KEY=VALUE."""
    ssh: str = "ssh"
    """The program ssh: its name on the PATH, or its path."""
    python: str = "python3"
    """The board's Python that has LiteRT: its name there, or its path."""
    delegate: str = ""
    """Library of a delegate on the board, such as libedgetpu.so.1. Empty: none but LiteRT's own."""
    delegate_options: tuple[str, ...] = ()
    """Options of the delegate, each as KEY=VALUE, such as device=usb."""
    resolver: Literal["default", "builtin", "reference"] = "default"
    """Kernels that compute: `default` (XNNPACK where it takes an operator), `builtin` (without XNNPACK) or
    LiteRT's `reference` kernels."""
    threads: Annotated[int, Ge(1), Le(64)] = 1
    """Threads of the interpreter on the board. [threads]"""
    timeout: Annotated[int, Ge(1), Le(86_400)] = 600
    """Time that the board may take for one answer, such as a batch of samples. [seconds]"""

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
