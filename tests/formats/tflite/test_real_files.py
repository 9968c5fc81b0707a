"""Real files of many converters, described; what is right is said in the READMEs beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import FORMATS
from tflbuild.core.signature import Signature
from tflbuild.tflite import flatbuffer

TFLITE = FORMATS.get("tflite")()


class Right(NamedTuple):
    """What a file is; `scores` of a classifier, `names` of its labels, `scaling` of its pixels."""

    task: str
    quantized: str
    modality: str
    scores: str = ""
    names: int = 0
    scaling: tuple[float, float] | None = None


BYTES = (1 / 128, -1.0)
RIGHT = {
    "coral/deeplabv3_mnv2_dm05_pascal_quant": Right("", "uint8", "image", scaling=BYTES),
    "coral/keras_lstm_mnist_ptq": Right("classification", "int8", "vector", "softmax"),
    "coral/mobilenet_v1_0.25_128_quant": Right("classification", "uint8", "image", "softmax", 1001, BYTES),
    "coral/split_concat": Right("", "uint8", "image", scaling=BYTES),
    "mlperf_tiny/ad01_fp32": Right("", "", "vector"),
    "mlperf_tiny/ad01_int8": Right("", "int8", "vector"),
    "mlperf_tiny/kws_ref_model": Right("classification", "int8", "vector", "softmax"),
    "mlperf_tiny/kws_ref_model_float32": Right("classification", "dynamic", "vector", "softmax"),
    "mlperf_tiny/vww_96_float": Right("classification", "", "image", "softmax"),
    "mlperf_tiny/vww_96_int8": Right("classification", "int8", "image", "softmax", scaling=(1 / 255, 0.0)),
    "odapi/efficientdet_d0/tflite/float_max10": Right("detection", "", "image"),
    "odapi/ssd_mobilenet_v2/tflite/float_max10": Right("detection", "", "image"),
    "odapi/ssd_mobilenet_v2/tflite/int8_max10_float_io": Right("detection", "int8", "image"),
    "odapi/ssd_mobilenet_v2/tflite/int8_regular_nms100_uint8_input": Right("detection", "int8", "image"),
    "odapi/ssd_mobilenet_v2_fpnlite/tflite/float_regular_nms100": Right("detection", "", "image"),
    "tflite_micro/person_detect": Right(
        "classification", "int8", "image", "softmax", scaling=(1 / 127.5, -127 / 127.5)
    ),
    "tflite_support/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29": Right(
        "detection", "uint8", "image", names=90, scaling=BYTES
    ),
    "tflite_support/mobilenet_v1_0.25_224_1_default_1": Right("classification", "", "image", "softmax"),
    "tflite_support/mobilenet_v1_0.25_224_1_metadata_1": Right(
        "classification", "", "image", "softmax", 1001, (1 / 127.5, -1.0)
    ),
    "tflite_support/mobilenet_v1_0.25_224_quant": Right(
        "classification", "uint8", "image", "softmax", 1001, BYTES
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_real_file_is_described_as_it_is(name: str, shared_models: Path) -> None:
    path, right = shared_models / f"{name}.tflite", RIGHT[name]
    TFLITE.check(path)
    found = TFLITE.describe(path)
    modality, options = next(iter(found.inputs.values()))
    assert (found.task, found.quantized, modality) == (right.task, right.quantized, right.modality)
    assert found.head.get("scores", "") == right.scores
    assert [len(names) for names in found.labels.values()] == ([right.names] if right.names else [])
    if right.scaling:
        assert (options["scale"], options["offset"]) == pytest.approx(right.scaling, rel=1e-6)
    else:
        assert not options.keys() & {"scale", "offset", "mean", "std"}


@pytest.mark.parametrize("name", RIGHT)
def test_names_are_those_that_the_interpreter_takes(name: str, shared_models: Path) -> None:
    path = shared_models / f"{name}.tflite"
    found = TFLITE.describe(path).signature
    run = Signature.from_json(flatbuffer.signature(path))
    assert found.inputs == run.inputs
    assert list(found.outputs) == list(run.outputs)


CHIPS = {
    "coral/deeplabv3_mnv2_dm05_pascal_quant_edgetpu": "is compiled for an Edge TPU",
    "coral/keras_lstm_mnist_ptq_edgetpu": "is compiled for an Edge TPU",
    "coral/mobilenet_v1_0.25_128_quant_edgetpu": "is compiled for an Edge TPU",
    "coral/posenet_mobilenet_v1_075_353_481_16_quant_decoder": "has the custom operator 'PosenetDecoderOp'",
    "coral/posenet_mobilenet_v1_075_353_481_16_quant_decoder_edgetpu": "is compiled for an Edge TPU",
    "coral/split_concat_edgetpu": "is compiled for an Edge TPU",
    "tflite_micro/person_detect_vela": "is compiled for an Ethos-U NPU",
}


@pytest.mark.parametrize("name", CHIPS)
def test_a_real_file_for_something_else_is_described_and_not_taken(name: str, shared_models: Path) -> None:
    path = shared_models / f"{name}.tflite"
    with pytest.raises(RecipeError, match=CHIPS[name]):
        TFLITE.check(path)
    found = TFLITE.describe(path)
    assert found.task == ""
    assert found.quantized in ("int8", "uint8")


ROLES: dict[str, Any] = {  # as the README of odapi/ has the converter's names
    "detection_boxes": "output_3",
    "detection_classes": "output_2",
    "detection_scores": "output_1",
    "num_detections": "output_0",
}


def test_outputs_of_the_object_detection_api_are_told_apart(shared_models: Path) -> None:
    found = TFLITE.describe(shared_models / "odapi/ssd_mobilenet_v2/tflite/float_regular_nms100.tflite")
    assert found.head == {"outputs": ROLES}
    shapes = {role: found.signature.outputs[name].shape for role, name in ROLES.items()}
    assert shapes == {
        "detection_boxes": (1, 100, 4),
        "detection_classes": (1, 100),
        "detection_scores": (1, 100),
        "num_detections": (1,),
    }


def test_a_label_list_beside_a_real_file_counts(shared_models: Path, tmp_path: Path) -> None:
    model = tmp_path / "float_max10.tflite"
    model.write_bytes((shared_models / "odapi/ssd_mobilenet_v2/tflite/float_max10.tflite").read_bytes())
    text = (shared_models / "odapi/bccd_tfrecord/label_map.pbtxt").read_text()
    (tmp_path / "label_map.pbtxt").write_text(text)
    assert TFLITE.describe(model).labels == {"label_map.pbtxt": ("RBC", "WBC", "Platelets")}
