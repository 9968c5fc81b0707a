from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tflbuild.modalities.audio.modality import Audio
from tflbuild.models.ds_cnn import DSCNN

INT8_BYTES = 38_600
"""Memory of DS-CNN S in bytes: weights and activations in 8 bits (Zhang et al. 2017, table 4: 38.6 KB)."""


def test_it_takes_what_the_front_end_gives() -> None:
    made = DSCNN(alpha=0.5).fitted(Audio(front_end="log_mel", stride=10))
    assert (made.frames, made.features, made.alpha) == (98, 40, 0.5)
    assert DSCNN(frames=49, features=10).fitted(Audio()).frames == 49


@pytest.mark.parametrize(
    ("model", "kind", "message"),
    [
        (DSCNN(frames=50), Audio(), "frames: 50, but the data's front end gives 49; use null"),
        (DSCNN(features=40), Audio(), "features: 40, but the data's front end gives 10"),
        (DSCNN(), Audio(front_end="waveform"), "takes frames of features, which a waveform does not have"),
        (DSCNN(), Audio(coefficients=3), "features: the data's front end gives 3, and ds_cnn needs 4"),
        (DSCNN(), Audio(duration=0.07), "frames: the data's front end gives 3"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(model: DSCNN, kind: Audio, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        model.fitted(kind)


def test_dropout_leaves_something() -> None:
    with pytest.raises(ValueError, match=r"dropout: 0\.5 is not below"):
        DSCNN(dropout=0.5).check()


def folded(model: Any) -> int:
    """Count parameters as an 8-bit file has them: each batch norm is the bias of the layer before it."""
    convolved = [layer for layer in model.layers if "Conv2D" in type(layer).__name__]
    dense = [layer for layer in model.layers if type(layer).__name__ == "Dense"]
    biases = sum(layer.output_shape[-1] for layer in convolved)
    return sum(layer.count_params() for layer in [*convolved, *dense]) + biases


@pytest.mark.slow
def test_parameters_are_the_published_ones() -> None:
    model = DSCNN(frames=49, features=10).build(12)
    assert model.input_names == ["sound"]
    assert model.output_shape == (None, 12)
    assert folded(model) == 22_604  # 2624 + 4 x (640 + 4160) + 780
    activations = 2 * 25 * 5 * 64  # what goes into the largest layer, and what comes out
    assert folded(model) + activations == pytest.approx(INT8_BYTES, rel=1e-3)


@pytest.mark.slow
def test_parameters_are_those_of_the_reference_of_mlperf_tiny(shared_models: Path) -> None:
    from tflbuild.tflite.graph import Graph

    file = shared_models / "mlperf_tiny" / "kws_ref_model_float32.tflite"
    graph = Graph.unpacked(file.read_bytes())
    held = [graph.constant(index) for index in range(len(graph.tensors))]
    theirs = [one for one in held if one is not None and one.dtype.name in ("float32", "int8")]
    assert sum(one.size for one in theirs) == folded(DSCNN(frames=49, features=10).build(12)) == 22_604
