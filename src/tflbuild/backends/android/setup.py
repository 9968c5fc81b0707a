"""How a phone is reached, and how benchmark_model is run on it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tflbuild.backends.android.elf import abi_of
from tflbuild.backends.android.options import PhoneOptions
from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.core.plain_text import plain

WHERE = "https://developers.google.com/edge/litert/models/measurement (android_aarch64_benchmark_model)"
"""Where Google keeps the program."""

DELEGATES = {
    "xnnpack": "--use_xnnpack=true",
    "builtin": "--use_xnnpack=false",
    "gpu": "--use_gpu=true",
    "nnapi": "--use_nnapi=true",
}
"""Flags of benchmark_model by the delegate that is asked for; `builtin` is none."""


@dataclass(frozen=True, kw_only=True)
class Setup(PhoneOptions):
    """The options with what follows from them."""

    @property
    def program(self) -> Path:
        """Give the path of benchmark_model.

        Raises:
            MissingTool: none is given, or it is not there.
        """
        if not self.benchmark:
            raise MissingTool(
                f"target.android.benchmark: not given; expected the path of LiteRT's benchmark_model for the phone: "
                f"{WHERE}."
            )
        path = Path(self.benchmark)
        if not path.is_file():
            raise MissingTool(
                f"target.android.benchmark: there is no file '{plain(path)}'; expected LiteRT's benchmark_model for "
                f"the phone: {WHERE}."
            )
        return path

    def check(self) -> None:
        """Hold this machine to having adb and benchmark_model; no phone is asked.

        Raises:
            MissingTool: one is not there; says how to get it.
        """
        if shutil.which(self.adb) is None:
            raise no_adb(self.adb)
        assert self.program

    def check_abi(self, abis: str, phone: str) -> None:
        """Hold the program to what the phone executes.

        Args:
            abis: of the phone, with commas.
            phone: its name.

        Raises:
            RecipeError: it is built for another ABI.
        """
        abi = abi_of(self.program)
        if abi and abis and abi not in abis.split(","):
            raise wrong_abi(self, phone, abis, f"is built for {abi}")


def no_adb(program: str) -> MissingTool:
    """Give the error of a machine without adb."""
    return MissingTool(
        f"target.android.adb: there is no program '{plain(program)}'; install Android's platform tools "
        f"(apt-get install adb, or brew install android-platform-tools), or give its path."
    )


def wrong_abi(setup: Setup, phone: str, abis: str, why: str) -> RecipeError:
    """Give the error of a program that the phone cannot execute."""
    return RecipeError(
        f"target.android.benchmark: '{plain(setup.benchmark)}' {why}, and {phone} executes {abis or 'another ABI'}; "
        f"take the benchmark_model of that ABI: {WHERE}."
    )
