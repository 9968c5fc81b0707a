"""Alter Keras models, and let TensorFlow's converter quantize them: `surgery.py JOB BASE OUT [NUMBER] [SAMPLES]`.

A process of its own, since it imports TensorFlow. Nothing of tflbuild is used, so that no fault is planted by the code
that is to find it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras


def channel(model: Any, factor: float) -> Any:
    """Multiply one channel of an activation behind a ReLU, and divide the next layer's weights by as much.

    The float model computes the same. The channel that carries most is taken, of the layer in the middle.
    """
    norms = [
        (layer, _next_weights(layer))
        for layer in model.layers
        if isinstance(layer, tf_keras.layers.BatchNormalization)
    ]
    pairs = [(norm, after) for norm, after in norms if after is not None]
    norm, after = pairs[len(pairs) // 2]
    gamma, beta, *rest = norm.get_weights()
    kernel, *bias = after.get_weights()
    taken = int(np.argmax(np.abs(gamma)))
    gamma[taken] *= factor
    beta[taken] *= factor
    kernel[:, :, taken] /= factor
    norm.set_weights([gamma, beta, *rest])
    after.set_weights([kernel, *bias])
    return model


def _next_weights(norm: Any) -> Any:
    """Give the convolution behind a batch norm and a ReLU without a bound; None where there is none."""
    node = norm.outbound_nodes[0].layer if len(norm.outbound_nodes) == 1 else None
    config = node.get_config() if node is not None else {}
    rectifies = config.get("activation") == "relu" or (
        isinstance(node, tf_keras.layers.ReLU) and config.get("max_value") is None
    )
    if not rectifies or len(node.outbound_nodes) != 1:
        return None
    after = node.outbound_nodes[0].layer
    kinds = (tf_keras.layers.Conv2D, tf_keras.layers.DepthwiseConv2D)
    return after if isinstance(after, kinds) else None


def stale_norms(model: Any, steps: float) -> Any:
    """Leave batch norm with the statistics that a momentum of 0.999 gives after so many steps from 0 and 1."""
    kept = 0.999**steps
    for layer in model.layers:
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            *scales, mean, variance = layer.get_weights()
            layer.set_weights([*scales, mean * (1 - kept), variance * (1 - kept) + kept])
    return model


def training_norms(model: Any, _: float) -> Any:
    """Call every batch norm in training mode for good."""
    config = model.get_config()
    for layer in config["layers"]:
        if layer["class_name"] == "BatchNormalization":
            for _, _, _, words in layer["inbound_nodes"][0]:
                words["training"] = True
    made = type(model).from_config(config)
    made.set_weights(model.get_weights())
    return made


def twice_softmax(model: Any, _: float) -> Any:
    """Put a second softmax behind the first."""
    return tf_keras.Model(model.inputs, tf_keras.layers.Softmax()(model.outputs[0]))


def nan_weight(model: Any, count: float) -> Any:
    """Make so many weights of the layer in the middle NaN."""
    layers = [layer for layer in model.layers if isinstance(layer, tf_keras.layers.Conv2D)]
    weights = layers[len(layers) // 2].get_weights()
    weights[0].ravel()[: int(count)] = np.nan
    layers[len(layers) // 2].set_weights(weights)
    return model


def pruned_head(model: Any, share: float) -> Any:
    """Make the smallest weights of the last layer with a kernel zero."""
    layer = [each for each in model.layers if each.get_weights() and hasattr(each, "kernel")][-1]
    kernel, *rest = layer.get_weights()
    kernel[np.abs(kernel) < np.quantile(np.abs(kernel), share)] = 0
    layer.set_weights([kernel, *rest])
    return model


ALTERATIONS: dict[str, Callable[[Any, float], Any]] = {
    "channel": channel,
    "stale_norms": stale_norms,
    "training_norms": training_norms,
    "twice_softmax": twice_softmax,
    "nan_weight": nan_weight,
    "pruned_head": pruned_head,
}


def converted(model: Any, samples: Any, *, per_tensor: bool = False) -> bytes:
    """Quantize by TensorFlow's converter, calibrated on samples of model values; float where there are none."""
    batch = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32)
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(batch)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    if samples is not None:

        def source() -> Iterator[list[Any]]:
            for sample in samples:
                yield [sample[None].astype(np.float32)]

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = source
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        converter._experimental_disable_per_channel = per_tensor
    return bytes(converter.convert())


def main(job: str, base: str, out: str, number: str = "0", samples: str = "") -> None:
    """Do one job, and write what it gives; `plain` alters nothing, and forgets what a file says of its use."""
    model = tf_keras.models.load_model(base, compile=False)
    if job in ALTERATIONS:
        model = ALTERATIONS[job](model, float(number))
    if out.endswith(".tflite"):
        given = np.load(samples)["x"] if samples else None
        content = converted(model, given, per_tensor=job == "per_tensor")
        with open(out, "wb") as file:
            file.write(content)
    else:
        model.save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
