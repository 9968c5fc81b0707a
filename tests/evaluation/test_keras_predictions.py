"""A Keras model is measured by the same rule as the file that is converted from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.dataset import Split
from tflbuild.core.meaning import Meaning
from tflbuild.data.signs import Signs
from tflbuild.evaluation.predictions import predict
from tflbuild.evaluation.truth import truth
from tflbuild.metrics.detection import MeanAveragePrecision
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.runtimes.keras import Keras
from tflbuild.runtimes.litert import Litert

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # TensorFlow's own
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]


def test_keras_and_float_tflite_agree_within_a_thousandth(tmp_path: Path) -> None:
    import tf_keras

    from tflbuild.backends import converter, keras
    from tflbuild.models.ssd_mobilenet_v1 import SSDMobileNetV1

    data = Signs(train=1, val=1, test=45)
    index = data.index(lambda path: None)  # type: ignore[arg-type, return-value]
    split = Split("test", data, index)
    tf_keras.utils.set_random_seed(0)
    architecture = SSDMobileNetV1()
    model = architecture.build(len(index.classes))
    meant = Meaning.of_image(
        task="detection",
        height=96,
        width=96,
        labels=index.classes,
        preprocess=ImageModality().to_json(),
        detector=architecture.head_of(model),
    )
    facts = meant.to_json()
    h5, tflite = tmp_path / "model.h5", tmp_path / "model.tflite"
    keras.save(model, h5, facts)
    tflite.write_bytes(converter.to_float(model, meant.kind, meant.kind.tail(meant)))
    by_keras, kernels = predict(
        Keras(), KerasModel(path=h5, digest="", fingerprint="", meta={"facts": facts}), split
    )
    by_tflite, _ = predict(
        Litert(), TFLiteModel(path=tflite, digest="", fingerprint="", meta={"facts": facts}), split
    )
    assert kernels == "keras"
    assert np.array_equal(by_keras["offsets"], by_tflite["offsets"])
    difference = MeanAveragePrecision().compare(by_keras, by_tflite, truth(split))
    assert abs(difference.value) < 1e-3
    assert by_keras["scores"] == pytest.approx(by_tflite["scores"], abs=1e-4)
