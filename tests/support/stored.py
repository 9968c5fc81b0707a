"""Results for tests of the store by itself: no build, no worker."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core import digest
from tflbuild.core.artifact import TFLiteModel
from tflbuild.engine.storage.disk import writing
from tflbuild.engine.storage.record import Record
from tflbuild.engine.storage.store import Store

SUPPORT = Path(__file__).parent
"""Where another process finds this module."""


def preimage(number: int, name: str = "fake") -> dict[str, Any]:
    return {"schema": 1, "pass": name, "options": {"number": number}}


def key(number: int, name: str = "fake") -> str:
    return digest.of_json(preimage(number, name))


def opened(root: Path, warn: Any = lambda text: None, remote: str | None = None) -> Store:
    store = Store(root, warn, remote)
    store.prepare()
    return store


def keep(store: Store, number: int, content: bytes = b"", name: str = "fake") -> Record:
    """Keep a model of 1,000 bytes that only its number tells from others."""
    content = content or f"{number}".encode().rjust(1000)
    with store.staging() as folder:
        path = folder / "model.tflite"
        with writing(folder):
            path.write_bytes(content)
        model = TFLiteModel(path=path, digest="", fingerprint="", meta={"number": number})
        return store.commit(
            preimage(number, name), artifact=model, value={"note": number}, cost={"seconds": 2.5}, name=name
        )


def measure(store: Store, of: str, score: float, content: bytes = b"boxes") -> Record:
    """Keep predictions of a model."""
    said: Mapping[str, Any] = {"schema": 1, "measure": "predictions", "input": {"digest": of, "meta": "m"}}
    with store.staging() as folder:
        path = folder / "predictions.npz"
        with writing(folder):
            path.write_bytes(content)
        return store.commit(said, files={"file": path}, value={"score": score})


def elsewhere(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Run code in another process; it prints a line when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=SUPPORT,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process as `kill -9` does."""
    process.kill()
    process.communicate()
