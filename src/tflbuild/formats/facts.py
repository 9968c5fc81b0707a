"""The facts that tflbuild wrote into a file of its own: they win over what the file's graph shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.model_format import Description, Evidence
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import TensorSpec

SOURCE = "the facts in the file"

KEPT = ("signature", "quantized", "layers")
"""Properties that the graph shows, and facts do not."""


def with_facts(read: Description, meaning: Meaning, path: Path) -> Description:
    """Let facts win over what was read off the graph; those of other inputs are left out, which is said.

    Args:
        read: what the graph shows.
        meaning: the facts.
        path: the file.
    """
    inputs = _inputs(meaning, read.signature.inputs)
    if inputs is None:
        named = ", ".join(plain(name, 40) for name in meaning.inputs)
        evidence = f"{SOURCE} are of other inputs than its graph has: {named}"
        return replace(read, recognised=(*read.recognised, Evidence("facts", "left out", evidence)))
    listed = {where: names for where, names in read.labels.items() if where != path.name}
    return replace(
        read,
        task=meaning.task,
        labels={path.name: meaning.labels, **listed} if meaning.labels else read.labels,
        inputs={name: (given.modality, given.preprocess) for name, given in inputs.items()},
        head=_head(meaning, read),
        recognised=(
            *_recognised(meaning, inputs),
            *(one for one in read.recognised if one.what in KEPT),
        ),
    )


def _recognised(meaning: Meaning, inputs: Mapping[str, Input]) -> Iterator[Evidence]:
    yield Evidence("task", meaning.task, SOURCE)
    for name, given in inputs.items():
        of = f" of {plain(name, 40)}" if len(inputs) > 1 else ""
        yield Evidence(f"preprocess{of}", _words(given), SOURCE)
    if meaning.labels:
        yield Evidence("labels", f"{len(meaning.labels)} names", SOURCE)


def _words(given: Input) -> str:
    options = given.preprocess
    if "mean" in options or "std" in options:
        return f"{given.modality}, mean and std of each channel"
    said = [f"{key} {options[key]:g}" for key in ("scale", "offset") if key in options]
    return ", ".join([given.modality, *said])


def _inputs(meaning: Meaning, specs: Mapping[str, TensorSpec]) -> dict[str, Input] | None:
    """Give the facts' inputs by the file's names; None where they are others.

    A compiler for a chip leaves the signature out, so that a tensor's name stands in the place of the one input's.
    """
    found = dict(meaning.inputs)
    if len(found) == len(specs) == 1:
        found = dict(zip(specs, found.values(), strict=True))
    if found.keys() != specs.keys():
        return None
    fits = all(given.shape == specs[name].shape[1:] for name, given in found.items())
    return {name: found[name] for name in specs} if fits else None


def _head(meaning: Meaning, read: Description) -> Mapping[str, Any]:
    """Give the facts' head, with the file's own names of the outputs where they are others than ours."""
    named: Mapping[str, str] = read.head.get("outputs", {})
    ours = all(role == name for role, name in named.items())
    if "outputs" in meaning.head or ours or read.task != meaning.task:
        return meaning.head
    return {**meaning.head, "outputs": named}
