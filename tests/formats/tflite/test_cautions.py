"""What an app has to do so that a delivered file gives there what it gave here."""

from __future__ import annotations

import pytest
from ai_edge_litert import schema_py_generated as schema

import stateful_files
import tflite_files
from foreign_networks import Draft
from tflbuild.formats.tflite.cautions import cautions
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import assemble
from tflbuild.tflite.suppression import OUTPUTS, SuppressionOptions, output_shapes, suppression

LABELS = ("ant", "bee", "cow", "dog", "el\x1bk", "fox")


def detector(classes: int, *, class_wise: bool = True) -> bytes:
    options = SuppressionOptions(
        classes=classes,
        box_scales=(10, 10, 5, 5),
        max_detections=9,
        class_wise=class_wise,
        score_threshold=0.1,
        iou_threshold=0.5,
    )
    shapes = {"box_encodings": (1, 8, 4), "class_scores": (1, 8, classes), "anchors": (8, 4)}
    step = suppression(list(shapes), options)
    return assemble({**shapes, **output_shapes(9)}, [step], list(shapes), OUTPUTS)


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (2, ""),
        (3, "number 2 ('cow') with 2 threads: run it with one thread"),
        (5, "number 4 ('el\\x1bk') with 4 threads: run it with one thread"),
        (6, "number 4 ('el\\x1bk') with 4 threads: run it with one thread"),
    ],
)
def test_the_class_that_several_threads_lose_is_named(classes: int, said: str) -> None:
    """Measured by `benchmarks/suppression_threads.py`: of more than n classes, n threads lose number n."""
    found = cautions(flatbuffer.unpack(detector(classes)), LABELS[:classes])
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_classes_without_names_are_numbers() -> None:
    (found,) = cautions(flatbuffer.unpack(detector(90)), ())
    assert "number 4 with 4 threads: run it with one thread in your app" in found


def test_suppression_of_all_classes_together_loses_none() -> None:
    assert cautions(flatbuffer.unpack(detector(6, class_wise=False)), LABELS) == []


def test_state_that_is_kept_between_calls_is_said() -> None:
    (found,) = cautions(flatbuffer.unpack(stateful_files.lstm(4, clip=0.0, peepholes=False)), ())
    assert found.startswith(
        "it keeps state between calls ('state' and 1 more), and every sample was measured from"
    )


def test_of_any_other_file_there_is_nothing_to_say() -> None:
    assert cautions(flatbuffer.unpack(tflite_files.classifier("SOFTMAX")), LABELS) == []


@pytest.mark.parametrize(
    ("given", "made", "warns"),
    [
        ("INT8", "INT16", True),
        ("INT8", "INT8", False),
        ("INT16", "INT16", False),
        ("FLOAT32", "FLOAT32", False),
    ],
)
def test_a_softmax_from_8_to_16_bits_is_said_to_be_refused_by_microcontrollers(
    given: str, made: str, warns: bool
) -> None:
    """TensorFlow Lite Micro's SoftmaxPrepare asks for a zero point of -32768, and LiteRT's own kernel for one of 0."""
    draft = Draft(1, x=(1, 4))
    draft.softmax("y", "x")
    model = flatbuffer.unpack(draft.content("y"))
    for tensor in model.subgraphs[0].tensors:
        tensor.type = getattr(schema.TensorType, given if tensor.name == b"x" else made)
    found = cautions(model, ())
    assert ["refuses its softmax of 16 bits ('y')" in one for one in found] == [True] * warns
