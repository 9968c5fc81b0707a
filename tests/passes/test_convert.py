"""`convert`: kernels without their zeros."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from running import Running
from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.data.signs import Signs
from tflbuild.passes.convert import Convert
from tflbuild.passes.quantize import Quantize
from tflbuild.testing import run_pass

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]

KERNELS = ("conv_0", "pointwise", "last", "box_0", "class_0")


@pytest.fixture
def sparse_detector(small_detector: KerasModel, tmp_path: Path) -> KerasModel:
    """Give the small detector with three of four weights at zero."""
    from tflbuild.backends import keras

    built = keras.load(small_detector.path)
    for name in KERNELS:
        kernel = built.get_layer(name).kernel
        kernel.assign(np.where(np.arange(kernel.numpy().size).reshape(kernel.shape) % 4, 0, kernel))
    keras.save(built, tmp_path / "sparse.h5", dict(small_detector.meta["facts"]))
    return replace(small_detector, path=tmp_path / "sparse.h5")


def outputs(model: TFLiteModel) -> Any:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    return Running(model.path).run(pixels)


def test_kernels_without_their_zeros_compute_the_same(sparse_detector: KerasModel, tmp_path: Path) -> None:
    from tflbuild.tflite import constants, flatbuffer

    notes: dict[str, Any] = {}
    dense = run_pass(Convert(), sparse_detector, tmp_path)
    sparse = run_pass(Convert(sparse_encoding=True), sparse_detector, tmp_path, notes=notes)
    assert len(constants.sparse_names(flatbuffer.load(sparse.path))) == len(KERNELS)
    assert constants.sparse_names(flatbuffer.load(dense.path)) == []
    saved = dense.path.stat().st_size - sparse.path.stat().st_size
    assert saved > 0
    assert notes["sparse_encoding"]["kernels"] == len(KERNELS)
    assert notes["sparse_encoding"]["dense_bytes"] - notes["sparse_encoding"]["bytes"] == pytest.approx(
        saved, abs=64
    )
    assert sparse.meta["census"]["sparsity"] == dense.meta["census"]["sparsity"] > 0.6
    found = outputs(dense)
    assert len(found["detection_scores"])
    for one, other in zip(found.values(), outputs(sparse).values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_dense_model_has_nothing_to_leave_out(small_detector: KerasModel, tmp_path: Path) -> None:
    with pytest.raises(BrokenPromise, match="no kernel with enough zeros; put 'prune' before it"):
        run_pass(Convert(sparse_encoding=True), small_detector, tmp_path)


def test_integers_are_not_stored_so(sparse_detector: KerasModel, few_signs: Signs, tmp_path: Path) -> None:
    fake = replace(sparse_detector, meta={**sparse_detector.meta, "quantized": "qat"})
    with pytest.raises(PassError, match=r"^convert.sparse_encoding: the model is fake-quantized"):
        run_pass(Convert(sparse_encoding=True), fake, tmp_path)
    sparse = run_pass(Convert(sparse_encoding=True), sparse_detector, tmp_path)
    for scheme in ("int8", "float16"):
        with pytest.raises(PassError, match=r"set convert\.sparse_encoding=false"):
            run_pass(Quantize(scheme=scheme), sparse, tmp_path, data=few_signs)
