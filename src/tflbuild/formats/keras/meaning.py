"""The meaning of a Keras file, as it says and shows it itself and a plan reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core import label_list
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.core.model_format import Description, Evidence
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.formats import labels
from tflbuild.formats.facts import with_facts
from tflbuild.formats.keras import description, header
from tflbuild.formats.keras.result import Result, result_of
from tflbuild.formats.keras.shapes import Shape
from tflbuild.formats.keras.signature import inputs_of, outputs_of, spec_of
from tflbuild.formats.labels import Labels
from tflbuild.formats.pictures import ASSUMED, GREY, Kind, likeness


def check(path: Path) -> None:
    """Refuse a file that tf_keras must not or could not load, or whose inputs have no fixed sides.

    Raises:
        RecipeError: one sentence.
    """
    found = header.read(path)
    header.check_loads(found, path)
    for name, spec in inputs_of(found.config).items():
        if -1 in spec.shape[1:]:
            raise RecipeError(
                f"model.path: the input '{plain(name, 60)}' of '{plain(path)}' is {spec.text}; its sides must be fixed "
                f"numbers, e.g. Input((96, 96, 3))."
            )


def describe(path: Path) -> Description:
    """Read what a file says and shows.

    Raises:
        RecipeError: it is no model, or none that tf_keras could load.
    """
    found = header.read(path)
    header.check_loads(found, path)
    graph = description.described(found)
    inputs, outputs = inputs_of(found.config), outputs_of(found.config)
    kinds = {name: _kind(name if len(inputs) > 1 else "", spec, graph) for name, spec in inputs.items()}
    result = result_of(
        graph,
        outputs,
        [tuple(None if side < 0 else side for side in spec.shape) for spec in inputs.values()],
        pictures=any(kind.modality == "image" for kind in kinds.values()),
    )
    chosen = _labels(path, result)
    task = result.task if result.sure or chosen.lists else ""
    read = Description(
        signature=Signature(inputs=inputs, outputs={name: spec_of(shape) for name, shape in outputs.items()}),
        task=task,
        labels=chosen.lists,
        inputs={name: (kind.modality, kind.options) for name, kind in kinds.items()},
        head=_head(result, outputs) if task else {},
        recognised=(
            *result.recognised(named=bool(chosen.lists)),
            *(one for kind in kinds.values() for one in kind.recognised),
            *chosen.recognised,
            *(Evidence("layers", plain(value), plain(shown)) for value, shown in graph.changes),
        ),
    )
    return with_facts(read, Meaning.from_json(dict(found.facts)), path) if found.facts else read


def _head(result: Result, outputs: Mapping[str, Shape | None]) -> dict[str, Any]:
    """Say which output holds a classifier's scores, and their kind; {} where that does not show."""
    return {"outputs": {"scores": next(iter(outputs))}, "scores": result.scores} if result.scores else {}


def _labels(path: Path, result: Result) -> Labels:
    """Choose the lists beside a file that fit; all where it does not show how many classes there are."""
    lists = label_list.beside(path)
    if result.classes is None:
        said = (Evidence("labels", f"{len(names)} names", where) for where, names in lists.items())
        return Labels(lists, tuple(said))
    return labels.fitting(lists, result.classes, detects=result.task == "detection")


def _kind(name: str, spec: TensorSpec, graph: description.Description) -> Kind:
    """Read the kind of an input off its shape, and which pixels it takes off the front of the graph."""
    found = likeness(spec.shape)
    modality = "image" if found.channels else "vector"
    said = Evidence(f"input{name and f' {plain(name, 40)}'}", f"{modality}, {spec.text}", found.reason)
    if not found.channels:
        return Kind(modality, recognised=(said,))
    options: dict[str, Any] = {"channels": "grey"} if found.channels == GREY else {}
    scaling: Mapping[str, Any] = graph.preprocess()
    value, evidence = (graph.pixels, graph.front.evidence) if scaling else ("assumed", ASSUMED)
    preprocess = Evidence(f"preprocess{name and f' of {plain(name, 40)}'}", value, plain(evidence))
    return Kind(modality, {**options, **scaling}, (said, preprocess))
