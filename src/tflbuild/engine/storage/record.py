"""The record of a stored result: `actions/<key>.json`, which verifies itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tflbuild.core import digest, json_text
from tflbuild.core.artifact import KINDS, Artifact
from tflbuild.core.errors import PassError
from tflbuild.core.form import (
    DIGEST,
    MAPPING,
    NOTHING,
    NUMBER,
    TEXT,
    Form,
    Malformed,
    check,
    fields,
    list_of,
    mapping_of,
    maybe,
    number,
    optional,
    whole,
)
from tflbuild.core.metric import METRICS, TargetMetric
from tflbuild.core.result_form import DIFFERENCE, FIGURES, MEASUREMENT, MODEL, OVERRIDING


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


MOST_BYTES = 2**26
"""Bytes of a record; what is larger is none."""

RECORD = fields(
    {
        "key": DIGEST,
        "preimage": MAPPING,
        "artifact": maybe(fields(MODEL, others=NOTHING)),
        "value": MAPPING,
        "cost": mapping_of(number(0)),
        "blobs": list_of(DIGEST),
    },
    others=NOTHING,
)
"""Every record."""

OF_PASS = fields({"artifact": fields(MODEL)})
OF_OTHER = fields({})
FILES = ("predictions", "truth", "samples")
"""Measurements that are a file, whose digest is `file` of their value."""

OF_MEASUREMENTS = {
    "predictions": fields({"value": fields({"file": DIGEST, "kernels": optional(TEXT)})}),
    "truth": fields({"value": fields({"file": DIGEST})}),
    "samples": fields({"value": fields({"file": DIGEST, "n": whole(), "kernels": TEXT, "outputs": MAPPING})}),
    "accuracy": fields({"value": MEASUREMENT}),
    "file": fields({"value": MEASUREMENT}),
    "comparison": fields({"value": DIFFERENCE}),
}
"""Records of measurements, by `measure` of their preimage."""


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
    content = json.loads(json.dumps(content), parse_constant=lambda name: None)  # JSON knows no NaN
    return json.dumps({"digest": _digest(content), **content}, indent=1).encode()


def read(content: bytes, key: str, blob: Callable[[str], Path]) -> Record:
    """Read a record, hold it to its own digest, and all of it to the form that a record of its kind has.

    Args:
        content: its bytes.
        key: the action key it was found under.
        blob: gives the path of a file by its digest.

    Raises:
        Damaged: it is not what was written, it belongs to another key, or what was written is no result.
    """
    try:
        found = json_text.parse(content)
    except ValueError as error:
        raise Damaged(f"its record is not JSON ({error})") from error
    if not isinstance(found, dict) or found.pop("digest", "") != _digest(found):
        raise Damaged("its record was changed or cut off")
    try:
        check(found, RECORD)
        check(found, _form_of(found["preimage"]))
    except Malformed as error:
        raise Damaged(f"its record is not a result: {error}") from error
    if found["key"] != key or digest.of_json(found["preimage"]) != key:
        raise Damaged("its record belongs to another key")
    _check_files(found)
    return Record(
        key=key,
        preimage=found["preimage"],
        artifact=_artifact(found["artifact"], blob),
        value=found["value"],
        cost=found["cost"],
        blobs=tuple(found["blobs"]),
    )


def held(content: bytes, key: str, blob: Callable[[str], Path]) -> Record:
    """Hold a record to its form before it is kept, since it would not be believed afterwards.

    Raises:
        PassError: it has another form.
    """
    try:
        return read(content, key, blob)
    except Damaged as damage:
        raise PassError(f"a result cannot be stored: {damage}.") from damage


def _form_of(preimage: Mapping[str, Any]) -> Form:
    """Give the form of a record by what its preimage says it is the result of."""
    if "pass" in preimage:
        return OF_PASS
    if "target" in preimage:
        given = {name: optional(NUMBER) for name, cls in METRICS.items() if issubclass(cls, TargetMetric)}
        return fields({"value": fields(given | FIGURES | OVERRIDING)})
    return OF_MEASUREMENTS.get(str(preimage.get("measure")), OF_OTHER)


def _check_files(found: Mapping[str, Any]) -> None:
    """Hold every file that a record speaks of to be among those that it names, and that are verified."""
    spoken = {found["artifact"]["digest"]} if found["artifact"] else set()
    if str(found["preimage"].get("measure")) in FILES:
        spoken.add(found["value"]["file"])
    if not spoken <= set(found["blobs"]):
        raise Damaged("its record is not a result: it mentions a file that it does not list")


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
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
