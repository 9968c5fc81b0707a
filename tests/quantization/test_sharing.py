"""Groups of activations with one range."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tflbuild.quantization.sharing import shared
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, Tensors, assemble
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.tiny import brightness_detector, dense_classifier

BUILTIN = schema.BuiltinOperator


def groups(content: bytes) -> dict[tuple[str, ...], tuple[tuple[str, ...], str]]:
    found = shared(Graph(flatbuffer.unpack(content)))
    return {group.names: (group.sources, group.scores) for group in found}


def test_a_detector_shares_before_and_behind_its_reshapes() -> None:
    found = groups(brightness_detector())
    assert found["flat_boxes", "box_encodings"] == (("flat_boxes",), "")
    assert found["flat_scores", "class_scores"] == (("flat_scores",), "")
    assert found["flat_logits",] == (("flat_logits",), "LOGISTIC")
    assert found["image",] == (("image",), "")


def test_a_classifier_says_what_reads_its_logits() -> None:
    assert groups(dense_classifier())["logits",] == (("logits",), "SOFTMAX")


def joined(outputs: list[str]) -> bytes:
    """Give a model that joins two copies of its input, moves them, and makes scores of them."""
    tensors: Tensors = {
        "image": (1, 2, 2, 3),
        "one": (1, 2, 2, 3),
        "other": (1, 2, 2, 3),
        "both": (1, 2, 2, 6),
        "shape": np.array([1, 24], np.int32),
        "flat": (1, 24),
        "scores": (1, 24),
    }
    join = schema.ConcatenationOptionsT()
    join.axis = 3
    steps = [
        Step(BUILTIN.RELU, ["image"], ["one"]),
        Step(BUILTIN.RELU6, ["image"], ["other"]),
        Step(
            BUILTIN.CONCATENATION,
            ["one", "other"],
            ["both"],
            schema.BuiltinOptions.ConcatenationOptions,
            join,
        ),
        Step(BUILTIN.RESHAPE, ["both", "shape"], ["flat"]),
        Step(BUILTIN.LOGISTIC, ["flat"], ["scores"]),
    ]
    return assemble(tensors, steps, ["image"], outputs)


def test_all_that_is_joined_shares_and_becomes_scores() -> None:
    assert groups(joined(["scores"]))["one", "other", "both", "flat"] == (("one", "other"), "LOGISTIC")


def test_what_leaves_the_model_too_is_no_mere_logit() -> None:
    assert groups(joined(["scores", "both"]))["one", "other", "both", "flat"] == (("one", "other"), "")
