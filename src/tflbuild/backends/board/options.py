"""Options of a board, which a target and a runtime share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from tflbuild.core.plain_text import plain

PERMITTED = (
    "AddressFamily",
    "BindAddress",
    "BindInterface",
    "CASignatureAlgorithms",
    "CertificateFile",
    "Ciphers",
    "Compression",
    "ConnectTimeout",
    "ConnectionAttempts",
    "GlobalKnownHostsFile",
    "HostKeyAlgorithms",
    "HostKeyAlias",
    "HostName",
    "IPQoS",
    "IdentitiesOnly",
    "IdentityAgent",
    "KexAlgorithms",
    "MACs",
    "PreferredAuthentications",
    "ProxyJump",
    "PubkeyAcceptedAlgorithms",
    "RekeyLimit",
    "ServerAliveCountMax",
    "ServerAliveInterval",
    "UserKnownHostsFile",
)
"""Options of ssh that a recipe may give: those that start no program on this machine and trust no key."""

NAME = re.compile(r"[A-Za-z0-9_.\[\]:%][A-Za-z0-9_.\[\]:%-]*")
"""Names of machines and users: none that ssh would take for an option."""


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

    def __post_init__(self) -> None:
        for name in ("host", "user"):
            value = getattr(self, name)
            if value and not NAME.fullmatch(value):
                raise ValueError(
                    f"{name} '{plain(value)}' is no name; say user, port and options by themselves"
                )
        for option in self.options:
            key = option.partition("=")[0]
            if "=" not in option or key not in PERMITTED:
                raise ValueError(
                    f"options: '{plain(option)}' is not KEY=VALUE of an option that a recipe may give, such as "
                    f"ProxyJump=gate; put others into your ssh configuration"
                )
        for option in self.delegate_options:
            if not re.fullmatch(r"[^=]+=.*", option):
                raise ValueError(f"delegate_options: '{plain(option)}' is not KEY=VALUE")
