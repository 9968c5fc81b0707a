"""A model on a board: its outputs, its latency, and what the board is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.backends.board import failures
from tflbuild.backends.board.session import Answer, ConnectionLost, Session
from tflbuild.backends.board.setup import Setup
from tflbuild.core.errors import PassError
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import Signature
from tflbuild.tflite import flatbuffer

FRESH = 20.0
"""Seconds after which a board is asked again what it is: a build asks for every key."""

_ASKED: dict[str, tuple[float, dict[str, str]]] = {}


def device(setup: Setup) -> dict[str, str]:
    """Say what measures: the facts of the board."""
    name = " ".join(setup.command)
    when, facts = _ASKED.get(name, (0.0, {}))
    if not facts or time.monotonic() - when > FRESH:
        session = Session(setup)
        facts = session.facts
        session.close()
        _ASKED[name] = time.monotonic(), facts
    return facts


def name_of(facts: Mapping[str, str]) -> str:
    """Name a board for people.

    >>> name_of({"name": "pi@pi4", "board": "Raspberry Pi 4", "machine": "aarch64", "litert": "tflite-runtime 2.14"})
    'Raspberry Pi 4 (pi@pi4, aarch64, tflite-runtime 2.14)'
    """
    known = facts.get("board") or facts.get("cpu") or facts["name"]
    return f"{known} ({', '.join(facts[key] for key in ('name', 'machine', 'litert') if key in facts)})"


class Loaded:
    """A `.tflite` that a board executes: see `tflbuild.core.runtime.Execution`.

    Args:
        setup: the board.
        path: the file.

    Attributes:
        signature: its inputs and outputs.
        kernels: what executes it: the delegate's name, or "xnnpack" where LiteRT's own took an operator, or "builtin".
        plan: the operators of the graph as LiteRT runs it, parts of a delegate among them.
        ends: places of the graph's outputs.
        facts: what the board is.
    """

    def __init__(self, setup: Setup, path: Path) -> None:
        self._setup, self._path = setup, path
        self.signature = Signature.from_json(flatbuffer.signature(path))
        self._session = self._opened()

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Run samples.

        Args:
            inputs: by name, (samples, ...) of the tensor's dtype.

        Returns:
            By name, (samples, ...) of the tensor's dtype.
        """
        return self._asked(b"R", {}, inputs)[1]

    def latency(self, runs: int) -> dict[str, Any]:
        """Time warm runs: `latency_ms`, and the memory that the board's process held at most, in MiB."""
        said, _ = self._asked(b"T", {"runs": runs}, {})
        times = np.asarray(said["ms"], np.float64)
        found = {
            "median": round(float(np.median(times)), 4),
            "p90": round(float(np.percentile(times, 90)), 4),
            "threads": self._setup.threads,
            "runs": len(times),
            "kernels": self.kernels,
            "cpu": name_of(self.facts),
        }
        return {"latency_ms": found, "memory": {"peak_mib": round(float(said["peak_mib"]), 1)}}

    def profiled(self, profiler: Path, runs: int) -> list[tuple[list[tuple[Any, ...]], int]]:
        """Time each operator by LiteRT's own profiler on one thread of the board's processor.

        Args:
            profiler: the source of `tflbuild.runtimes.profiler`, which is sent.
            runs: that are timed.

        Returns:
            The events of each run, and its time in microseconds.

        Raises:
            PassError: the LiteRT of the board has no such profiler.
        """
        source = np.frombuffer(profiler.read_bytes(), np.uint8)
        said, _ = self._asked(b"P", {"runs": runs}, {"profiler": source})
        return [([tuple(event) for event in events], int(whole)) for events, whole in said["runs"]]

    def _opened(self) -> Session:
        session = Session(self._setup)
        model = flatbuffer.load(self._path)
        inputs, outputs = flatbuffer.ends_of(model)
        fields = {
            "threads": self._setup.threads,
            "kernels": self._setup.resolver,
            "delegate": self._setup.delegate,
            "delegate_options": dict(option.split("=", 1) for option in self._setup.delegate_options),
            "inputs": inputs,
            "outputs": outputs,
        }
        content = np.frombuffer(self._path.read_bytes(), np.uint8)
        self.facts = session.facts
        try:
            said, _ = session.ask(b"L", fields, {"model": content})
        except PassError as error:
            raise PassError(f"{error}; it was to load {plain(self._path)}{_with(self._setup)}.") from error
        except ConnectionLost as error:
            raise failures.lost(self._setup, str(error)) from error
        self.plan, self.ends = said["plan"], set(outputs.values())
        taken = any(op["op_name"] == "DELEGATE" for op in self.plan)
        own = "reference" if self._setup.resolver == "reference" else "builtin"
        name = Path(self._setup.delegate).name.partition(".so")[0].removeprefix("lib") or "xnnpack"
        self.kernels = name if taken else own
        return session

    def _asked(
        self, kind: bytes, fields: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]
    ) -> Answer:
        """Ask, and ask again in a new session where the connection ended: it may have been idle for long."""
        facts = self.facts
        try:
            return self._session.ask(kind, fields, arrays)
        except ConnectionLost:
            self._session.close()
            self._session = self._opened()
        if self.facts != facts:
            raise PassError(
                f"{name_of(facts)} became another board while it measured; nothing of it was kept."
            )
        try:
            return self._session.ask(kind, fields, arrays)
        except ConnectionLost as error:
            raise failures.lost(self._setup, str(error)) from error


def _with(setup: Setup) -> str:
    return f" with the delegate '{plain(setup.delegate)}'" if setup.delegate else ""
