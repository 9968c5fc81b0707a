"""The meaning of a Keras file, as it says and shows it itself and a plan reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core import file_kind, label_list
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.core.model_format import Description, Evidence
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.formats import labels
from tflbuild.formats.facts import with_facts
from tflbuild.formats.keras import archive, description, hdf5, header
from tflbuild.formats.keras.keras3.file import Origin
from tflbuild.formats.keras.result import Result, result_of
from tflbuild.formats.keras.shapes import Shape
from tflbuild.formats.keras.signature import inputs_of, outputs_of, spec_of
from tflbuild.formats.labels import Labels
from tflbuild.formats.pictures import ASSUMED, GREY, Kind, likeness


def is_model(beginning: bytes) -> bool:
    """Say whether a file begins as HDF5, or as an archive with one of the three members of a `.keras` file."""
    return beginning.startswith(hdf5.SIGNATURE) or file_kind.first_member(beginning) in archive.MOST


def is_exported(path: Path) -> bool:
    """Say whether a file has a layer of Keras 3 without an equal in tf_keras, so that Keras 3 is to export it."""
    origin = _origin(path)
    return origin is not None and bool(origin.lacking)


def is_of_keras3(path: Path) -> bool:
    """Say whether a file is of Keras 3."""
    return _origin(path) is not None


def _origin(path: Path) -> Origin | None:
    try:
        return header.read(path).origin
    except RecipeError:  # `check` says it
        return None


def check(path: Path, *, exported: bool = False) -> None:
    """Refuse a file that must not or could not be loaded, or whose inputs have no fixed sides.

    Args:
        path: the file.
        exported: whether Keras 3 is to load it, and not tf_keras.

    Raises:
        RecipeError: one sentence.
    """
    found = _header(path, exported=exported)
    for name, spec in inputs_of(found.config).items():
        if -1 in spec.shape[1:]:
            raise RecipeError(
                f"model.path: the input '{plain(name, 60)}' of '{plain(path)}' is {spec.text}; its sides must be fixed "
                f"numbers, e.g. Input((96, 96, 3))."
            )


def describe(path: Path, *, exported: bool = False) -> Description:
    """Read what a file says and shows.

    Args:
        path: the file.
        exported: whether Keras 3 is to load it, and not tf_keras.

    Raises:
        RecipeError: it is no model, or none that could be loaded.
    """
    found = _header(path, exported=exported)
    graph = description.described(found, exported=exported)
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


def _header(path: Path, *, exported: bool) -> header.Header:
    found = header.read(path)
    (header.check_sound if exported else header.check_loads)(found, path)
    return found


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
