"""Write into a delivered `.tflite` what its inputs and outputs are, in the form that tools of others read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.meaning import Meaning
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import TensorSpec
from tflbuild.core.tensor_description import TensorDescription
from tflbuild.formats.tflite import brought, packed_files
from tflbuild.formats.tflite.cautions import cautions
from tflbuild.formats.tflite.graph import Graph
from tflbuild.formats.tflite.label_files import Files, files_of
from tflbuild.formats.tflite.metadata import NAME
from tflbuild.formats.tflite.metadata_form import AssociatedFile, Box, Metadata, Sound, TensorMetadata
from tflbuild.formats.tflite.metadata_writing import written
from tflbuild.formats.tflite.signature import names_of
from tflbuild.formats.tflite.steps import steps_of
from tflbuild.tflite import entries, flatbuffer, runtime_version
from tflbuild.tflite.model import Model

BOX = Box((1, 0, 3, 2), "boundaries", "ratio")
"""Where left, top, right and bottom stand in ymin, xmin, ymax, xmax in 0..1."""

BYTES: Mapping[str, tuple[float, float]] = {"uint8": (0.0, 255.0), "int8": (-128.0, 127.0)}
"""Lowest and highest number that goes into an input of codes, by its dtype."""

FIRST, AUDIO, VERSIONED = "1.0.0", "1.3.0", "1.4.1"
LATER: Mapping[int, str] = {5: "1.0.1", 6: "1.4.0"}
"""Versions of the schema: of what is written here, of audio, of the version of a file, and of kinds of files that came
later."""

VERSION_BYTES = 16
"""Bytes of the version of a runtime, padded with zeros."""

Ends = Sequence[tuple[str, TensorSpec]]
"""Inputs or outputs in the order of the graph: name and form."""


def described(content: bytes, model: TFLiteModel) -> tuple[bytes, dict[str, Any]]:
    """Give a delivered file with metadata, and with the files that these name packed behind it.

    What a user's file brought stays: what it says of the model, its files, and how its scores are calibrated. What is
    said of the tensors themselves is written anew.

    Args:
        content: of the file, as it is or as a target compiled it; what is no `.tflite` is given back.
        model: it was made of.

    Returns:
        The file, and fields for the report: `metadata`, a line for people, `min_runtime`, `signature`, its key, and
        `cautions` where there are some, and of a task that asks for them the `steps` of outputs; {} for another format.
    """
    if content[4:8] != b"TFL3":
        return content, {}
    meaning = Meaning.of(model)
    given, contents = brought.of_meta(model.meta)
    inputs, outputs = _ends(content, model)
    packed: Files = {file: contents[file.name] for file in given.files if file.name in contents}
    metadata = Metadata(
        name=given.name or _name(meaning),
        description=given.description or f"{meaning.kind.purpose} Built by tflbuild.".strip(),
        version=given.version,
        author=given.author,
        license=given.license,
        files=tuple(packed),
        inputs=_tensors(_inputs(meaning, inputs), inputs, given.inputs, contents, packed),
        outputs=_tensors(_outputs(meaning, outputs), outputs, given.outputs, contents, packed),
    )
    whole = written(replace(metadata, min_parser_version=_version(packed, metadata.inputs)))
    members = {file.name: stored for file, stored in packed.items()}
    unpacked = flatbuffer.unpack(content)
    needed = runtime_version.needed_by(unpacked)
    added = {NAME: whole} | ({runtime_version.KEY: _padded(needed.version)} if needed.version else {})
    said: dict[str, Any] = {
        "metadata": _line(metadata, members),
        "min_runtime": {**needed._asdict(), "unknown": [*needed.unknown]},
        "signature": _signature(content),
    }
    warned = cautions(unpacked, meaning.labels)
    said |= {"cautions": warned} if warned else {}
    steps = steps_of(Graph(Model(content)), [name for name, _ in outputs]) if meaning.kind.stepped else {}
    said |= {"steps": steps} if steps else {}
    return packed_files.packed_behind(entries.with_entries(content, added), members), said


def _signature(content: bytes) -> str | None:
    """Give the key of the first signature; None for a file without one."""
    model = Model(content)
    signatures = model.children(model.root, "signature_defs")
    return plain(signatures[0].text("signature_key") or "") if signatures else None


def _padded(version: str) -> bytes:
    return version.encode().ljust(VERSION_BYTES, b"\0")


def _line(metadata: Metadata, files: Iterable[str]) -> str:
    ends = ([one.name or "unnamed" for one in tensors] for tensors in (metadata.inputs, metadata.outputs))
    return "; ".join([" to ".join(map(", ".join, ends)), *files])


def _name(meaning: Meaning) -> str:
    return f"{meaning.task} of {len(meaning.labels)} classes" if meaning.labels else meaning.task


def _ends(content: bytes, model: TFLiteModel) -> tuple[Ends, Ends]:
    """Give the inputs and outputs of a delivered file, by the names that the model has for them.

    A compiler for a chip leaves out the signature that names them, and keeps their order.
    """
    made, source = Graph(Model(content)), Graph(Model(model.path.read_bytes()))
    names = names_of(source, f"'{plain(model.path)}'")
    pairs = ((made.inputs, source.inputs, names.inputs), (made.outputs, source.outputs, names.outputs))
    inputs, outputs = (_named(made, ours, source, theirs, known) for ours, theirs, known in pairs)
    return inputs, outputs


def _named(
    made: Graph, tensors: Sequence[int], source: Graph, known: Sequence[int], names: Mapping[str, int]
) -> Ends:
    """Name tensors by those in the same places of the file that it was made of; "" where these have another form."""
    by_index = {index: name for name, index in names.items()}
    specs = [made.spec(index) for index in tensors]
    alike = [(one.shape, one.dtype) for one in specs] == [
        (source.spec(index).shape, source.dtype(index)) for index in known
    ]
    found = [by_index.get(index, "") for index in known] if alike else [""] * len(specs)
    return list(zip(found, specs, strict=True))


def _inputs(meaning: Meaning, ends: Ends) -> list[TensorDescription]:
    return [_input(meaning, name, spec) for name, spec in ends]


def _input(meaning: Meaning, name: str, spec: TensorSpec) -> TensorDescription:
    """Describe an input: by its modality, but an input of codes takes bytes."""
    given = meaning.inputs.get(name)
    if given is None:
        return TensorDescription(name=name)
    one = given.kind.described(given.shape)
    one = replace(one, name=one.name or name)
    if one.content != "image" or spec.dtype not in BYTES:
        return one
    low, high = BYTES[spec.dtype]
    return replace(one, low=(low,), high=(high,))


def _outputs(meaning: Meaning, ends: Ends) -> list[TensorDescription]:
    found = meaning.kind.described(meaning, dict(ends))
    return [_output(found.get(name, TensorDescription(name=name)), spec) for name, spec in ends]


def _output(one: TensorDescription, spec: TensorSpec) -> TensorDescription:
    """Leave out names of an axis of another length, which tools refuse."""
    fits = one.labelled == "values" or spec.shape[-1:] == (len(one.labels),)
    return one if fits else replace(one, labels=())


def _tensors(
    described: Sequence[TensorDescription],
    ends: Ends,
    given: Sequence[TensorMetadata],
    contents: Mapping[str, bytes],
    packed: Files,
) -> tuple[TensorMetadata, ...]:
    """Give metadata of tensors, and put their files to those that are packed."""
    known = given if len(given) == len(ends) else [TensorMetadata()] * len(ends)
    made = []
    for one, theirs in zip(described, known, strict=True):
        files = files_of(one, theirs.files, contents, {file.name for file in packed})
        packed |= files
        made.append(_tensor(one, theirs, files))
    return tuple(made)


def _tensor(one: TensorDescription, theirs: TensorMetadata, files: Files) -> TensorMetadata:
    return TensorMetadata(
        name=one.name,
        description=one.description,
        content=one.content,
        colour=one.colour,
        mean=one.mean,
        std=one.std,
        low=one.low,
        high=one.high,
        box=BOX if one.content == "box" else None,
        sound=Sound(one.rate, 1) if one.content == "audio" else None,
        calibration=theirs.calibration,
        threshold=theirs.threshold,
        files=tuple(files),
    )


def _version(files: Iterable[AssociatedFile], inputs: Iterable[TensorMetadata]) -> str:
    """Give the version of the schema that has every field that is written."""
    least = AUDIO if any(one.sound for one in inputs) else FIRST
    return max([least, *(VERSIONED if file.version else LATER.get(file.kind, FIRST) for file in files)])
