"""What TensorFlow's converter is told, scheme by scheme, and what the functions give that it converts."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from samples import samples
from tflbuild.core.errors import PassError
from tflbuild.tasks.classification.task import Classification
from tflbuild.tasks.detection.task import Detection
from tflbuild.tasks.unlabelled import Unlabelled
from tflbuild.tflite.suppression import SuppressionOptions, Tail

pytestmark = pytest.mark.slow

OPTIONS = SuppressionOptions(
    classes=2,
    box_scales=(10.0, 10.0, 5.0, 5.0),
    max_detections=7,
    class_wise=True,
    score_threshold=1e-08,
    iou_threshold=0.5,
)


def classifier() -> Any:
    from tflbuild.backends import keras

    image = keras.layers.Input((4, 6, 3), name="image")
    return keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))


TAIL = Tail(anchors=np.ones((3, 4), np.float32), suppression=OPTIONS)


class Told:
    """A converter that keeps what it is told."""

    def __init__(self, functions: list[Any], variables: Any) -> None:
        self.function, self.variables = functions[0], variables.kept
        self.target_spec = SimpleNamespace()

    def convert(self) -> bytes:
        return b"converted"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the module and the converters that it made."""
    from tflbuild.backends import converter

    found: list[Told] = []

    def from_functions(functions: list[Any], variables: Any) -> Told:
        found.append(Told(functions, variables))
        return found[-1]

    monkeypatch.setattr(converter.tf.lite.TFLiteConverter, "from_concrete_functions", from_functions)
    return converter, found


def told(one: Told) -> dict[str, Any]:
    """Give what a converter was told, by name."""
    known = {"function", "variables", "target_spec", "representative_dataset"}
    return {**{k: v for k, v in vars(one).items() if k not in known}, **vars(one.target_spec)}


def test_a_float_file_is_converted_as_it_is_or_without_its_zeros(made: Any) -> None:
    converter, found = made
    model = classifier()
    assert converter.to_float(model, Classification(), None) == b"converted"
    converter.to_float(model, Classification(), None, sparse=True)
    lite = converter.tf.lite
    assert told(found[0]) == {"allow_custom_ops": False}
    assert told(found[1]) == {
        "allow_custom_ops": False,
        "optimizations": [lite.Optimize.EXPERIMENTAL_SPARSITY],
    }
    assert found[0].function.structured_input_signature[0] == ()
    (signature,) = found[0].function.structured_input_signature[1].values()
    assert (signature.shape.as_list(), signature.dtype.name, signature.name) == (
        [1, 4, 6, 3],
        "float32",
        "image",
    )
    assert [*found[0].function.structured_outputs] == ["scores"]
    assert [variable.name for variable in found[0].variables] == [
        variable.name for variable in model.variables
    ]


def test_a_fake_quantized_model_becomes_integers_at_its_borders(made: Any) -> None:
    converter, found = made
    tf = converter.tf
    converter.from_fake_quantized(classifier(), Classification(), None, "uint8", "float32")
    converter.from_fake_quantized(classifier(), Classification(), None, "int8", "int8", custom=True)
    usual = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    assert told(found[0]) == {
        **usual,
        "allow_custom_ops": False,
        "inference_input_type": tf.uint8,
        "inference_output_type": tf.float32,
    }
    assert told(found[1]) == {
        **usual,
        "allow_custom_ops": True,
        "inference_input_type": tf.int8,
        "inference_output_type": tf.int8,
    }


@pytest.mark.parametrize("scheme", ["int8", "int16x8", "float16", "dynamic"])
@pytest.mark.parametrize("per_channel", [True, False])
def test_each_scheme_is_told_in_the_converters_words(scheme: Any, per_channel: bool, made: Any) -> None:
    converter, found = made
    tf, images = converter.tf, samples(np.full((4, 6, 3), k, np.float32) for k in range(2))
    converter.post_training(
        classifier(),
        Classification(),
        None,
        scheme,
        lambda: images,
        "uint8",
        "float32",
        per_channel=per_channel,
    )
    sets = tf.lite.OpsSet
    usual = {
        "allow_custom_ops": False,
        "optimizations": [tf.lite.Optimize.DEFAULT],
        "_experimental_disable_per_channel": not per_channel,
    }
    borders = {"inference_input_type": tf.uint8, "inference_output_type": tf.float32}
    int16 = sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    assert (
        told(found[0])
        == usual
        | {
            "int8": {**borders, "supported_ops": [sets.TFLITE_BUILTINS_INT8, sets.TFLITE_BUILTINS]},
            "int16x8": {**borders, "supported_ops": [int16, sets.TFLITE_BUILTINS]},
            "float16": {"supported_types": [tf.float16]},
            "dynamic": {},
        }[scheme]
    )
    if scheme in ("int8", "int16x8"):
        given = list(found[0].representative_dataset())
        assert [[*one] for one in given] == [["image"], ["image"]]
        for one, image in zip(given, images, strict=True):
            np.testing.assert_array_equal(one["image"], image["image"][None])
    else:
        assert not hasattr(found[0], "representative_dataset")


def test_a_detector_ends_in_the_operator_with_its_options(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    converter, found = made
    model = classifier()
    scores = {
        "box_encodings": np.zeros((1, 3, 4), np.float32),
        "class_scores": np.zeros((1, 3, 2), np.float32),
    }
    monkeypatch.setattr(converter.keras, "outputs", lambda model, inputs, task: scores)
    converter.to_float(model, Detection(), TAIL)
    assert told(found[0]) == {"allow_custom_ops": True}
    names = ["detection_boxes", "detection_classes", "detection_scores", "num_detections"]
    assert sorted(found[0].function.structured_outputs) == sorted(names)
    (said,) = (
        function.attr["_implements"].func
        for function in found[0].function.graph.as_graph_def().library.function
        if "_implements" in function.attr
    )
    assert said.name == "TFLite_Detection_PostProcess"
    assert len(said.attr) == 11
    assert (said.attr["max_detections"].i, said.attr["num_classes"].i) == (7, 2)
    assert said.attr["use_regular_nms"].b
    assert said.attr["nms_score_threshold"].f == pytest.approx(1e-8)
    assert (said.attr["y_scale"].f, said.attr["h_scale"].f) == (10.0, 5.0)


def test_several_inputs_and_outputs_keep_their_names(made: Any) -> None:
    from tflbuild.backends import keras

    converter, found = made
    left, right = keras.layers.Input((3,), name="left"), keras.layers.Input((2, 2), name="right")
    flat = keras.layers.Flatten(name="flat")(right)
    converter.to_float(keras.Model([left, right], [flat, left]), Unlabelled(), None)
    given = found[0].function.structured_input_signature[1]
    shapes = {name: spec.shape.as_list() for name, spec in given.items()}
    assert shapes == {"left": [1, 3], "right": [1, 2, 2]}
    assert sorted(found[0].function.structured_outputs) == ["flat", "left"]


def test_attributes_are_written_by_their_type() -> None:
    from tflbuild.backends.converter import _attribute

    assert [_attribute(value) for value in (True, False, 3, 0.1)] == ["b: true", "b: false", "i: 3", "f: 0.1"]


def test_a_refusal_of_the_converter_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    from tflbuild.backends.converter import _convert

    class Refusing:
        def convert(self) -> bytes:
            sys.stdout.write("chatter")
            raise RuntimeError("first\n  second " + "x" * 500)

    with pytest.raises(
        PassError, match=r"^the TensorFlow Lite converter refused the model: first second x+$"
    ) as caught:
        _convert(Refusing())
    assert len(str(caught.value)) == len("the TensorFlow Lite converter refused the model: ") + 400
