"""A folder with a recipe of fake passes, in which tests of sweeps stand."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

RECIPE = """\
# @package _global_
defaults:
  - /model: fake_model
  - /data: fake_data
  - /target: [device]
  - /passes@train: fake_train
  - /passes@prune: fake_prune
  - /passes@convert: fake_convert
  - /passes@bad: fake_bad
  - /passes@quantize: fake_quantize
  - /passes@edit: fake_edits
  - /passes@wait: fake_waits
  - _self_
pipeline: [train, prune, convert, bad, quantize, edit, wait]
bad: {how: well}
prune: {budget: {score: {max_drop: 0.05}}}
"""

GROUPS = {
    "model/fake_model.yaml": "type: fake_model\nwidth: 1\n",
    "data/fake_data.yaml": "type: fake_data\nversion: 1\ntrain: 10\n",
    "target/device.yaml": "# @package target.device\ntype: fake_device\nlatency: 1.0\n",
}


@dataclass
class Place:
    """A folder with a recipe of fake passes."""

    folder: Path
    log: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def ran(self) -> list[str]:
        """Give what the pass `prune` noted each time it ran."""
        return [line for line in self.log.read_text().splitlines() if line.startswith("prune")]

    def printed(self) -> str:
        """Give what the process has printed that was started last."""
        return (self.folder / "printed.txt").read_text()

    def sweep(self) -> Path:
        """Give the newest sweep's folder."""
        return max((self.folder / "outputs" / "fake").glob("sweep-*"), key=lambda path: path.stat().st_ctime)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start the command line in a process of its own; what it prints goes to `printed.txt`.

        A process started in the background may inherit that SIGINT is ignored; a person's terminal does not do that.
        """
        with (self.folder / "printed.txt").open("w") as printed:
            process = subprocess.Popen(
                [sys.executable, "-m", "fake_cli", *words],
                cwd=self.folder,
                stdout=printed,
                stderr=subprocess.STDOUT,
                preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            )
        self.started.append(process)
        return process

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that the process does which was started last."""
        deadline = time.monotonic() + 120
        while not condition():
            assert self.started[-1].poll() is None, self.printed()
            assert time.monotonic() < deadline, "it did not happen within 120 s"
            time.sleep(0.02)
