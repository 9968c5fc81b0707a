"""What `qat` promises of the ranges and zeros in its file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kept_models import kept
from running import Running
from tflbuild.core.artifact import KerasModel
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Meaning
from tflbuild.data.sign_crops import SignCrops
from tflbuild.data.signs import Signs
from tflbuild.passes.convert import Convert
from tflbuild.passes.prune import Prune
from tflbuild.passes.qat import QuantizationAwareTraining
from tflbuild.testing import run_pass

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]


def load(model: KerasModel) -> Any:
    from tflbuild.backends import keras

    return keras.load(model.path)


@pytest.mark.parametrize("steps", [1, 4])
def test_the_input_range_is_that_of_pixels(
    steps: int, small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.training import fake_quantization

    result = run_pass(
        QuantizationAwareTraining(steps=steps, batch_size=4), small_detector, tmp_path, data=few_signs
    )
    # scale 1/128 and offset -1, by hand: 0 * 1/128 - 1 and 255 * 1/128 - 1
    assert fake_quantization.input_ranges(load(result)) == [(-1.0, 127 / 128)]
    assert result.meta["quantized"] == "qat"
    assert "sparsity" not in result.meta


def test_ranges_of_activations_follow_the_first_batch(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.training import fake_quantization

    result = run_pass(
        QuantizationAwareTraining(steps=1, batch_size=4), small_detector, tmp_path, data=few_signs
    )
    relu6 = {name: ends for name, ends in fake_quantization.ranges(load(result)).items() if "relu6" in name}
    assert len(relu6) == 4
    assert all(low == 0 and 0 < high <= 6 for low, high in relu6.values())


def test_zeros_of_a_pruned_model_stay_zero(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.training import tfmot

    pruned = run_pass(Prune(steps=2, batch_size=4), small_detector, tmp_path, data=few_signs)
    result = run_pass(
        QuantizationAwareTraining(steps=3, batch_size=4, weight_decay=1e-3), pruned, tmp_path, data=few_signs
    )
    assert tfmot.census(load(result)) == pruned.meta["sparsity"]["layers"]
    assert result.meta["sparsity"] == pruned.meta["sparsity"]


def test_a_classifier_that_ends_in_softmax_trains(small_classifier: KerasModel, tmp_path: Path) -> None:
    from tflbuild.backends import keras

    meaning = Meaning.of(small_classifier)
    crops = SignCrops(train=16, val=8, test=8, preprocess=meaning.only.preprocess, augment={"enabled": False})
    result = run_pass(
        QuantizationAwareTraining(steps=2, batch_size=4), small_classifier, tmp_path, data=crops
    )
    assert keras.output_kind(load(result)) == "softmax"
    outputs = keras.Traced(result.path, meaning.kind).run({"image": np.zeros((2, 32, 32, 3), np.float32)})
    np.testing.assert_allclose(outputs["scores"].sum(axis=1), 1, atol=0.02)  # rounded to 1/255


def test_an_untrained_range_breaks_the_promise(small_detector: KerasModel) -> None:
    from tflbuild.training import fake_quantization

    fake = fake_quantization.FakeQuantization(load(small_detector), (-1.0, 127 / 128))
    with pytest.raises(BrokenPromise, match="was never trained"):
        fake_quantization.check_ranges(fake.model, (-1.0, 127 / 128))


def test_another_input_range_breaks_the_promise(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.training import fake_quantization

    result = run_pass(
        QuantizationAwareTraining(steps=1, batch_size=4), small_detector, tmp_path, data=few_signs
    )
    with pytest.raises(BrokenPromise, match="not that of pixels"):
        fake_quantization.check_ranges(load(result), (0.0, 1.0))


KERNELS = ("conv_0", "pointwise", "last", "box_0", "class_0")


def with_few_values(model: KerasModel, sparse: bool, folder: Path) -> KerasModel:
    """Give the model with four values in each kernel that can be clustered, half of them zero where `sparse`."""
    built, draw = load(model), np.random.default_rng(0)
    for layer in KERNELS:
        kernel = built.get_layer(layer).kernel
        kernel.assign(
            draw.choice(
                [0.0 if sparse else -0.1, 0.05, 0.15, -0.2], p=[0.5, 0.2, 0.2, 0.1], size=kernel.shape
            )
        )
    return kept(built, "detection", folder / "few.h5", dict(Meaning.of(model).head))


def weights_in_file(path: Path, layer: str) -> tuple[Any, str]:
    """Give a convolution's weights (output channels, weights) as they are stored, and their dtype."""
    from tflbuild.tflite import flatbuffer

    model = flatbuffer.load(path)
    for operator in model.subgraphs[0].operators:
        tensors = [model.subgraphs[0].tensors[index] for index in (*operator.inputs[:2], operator.outputs[0])]
        if len(tensors) == 3 and f"/{layer}/Conv2D" in tensors[2].name.decode().replace("quant_", ""):
            dtype = flatbuffer.DTYPES[tensors[1].type]
            values = np.frombuffer(bytes(model.buffers[tensors[1].buffer].data), dtype)
            return values.reshape(tensors[1].shape[0], -1), dtype
    raise AssertionError(f"{layer} is not in {path}")


