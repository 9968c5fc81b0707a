"""A board behind ssh."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Le

from tflbuild.backends.board.options import BoardOptions
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import MissingTool, PassError, RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.target import Target, target

if TYPE_CHECKING:
    from tflbuild.backends.board.setup import Setup

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

WATCHED = 20
"""Runs whose operators are timed, at most."""


@target("remote")
class Remote(BoardOptions, Target):
    """Measure the file on a board with Python and LiteRT, such as a Raspberry Pi, over ssh.

    Latency, memory, the time of each operator and accuracy on the test split are those of the board; its name, its
    processor and its LiteRT are in every key. Keys and known hosts are those of the user's ssh, which asks for no
    password. A small program is sent with each session, and nothing is left on the board.
    """

    needs = ("ai_edge_litert",)
    reaches = True
    runtime = "ssh"
    rules = "xnnpack"

    runs: Annotated[int, Ge(1), Le(100_000)] = 50
    """Timed runs after the warm-up. [runs]"""

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

    def rule_table(self) -> Path | None:
        """Give XNNPACK's rules where it is what executes."""
        own = not self.delegate and self.resolver == "default"
        return super().rule_table() if self.rule_file or own else None

    def check(self) -> None:
        """Hold this machine to having ssh, and the recipe to naming a board; it is not asked."""
        if shutil.which(self.ssh) is None:
            raise MissingTool(
                f"target.remote.ssh: there is no program '{plain(self.ssh)}'; install it: "
                f"apt-get install openssh-client."
            )
        if not self.host:
            raise RecipeError("target.remote.host: not given; expected the name or address of the board.")

    def device(self) -> Mapping[str, Any]:
        """Ask the board what it is."""
        from tflbuild.backends.board.execution import device

        self.check()
        return device(self._setup())

    def runtime_options(self) -> Mapping[str, Any]:
        """Give the options by which accuracy is measured, too."""
        return self.own_of_runtime()

    def inspect(self, model: TFLiteModel) -> dict[str, Any]:
        """Give `latency_ms`, `delegate`, `memory`, `operator_times` and `device`, as the board measured them."""
        from tflbuild.backends.board.execution import Loaded, name_of
        from tflbuild.runtimes import profiler
        from tflbuild.runtimes.delegation import delegation_of

        loaded = Loaded(self._setup(), model.path)
        figures = loaded.latency(self.runs)
        delegate = delegation_of(loaded.plan, loaded.ends, loaded.kernels if self.delegate else "xnnpack")
        figures |= {"delegate": delegate, "device": loaded.facts}
        if not self.delegate and self.resolver == "default":
            try:
                found = loaded.profiled(Path(profiler.__file__), min(self.runs, WATCHED))
            except PassError:  # an older LiteRT, or one that brings no library with the profiler
                return figures
            timed = profiler.faster_half(
                [([profiler.Event(*event) for event in events], whole) for events, whole in found]
            )
            figures["operator_times"] = {"cpu": name_of(loaded.facts), "threads": 1, **timed}
        return figures

    def _setup(self) -> Setup:
        from tflbuild.backends.board.setup import Setup

        return Setup(**self.runtime_options())
