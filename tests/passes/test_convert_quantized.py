"""The TF converter's own quantization, and int8 files of fake-quantized models."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from foreign_networks import Draft, noise
from running import Running
from tflbuild.core.artifact import KerasModel
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.data.sign_crops import SignCrops
from tflbuild.data.signs import Signs
from tflbuild.passes.convert import Convert
from tflbuild.passes.convert_quantized import ConvertQuantized
from tflbuild.passes.prune import Prune
from tflbuild.passes.qat import QuantizationAwareTraining
from tflbuild.passes.quantizing.calibration import Calibration
from tflbuild.quantization.observation import Executable
from tflbuild.testing import artifact, run_pass

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning"),
]

FEW = Calibration(samples=8)


@pytest.mark.parametrize(
    ("scheme", "input_dtype"),
    [
        ("int8", "uint8"),
        ("int8", "int8"),
        ("int16x8", "float32"),
        ("float16", "float32"),
        ("dynamic", "float32"),
    ],
)
def test_a_detector_has_the_promised_borders(
    scheme: str, input_dtype: str, small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    options = ConvertQuantized(
        scheme=scheme, input_dtype=input_dtype if scheme == "int8" else None, calibration=FEW
    )
    result = run_pass(options, small_detector, tmp_path, data=few_signs)
    (image,) = result.meta["signature"]["inputs"]
    assert (image["name"], image["dtype"]) == ("image", input_dtype)
    if scheme == "int8":
        assert image["scale"] == pytest.approx(1 / 128)  # by hand: model value = byte / 128 - 1
        assert image["zero_point"] == {"uint8": 128, "int8": 0}[input_dtype]
    assert result.meta["quantized"] == scheme


@pytest.mark.parametrize("output_dtype", ["float32", "uint8", "int8"])
def test_a_classifier_has_the_promised_output(
    output_dtype: str, small_classifier: KerasModel, tmp_path: Path
) -> None:
    preprocess = Meaning.of(small_classifier).only.preprocess
    crops = SignCrops(train=16, val=8, test=8, preprocess=preprocess, augment={"enabled": False})
    options = ConvertQuantized(output_dtype=output_dtype, calibration=FEW)
    result = run_pass(options, small_classifier, tmp_path, data=crops)
    assert [entry["dtype"] for entry in result.meta["signature"]["outputs"]] == [output_dtype]


def test_layers_that_share_a_bias_have_it_each_in_a_scale_of_its_own(tmp_path: Path) -> None:
    """The converter writes it once with int16 activations, in the scale of one of them."""
    from tflbuild.backends.keras import Model, initializers, layers
    from tflbuild.tflite import bias_scales

    image = layers.Input((4, 4, 2), name="image")
    kernel = initializers.RandomUniform(-1, 1, seed=1)
    head = layers.Conv2D(3, 1, kernel_initializer=kernel, bias_initializer="ones", name="head")
    large = layers.Rescaling(50.0)(image)
    model = Model(image, layers.Concatenate(name="found")([head(image), head(large)]))
    model.save(tmp_path / "model.h5")
    inputs = {"image": Input(modality="vector", shape=(4, 4, 2))}
    given = artifact(KerasModel, tmp_path / "model.h5", Meaning(task="unlabelled", inputs=inputs))
    data, index = noise(Draft(image=(1, 4, 4, 2)).content("image"))
    with mock.patch.object(bias_scales, "restate", wraps=bias_scales.restate) as restated:
        made = run_pass(
            ConvertQuantized(scheme="int16x8", calibration=FEW), given, tmp_path, data=data, index=index
        )
    assert restated.call_count == 1
    values = data.read(index.splits["train"][0]).value
    (found,) = Executable(made.path.read_bytes()).run({"image": values})
    np.testing.assert_allclose(found, model(values[None]).numpy()[0], atol=0.5)
    np.testing.assert_allclose(found[..., :3], model(values[None]).numpy()[0, ..., :3], atol=0.02)


def test_one_scale_serves_each_tensor_where_that_is_asked_for(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.tflite.weights import weights_in

    options = ConvertQuantized(granularity="tensor", calibration=FEW)
    found = weights_in(run_pass(options, small_detector, tmp_path, data=few_signs).path)
    assert {len(kernel.scales) for kernel in found} == {1}
    assert "DEPTHWISE_CONV_2D" in {kernel.operator for kernel in found}


def test_one_scale_a_tensor_is_for_integer_schemes() -> None:
    with pytest.raises(
        ValueError, match="granularity: 'tensor' is only possible with scheme int8 or int16x8"
    ):
        ConvertQuantized(scheme="dynamic", granularity="tensor").check()


def test_a_pruned_and_fake_quantized_model_becomes_int8_with_its_zeros(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    from tflbuild.tflite import flatbuffer

    pruned = run_pass(
        Prune(steps=2, batch_size=4, sparsity=0.75, spread="even"), small_detector, tmp_path, data=few_signs
    )
    fake = run_pass(QuantizationAwareTraining(steps=2, batch_size=4), pruned, tmp_path, data=few_signs)
    result = run_pass(Convert(), fake, tmp_path)
    assert result.meta["signature"]["inputs"][0]["dtype"] == "uint8"
    boxes = Running(result.path).run(np.zeros((32, 32, 3), np.uint8))["detection_boxes"]
    assert boxes.shape[-1] == 4
    model = flatbuffer.load(result.path)
    kernels = [
        np.frombuffer(bytes(model.buffers[tensor.buffer].data), np.int8)
        for tensor in model.subgraphs[0].tensors
        if tensor.type == 9 and tensor.buffer and model.buffers[tensor.buffer].data is not None
    ]
    pruned_kernels = [kernel for kernel in kernels if np.mean(kernel == 0) >= 0.75]
    assert len(pruned_kernels) == 5  # three convolutions and two heads; the depthwise kernel is dense


def test_a_fake_quantized_model_is_refused(
    small_detector: KerasModel, few_signs: Signs, tmp_path: Path
) -> None:
    fake = KerasModel(
        path=small_detector.path, digest="", fingerprint="", meta={**small_detector.meta, "quantized": "qat"}
    )
    with pytest.raises(PassError, match="'convert' makes it int8"):
        run_pass(ConvertQuantized(), fake, tmp_path, data=few_signs)


def test_a_float_file_breaks_the_promise(small_detector: KerasModel, tmp_path: Path) -> None:
    converted = run_pass(Convert(), small_detector, tmp_path)
    for scheme in ("int8", "float16", "dynamic"):
        with pytest.raises(BrokenPromise, match=r"promised"):
            ConvertQuantized(scheme=scheme).verify(small_detector, converted)


def test_raw_bytes_into_a_float_scheme_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^input_dtype: 'uint8' is only possible with scheme int8"):
        ConvertQuantized(scheme="dynamic", input_dtype="uint8").check()