@pytest.mark.parametrize("sparse", [False, True])
def test_clusters_and_zeros_are_kept_into_the_int8_file(
    sparse: bool, small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    given = with_few_values(small_detector, sparse, tmp_path)
    result = run_pass(
        QuantizationAwareTraining(steps=3, batch_size=4, freeze_bn=0.5), given, tmp_path, data=few_signs
    )
    assert {name: found["kernel"] for name, found in result.meta["clusters"]["layers"].items()} == {
        f"{layer}/kernel": 4 for layer in KERNELS
    }
    assert ("sparsity" in result.meta) is sparse
    converted = run_pass(Convert(), result, tmp_path)
    for layer in KERNELS:
        kernel = load(given).get_layer(layer).kernel.numpy()
        levels, dtype = weights_in_file(converted.path, layer)
        assert dtype == "int8"
        assert max(len(np.unique(channel)) for channel in levels) <= 4
        if sparse:
            zeros = np.moveaxis(kernel == 0, -1, 0).reshape(levels.shape)
            np.testing.assert_array_equal(levels[zeros], 0)


def test_clusters_are_lost_where_nothing_keeps_them(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    few = with_few_values(small_detector, True, tmp_path)
    given = replace(
        few, meta={**few.meta, "clusters": {"target": 4, "layers": {"conv_0/kernel": {"channel": 4}}}}
    )
    options = QuantizationAwareTraining(steps=2, batch_size=4, preserve="none")
    result = run_pass(options, given, tmp_path, data=few_signs)
    assert result.meta["clusters"] == {}  # nothing that `convert` would hold the file to
    with pytest.raises(BrokenPromise, match=r"conv_0/kernel had \d\d\.\d% zeros and now has 0\.0%"):
        QuantizationAwareTraining().verify(given, result)


def folded(model: KerasModel, layer: str) -> Any:
    """Give a convolution's weights with its batch norm folded in, (output channels, weights)."""
    built = load(model)
    gamma, _, _, variance = (value.numpy() for value in built.get_layer(f"{layer}_norm").weights)
    kernel = (
        built.get_layer(layer).kernel.numpy()
        * gamma
        / np.sqrt(variance + built.get_layer(f"{layer}_norm").epsilon)
    )
    return np.moveaxis(kernel, -1, 0).reshape(kernel.shape[-1], -1)


@pytest.mark.parametrize(
    ("options", "left_out", "quantized"),
    [
        ({"exclude": ("pointwise_norm", "class_0")}, ["pointwise"], ["conv_0", "last", "box_0"]),
        ({"layers": ("last", "box_*", "class_*")}, ["conv_0", "pointwise"], ["last", "box_0", "class_0"]),
    ],
)
def test_layers_that_are_left_out_stay_float_in_the_file(
    options: Any,
    left_out: list[str],
    quantized: list[str],
    small_detector: KerasModel,
    few_signs: Signs,
    tmp_path: Path,
) -> None:
    from tflbuild.backends import keras

    built = load(small_detector)
    built.get_layer("class_0").bias.assign(
        np.zeros(built.get_layer("class_0").bias.shape)
    )  # scores around 0.5
    given = kept(built, "detection", tmp_path / "given.h5", dict(Meaning.of(small_detector).head))
    result = run_pass(
        QuantizationAwareTraining(steps=2, batch_size=4, **options), given, tmp_path, data=few_signs
    )
    notes: dict[str, Any] = {}
    converted = run_pass(Convert(), result, tmp_path, notes=notes)
    assert converted.meta["signature"]["inputs"][0]["dtype"] == "uint8"
    for layer in left_out:
        weights, dtype = weights_in_file(converted.path, layer)
        assert dtype == "float32"
        np.testing.assert_allclose(weights, folded(result, layer), rtol=1e-5)
    assert [weights_in_file(converted.path, layer)[1] for layer in quantized] == ["int8"] * len(quantized)
    reasons = [entry["reason"] for entry in notes["islands"]]
    assert reasons.count("left out of quantization-aware training") >= len(left_out)

    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    traced = keras.Traced(result.path, Meaning.of(result).kind)
    expected = traced.run({"image": image[None] / np.float32(128) - 1})
    found = Running(converted.path).run(image)
    best = expected["class_scores"][0].max()
    assert best > 0.5
    np.testing.assert_allclose(found["detection_scores"].max(), best, atol=0.006)  # 1.5 levels of a sigmoid


def test_a_pattern_that_fits_no_layer_is_refused_with_the_nearest(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    with pytest.raises(
        PassError, match=r"qat.layers: 'conv_9\*' fits no layer that can be quantized; .* conv_0"
    ):
        run_pass(
            QuantizationAwareTraining(steps=1, layers=("conv_9*",)), small_detector, tmp_path, data=few_signs
        )
    with pytest.raises(PassError, match=r"leave no layer to quantize"):
        run_pass(QuantizationAwareTraining(steps=1, exclude=("*",)), small_detector, tmp_path, data=few_signs)


def test_a_second_fake_quantization_is_refused(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    fake = KerasModel(
        path=small_detector.path, digest="", fingerprint="", meta={**small_detector.meta, "quantized": "qat"}
    )
    with pytest.raises(PassError, match="fake-quantized already"):
        run_pass(QuantizationAwareTraining(steps=1), fake, tmp_path, data=few_signs)


def test_a_layer_that_tfmot_does_not_know_is_named() -> None:
    from tf_keras import Model, layers

    from tflbuild.training import fake_quantization

    image = layers.Input((32, 32, 3))
    odd = Model(image, layers.Dense(2)(layers.Flatten()(layers.ELU(name="odd")(image))))
    with pytest.raises(PassError, match=r"^tfmot cannot fake-quantize .*odd"):
        fake_quantization.FakeQuantization(odd, (-1.0, 127 / 128))
