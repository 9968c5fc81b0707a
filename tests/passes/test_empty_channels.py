"""A channel without weights keeps its bias in int8, on every way there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from on_bytes import fit, observe, quantize, saturated
from samples import samples
from tflbuild.core.artifact import KerasModel
from tflbuild.data.signs import Signs
from tflbuild.passes.convert import Convert
from tflbuild.passes.qat import QuantizationAwareTraining
from tflbuild.testing import run_pass

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning"),
]

EMPTY = 3
"""Channels of the class head that lose their weights; their biases stay at -log(99)."""


@pytest.fixture
def emptied(small_detector: KerasModel, tmp_path: Path) -> KerasModel:
    """Give the small detector with channels that pruning left empty."""
    from tflbuild.backends import keras

    built = keras.load(small_detector.path)
    kernel = built.get_layer("class_0").kernel
    kernel.assign(kernel * np.repeat([0.0, 1.0], [EMPTY, kernel.shape[-1] - EMPTY]).astype(np.float32))
    path = tmp_path / "emptied.h5"
    keras.save(built, path, dict(small_detector.meta["facts"]))
    return replace(small_detector, path=path)


def class_biases(content: bytes) -> Any:
    """Give the biases of the class head's empty channels, dequantized."""
    from tflbuild.tflite import flatbuffer

    model = flatbuffer.unpack(content)
    graph = model.subgraphs[0]
    (bias,) = (t for t in graph.tensors if b"class_0" in t.name and len(t.shape) == 1 and t.shape[0] == 24)
    data = bytes(model.buffers[bias.buffer].data)
    dtype = np.int32 if len(data) == 4 * bias.shape[0] else np.int64
    return np.frombuffer(data, dtype)[:EMPTY] * np.asarray(bias.quantization.scale)[:EMPTY]


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
def test_a_post_training_quantization_is_mended(emptied: KerasModel, tmp_path: Path, scheme: Any) -> None:
    from tflbuild.quantization import sharing
    from tflbuild.quantization.ranges import ranges_of
    from tflbuild.tflite import flatbuffer
    from tflbuild.tflite.graph import Graph

    converted = run_pass(Convert(), emptied, tmp_path)
    images = samples(
        np.random.default_rng(k).uniform(-1, 1, (32, 32, 3)).astype(np.float32) for k in range(4)
    )
    content = converted.path.read_bytes()
    groups = sharing.shared(Graph(flatbuffer.unpack(content)))
    ranges = ranges_of(observe(content, images), "minmax", groups)
    made = quantize(converted.path, scheme, ranges, float_input=True, float_output=True)
    assert len(saturated(made)) == 1  # otherwise LiteRT Quantizer does it itself by now
    mended = fit(made, converted.path)
    assert saturated(mended) == []
    np.testing.assert_allclose(class_biases(mended), -np.log(99), rtol=1e-6)
    assert fit(mended, converted.path) == mended


def test_fake_quantization_gives_empty_channels_a_range(
    emptied: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:

    options = QuantizationAwareTraining(steps=1, batch_size=4, learning_rate=1e-6)
    content = run_pass(
        Convert(), run_pass(options, emptied, tmp_path, data=few_signs), tmp_path
    ).path.read_bytes()
    assert saturated(content) == []
    np.testing.assert_allclose(class_biases(content), -np.log(99), rtol=1e-3)
