"""SavedModels in TensorFlow: their signatures as they are, and the networks of detectors cut out of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.framework import node_def_pb2, op_def_pb2
from tensorflow.python.framework import op_def_registry

from tflbuild.backends import converter
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.saved_model.flat import Flat, Port, Step
from tflbuild.formats.saved_model.variables import PREFIX
from tflbuild.tflite.suppression import Tail

Floats = npt.NDArray[np.float32]


class Served:
    """One signature of a SavedModel as TensorFlow runs it: what its conversion is held to.

    Args:
        folder: that holds `saved_model.pb`; its graph was held to compute alone.
        name: of the signature.
        path: as the user gave it, for messages.
    """

    def __init__(self, folder: Path, name: str, path: Path) -> None:
        try:
            self._loaded = tf.saved_model.load(str(folder))
            self._function = self._loaded.signatures[name]
        except Exception as error:
            text = " ".join(str(error).split())
            raise RecipeError(
                f"model.path: TensorFlow cannot load '{plain(path)}': {plain(text, 300)}."
            ) from error

    def run(self, batch: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Run samples one after the other.

        Args:
            batch: by input, (samples, ...).

        Returns:
            Each output by name, (samples, ...).
        """
        count = len(next(iter(batch.values())))
        rows = [
            self._one({name: values[place][None] for name, values in batch.items()}) for place in range(count)
        ]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def convert(self, inputs: Mapping[str, TensorSpec], outputs: Sequence[str]) -> bytes:
        """Convert the signature for one sample, in floats.

        Args:
            inputs: by name, with their batch, 1.
            outputs: names of those that are kept.
        """
        dtypes = {name: spec.dtype for name, spec in self._taken.items()}

        def serve(**given: Any) -> dict[str, Any]:
            found = self._function(**{name: tf.cast(value, dtypes[name]) for name, value in given.items()})
            return {name: tf.identity(found[name]) for name in outputs}

        shapes = {name: spec.shape for name, spec in inputs.items()}
        return converter.of_function(serve, shapes, [self._loaded])

    @property
    def _taken(self) -> Mapping[str, Any]:
        _, named = self._function.structured_input_signature
        return dict(named)

    def _one(self, sample: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        taken = self._taken
        found = self._function(**{name: tf.cast(value, taken[name].dtype) for name, value in sample.items()})
        return {
            name: value.numpy()[0] if value.shape.rank else value.numpy() for name, value in found.items()
        }


class Network:
    """A part of a SavedModel's graph, with the values of its variables in it; nothing else of it is loaded.

    Args:
        flat: the graph.
        folder: that holds `saved_model.pb`.
        keys: of variables in the checkpoint, by their nodes.
        inputs: tensors that are given, by name, with what they take.
        outputs: tensors that are asked for, by name.
    """

    def __init__(
        self,
        flat: Flat,
        folder: Path,
        keys: Mapping[str, str],
        inputs: Mapping[str, tuple[Port, TensorSpec]],
        outputs: Mapping[str, Port],
    ) -> None:
        self._flat, self._keys, self._inputs = flat, keys, inputs
        self._checkpoint = tf.train.load_checkpoint(str(folder / PREFIX))
        graph = self._graph(outputs)
        feeds = [f"{name}:0" for name in inputs]
        fetches = [f"{port.node}:{self._place(port)}" for port in outputs.values()]
        self._names = tuple(outputs)

        def imported() -> None:
            tf.graph_util.import_graph_def(graph, name="")

        wrapped = tf.compat.v1.wrap_function(imported, [])
        of = wrapped.graph.as_graph_element
        self._function = wrapped.prune([of(name) for name in feeds], [of(name) for name in fetches])

    def __call__(self, **given: Any) -> dict[str, Any]:
        """Run it on one sample."""
        found = self._function(*(tf.convert_to_tensor(given[name]) for name in self._inputs))
        return dict(zip(self._names, found, strict=True))

    def convert(self, tail: Tail) -> bytes:
        """Convert it in floats, suppression attached."""
        shapes = {name: spec.shape for name, (_, spec) in self._inputs.items()}
        return converter.of_function(converter.suppressed(self, tail), shapes, [], custom=True)

    def _graph(self, outputs: Mapping[str, Port]) -> Any:
        taken = {port.node: name for name, (port, _) in self._inputs.items()}
        steps: dict[str, Step] = {}
        for port in outputs.values():
            steps |= self._flat.before(port, lambda step: step.name in taken or step.op == "ReadVariableOp")
        graph = tf.compat.v1.GraphDef()
        graph.versions.producer = PRODUCER
        for name, (_, spec) in self._inputs.items():
            node = graph.node.add(name=name, op="Placeholder")
            node.attr["dtype"].type = tf.as_dtype(spec.dtype).as_datatype_enum
            node.attr["shape"].shape.CopyFrom(tf.TensorShape(spec.shape).as_proto())
        called: set[str] = set()
        for step in steps.values():
            if step.name not in taken:
                graph.node.append(self._node(step, taken))
                called |= {step.op, *step.node.functions()}
        for function in self._flat.library(called).values():
            graph.library.function.add().ParseFromString(bytes(function.message.content))
        return graph

    def _node(self, step: Step, taken: Mapping[str, str]) -> Any:
        if step.op == "ReadVariableOp":
            return self._value(step)
        node = node_def_pb2.NodeDef(name=step.name, op=step.op)
        for port in step.inputs:
            if port.node in taken:
                node.input.append(taken[port.node])
            else:
                node.input.append(f"{port.node}:{self._place(port)}")
        for name, value in step.node.attributes.items():
            if not name.startswith("_") or name in KEPT:
                node.attr[name].ParseFromString(bytes(value))
        return node

    def _value(self, step: Step) -> Any:
        """Give a constant in the place of a variable."""
        variable, _ = self._flat.made_by(step.inputs[0])
        key = self._keys.get(variable.name)
        if key is None or not self._checkpoint.has_tensor(key):
            raise RecipeError(
                f"model.path: the variable '{plain(variable.name, 80)}' is not among the stored ones."
            )
        node = node_def_pb2.NodeDef(name=step.name, op="Const")
        values = self._checkpoint.get_tensor(key)
        node.attr["dtype"].type = tf.as_dtype(values.dtype).as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))
        return node

    def _place(self, port: Port) -> int:
        """Give the place of a tensor among all that its node makes."""
        step = self._flat.steps[port.node]
        if not port.argument or step.op == "ReadVariableOp":
            return port.place
        definition = op_def_registry.get(step.op)
        if definition is None:
            raise PassError(f"TensorFlow knows no operator '{plain(step.op, 60)}'.")
        before = 0
        for argument in definition.output_arg:
            if argument.name == port.argument:
                return before + port.place
            before += _count(argument, step)
        raise PassError(f"the operator '{plain(step.op, 60)}' makes no '{plain(port.argument, 60)}'.")


KEPT = ("_output_shapes",)
"""Attributes of TensorFlow's own that say something of a node."""

PRODUCER = 1882
"""Version of TensorFlow's graphs that nodes are read as."""


def _count(argument: op_def_pb2.OpDef.ArgDef, step: Step) -> int:
    """Count the tensors that an output of an operator is."""
    if not argument.number_attr and not argument.type_list_attr:
        return 1
    value = tf.compat.v1.AttrValue()
    value.ParseFromString(bytes(step.node.attributes[argument.number_attr or argument.type_list_attr]))
    return int(value.i) if argument.number_attr else len(value.list.type)
