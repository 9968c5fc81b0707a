"""Samples in a `.tflite`: files behind the flatbuffer that its metadata name, as labels are, which any app can read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tflbuild.core.errors import RecipeError
from tflbuild.core.form import is_inside
from tflbuild.core.plain_text import plain
from tflbuild.core.samples import FOLDER, INDEX, MOST_TENSORS, TABLE
from tflbuild.formats.tflite import metadata, packed_files
from tflbuild.formats.tflite.metadata_form import AssociatedFile, Metadata
from tflbuild.formats.tflite.metadata_writing import written
from tflbuild.tflite import entries, flatbuffer

PREFIX = f"{FOLDER}/"

UNKNOWN = 0
"""Kind of a file that the schema has no word for."""

MOST_NAMED = 200
"""Files that metadata name one by one; of more they name the two that name the others."""

DESCRIPTION = "A tensor of a sample, or of the outputs that the model gives for it."
OF_INDEX = "Samples with the outputs that the model gives for them: tensors, tolerances, files."


def embedded(content: bytes, files: Mapping[str, bytes]) -> bytes:
    """Give a delivered file with samples packed into it; its graph, and what else it says of itself, stay as they are.

    Args:
        content: of the file.
        files: of the samples, by their name in the folder of the samples.
    """
    flat, packed = _parted(content)
    said = entries.entry(flat, metadata.NAME)
    given = metadata.read(said) if said is not None else Metadata()
    kept = tuple(one for one in given.files if not one.name.startswith(PREFIX))
    named = tuple(
        AssociatedFile(
            name=f"{PREFIX}{name}",
            kind=UNKNOWN,
            description=OF_INDEX if name in (INDEX, TABLE) else DESCRIPTION,
        )
        for name in (files if len(files) <= MOST_NAMED else (INDEX, TABLE))
    )
    whole = entries.with_entries(flat, {metadata.NAME: written(replace(given, files=(*kept, *named)))})
    members = {name: stored for name, stored in packed.items() if not name.startswith(PREFIX)}
    return packed_files.packed_behind(
        whole, {**members, **{f"{PREFIX}{name}": stored for name, stored in files.items()}}
    )


def extract(file: Path, folder: Path) -> bool:
    """Write the samples that a `.tflite` brings into a folder; False where it brings none.

    Raises:
        RecipeError: it is no `.tflite`, or the archive behind it is damaged or names files elsewhere.
    """
    content = flatbuffer.check(file)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if name.startswith(PREFIX)][:MOST_TENSORS]
            for name in names:
                _write(archive, name, folder)
    except packed_files.DAMAGED as error:
        if not content.rpartition(packed_files.END)[1]:
            return False
        raise RecipeError(
            f"{plain(file)}: the archive behind it, which holds its samples, is damaged ({plain(error, 80)})."
        ) from error
    return bool(names)


def _write(archive: zipfile.ZipFile, name: str, folder: Path) -> None:
    inner = name.removeprefix(PREFIX)
    if not is_inside(inner) or archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"'{plain(name, 60)}' is not a file of samples")
    path = folder / inner
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive.read(name))


def _parted(content: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Part a file into the flatbuffer and the files behind it."""
    if packed_files.END not in content[-(packed_files.END_BYTES + packed_files.MOST_COMMENT) :]:
        return content, {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        start = min((one.header_offset for one in members), default=len(content))
        return content[:start], {one.filename: archive.read(one) for one in members}
