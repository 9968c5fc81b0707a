"""Describe a SavedModel by its signature and its graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tflbuild.core import label_list
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Asked, Description, Evidence
from tflbuild.core.plain_text import plain
from tflbuild.core.protobuf import Malformed
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.formats import labels
from tflbuild.formats.pictures import Kind
from tflbuild.formats.saved_model import detection
from tflbuild.formats.saved_model.flat import Flat
from tflbuild.formats.saved_model.reading import Reading, read, static
from tflbuild.formats.saved_model.seen import Seen
from tflbuild.formats.tflite.inputs import kind_of
from tflbuild.formats.tflite.metadata_form import TensorMetadata
from tflbuild.formats.tflite.outputs import Outputs, outputs_of

UNSAID = TensorMetadata()


def describe(path: Path, asked: Asked) -> Description:
    """Read what a SavedModel says and shows.

    Args:
        path: a folder or an archive.
        asked: the signature and the shape that the recipe says.

    Raises:
        RecipeError: it is damaged, does more than compute, or takes what no sample becomes.
    """
    try:
        return _described(path, asked)
    except Malformed as error:
        raise RecipeError(f"model.path: the graph of '{plain(path)}' {plain(error, 200)}.") from error


def _described(path: Path, asked: Asked) -> Description:
    reading = read(path, asked)
    if detection.is_export(reading):
        return detection.describe(reading, asked)
    inputs, outputs = specs_of(reading, asked)
    if not inputs or not outputs:
        raise RecipeError(
            f"model.path: the signature '{plain(reading.name, 60)}' of {reading.said} has no "
            f"{'inputs' if not inputs else 'outputs'}."
        )
    flat = Flat(reading.graph, [one.reference for one in reading.declared.outputs.values()])
    nodes = {reading.declared.inputs[name].reference.partition(":")[0]: spec for name, spec in inputs.items()}
    graph = Seen(flat, nodes, outputs)
    found = outputs_of(graph, dict(zip(outputs, graph.outputs, strict=True)))
    lists = label_list.beside(path)
    chosen = labels.fitting(lists, found.classes, detects=False)
    task = "classification" if found.kind and (found.sure or chosen.lists) else ""
    kinds = dict(_kinds(graph, inputs))
    return Description(
        signature=Signature(inputs=inputs, outputs=outputs),
        task=task,
        labels=chosen.lists,
        inputs={name: (kind.modality, kind.options) for name, kind in kinds.items()},
        head=found.head if task else {},
        listed=lists,
        recognised=(
            *_signature(reading),
            *_outputs(found, task),
            *(one for kind in kinds.values() for one in kind.recognised),
            *chosen.recognised,
        ),
    )


def specs_of(reading: Reading, asked: Asked) -> tuple[Mapping[str, TensorSpec], Mapping[str, TensorSpec]]:
    """Give the inputs and outputs of the signature for one sample: batches are 1.

    Raises:
        RecipeError: an input takes no floats, or its sides are open, or an output gives no numbers.
    """
    inputs = {name: static(name, one, asked, reading) for name, one in reading.declared.inputs.items()}
    outputs = {}
    for name, one in reading.declared.outputs.items():
        if not one.plain or one.spec.dtype in ("string", "resource", "variant"):
            raise RecipeError(
                f"model.path: the output '{plain(name, 60)}' of {reading.said} is {one.spec.dtype}, but a "
                f".tflite can only output numbers; export a signature without it."
            )
        shape = one.spec.shape
        outputs[name] = TensorSpec((1, *shape[1:]) if shape and shape[0] == -1 else shape, one.spec.dtype)
    return inputs, outputs


def _signature(reading: Reading) -> Iterator[Evidence]:
    if reading.several:
        yield Evidence("signature", plain(reading.name, 60), "model.signature says so")


def _outputs(found: Outputs, task: str) -> Iterator[Evidence]:
    if task:
        yield Evidence("task", task, found.evidence)
        yield Evidence("outputs", found.value, found.evidence)
    elif found.kind:
        doubt = f"or other numbers, since no labels.txt names {found.classes} classes"
        yield Evidence("task", "not recognised", f"{found.evidence}: {found.value}, {doubt}")
    else:
        yield Evidence("task", "not recognised", found.evidence)


def _kinds(graph: Seen, inputs: Mapping[str, TensorSpec]) -> Iterator[tuple[str, Kind]]:
    for index, name in enumerate(inputs):
        yield name, kind_of(graph, index, UNSAID, plain(name, 40) if len(inputs) > 1 else "")
