"""Make models in Keras 3, one for each thing it can be asked for: `python keras3_zoo.py FOLDER`, in its own process.

For each `NAME.keras` there is a `NAME.npz` with input `x` and what Keras 3 computes of it, `y`. Keras 3 and tf_keras do
not share a process, so nothing of this is imported by a test.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

PICTURE, RGB, ROWS, NUMBERS = (9, 8, 4), (9, 8, 3), (7, 4), (6,)

ACTIVATIONS = (
    *("linear", "relu", "relu6", "sigmoid", "softmax", "tanh", "elu", "selu", "softplus", "softsign"),
    *(
        "exponential",
        "gelu",
        "mish",
        "silu",
        "swish",
        "leaky_relu",
        "hard_sigmoid",
        "hard_silu",
        "hard_swish",
    ),
    *("hard_tanh", "log_softmax", "log_sigmoid"),
)

CASES: list[tuple[Any, tuple[int, ...]]] = [
    (layers.ActivityRegularization(l2=0.1), PICTURE),
    (layers.AlphaDropout(0.3), PICTURE),
    (layers.AveragePooling1D(2, padding="same"), ROWS),
    (layers.AveragePooling2D(3, strides=2, padding="same"), PICTURE),
    (layers.BatchNormalization(), PICTURE),
    (layers.BatchNormalization(scale=False, epsilon=0.1), PICTURE),
    (layers.BatchNormalization(center=False, axis=1), PICTURE),
    (layers.CenterCrop(4, 5), PICTURE),
    (layers.CenterCrop(12, 5), PICTURE),
    (layers.Conv1D(3, 3, padding="causal", dilation_rate=2), ROWS),
    (layers.Conv1D(4, 2, groups=2, strides=2), ROWS),
    (layers.Conv1DTranspose(3, 3, strides=2, padding="same"), ROWS),
    (layers.Conv1DTranspose(3, 3, strides=2, output_padding=1), ROWS),
    (layers.Conv2D(3, 3, strides=2, padding="same"), PICTURE),
    (layers.Conv2D(4, 2, groups=2, use_bias=False, dilation_rate=2), PICTURE),
    (layers.Conv2DTranspose(3, 4, strides=(2, 3), padding="same"), PICTURE),
    (layers.Conv2DTranspose(3, 3, strides=2, output_padding=1), PICTURE),
    (layers.Cropping1D((1, 2)), ROWS),
    (layers.Cropping2D(((1, 2), (0, 3))), PICTURE),
    (layers.Dense(5), PICTURE),
    (layers.Dense(5, use_bias=False, activation="hard_sigmoid"), NUMBERS),
    (layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same"), ROWS),
    (layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2, padding="same"), PICTURE),
    (layers.DepthwiseConv2D(3, dilation_rate=2, activation="hard_silu"), PICTURE),
    (layers.Dropout(0.3), PICTURE),
    (layers.ELU(0.3), PICTURE),
    (layers.EinsumDense("abcd,de->abce", output_shape=(9, 8, 3), bias_axes="e"), PICTURE),
    (layers.Flatten(), PICTURE),
    (layers.GRU(3), ROWS),
    (layers.GRU(3, reset_after=False, return_sequences=True, go_backwards=True), ROWS),
    (layers.GaussianDropout(0.3), PICTURE),
    (layers.GaussianNoise(0.3), PICTURE),
    (layers.GlobalAveragePooling1D(), ROWS),
    (layers.GlobalAveragePooling2D(keepdims=True), PICTURE),
    (layers.GlobalMaxPooling1D(), ROWS),
    (layers.GlobalMaxPooling2D(), PICTURE),
    (layers.GroupNormalization(2), PICTURE),
    (layers.GroupNormalization(-1, scale=False), PICTURE),
    (layers.Identity(), PICTURE),
    (layers.LSTM(3), ROWS),
    (layers.LSTM(3, return_sequences=True, activation="relu"), ROWS),
    (layers.LayerNormalization(), PICTURE),
    (layers.LayerNormalization(axis=[1, 2, 3], epsilon=0.1, center=False), PICTURE),
    (layers.LeakyReLU(), PICTURE),
    (layers.LeakyReLU(0.1), PICTURE),
    (layers.MaxPooling1D(2), ROWS),
    (layers.MaxPooling2D(3, strides=2, padding="same"), PICTURE),
    (layers.Normalization(), PICTURE),
    (layers.Normalization(mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 3.0, 4.0]), PICTURE),
    (layers.Normalization(mean=0.5, variance=2.0, invert=True), PICTURE),
    (layers.Normalization(axis=None), PICTURE),
    (layers.PReLU(), PICTURE),
    (layers.PReLU(shared_axes=[1, 2]), PICTURE),
    (layers.Permute((2, 1, 3)), PICTURE),
    (layers.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2), PICTURE),
    (layers.RepeatVector(3), NUMBERS),
    (layers.Rescaling(0.1, offset=2), PICTURE),
    (layers.Rescaling([0.1, 0.2, 0.3, 0.4], offset=[1.0, 2.0, 3.0, 4.0]), PICTURE),
    (layers.Reshape((3, -1)), PICTURE),
    *(
        (layers.Resizing(5, 12, interpolation=kind), PICTURE)
        for kind in ("bilinear", "nearest", "bicubic", "lanczos3")
    ),
    (layers.Resizing(5, 5, crop_to_aspect_ratio=True), PICTURE),
    (layers.SeparableConv1D(3, 3, padding="same"), ROWS),
    (layers.SeparableConv2D(3, 3, strides=2, depth_multiplier=2), PICTURE),
    (layers.SimpleRNN(3), ROWS),
    (layers.Softmax(axis=1), PICTURE),
    (layers.SpatialDropout1D(0.3), ROWS),
    (layers.SpatialDropout2D(0.3), PICTURE),
    (layers.UnitNormalization(), PICTURE),
    (layers.UpSampling1D(3), ROWS),
    *((layers.UpSampling2D(2, interpolation=kind), PICTURE) for kind in ("nearest", "bilinear", "bicubic")),
    (layers.ZeroPadding1D((1, 2)), ROWS),
    (layers.ZeroPadding2D(((1, 2), (0, 3))), PICTURE),
    *((layers.Activation(word), PICTURE) for word in ACTIVATIONS),
    *((layers.Conv2D(3, 2, activation=word), PICTURE) for word in ACTIVATIONS),
    (layers.RandomBrightness(0.2), RGB),
    (layers.RandomColorJitter(brightness_factor=0.2), RGB),
    (layers.RandomContrast(0.2), RGB),
    (layers.RandomFlip(), RGB),
    (layers.RandomPosterization(4), RGB),
    (layers.RandomRotation(0.2), RGB),
    (layers.RandomShear(0.3), RGB),
    (layers.RandomTranslation(0.2, 0.2), RGB),
    (layers.RandomZoom(0.2), RGB),
    *(
        (getattr(layers, f"Random{name}")(0.3), RGB)
        for name in ("ColorDegeneration", "Hue", "Saturation", "Sharpness")
    ),
    *(
        (getattr(layers, f"Random{name}")(), RGB)
        for name in ("ElasticTransform", "Erasing", "GaussianBlur", "Grayscale", "Invert", "Perspective")
    ),
    *((getattr(layers, name)(), RGB) for name in ("AugMix", "CutMix", "MixUp", "RandAugment")),
]
"""Layers alone, each with the shape of what it is given."""

CAFFE = np.array([1.0, 2.0, 3.0, 4.0], np.float32)

GRAPHS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    **{
        name: (lambda x, name=name: getattr(layers, name)()([layers.Conv2D(4, 1)(x), x]), PICTURE)  # type: ignore[misc]
        for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
    },
    "Concatenate": (lambda x: layers.Concatenate(axis=2)([layers.Conv2D(4, 1)(x), x]), PICTURE),
    "Dot": (lambda x: layers.Dot(axes=2, normalize=True)([layers.Dense(4)(x), x]), ROWS),
    "Embedding": (lambda x: layers.Embedding(9, 3)(ops.abs(x)), NUMBERS),
    "numbers": (lambda x: (2.0 - x) * 3.0 + x / 4.0 - 1.0 / (ops.abs(x) + 1.0), PICTURE),
    "power": (lambda x: ops.abs(x) ** 1.5, PICTURE),
    "channels": (lambda x: x[..., ::-1] - CAFFE, PICTURE),
    "parts": (lambda x: x[:, 1:7:2, -3, :2], PICTURE),
    "tensors": (lambda x: ops.minimum(ops.maximum(x, ops.tanh(x)), 0.5) - x * ops.sigmoid(x), PICTURE),
    "divided": (lambda x: (x + ops.relu(x)) / (ops.square(x) + 1.0), PICTURE),
    "broadcast": (
        lambda x: x * ops.mean(x, axis=(1, 2), keepdims=True) + ops.mean(x, axis=-1, keepdims=True),
        PICTURE,
    ),
    "reduced": (lambda x: ops.sum(x, axis=[-1]) - ops.min(x, axis=3), PICTURE),
    "pooled": (lambda x: ops.mean(x, axis=(1, 2)) - ops.max(x, axis=(1, 2)), PICTURE),
    "moved": (lambda x: ops.transpose(ops.reshape(x, (-1, 72, 4)), (0, 2, 1)), PICTURE),
    "joined": (lambda x: ops.concatenate([x, -x], axis=-1), PICTURE),
    "expanded": (lambda x: ops.squeeze(ops.expand_dims(ops.cast(x, "float32"), axis=1), axis=1), PICTURE),
    "padded": (lambda x: ops.pad(ops.clip(x, -1, 0.5), ((0, 0), (1, 0), (2, 3), (0, 0))), PICTURE),
    "resized": (lambda x: ops.image.resize(x, (5, 12)), PICTURE),
    "exponents": (lambda x: ops.exp(x) + ops.log(ops.abs(x) + 1.0), PICTURE),
    "roots": (lambda x: ops.sqrt(ops.absolute(x)) + ops.rsqrt(ops.abs(x) + 1.0), PICTURE),
    "softmax": (
        lambda x: ops.softmax(x) + ops.softmax(x, axis=1) - ops.softplus(x) + ops.selu(x) - ops.softsign(x),
        PICTURE,
    ),
    "slopes": (
        lambda x: ops.leaky_relu(x, negative_slope=0.1) - ops.elu(x, alpha=0.3) + ops.relu6(x),
        PICTURE,
    ),
    "gates": (lambda x: ops.gelu(x) - 2.0 * ops.gelu(x, approximate=False) + ops.silu(x), PICTURE),
    "hard": (
        lambda x: ops.hard_sigmoid(x) - ops.hard_silu(x) + ops.hard_tanh(x) * ops.log_sigmoid(x),
        PICTURE,
    ),
}
"""Graphs of several tensors, or of operations."""


def nested(x: Any) -> Any:
    """Call one nested model twice, with a shared layer and a model in it."""
    deep = keras.Sequential(
        [keras.Input((9, 8, 4)), layers.Conv2D(4, 1, activation="hard_silu")], name="deep"
    )
    given = keras.Input((9, 8, 4))
    conv = layers.Conv2D(4, 3, padding="same", activation="relu6")
    inner = keras.Model(given, conv(conv(given)) + deep(given), name="inner")
    return layers.BatchNormalization()(inner(inner(x)))


def filled(model: Any) -> Any:
    """Give a model weights that all differ, and variances above zero."""
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if not weight.path.endswith(("count", "seed_generator_state")):
            low = 0.5 if "variance" in weight.path else -0.5
            weight.assign(generator.uniform(low, low + 1, weight.shape))
    return model


def write(folder: Path, name: str, make: Callable[[Any], Any], shape: tuple[int, ...]) -> None:
    """Write a model and what it computes; what was adapted computes anew only when it is loaded."""
    given = keras.Input(shape)
    path = folder / f"{name}.keras"
    model = filled(keras.Model(given, make(given)))
    model.save(path)
    if name.endswith("Normalization"):
        model = keras.saving.load_model(path)
    x = np.random.default_rng(1).uniform(-3, 3, (4, *shape)).astype(np.float32)
    np.savez(folder / f"{name}.npz", x=x, y=np.asarray(model(x, training=False)))


def main() -> None:
    """Write all of them."""
    folder = Path(sys.argv[1])
    for number, (layer, shape) in enumerate(CASES):
        write(folder, f"{number}_{type(layer).__name__}", layer, shape)
    for name, (make, shape) in GRAPHS.items():
        write(folder, f"graph_{name}", make, shape)
    write(folder, "graph_nested", nested, PICTURE)
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    given = keras.Input(RGB, name="image")
    half = layers.Dense(3, dtype="float32")(
        layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 255)(given)))
    )
    for ending in ("keras", "h5"):
        filled(keras.Model(given, half)).save(folder / f"half.{ending}")


if __name__ == "__main__":
    main()
