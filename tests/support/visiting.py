"""A recipe whose last pass is a plugin's, noting where it runs; what tests of launchers ask of its sweeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from sweep_place import Place

STRAY = ("random", "queue", "types", "json", "numpy")
"""Modules that a process which a launcher starts imports; beside a recipe they may be anything."""

PLUGIN = '''\
"""A pass of the user's own, which the processes of a launcher must find; they know the fakes through it."""

import os
import signal
import time
from pathlib import Path

import fakes
import sweep_fakes

from tflbuild import Pass, PassContext, TFLiteModel, compiler_pass, plugins, session
from tflbuild.core import toolchain
from tflbuild.engine.workers.worker import Worker


@compiler_pass("fake_visit")
class FakeVisit(Pass):
    """Note where it runs, wait for a file, signal its launcher's process; the bytes tell the environment."""

    number: int = 0
    until: str = ""  # file that is waited for
    sends: int = 0  # signal
    every: int = 1  # numbers divisible by this send
    once: str = ""  # file that is made before the signal is sent; it is not sent where the file is there

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        with Path(os.environ["FAKE_LOG"]).open("a") as file:
            file.write(f"visit {self.number} {os.environ.get('RAY_RAYLET_PID')} {os.getpid()}\\n")
        if self.sends and self.number % self.every == 0 and not (self.once and Path(self.once).exists()):
            if self.once:
                Path(self.once).touch()
            os.kill(os.getppid(), self.sends)
            time.sleep(60)
        while self.until and not Path(self.until).exists():
            time.sleep(0.02)
        threads = repr([os.environ.get(f"{name}_NUM_THREADS") for name in ("OMP", "MKL", "OPENBLAS")])
        onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "")
        return ctx.emit(TFLiteModel, model.path.read_bytes() + b" " * (self.number + len(threads) + len(onednn)))


def worker_for(recipe):
    return Worker(recipe.worker, recipe.device, (plugins.LOADER, recipe.plugins), fakes.NAMES)


session.worker_for = worker_for
toolchain._providers = dict  # reading every installed distribution takes a while, and none has the fakes
'''

RECIPE = """\
# @package _global_
defaults:
  - fake
  - /passes@visit: fake_visit
  - _self_
pipeline: [train, prune, convert, bad, quantize, visit]
"""


def newest(there: Place) -> Path:
    """Give the newest sweep's folder."""
    return max((there.folder / "outputs").glob("*/sweep-*"), key=lambda path: path.stat().st_ctime)


def rows(there: Place) -> dict[str, dict[str, Any]]:
    """Give the newest summary's rows by name."""
    jobs = json.loads((newest(there) / "summary.json").read_text())["jobs"]
    return {job["name"]: job for job in jobs}


def statuses(there: Place) -> dict[str, str]:
    """Give how the jobs of the newest sweep ended."""
    return {name: row["status"] for name, row in rows(there).items()}


class Visit(NamedTuple):
    """What the plugin's pass noted once: its number, the process of the Ray node, and its own."""

    number: int
    node: str
    process: int


def visited(there: Place) -> list[Visit]:
    """Give what the plugin's pass noted each time it ran."""
    lines = [line.split() for line in there.log.read_text().splitlines() if line.startswith("visit")]
    return sorted(Visit(int(number), node, int(process)) for _, number, node, process in lines)


def visits(there: Place) -> list[int]:
    """Give the numbers alone."""
    return [visit.number for visit in visited(there)]
