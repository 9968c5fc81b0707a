"""A program that answers as Android's adb does, with phones that are folders: `Phones` makes it for a test.

What it prints, and its exit codes, are those of adb 1.0.41: fake_adb_program.py. Phones execute what was pushed, so
that outputs are real; the stand-in of benchmark_model is fake_benchmark_model.py, which runs LiteRT.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from scripts import script

SUPPORT = Path(__file__).parent

PIXEL = {
    "ro.product.manufacturer": "Google",
    "ro.product.model": "Pixel 7",
    "ro.build.version.release": "14",
    "ro.build.version.sdk": "34",
    "ro.build.fingerprint": "google/panther/panther:14/AP2A.240805.005/12025142:user/release-keys",
    "ro.product.cpu.abilist": "arm64-v8a",
    "ro.product.cpu.abi": "arm64-v8a",
    "ro.board.platform": "gs201",
}


class Phones:
    """The phones that the program knows, in a folder.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._state: dict[str, Any] = {"phones": [], "faults": []}
        words = [sys.executable, "-S", "-E", str(SUPPORT / "fake_adb_program.py"), str(folder)]
        self.adb = script(folder / "adb", f'exec {shlex.join(words)} "$@"')
        self.benchmark = folder / "benchmark_model"
        self.benchmark.write_text(
            f"#!{sys.executable}\n" + (SUPPORT / "fake_benchmark_model.py").read_text(encoding="utf-8")
        )
        self._save()

    def attach(self, serial: str = "2B141FDH2000A1", state: str = "device", **properties: str) -> Phones:
        """Attach one; underscores in names of properties stand for dots."""
        changed = {f"ro.{name.replace('_', '.')}": value for name, value in properties.items()}
        self._state["phones"].append(
            {"serial": serial, "state": state, "properties": PIXEL | changed, "free_kib": 1 << 20}
        )
        (self.folder / serial / "data/local/tmp").mkdir(parents=True, exist_ok=True)
        return self._save()

    def change(self, serial: str = "2B141FDH2000A1", **fields: Any) -> Phones:
        """Change fields of a phone: `state`, `free_kib`, `properties`."""
        for phone in self._state["phones"]:
            if phone["serial"] == serial:
                phone |= fields
        return self._save()

    def detach(self) -> Phones:
        """Take all away."""
        self._state["phones"] = []
        return self._save()

    def fail(self, command: str, how: str, times: int = 1, after: int = 0) -> Phones:
        """Have a command fail.

        Args:
            command: push, pull, or a part of what is run in the phone's shell.
            how: `cable`, `killed N`, or the text that is printed, with exit code 1.
            times: how often.
            after: how often it works before.
        """
        self._state = json.loads((self.folder / "state.json").read_text())  # where earlier ones are counted
        self._state["faults"].append({"command": command, "how": how, "times": times, "after": after})
        return self._save()

    def left(self, serial: str = "2B141FDH2000A1") -> list[str]:
        """List what lies in the folder for temporary files."""
        return sorted(os.listdir(self.folder / serial / "data/local/tmp"))

    def calls(self) -> list[list[str]]:
        """List the commands that were given, in order."""
        log = self.folder / "calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def options(self, **more: Any) -> dict[str, Any]:
        """Give the options of target `android` that reach them."""
        return {"adb": str(self.adb), "benchmark": str(self.benchmark), **more}

    def _save(self) -> Phones:
        (self.folder / "state.json").write_text(json.dumps(self._state))
        return self
