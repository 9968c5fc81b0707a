"""The names by which a `.tflite` is run: those of its signature, or of its tensors where it has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Evidence
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import Signature
from tflbuild.formats.tflite.graph import Graph
from tflbuild.tflite.tables import Table

SHOWN, MOST = 6, 64
"""Signatures that a sentence names, and that are read."""


class Names(NamedTuple):
    """Inputs and outputs by name.

    Attributes:
        inputs: their tensors, in the graph's order.
        outputs: their tensors.
        recognised: what there is to say of it.
    """

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    recognised: tuple[Evidence, ...] = ()


def names_of(graph: Graph, said: str) -> Names:
    """Name the inputs and outputs of a file's first graph.

    Args:
        graph: the first graph.
        said: the file, as a sentence names it.

    Raises:
        RecipeError: it has several signatures that take other inputs, or tensors that cannot be told apart.
    """
    signatures = graph.model.children(graph.model.root, "signature_defs")
    if not signatures:
        return Names(
            _tensors(graph, graph.inputs, "inputs", said), _tensors(graph, graph.outputs, "outputs", said)
        )
    recognised = _several(graph, signatures, said) if len(signatures) > 1 else ()
    first = signatures[0]
    if first.number("subgraph_index") != 0:
        raise RecipeError(
            f"model.path: the signature '{_key(first)}' of {said} is of its graph {first.number('subgraph_index')}, "
            f"and only the first one, graph 0, can be built; convert it again with this signature alone."
        )
    inputs, outputs = _entries(graph, first, "inputs"), _entries(graph, first, "outputs")
    if sorted(inputs.values()) != sorted(graph.inputs) or not outputs:
        raise RecipeError(
            f"model.path: the signature '{_key(first)}' of {said} does not name each input once, and some output; "
            f"convert it again."
        )
    order = {index: place for place, index in enumerate(graph.inputs)}
    return Names(dict(sorted(inputs.items(), key=lambda item: order[item[1]])), outputs, recognised)


def signature_of(graph: Graph, names: Names) -> Signature:
    """Describe inputs and outputs by name."""
    return Signature(
        inputs={name: graph.spec(index) for name, index in names.inputs.items()},
        outputs={name: graph.spec(index) for name, index in names.outputs.items()},
    )


def _tensors(graph: Graph, indices: Sequence[int], what: str, said: str) -> dict[str, int]:
    found = {graph.tensors[index].name: index for index in indices}
    if len(found) < len(indices) or "" in found:
        raise RecipeError(
            f"model.path: the {what} of {said} are not named, or named alike, so they cannot be told apart; "
            f"convert it again with a signature."
        )
    return found


def _entries(graph: Graph, signature: Table, what: str) -> dict[str, int]:
    entries = graph.model.children(signature, what)
    return {entry.text("name") or "": entry.number("tensor_index") for entry in entries}


def _several(graph: Graph, signatures: Sequence[Table], said: str) -> tuple[Evidence, ...]:
    """Take the first of several signatures, if all take the same.

    Raises:
        RecipeError: they take other inputs, as those of a model that learns on the device do.
    """
    if len(signatures) > MOST:
        raise RecipeError(f"model.path: {said} has {len(signatures)} signatures; at most {MOST} are read.")
    taken = [_taken(graph, one) for one in signatures]
    if any(one != taken[0] for one in taken[1:]):
        each = [
            f"'{_key(one)}' ({', '.join(plain(name, 40) for name in list(inputs)[:SHOWN])})"
            for one, inputs in zip(signatures, taken, strict=True)
        ]
        more = f" and {len(signatures) - SHOWN} more" if len(signatures) > SHOWN else ""
        raise RecipeError(
            f"model.path: {said} has signatures that take other inputs: {', '.join(each[:SHOWN])}{more}; convert "
            f"it again with the one that is to be built."
        )
    keys = ", ".join(_key(one) for one in signatures[:SHOWN])
    evidence = f"the first of {len(signatures)}, which take the same inputs: {keys}"
    return (Evidence("signature", _key(signatures[0]), evidence),)


def _taken(graph: Graph, signature: Table) -> dict[str, str]:
    number = signature.number("subgraph_index")
    own = graph if number == 0 else Graph(graph.model, number)
    inputs = _entries(own, signature, "inputs")
    return {name: own.spec(inputs[name]).text for name in sorted(inputs)}


def _key(signature: Table) -> str:
    return plain(signature.text("signature_key") or "", 40)
