"""The program adb: commands for one phone, and what they say where they fail.

The messages that are recognised here are those of adb 1.0.41 and of the services on the phone.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from tflbuild.backends.android.setup import no_adb
from tflbuild.core.errors import MissingTool, PassError
from tflbuild.core.plain_text import plain

QUICK = 30
"""Seconds that a command may take which only asks."""

DAEMON = "* daemon"
"""Beginning of what adb says of its own server."""

STATUS = re.compile(r"\[tflbuild (\d+)\]\s*\Z")
"""The end of what a command on the phone prints: before Android 7, adb did not pass its exit code on."""

DEVICE = re.compile(
    r"(?P<serial>\S+)\s+(?P<state>\S.*?)"
    r"(?P<facts>(?:\s+(?:usb|product|model|device|transport_id|features):\S*)*)\s*"
)
"""A line of `adb devices -l`."""

ON_THE_PHONE = (
    "No space left on device",
    "Permission denied",
    "Read-only file system",
    "No such file or directory",
    "couldn't create",
    "does not exist",
)
"""Failures of copying that lie in the phone's files; all others lie in the connection."""


class CableBroken(Exception):
    """The connection to the phone ended in the middle of a command, which may be tried again."""


class Attached(NamedTuple):
    """A phone that adb lists: `state` is "device" where it can be used."""

    serial: str
    state: str
    model: str

    @property
    def text(self) -> str:
        """Name it for a sentence."""
        return plain(f"{self.serial} ({self.model})" if self.model else self.serial, 80)


class Said(NamedTuple):
    """The exit code of a command on the phone, and what it printed."""

    status: int
    text: str


class Adb:
    """Commands of adb.

    Args:
        program: its name on the PATH, or its path.
        serial: of the phone; "" for commands that are about none.
    """

    def __init__(self, program: str, serial: str = "") -> None:
        self._program, self.serial = program, serial

    def devices(self) -> list[Attached]:
        """List what is attached.

        Raises:
            MissingTool: there is no adb, or its server does not answer.
        """
        try:
            done = self._run("devices", "-l", seconds=QUICK)
        except CableBroken as error:
            raise MissingTool(f"adb does not answer: {error}; try adb kill-server.") from error
        if done.returncode:
            raise MissingTool(f"adb does not answer: {last_line(done.stdout)}; try adb kill-server.")
        head, _, listed = done.stdout.partition("List of devices attached")
        lines = [line for line in (listed or head).splitlines() if line.strip() and not line.startswith("*")]
        return [_attached(found) for line in lines if (found := DEVICE.fullmatch(line.strip()))]

    def shell(self, script: str, seconds: float = QUICK) -> Said:
        """Run a script in the phone's shell.

        Raises:
            CableBroken: it did not come to its end.
            TimeoutError: it took longer.
        """
        done = self._run("shell", f'{{ {script}\n}}; echo "[tflbuild $?]"', seconds=seconds)
        found = STATUS.search(done.stdout)
        if found is None:
            raise CableBroken(last_line(done.stdout))
        return Said(int(found[1]), done.stdout[: found.start()].strip())

    def push(self, local: Path, remote: str, seconds: float) -> None:
        """Copy a file, or a folder with what is in it, into a folder of the phone.

        Raises:
            CableBroken: the connection ended.
            PassError: the phone refused it.
        """
        self._copy("push", str(local), remote, seconds)

    def pull(self, remote: str, local: Path, seconds: float) -> None:
        """Copy a file or a folder of the phone; see `push`."""
        self._copy("pull", remote, str(local), seconds)

    def wait(self, seconds: float) -> bool:
        """Wait for the phone to be there again; says whether it is."""
        try:
            return self._run("wait-for-device", seconds=seconds).returncode == 0
        except (CableBroken, TimeoutError):
            return False

    def _copy(self, verb: str, what: str, to: str, seconds: float) -> None:
        done = self._run(verb, what, to, seconds=seconds)
        failed = [line for line in done.stdout.splitlines() if "error" in line or "failed to copy" in line]
        # adb up to 1.0.40 ends with 0 where a file could not be copied
        if done.returncode == 0 and not failed:
            return
        said = failed[0].strip() if failed else last_line(done.stdout)
        if any(text in said for text in ON_THE_PHONE):
            raise PassError(plain(said))
        raise CableBroken(plain(said))

    def _run(self, *words: str, seconds: float) -> subprocess.CompletedProcess[str]:
        of = ["-s", self.serial] if self.serial else []
        try:
            return subprocess.run(
                [self._program, *of, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{words[0]} took longer than {seconds:g} s") from error
        except OSError as error:
            raise no_adb(self._program) from error


def last_line(text: str) -> str:
    """Give the last line that says something, without what adb says of its own server."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(DAEMON)]
    return plain(lines[-1] if lines else "nothing was said")


def _attached(found: re.Match[str]) -> Attached:
    model = re.search(r"\bmodel:(\S+)", found["facts"])
    return Attached(found["serial"], found["state"], model[1].replace("_", " ") if model else "")
