"""Describe a `.tflite` by what it says of itself, and by its graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.core.model_format import Description, Evidence
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.formats import labels
from tflbuild.formats.facts import with_facts
from tflbuild.formats.pictures import Kind
from tflbuild.formats.tflite.graph import Graph
from tflbuild.formats.tflite.inputs import kind_of
from tflbuild.formats.tflite.labels import listed
from tflbuild.formats.tflite.metadata import NAME, metadata_of
from tflbuild.formats.tflite.metadata_form import Metadata, TensorMetadata
from tflbuild.formats.tflite.outputs import Outputs, outputs_of, parts_of
from tflbuild.formats.tflite.scheme import Scheme, scheme_of
from tflbuild.formats.tflite.signature import Names, names_of, signature_of
from tflbuild.tflite import chips, flatbuffer, soundness
from tflbuild.tflite.model import Model
from tflbuild.tflite.tables import Malformed

UNSAID = TensorMetadata()

RESOURCE = "VAR_HANDLE"
"""Operator of a variable that nothing but loading the file anew sets back."""


class Read(NamedTuple):
    """A checked file: its bytes, its first graph, the names of its ends, and how a sentence names it."""

    content: bytes
    graph: Graph
    names: Names
    said: str


def check(path: Path) -> None:
    """Refuse a file that nothing here could run, one sample after the other.

    Raises:
        RecipeError: one sentence.
    """
    found = _read(path)
    for operator in found.graph.operators:
        reason = chips.refusal(plain(operator.kind, 60)) if operator.custom else ""
        if reason:
            raise RecipeError(f"model.path: {found.said} {reason}.")
    if RESOURCE in flatbuffer.codes_in(found.content):
        raise RecipeError(
            f"model.path: {found.said} keeps state between calls in a variable ({RESOURCE}), but samples "
            f"are run one by one, each from a fresh start; convert it again with its state as an input and "
            f"an output."
        )
    for name, index in found.names.inputs.items():
        _check_input(f"the input '{plain(name, 60)}' of {found.said}", found.graph.spec(index))


def _check_input(said: str, spec: TensorSpec) -> None:
    if min(spec.shape, default=1) < 1:
        raise RecipeError(
            f"model.path: {said} is {spec.text}, whose sides are not fixed; convert it again with fixed ones."
        )
    if not spec.shape or spec.shape[0] != 1:
        raise RecipeError(
            f"model.path: {said} is {spec.text}; the first side of an input must be the batch, 1; convert it again for "
            f"one sample at a time."
        )


def describe(path: Path) -> Description:
    """Read what a file says and shows.

    Raises:
        RecipeError: it is not well-formed, or its inputs cannot be told apart.
    """
    found = _read(path)
    metadata, noted = _metadata(found.graph.model)
    outputs = _of_one_picture(outputs_of(found.graph, found.names.outputs), len(found.names.inputs))
    lists, missing = listed(found.content, metadata, _place(found.graph, outputs), path)
    chosen = labels.fitting(lists, outputs.classes, detects=outputs.kind == "detection")
    task = task_of(outputs, known=bool(chosen.lists))
    inputs = dict(_inputs(found, metadata))
    scheme = scheme_of(found.graph)
    shown = [one for kind in inputs.values() for one in kind.recognised]
    read = Description(
        signature=_completed(signature_of(found.graph, found.names), outputs.shapes),
        task=task,
        labels=chosen.lists,
        inputs={name: (kind.modality, kind.options) for name, kind in inputs.items()},
        head=outputs.head if task else {},
        quantized=scheme.name,
        listed=lists,
        parts=parts_of(found.graph, found.names.outputs),
        recognised=(
            *found.names.recognised,
            *said_of(outputs, task),
            *shown,
            *noted,
            *missing,
            *chosen.recognised,
            *_scheme(scheme),
        ),
    )
    facts = _facts(found.graph.model, path)
    return with_facts(read, facts, path) if facts else read


def _read(path: Path) -> Read:
    try:
        content = soundness.check(path)
    except RecipeError as error:
        raise RecipeError(f"model.path: {error}") from error
    graph, said = Graph(Model(content)), f"'{plain(path)}'"
    return Read(content, graph, names_of(graph, said), said)


def _metadata(model: Model) -> tuple[Metadata, list[Evidence]]:
    """Read metadata; what is wrong with them is said, since nothing depends on them alone."""
    try:
        return metadata_of(model) or Metadata(), []
    except Malformed as error:
        return Metadata(), [Evidence("metadata", "left out", f"{NAME} {plain(error, 120)}")]


def _facts(model: Model, path: Path) -> Meaning | None:
    for entry in model.metadata:
        if entry.text("name") == flatbuffer.FACTS:
            stored = bytes(model.stored_bytes(entry.number("buffer")))
            return Meaning.from_json(flatbuffer.parsed_facts(stored, path))
    return None


def _of_one_picture(outputs: Outputs, inputs: int) -> Outputs:
    """Take a detector of several inputs for none: its boxes are placed in one picture."""
    if outputs.kind != "detection" or inputs == 1:
        return outputs
    evidence = f"{outputs.evidence}, but it has {inputs} inputs, and a detector takes one picture"
    return Outputs(evidence=evidence, shapes=outputs.shapes)


def _place(graph: Graph, outputs: Outputs) -> int:
    return graph.outputs.index(outputs.labelled) if outputs.labelled in graph.outputs else -1


def task_of(outputs: Outputs, *, known: bool) -> str:
    """Name the task: logits and single numbers are those of classes where a list names as many."""
    if not outputs.kind or not (outputs.sure or known):
        return ""
    return "detection" if outputs.kind == "detection" else "classification"


def said_of(outputs: Outputs, task: str) -> Iterator[Evidence]:
    """Say what outputs were taken for, and what shows it."""
    if task:
        yield Evidence("task", task, outputs.evidence)
        yield Evidence("outputs", outputs.value, outputs.evidence)
    elif outputs.kind:
        doubt = f"or other numbers, since no labels.txt names {outputs.classes} classes"
        evidence = f"{outputs.evidence}: {outputs.value}, {doubt}"
        yield Evidence("task", "not recognised", evidence)
    else:
        yield Evidence("task", "not recognised", outputs.evidence)


def _inputs(found: Read, metadata: Metadata) -> Iterator[tuple[str, Kind]]:
    places = {index: place for place, index in enumerate(found.graph.inputs)}
    known = metadata.inputs if len(metadata.inputs) == len(found.graph.inputs) else ()
    for name, index in found.names.inputs.items():
        own = known[places[index]] if known else UNSAID
        yield name, kind_of(found.graph, index, own, plain(name, 40) if len(places) > 1 else "")


def _completed(signature: Signature, shapes: Mapping[str, tuple[int, ...]]) -> Signature:
    """Fill in the shapes of outputs that the file leaves open."""
    outputs = {
        name: spec._replace(shape=shapes[name]) if name in shapes and not spec.shape else spec
        for name, spec in signature.outputs.items()
    }
    return Signature(inputs=signature.inputs, outputs=outputs)


def _scheme(scheme: Scheme) -> list[Evidence]:
    return [Evidence("quantized", scheme.name, scheme.evidence)] if scheme.name else []
