"""Options of a board, which a target and a runtime share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le


@dataclass(frozen=True, kw_only=True)
class BoardOptions:
    """How a board is reached and how it executes a model, for the target `remote` and the runtime `ssh`."""

    host: str = ""
    """Name or address of the board, or a name of the user's ssh configuration. Empty: refused."""
    user: str = ""
    """User on the board. Empty: as ssh has it."""
    port: Annotated[int, Ge(0), Le(65_535)] = 0
    """Port of its ssh server; 0 as ssh has it. [no unit]"""
    identity: str = ""
    """File with the private key. Empty: as ssh has it."""
    options: tuple[str, ...] = ()
    """Further options of ssh, each as KEY=VALUE, such as ProxyJump=gate; those that start a program belong into the
    user's own ssh configuration."""
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
