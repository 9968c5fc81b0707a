"""Gates in a model that is fake-quantized: which layers need a range, and the operators of the file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def gated() -> Any:
    """Give a network of one hard swish and one squeeze-and-excite."""
    from tflbuild.backends import keras
    from tflbuild.backends.keras import Model, layers
    from tflbuild.models import blocks

    keras.seed(0)
    image = layers.Input((8, 8, 3), name="image")
    tensor = blocks.convolution(image, "conv", 8, 3, 2, "hard_swish", 0.9)
    tensor = blocks.squeeze_excite(tensor, "squeeze", 8)
    pooled = layers.GlobalAveragePooling2D(name="pool")(tensor)
    return Model(image, layers.Dense(2, name="logits")(pooled))


def test_a_swish_has_one_range_and_another_gate_has_three() -> None:
    from tflbuild.training.gates import gates

    assert gates(gated()) == {
        "conv_shift": False,
        "conv_clip": False,
        "conv_sixth": False,
        "conv_hard_swish": True,
        "squeeze_shift": False,
        "squeeze_clip": True,
        "squeeze_sixth": True,
        "squeeze_weigh": True,
    }


@pytest.mark.parametrize(
    ("offset", "most", "scale", "slope"),
    [(2.5, 6, 1 / 6, 0), (3, 5, 1 / 6, 0), (3, 6, 0.2, 0), (3, 6, 1 / 6, 0.1)],
)
def test_other_products_are_no_gates(offset: float, most: float, scale: float, slope: float) -> None:
    from tflbuild.backends.keras import Model, layers
    from tflbuild.training.gates import gates

    image = layers.Input((8, 8, 3))
    clipped = layers.ReLU(most, negative_slope=slope)(layers.Rescaling(1.0, offset)(image))
    product = layers.Multiply()([layers.Rescaling(scale)(clipped), image])
    assert gates(Model(image, product)) == {}


def test_the_file_is_integer_with_one_operator_for_a_swish_and_computes_what_was_trained() -> None:
    from ai_edge_litert.interpreter import Interpreter

    from tflbuild.tasks.classification.task import Classification
    from tflbuild.training import fake_quantization, float_islands

    limits = (-1.0, 127 / 128)
    fake = fake_quantization.FakeQuantization(gated(), limits)
    images = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3))
    values = (images / 128 - 1).astype(np.float32)
    for _ in range(4):
        fake.model(values, training=True)
    fake.finish()
    fake_quantization.check_ranges(fake.model, limits)
    graph = float_islands.convert(fake.model, Classification(), None, "uint8", "float32", (1 / 128, 128))
    kinds = [graph.kind(operator) for operator in graph.operators]
    assert kinds.count("HARD_SWISH") == 1
    assert (kinds.count("ADD"), kinds.count("MUL"), kinds.count("DEQUANTIZE")) == (1, 2, 1)
    interpreter = Interpreter(model_content=graph.packed())
    interpreter.allocate_tensors()
    logits = fake.model(values).numpy()
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for image, scores in zip(images, right, strict=True):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None].astype(np.uint8))
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
        np.testing.assert_allclose(found, scores, atol=0.02)
