"""Recall a stored result, or compute and keep it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tflbuild.core import digest
from tflbuild.core.artifact import Artifact
from tflbuild.engine.events import Event, Listener
from tflbuild.engine.storage.store import Record, Store


@dataclass(frozen=True)
class Result:
    """The result of a computation, as it is handed to the store."""

    value: Mapping[str, Any]
    cost: Mapping[str, float]
    files: Mapping[str, Path]
    artifact: Artifact | None = None


def recall_or_compute(
    store: Store,
    preimage: Mapping[str, Any],
    compute: Callable[[Path], Result],
    tell: Listener,
    *,
    name: str = "",
    what: str = "",
) -> Record:
    """Give a stored result, or compute and keep it under its lock.

    A second process that wants the same result waits for the first and then has a hit.

    Args:
        store: where results are kept.
        preimage: everything that decides the result.
        compute: computes it in an empty staging folder.
        tell: is told of waiting.
        name: see `Store.commit`.
        what: what is computed, for the message of one who waits.
    """
    key = digest.of_json(preimage)
    record = store.recall(key)
    if record is not None:
        return record

    def waiting() -> None:
        text = f"another process is computing {what or 'a measurement'} ({key[:12]}); waiting for it"
        tell(Event("waiting", {"text": text}))

    with store.lock(key, waiting):
        record = store.recall(key, locked=True)
        if record is not None:
            return record
        with store.staging() as staging:
            result = compute(staging)
            return store.commit(
                preimage,
                artifact=result.artifact,
                files=result.files,
                value=result.value,
                cost=result.cost,
                name=name,
            )
