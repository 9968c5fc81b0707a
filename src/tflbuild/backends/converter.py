"""TensorFlow's converter: from a tf_keras model to a `.tflite`, by the lean concrete-function path.

`from_keras_model` spends nine tenths of its time in tracing a SavedModel; a concrete function of a bare module that
holds the variables gives the same graph in a second, with a static batch and named inputs and outputs.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tflbuild.backends import keras
from tflbuild.core.errors import PassError
from tflbuild.core.task import Task
from tflbuild.tflite.suppression import OUTPUTS, SuppressionOptions, Tail, attributes_of

Scheme = Literal["int8", "int16x8", "float16", "dynamic"]
Samples = Callable[[], Iterable[Mapping[str, npt.NDArray[np.float32]]]]
"""Function that gives calibration samples, each the model values of every input by name, without a batch axis."""


class _Variables(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """Hold a model's variables and nothing else, so that nothing else is traced."""

    def __init__(self, variables: Iterable[Any]) -> None:
        super().__init__()
        self.kept = list(variables)


def to_float(model: Any, task: Task, tail: Tail | None, *, sparse: bool = False) -> bytes:
    """Convert a model; a fake-quantized one stays float at its borders here, see `from_fake_quantized`.

    Args:
        model: a `tf_keras.Model`.
        task: what its outputs are of.
        tail: what is appended to its graph; None for nothing.
        sparse: whether kernels that pruning made sparse are stored without their zeros.
    """
    converter = _converter(model, task, tail)
    if sparse:
        converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    return _convert(converter)


def from_fake_quantized(
    model: Any, task: Task, tail: Tail | None, input_dtype: str, output_dtype: str, *, custom: bool = False
) -> bytes:
    """Convert a fake-quantized model to integers, with the ranges it was trained with.

    Args:
        model: a `tf_keras.Model`.
        task: what its outputs are of.
        tail: what is appended to its graph; None for nothing.
        input_dtype: of raw bytes, or "float32".
        output_dtype: of a classifier's scores.
        custom: whether the model's own graph has custom operators.
    """
    converter = _converter(model, task, tail)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.as_dtype(input_dtype)
    converter.inference_output_type = tf.as_dtype(output_dtype)
    converter.allow_custom_ops |= custom
    return _convert(converter)


def post_training(
    model: Any,
    task: Task,
    tail: Tail | None,
    scheme: Scheme,
    samples: Samples,
    input_dtype: str,
    output_dtype: str,
    *,
    per_channel: bool = True,
) -> bytes:
    """Convert and quantize with the converter's own post-training quantization.

    Args:
        model: a `tf_keras.Model`.
        task: what its outputs are of.
        tail: what is appended to its graph; None for nothing.
        scheme: of every operator.
        samples: gives the calibration images.
        input_dtype: of an integer model's input.
        output_dtype: of an integer model's output.
        per_channel: whether each output channel of weights has a scale of its own; the converter has no public option.
    """
    ops = tf.lite.OpsSet
    converter = _converter(model, task, tail)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter._experimental_disable_per_channel = not per_channel
    if scheme == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if scheme in ("int8", "int16x8"):
        converter.representative_dataset = lambda: (
            {name: value[None] for name, value in sample.items()} for sample in samples()
        )
        converter.inference_input_type = tf.as_dtype(input_dtype)
        converter.inference_output_type = tf.as_dtype(output_dtype)
        integers = ops.TFLITE_BUILTINS_INT8
        if scheme == "int16x8":
            integers = ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [integers, ops.TFLITE_BUILTINS]
    return _convert(converter)


def of_function(
    serve: Callable[..., Mapping[str, Any]],
    shapes: Mapping[str, tuple[int, ...]],
    held: Iterable[Any],
    *,
    custom: bool = False,
) -> bytes:
    """Convert a function of TensorFlow in floats.

    Args:
        serve: takes and gives named tensors.
        shapes: of the inputs, their batch first.
        held: what keeps the variables alive.
        custom: whether it has custom operators, such as a detector's suppression.
    """
    specs = {name: tf.TensorSpec(shape, tf.float32) for name, shape in shapes.items()}
    function = tf.function(serve, autograph=False).get_concrete_function(**specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], _Variables(held))
    converter.allow_custom_ops = custom
    return _convert(converter)


def _converter(model: Any, task: Task, tail: Tail | None) -> Any:
    serve = _serve_outputs(model, task) if tail is None else _serve_boxes(model, task, tail)
    shapes = keras.inputs_of(model)
    specs = {name: tf.TensorSpec([1, *shape], tf.float32) for name, shape in shapes.items()}
    function = tf.function(serve, autograph=False).get_concrete_function(**specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], _Variables(model.variables))
    converter.allow_custom_ops = tail is not None
    return converter


def _convert(converter: Any) -> bytes:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return bytes(converter.convert())
    except Exception as error:
        text = " ".join(str(error).split())
        raise PassError(f"the TensorFlow Lite converter refused the model: {text[:400]}") from error


def _serve_outputs(model: Any, task: Task) -> Callable[..., dict[str, Any]]:
    def serve(**inputs: Any) -> dict[str, Any]:
        return keras.outputs(model, inputs, task)

    return serve


def _serve_boxes(model: Any, task: Task, tail: Tail) -> Callable[..., dict[str, Any]]:
    return suppressed(lambda **inputs: keras.outputs(model, inputs, task), tail)


def suppressed(serve: Callable[..., Mapping[str, Any]], tail: Tail) -> Callable[..., dict[str, Any]]:
    """Give a function that ends in the device's own suppression.

    Args:
        serve: gives `box_encodings` (1, anchors, 4) and `class_scores` (1, anchors, classes).
        tail: what is appended.
    """
    suppress = _postprocess(tail.suppression)
    anchors = tf.constant(tail.anchors)

    def whole(**inputs: Any) -> dict[str, Any]:
        found = serve(**inputs)
        results = suppress(found["box_encodings"], found["class_scores"], anchors)
        return dict(zip(OUTPUTS, results, strict=True))

    return whole


def _postprocess(options: SuppressionOptions) -> Any:
    """Stand for the custom operator `TFLite_Detection_PostProcess`, which the converter puts in its place."""
    values = attributes_of(options)
    attributes = " ".join(
        f'attr {{ key: "{key}" value {{ {_attribute(value)} }} }}' for key, value in values.items()
    )

    @tf.function(experimental_implements=f'name: "TFLite_Detection_PostProcess" {attributes}')  # type: ignore[untyped-decorator]
    def postprocess(box_encodings: Any, class_predictions: Any, anchors: Any) -> Any:
        nothing = tf.constant(0.0)
        return nothing, nothing, nothing, nothing

    return postprocess


def _attribute(value: bool | int | float) -> str:
    if isinstance(value, bool):
        return f"b: {str(value).lower()}"
    return f"i: {value}" if isinstance(value, int) else f"f: {value!r}"
