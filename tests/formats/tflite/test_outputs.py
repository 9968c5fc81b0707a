"""What outputs are, by the operators that make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

import tflite_files
from tflbuild.formats.tflite.graph import Graph
from tflbuild.formats.tflite.outputs import Outputs, outputs_of
from tflbuild.formats.tflite.signature import names_of
from tflbuild.tasks.classification.task import Classification
from tflbuild.tasks.detection.task import Detection
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.model import Model
from tflbuild.tflite.tiny import brightness_detector
from tflite_files import Typed, classifier, network, step


def read(content: bytes) -> Outputs:
    graph = Graph(Model(content))
    return outputs_of(graph, names_of(graph, "").outputs)


@pytest.mark.parametrize(
    ("ends", "kind", "value", "evidence", "sure"),
    [
        (("SOFTMAX",), "softmax", "softmax of 3 classes", "it ends in SOFTMAX", True),
        (("SOFTMAX", "RESHAPE"), "softmax", "softmax of 3 classes", "it ends in SOFTMAX", True),
        (("SOFTMAX", "DEQUANTIZE"), "softmax", "softmax of 3 classes", "it ends in SOFTMAX", True),
        (("SOFTMAX", "QUANTIZE", "SQUEEZE"), "softmax", "softmax of 3 classes", "it ends in SOFTMAX", True),
        (("LOGISTIC",), "sigmoid", "sigmoid of 3 classes", "it ends in LOGISTIC", True),
        (("LOG_SOFTMAX",), "logits", "logits of 3 classes", "it ends in LOG_SOFTMAX", False),
        ((), "logits", "logits of 3 classes", "FULLY_CONNECTED makes it, without an activation", False),
        (
            ("RESHAPE",),
            "logits",
            "logits of 3 classes",
            "FULLY_CONNECTED makes it, without an activation",
            False,
        ),
    ],
)
def test_a_row_of_scores_is_known_by_its_end(
    ends: Sequence[str], kind: str, value: str, evidence: str, sure: bool
) -> None:
    found = read(classifier(*ends))
    assert (found.kind, found.value, found.evidence, found.sure) == (kind, value, evidence, sure)
    assert found.head == {"outputs": {"scores": "scores"}, "scores": kind}
    assert found.classes == 3
    Classification.check_head("head.", found.head)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (("RELU",), "RELU makes it, which makes no scores"),
        (("SOFTMAX", "TANH"), "TANH makes it, which makes no scores"),
        (("ethos-u",), "the operator 'ethos-u' makes it, and what it computes is not in the graph"),
        (("edgetpu-custom-op", "RESHAPE"), "the operator 'edgetpu-custom-op' makes it"),
    ],
)
def test_another_end_gives_no_scores(ends: Sequence[str], said: str) -> None:
    found = read(classifier(*ends))
    assert (found.kind, found.head) == ("", {})
    assert found.evidence.startswith(f"the one output, 'scores' (1, 3) float32: {said}")


def test_a_fused_activation_makes_no_logits() -> None:
    found = read(classifier(activation="RELU6"))
    assert found.kind == ""
    assert found.evidence.endswith("FULLY_CONNECTED makes it, with RELU6, which makes no scores")


@pytest.mark.parametrize(
    ("ends", "kind", "value"),
    [
        (("LOGISTIC",), "sigmoid", "p, the probability of the second class"),
        ((), "logits", "the logit of p, the probability of the second class"),
    ],
)
def test_one_number_may_be_that_of_the_second_class(ends: Sequence[str], kind: str, value: str) -> None:
    found = read(classifier(*ends, classes=1))
    assert (found.kind, found.value, found.classes, found.sure) == (kind, value, 2, False)


def test_a_softmax_of_one_number_says_nothing() -> None:
    found = read(classifier("SOFTMAX", classes=1))
    assert found.kind == ""
    assert found.evidence.endswith("it ends in SOFTMAX, and a softmax of one number is always 1")


def test_a_softmax_of_other_rows_is_none_of_the_output() -> None:
    tensors = {
        "x": (1, 6),
        "grid": (1, 3, 2),
        "soft": (1, 3, 2),
        "scores": (1, 6),
        "to": np.array([1, 3, 2], np.int32),
        "back": np.array([1, 6], np.int32),
    }
    steps = [
        step("RESHAPE", ["x", "to"], ["grid"]),
        step("SOFTMAX", ["grid"], ["soft"]),
        step("RESHAPE", ["soft", "back"], ["scores"]),
    ]
    found = read(network({**tensors, "y": (1, 7)}, [step("TANH", ["y"], ["x"]), *steps], ["y"], ["scores"]))
    assert found.kind == ""
    assert found.evidence.endswith("its SOFTMAX is over other rows than that one")


@pytest.mark.parametrize("ends", [(), ("LOGISTIC",)])
def test_an_output_of_the_inputs_shape_is_an_autoencoders(ends: Sequence[str]) -> None:
    found = read(classifier(*ends, shape=(1, 5), classes=5))
    assert found == Outputs(
        evidence="the one output, 'scores' (1, 5) float32, has the shape of the input, as an autoencoder's has"
    )


def test_as_many_classes_as_features_are_a_classifiers_behind_a_softmax() -> None:
    assert read(classifier("SOFTMAX", shape=(1, 5), classes=5)).kind == "softmax"


def single(shape: tuple[int, ...], dtype: str = "float32") -> bytes:
    tensors = {"image": tflite_files.IMAGE, "made": shape}
    return network(
        tensors, [step("ARG_MAX", ["image", "image"], ["made"])], ["image"], ["made"], {"made": Typed(dtype)}
    )


@pytest.mark.parametrize(
    ("shape", "dtype", "said"),
    [
        ((1, 8, 8), "int64", "'made' (1, 8, 8) int64, is not a row of scores; ARG_MAX makes it"),
        ((1, 2, 3), "float32", "'made' (1, 2, 3) float32, is not a row of scores; ARG_MAX makes it"),
        ((3,), "float32", "'made' (3,) float32, is not a row of scores; ARG_MAX makes it"),
        ((), "float32", "'made' () float32, is not a row of scores; ARG_MAX makes it"),
        ((1, 4), "string", "'made' (1, 4) string, is not a row of scores; ARG_MAX makes it"),
    ],
)
def test_what_is_no_row_is_said(shape: tuple[int, ...], dtype: str, said: str) -> None:
    assert read(single(shape, dtype)).evidence == f"the one output, {said}"


def pooled(kind: str, before: str, activation: str = "NONE", units: int = 3) -> bytes:
    tensors = {
        "image": (1, 2, 2, 4),
        "weights": np.zeros((3, 1, 1, 4), np.float32),
        "bias": np.zeros(3, np.float32),
        "axes": np.array([1, 2], np.int32),
        "grid": (1, 2, 2, 3),
        "soft": (1, 2, 2, 3),
        "scores": (1, units),
    }
    steps = [step("CONV_2D", ["image", "weights", "bias"], ["grid"], activation)]
    if before:
        steps.append(step(before, ["grid"], ["soft"]))
    given = "soft" if before else "grid"
    steps.append(step(kind, [given, "axes"] if kind == "MEAN" else [given], ["scores"]))
    return network(tensors, steps, ["image"], ["scores"])


@pytest.mark.parametrize("kind", ["MEAN", "AVERAGE_POOL_2D"])
@pytest.mark.parametrize(
    ("before", "activation", "found", "said"),
    [
        ("", "NONE", "logits", "makes it, of what CONV_2D makes without an activation"),
        ("SOFTMAX", "NONE", "softmax", "makes it, of what SOFTMAX makes"),
        ("LOGISTIC", "NONE", "sigmoid", "makes it, of what LOGISTIC makes"),
        ("", "RELU6", "", "makes it, of what CONV_2D makes with RELU6"),
        ("TANH", "NONE", "", "makes it, of what TANH makes"),
    ],
)
def test_a_mean_is_of_what_it_is_made_of(
    kind: str, before: str, activation: str, found: str, said: str
) -> None:
    outputs = read(pooled(kind, before, activation))
    assert outputs.kind == found
    assert outputs.evidence.endswith(f"{kind} {said}")


def test_a_mean_over_channels_is_none_of_classes() -> None:
    assert read(pooled("MEAN", "SOFTMAX", units=4)).kind == ""


def test_a_detector_is_known_by_its_suppression() -> None:
    found = read(brightness_detector())
    roles = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
    assert found.kind == "detection"
    assert found.head == {"outputs": {role: role for role in roles}}
    assert found.value == "at most 10 boxes of 2 classes"
    assert found.evidence == "it ends in TFLite_Detection_PostProcess"
    assert found.classes == 2
    assert found.shapes == dict(zip(roles, ((1, 10, 4), (1, 10), (1, 10), (1,)), strict=True))
    Detection.check_head("head.", found.head)


def changed(change: Any) -> bytes:
    model = flatbuffer.unpack(brightness_detector())
    change(model)
    return flatbuffer.pack(model)


def test_outputs_are_told_by_the_operators_order_and_not_by_their_names() -> None:
    """Converters name them `output_0` and so on, the number of detections first."""

    def shuffled(model: Any) -> None:
        places = {entry.name.decode(): entry.tensorIndex for entry in model.signatureDefs[0].outputs}
        order = ("num_detections", "detection_scores", "detection_classes", "detection_boxes")
        named = {f"output_{number}": places[role] for number, role in enumerate(order)}
        given = {"image": model.signatureDefs[0].inputs[0].tensorIndex}
        model.signatureDefs = [tflite_files.signature("main", given, named)]

    assert read(changed(shuffled)).head["outputs"] == {
        "detection_boxes": "output_3",
        "detection_classes": "output_2",
        "detection_scores": "output_1",
        "num_detections": "output_0",
    }


def test_a_detector_that_gives_only_some_of_it_is_none() -> None:
    def scores_alone(model: Any) -> None:
        model.signatureDefs[0].outputs = model.signatureDefs[0].outputs[2:3]

    found = read(changed(scores_alone))
    assert found.kind == ""
    assert found.evidence == (
        "it has a TFLite_Detection_PostProcess, whose detection_boxes and detection_classes and num_detections are not "
        "outputs of the model"
    )


def several(shapes: Mapping[str, tuple[int, ...]], kind: str = "RELU") -> bytes:
    steps = [step(kind, ["x"], [name]) for name in shapes]
    return network({"x": (1, 4), **shapes}, steps, ["x"], list(shapes))


@pytest.mark.parametrize(
    ("shapes", "kind", "said"),
    [
        (
            {"a": (1, 3), "b": (1, 2)},
            "SOFTMAX",
            "2 outputs, 'a' (1, 3) float32, 'b' (1, 2) float32: a classifier has one output, and a detector ends in "
            "TFLite_Detection_PostProcess",
        ),
        (
            {"a": (1, 9, 4), "b": (1, 9, 21)},
            "RELU",
            "2 outputs, 'a' (1, 9, 4) float32, 'b' (1, 9, 21) float32: a detector's boxes and scores may look so, but "
            "no TFLite_Detection_PostProcess is behind them",
        ),
        (
            {f"o{number}": (1, number + 1) for number in range(8)},
            "Poses",
            "8 outputs, 'o0' (1, 1) float32, 'o1' (1, 2) float32, 'o2' (1, 3) float32, 'o3' (1, 4) float32, 'o4' (1, "
            "5) float32, 'o5' (1, 6) float32 and 2 more: the custom operator 'Poses' makes them",
        ),
    ],
)
def test_several_outputs_are_described(shapes: Mapping[str, tuple[int, ...]], kind: str, said: str) -> None:
    found = read(several(shapes, kind))
    assert found == Outputs(evidence=said)
    assert (found.kind, found.classes, found.sure, found.labelled) == ("", 0, False, -1)
