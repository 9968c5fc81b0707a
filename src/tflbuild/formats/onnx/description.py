"""Describe an ONNX file by its graph, as the `.tflite` that is made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from tflbuild.core import label_list
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Description, Evidence
from tflbuild.core.plain_text import plain
from tflbuild.core.protobuf import Malformed
from tflbuild.core.regular_file import read_regular
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.formats import labels
from tflbuild.formats.facts import with_facts
from tflbuild.formats.onnx import external, operators
from tflbuild.formats.onnx.ends import Ends, ends_of
from tflbuild.formats.onnx.graph import Read, read
from tflbuild.formats.onnx.labels import listed
from tflbuild.formats.onnx.own import facts_of
from tflbuild.formats.onnx.parts import parts_of
from tflbuild.formats.onnx.view import View
from tflbuild.formats.pictures import Kind
from tflbuild.formats.tflite.description import UNSAID, said_of, task_of
from tflbuild.formats.tflite.inputs import kind_of
from tflbuild.formats.tflite.outputs import outputs_of

MOST_BYTES = 2**31
"""Bytes of a file, as protobuf allows."""

DTYPES = ("float32", "float16", "uint8", "int8", "int32", "int64")
"""Dtypes that samples can be given in."""


def check(path: Path) -> Read:
    """Refuse a file that nothing here could take in.

    Raises:
        RecipeError: it is not well-formed, has operators that are not ONNX's, or its weights are not there.
    """
    content = _content(path)
    try:
        found = read(content)
        reason = operators.refusal(found)
        if not reason:
            external.files_of(content, path)
    except Malformed as error:
        reason = f"{plain(error, 400)}; it cannot be used"
    if reason:
        raise RecipeError(f"model.path: '{plain(path)}' {reason}.")
    if not found.inputs or not found.outputs:
        missing = "output" if found.inputs else "input"
        raise RecipeError(f"model.path: '{plain(path)}' has no {missing}; it cannot be used.")
    return found


def files_of(path: Path) -> tuple[Path, ...]:
    """Name the file, and those beside it that hold its weights.

    Raises:
        RecipeError: one is missing or lies elsewhere.
    """
    try:
        return (path, *external.files_of(_content(path), path))
    except Malformed as error:
        raise RecipeError(f"model.path: '{plain(path)}' {plain(error, 400)}; it cannot be used.") from error


def ends(path: Path, shape: tuple[int, ...]) -> Ends:
    """Give the inputs and outputs of a file.

    Raises:
        RecipeError: a side is open, or the batch is not one sample.
        ValueError: `shape` does not fit.
    """
    return _ends(check(path), path, shape)


def _ends(read: Read, path: Path, shape: tuple[int, ...]) -> Ends:
    found = ends_of(read, f"'{plain(path)}'", shape)
    for name, spec in found.signature.inputs.items():
        if spec.dtype not in DTYPES:
            raise RecipeError(
                f"model.path: the input '{plain(name, 60)}' of '{plain(path)}' is {spec.text}; samples can "
                f"only be {', '.join(DTYPES)}."
            )
    return found


def describe(path: Path, shape: tuple[int, ...] = ()) -> Description:
    """Read what a file says and shows.

    Args:
        path: the file.
        shape: of the one input, in the file's own order of axes, where the recipe says it.

    Raises:
        RecipeError: it cannot be taken in.
        ValueError: `shape` does not fit.
    """
    found = check(path)
    at_ends = _ends(found, path, shape)
    view = View(found, at_ends)
    lists = listed(found.properties) | label_list.beside(path)
    written = Evidence("format", f"ONNX, opset {found.opset}", f"written by {_writer(found)}")
    shown = of_view(view, at_ends, {name: name for name in at_ends.signature.outputs}, lists, written)
    scheme = _scheme(found)
    described = replace(
        shown,
        quantized="int8" if scheme else "",
        recognised=(*shown.recognised, *([Evidence("quantized", "int8", scheme)] if scheme else [])),
    )
    meaning = facts_of(found, path)
    return with_facts(described, meaning, path) if meaning else described


def of_view(
    view: View,
    at_ends: Ends,
    outputs: Mapping[str, str],
    lists: Mapping[str, tuple[str, ...]],
    written: Evidence,
) -> Description:
    """Describe a graph of ONNX's operators by its ends and the operators there.

    Args:
        view: the graph.
        at_ends: its inputs and outputs.
        outputs: the names of tensors, by the names of the outputs.
        lists: class names by where they are written.
        written: who wrote the file.
    """
    found = outputs_of(view, {name: view.numbers[tensor] for name, tensor in outputs.items()})
    chosen = labels.fitting(lists, found.classes, detects=found.kind == "detection")
    task = task_of(found, known=bool(chosen.lists))
    inputs = dict(_input_kinds(view, at_ends))
    specs = at_ends.signature.outputs
    return Description(
        signature=Signature(
            inputs=at_ends.signature.inputs,
            outputs={name: specs[tensor] for name, tensor in outputs.items()},
        ),
        task=task,
        labels=chosen.lists,
        inputs={name: (kind.modality, kind.options) for name, kind in inputs.items()},
        head=found.head if task else {},
        listed=lists,
        parts=parts_of(view, outputs),
        recognised=(
            written,
            *said_of(found, task),
            *(one for kind in inputs.values() for one in kind.recognised),
            *_layouts(at_ends),
            *chosen.recognised,
        ),
    )


def _content(path: Path) -> bytes:
    try:
        return read_regular(path, MOST_BYTES)
    except OSError as error:
        raise RecipeError(
            f"model.path: '{plain(path)}' cannot be read as an ONNX file: {error.strerror or error}."
        ) from error


def _input_kinds(view: View, at_ends: Ends) -> Iterator[tuple[str, Kind]]:
    """Read the kind of each input off its shape and the operators behind it."""
    several = len(at_ends.signature.inputs) > 1
    for name in at_ends.signature.inputs:
        yield name, kind_of(view, view.numbers[name], UNSAID, plain(name, 40) if several else "")


def _layouts(at_ends: Ends) -> Iterator[Evidence]:
    """Say which inputs are turned, and which are not: what goes in is laid out as the `.tflite` has it."""
    several = len(at_ends.signature.inputs) > 1
    for orders, words in ((at_ends.first, "channels first"), (at_ends.last, "channels last")):
        for name, evidence in orders.items():
            of = f" of {plain(name, 40)}" if several else ""
            given = TensorSpec(at_ends.given[name], at_ends.signature.inputs[name].dtype).text
            turned = " in the file, last in the .tflite" if name in at_ends.first else ""
            yield Evidence(f"layout{of}", f"{given}, {words}{turned}", evidence)


def _scheme(found: Read) -> str:
    counts: Mapping[str, int] = Counter(one.kind for one in found.nodes if one.kind in operators.QUANTIZED)
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _writer(found: Read) -> str:
    return plain(found.producer, 60) or "a program that does not say which"
