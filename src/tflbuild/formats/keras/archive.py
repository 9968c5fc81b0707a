"""The zip archive of a `.keras` file: three members, each read within limits, and written anew."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tflbuild.core import json_text
from tflbuild.core.damaged_archive import DAMAGED
from tflbuild.core.plain_text import plain

SIGNATURE = b"PK\x03\x04"

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

MOST = {CONFIG: 1 << 26, METADATA: 1 << 20, WEIGHTS: 1 << 32}
"""Members, each with the most bytes that are unpacked of it."""

BLOAT = 100
"""Most bytes that one stored byte may become; weights hardly shrink."""

SPARE = 1 << 20

COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, kw_only=True)
class Archive:
    """The contents of the archive's members.

    Attributes:
        config: the model's class and configuration, without what it was compiled with.
        version: the Keras that wrote it.
        weights: an HDF5 file.
    """

    config: Mapping[str, Any]
    version: str
    weights: bytes


def unpack(content: bytes) -> Archive:
    """Read a `.keras` file.

    Raises:
        ValueError: it is damaged, or holds other members than Keras writes, or too much; completes "it ".
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_members(archive)
            parts = {name: _read(archive, name) for name in MOST}
    except DAMAGED as error:
        raise ValueError(f"is a damaged archive ({plain(error, 120)})") from error
    except (UnicodeError, OverflowError, MemoryError) as error:
        raise ValueError(f"is a damaged archive ({type(error).__name__})") from error
    metadata = _mapping(METADATA, parts[METADATA])
    return Archive(
        config=_not_compiled(_mapping(CONFIG, parts[CONFIG])),
        version=str(metadata.get("keras_version", "")),
        weights=parts[WEIGHTS],
    )


def pack(archive: Archive) -> bytes:
    """Write a `.keras` file that holds what was read and nothing else."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        made.writestr(CONFIG, json.dumps(archive.config))
        made.writestr(METADATA, json.dumps({"keras_version": archive.version}))
        made.writestr(WEIGHTS, archive.weights)
    return target.getvalue()


def _check_members(archive: zipfile.ZipFile) -> None:
    names = sorted(archive.namelist())
    if names != sorted(MOST):
        strange = [name for name in names if name not in MOST] or names
        raise ValueError(
            f"holds {', '.join(plain(name, 40) for name in strange[:5])}; a .keras file holds {_expected()}"
        )


def _expected() -> str:
    return f"{CONFIG}, {METADATA} and {WEIGHTS}, once each"


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    found = archive.getinfo(name)
    if found.flag_bits & 1 or found.compress_type not in COMPRESSIONS:
        raise ValueError(f"holds {name} encrypted or packed in a way that is not read")
    most = min(MOST[name], BLOAT * found.compress_size + SPARE)
    with archive.open(found) as member:
        content = member.read(most + 1)
        if len(content) > most or found.file_size > most:
            raise ValueError(f"holds more in {name} than its {found.compress_size} bytes may become")
    return content


def _mapping(name: str, content: bytes) -> dict[str, Any]:
    try:
        return json_text.mapping_of(content)
    except ValueError as error:
        raise ValueError(f"holds {name}, which {error}") from error


def _not_compiled(value: Any) -> Any:
    """Leave out losses, metrics and optimizers, at any depth: nobody trains on with them."""
    if isinstance(value, dict):
        return {key: _not_compiled(inner) for key, inner in value.items() if key != "compile_config"}
    return [_not_compiled(inner) for inner in value] if isinstance(value, list) else value
