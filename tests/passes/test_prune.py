"""What `prune` promises of the zeros in its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.artifact import KerasModel
from tflbuild.core.compiler_pass import DataFacts
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.data.signs import Signs
from tflbuild.passes.prune import Prune
from tflbuild.testing import run_pass

KERNELS = {"conv_0/kernel", "pointwise/kernel", "last/kernel", "box_0/kernel", "class_0/kernel"}
"""Of the small detector; its depthwise kernel is none that tfmot prunes."""

pytestmark = [
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
    pytest.mark.filterwarnings("ignore:distutils Version classes are deprecated:DeprecationWarning"),
]


def kernels(model: KerasModel) -> dict[str, np.ndarray[Any, Any]]:
    from tflbuild.backends import keras

    built = keras.load(model.path)
    return {name: built.get_layer(name.split("/")[0]).kernel.numpy() for name in KERNELS}


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"schedule": "constant"}, {"steps": 1}, {"frequency": 3}, {"ramp": 1.0}]
)
def test_each_kernel_ends_with_the_declared_zeros(
    options: dict[str, Any], small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    options = {"steps": 7, "batch_size": 4, "sparsity": 0.75, **options}
    result = run_pass(Prune(**options), small_detector, tmp_path, data=few_signs)
    assert result.meta["sparsity"]["layers"] == dict.fromkeys(KERNELS, 0.75)
    assert {name: np.mean(values == 0) for name, values in kernels(result).items()} == dict.fromkeys(
        KERNELS, 0.75
    )
    assert result.meta["sparsity"]["overall"] == 0.75


@pytest.mark.slow
def test_two_of_four_leaves_two_zeros_in_each_four_input_channels(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    options = Prune(steps=3, batch_size=4, schedule="2:4")
    result = run_pass(options, small_detector, tmp_path, data=few_signs)
    pointwise = kernels(result)["pointwise/kernel"]  # (1, 1, 8 input channels, 16 output channels)
    fours = pointwise[0, 0].T.reshape(-1, 4)
    assert (np.count_nonzero(fours, axis=1) == 2).all()


@pytest.mark.slow
def test_excluded_layers_stay_dense(small_detector: KerasModel, few_signs: Signs, tmp_path: Path) -> None:
    options = Prune(steps=2, batch_size=4, exclude=("conv_0", "class_*"))
    result = run_pass(options, small_detector, tmp_path, data=few_signs)
    zeros = {name: np.mean(values == 0) for name, values in kernels(result).items()}
    assert zeros == {name: 0.0 if name.startswith(("conv_0", "class_")) else 0.5 for name in KERNELS}
    assert result.meta["sparsity"]["overall"] < 0.5


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    runs = [
        run_pass(Prune(steps=3, batch_size=4), small_detector, tmp_path, data=few_signs) for _ in range(2)
    ]
    assert runs[0].fingerprint == runs[1].fingerprint


@pytest.mark.slow
def test_a_dense_file_breaks_the_promise(small_detector: KerasModel) -> None:
    with pytest.raises(BrokenPromise, match=r"zeros of .*sparsity=0.5 promises"):
        Prune().verify(small_detector, small_detector)


@pytest.mark.slow
def test_a_fake_quantized_model_is_refused(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    fake = KerasModel(
        path=small_detector.path, digest="", fingerprint="", meta={**small_detector.meta, "quantized": "qat"}
    )
    with pytest.raises(PassError, match="prune it before 'qat'"):
        run_pass(Prune(steps=1), fake, tmp_path, data=few_signs)


@pytest.mark.slow
def test_leaving_out_every_layer_is_refused(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    with pytest.raises(PassError, match="'exclude' names every layer"):
        run_pass(Prune(steps=1, exclude=("*",)), small_detector, tmp_path, data=few_signs)


def test_a_sparsity_that_two_of_four_cannot_have_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^sparsity: 0.7 is not possible with schedule=2:4"):
        Prune(schedule="2:4", sparsity=0.7).check()


def test_the_length_follows_from_the_data() -> None:
    facts = DataFacts(task="detection", train=2400, classes=8, input_size=96)
    assert (Prune().resolve(facts).steps or 0) > 0
    assert Prune(epochs=2).resolve(facts).steps == 150  # 2 * 2400 / 32, by hand
