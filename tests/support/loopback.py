"""An ssh server on the loopback for tests: with keys of its own, on a free port, as the user who runs them."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from scripts import script

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin:/usr/bin")

MISSING = "" if SSHD and shutil.which("ssh") else "there is no sshd here: apt-get install openssh-server"
"""Why there is no such server; "" where there is one."""


class Loopback:
    """The server.

    Args:
        folder: an empty one, which only this user may write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        folder.chmod(0o700)
        for name in ("host", "user", "stranger"):
            _keygen(folder / name)
        (folder / "authorized_keys").write_text((folder / "user.pub").read_text())
        self.port = _free_port()
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile {folder}/pid\n"
            f"AuthorizedKeysFile {folder}/authorized_keys\nPasswordAuthentication no\nUsePAM no\nStrictModes no\n"
            f"KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nPermitUserEnvironment no\n"
        )
        key = (folder / "host.pub").read_text().split()
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {key[0]} {key[1]}\n")
        self.log = folder / "sshd.log"
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # as its service does; other users need none
        self._process = subprocess.Popen(
            [str(SSHD), "-D", "-f", str(folder / "sshd_config"), "-E", str(self.log)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        for _ in range(200):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(self.log.read_text() if self.log.exists() else "sshd does not start")

    def stop(self) -> None:
        """End it; sessions that are open go on."""
        self._process.terminate()
        self._process.wait()

    def sessions(self) -> int:
        """Count the sessions that were let in."""
        return self.log.read_text().count("Accepted publickey")

    def options(self, **more: Any) -> dict[str, Any]:
        """Give the options of target `remote` that reach it."""
        known = ("UserKnownHostsFile", self.known_hosts)
        options = [f"{key}={value}" for key, value in (known, ("GlobalKnownHostsFile", "/dev/null"))]
        return {
            "host": "127.0.0.1",
            "user": getpass.getuser(),
            "port": self.port,
            "identity": str(self.folder / "user"),
            "options": (*options, "IdentitiesOnly=yes", "IdentityAgent=none"),
            "python": sys.executable,
            **more,
        }

    def python(self, text: str) -> str:
        """Give a program in the place of the board's Python: a script of its shell, where $PYTHON is the real one."""
        return str(script(self.folder / "board_python", f"PYTHON={sys.executable}\n{text}"))


def _keygen(path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
    )


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
