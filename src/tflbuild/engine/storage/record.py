"""What the store writes of a result: `actions/<key>.json`, which verifies itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.core import digest
from tflbuild.core.artifact import KINDS, Artifact


class Damaged(ValueError):
    """A stored result is not what was written.

    Args:
        why: the end of a sentence for the user.
        blob: digest of the file that is damaged; "" where it is the record itself.
    """

    def __init__(self, why: str, blob: str = "") -> None:
        super().__init__(why)
        self.blob = blob


@dataclass(frozen=True, kw_only=True)
class Record:
    """A stored result.

    Attributes:
        key: SHA-256 of `preimage`.
        preimage: everything that decided the result.
        artifact: the model, None for a measurement.
        value: JSON-able result of a measurement or of a target; what a pass noted, for a pass.
        cost: `seconds`, `cpu_seconds`, `peak_rss_mib` when it was computed.
        blobs: digests of the files that belong to it.
        remote: the URL it would come from, for a plan; its files are not here yet. "" for what is here.
    """

    key: str
    preimage: Mapping[str, Any]
    artifact: Artifact | None
    value: Mapping[str, Any]
    cost: Mapping[str, float]
    blobs: tuple[str, ...] = ()
    remote: str = ""


class Relative(NamedTuple):
    """An earlier action of the same pass: what decided it, and the seconds it took."""

    preimage: Mapping[str, Any]
    seconds: float


def write(
    preimage: Mapping[str, Any],
    *,
    artifact: Artifact | None,
    value: Mapping[str, Any],
    cost: Mapping[str, float],
    blobs: list[str],
) -> bytes:
    """Give the bytes of a record; `digest` covers everything else in it."""
    content: dict[str, Any] = {
        "key": digest.of_json(preimage),
        "preimage": preimage,
        "artifact": None,
        "value": value,
        "cost": cost,
        "blobs": blobs,
    }
    if artifact is not None:
        content["artifact"] = {
            "kind": artifact.kind,
            "digest": artifact.digest,
            "fingerprint": artifact.fingerprint,
            "meta": artifact.meta,
        }
    content = json.loads(json.dumps(content))
    return json.dumps({"digest": _digest(content), **content}, indent=1).encode()


def read(content: bytes, key: str, blob: Callable[[str], Path]) -> Record:
    """Read a record and hold it to its own digest.

    Args:
        content: its bytes.
        key: the action key it was found under.
        blob: gives the path of a file by its digest.

    Raises:
        Damaged: it is not what was written, or it belongs to another key.
    """
    try:
        fields = json.loads(content)
        if fields.pop("digest", "") != _digest(fields):
            raise Damaged("its record was altered or cut short")
        if fields["key"] != key or digest.of_json(fields["preimage"]) != key:
            raise Damaged("its record belongs to another key")
        return Record(
            key=key,
            preimage=fields["preimage"],
            artifact=_artifact(fields["artifact"], blob),
            value=fields["value"],
            cost=fields["cost"],
            blobs=tuple(fields["blobs"]),
        )
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Damaged(f"its record is no JSON ({error})") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise Damaged(f"its record lacks something ({error!r})") from error


def _digest(fields: Mapping[str, Any]) -> str:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return digest.of_bytes(text.encode())


def _artifact(made: Mapping[str, Any] | None, blob: Callable[[str], Path]) -> Artifact | None:
    if made is None:
        return None
    return KINDS[made["kind"]](
        path=blob(made["digest"]),
        digest=made["digest"],
        fingerprint=made["fingerprint"],
        meta=made["meta"],
    )
