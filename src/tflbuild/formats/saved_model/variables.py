"""The variables of a SavedModel: which tensor of its checkpoint each takes, read off the graph that restores them."""

from __future__ import annotations

from collections.abc import Mapping

from tflbuild.core.protobuf import Malformed, Message
from tflbuild.formats.saved_model.graph_def import MetaGraph, Node
from tflbuild.formats.saved_model.tensors import texts

PREFIX = "variables/variables"
"""Beginning of the names of the checkpoint's files."""


def keys_of(graph: MetaGraph) -> dict[str, str]:
    """Give the checkpoint's key of each variable, by the name of its node outside of functions.

    Raises:
        Malformed: the restoring function is built otherwise than TensorFlow 2 builds it.
    """
    _, name = graph.saver
    call = graph.nodes.get(name)
    function = graph.functions.get(call.called("f")) if call is not None else None
    if call is None or function is None:
        raise Malformed("does not show how its variables are restored, as a SavedModel of TensorFlow 2 does")
    given = dict(zip(function.arguments, call.inputs, strict=False))
    found = {}
    for node in function.nodes.values():
        if node.op == "AssignVariableOp" and len(node.inputs) >= 2 and node.inputs[0] in given:
            found[given[node.inputs[0]].partition(":")[0]] = _key(function.nodes, node.inputs[1])
    return found


def _key(nodes: Mapping[str, Node], reference: str) -> str:
    for _ in range(8):
        name, _, place = reference.partition(":")
        node = nodes.get(name)
        if node is None or not node.inputs:
            break
        if node.op == "RestoreV2":
            listed = nodes.get(node.inputs[1].partition(":")[0])
            value = listed.attributes.get("value", b"") if listed else b""
            keys, position = texts(Message(value).inner(8)), place.rpartition(":")[2]
            if position.isdigit() and int(position) < len(keys):
                return keys[int(position)]
            break
        reference = node.inputs[0]
    raise Malformed("restores a variable otherwise than from its checkpoint")
