"""What `cluster` promises of the values in its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kept_models import kept
from tflbuild.core.artifact import KerasModel
from tflbuild.core.compiler_pass import DataFacts
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.data.signs import Signs
from tflbuild.passes.cluster import Cluster
from tflbuild.testing import run_pass

KERNELS = {"conv_0", "pointwise", "last", "box_0", "class_0"}
"""Layers of the small detector with kernels that are clustered; its depthwise kernel is none."""

pytestmark = [
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]


def kernels(model: KerasModel) -> dict[str, np.ndarray[Any, Any]]:
    from tflbuild.backends import keras

    built = keras.load(model.path)
    return {name: built.get_layer(name).kernel.numpy() for name in KERNELS}


@pytest.mark.slow
def test_each_kernel_ends_with_few_values(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    result = run_pass(Cluster(steps=3, batch_size=4, clusters=8), small_detector, tmp_path, data=few_signs)
    found = {name: len(np.unique(values)) for name, values in kernels(result).items()}
    assert all(2 < count <= 8 for count in found.values())
    assert {f"{name}/kernel": count for name, count in found.items()} == {
        name: counts["kernel"] for name, counts in result.meta["clusters"]["layers"].items()
    }
    assert "sparsity" not in result.meta


@pytest.mark.slow
@pytest.mark.parametrize("per_channel", [False, True])
def test_zeros_of_a_pruned_model_stay_and_count_as_a_cluster(
    per_channel: bool, small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.backends import keras

    built = keras.load(small_detector.path)
    for layer in KERNELS:
        kernel = built.get_layer(layer).kernel
        values = kernel.numpy()
        kernel.assign(np.where(np.abs(values) < np.median(np.abs(values)), 0, values))
    pruned = kept(built, "detection", tmp_path / "pruned.h5", dict(Meaning.of(small_detector).head))
    options = Cluster(steps=3, batch_size=4, clusters=4, per_channel=per_channel, weight_decay=1e-3)
    before, after = kernels(pruned), kernels(run_pass(options, pruned, tmp_path, data=few_signs))
    for name, values in after.items():
        assert not np.any(values[before[name] == 0])
        rows = values.reshape(-1, values.shape[-1]).T if per_channel else values.reshape(1, -1)
        if (
            name != "pointwise" or not per_channel
        ):  # 4 weights of each channel are left: not two for a cluster
            assert all(len(np.unique(row)) <= 4 for row in rows)
    if per_channel:
        assert len(np.unique(after["last"])) > 4


@pytest.mark.slow
def test_layers_have_their_own_clusters_or_none(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    options = Cluster(
        steps=2, batch_size=4, clusters=16, layers={"last": 4, "*_0": 8}, exclude=("conv_0", "class_*")
    )
    result = run_pass(options, small_detector, tmp_path, data=few_signs)
    found = {name: len(np.unique(values)) for name, values in kernels(result).items()}
    assert found["last"] == 4
    assert found["box_0"] == 8
    assert found["pointwise"] == 16
    assert found["conv_0"] == 3 * 3 * 3 * 8  # excluded, although *_0 names it
    assert found["class_0"] > 100


@pytest.mark.slow
def test_a_pattern_that_fits_no_layer_is_refused_with_the_nearest(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    with pytest.raises(PassError, match=r"cluster.exclude: 'clas_0' fits no layer .* class_0"):
        run_pass(Cluster(steps=1, exclude=("clas_0",)), small_detector, tmp_path, data=few_signs)


@pytest.mark.slow
def test_a_file_with_many_values_breaks_the_promise(small_detector: KerasModel) -> None:
    with pytest.raises(BrokenPromise, match=r"conv_0/kernel has 216 distinct values, not the 16"):
        Cluster().verify(small_detector, small_detector)


@pytest.mark.slow
def test_lost_zeros_break_the_promise(small_detector: KerasModel, tmp_path: Path) -> None:
    from tflbuild.backends import keras

    files = []
    for name, values in (("sparse", [0.0, 1.0]), ("dense", [0.5, 1.0])):
        built = keras.load(small_detector.path)
        for layer in KERNELS:
            kernel = built.get_layer(layer).kernel
            kernel.assign(np.resize(values, kernel.shape))
        files.append(kept(built, "detection", tmp_path / f"{name}.h5", dict(Meaning.of(small_detector).head)))
    Cluster().verify(files[0], files[0])
    with pytest.raises(BrokenPromise, match=r"lost zeros: it had 50.0%"):
        Cluster().verify(*files)


@pytest.mark.slow
def test_a_fake_quantized_model_is_refused(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    fake = KerasModel(
        path=small_detector.path, digest="", fingerprint="", meta={**small_detector.meta, "quantized": "qat"}
    )
    with pytest.raises(PassError, match="cluster it before 'qat'"):
        run_pass(Cluster(steps=1), fake, tmp_path, data=few_signs)


def test_the_length_follows_from_the_data() -> None:
    facts = DataFacts(task="detection", train=2400, classes=8, input_size=96)
    assert (Cluster().resolve(facts).steps or 0) > 0
    assert Cluster(epochs=2).resolve(facts).steps == 150  # 2 * 2400 / 32, by hand
