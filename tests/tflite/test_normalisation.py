"""A normalisation by channel in the graph: what comes out is what came out for normalised values, borders included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from foreign_networks import FUSED, Draft
from litert_files import outputs_of
from on_bytes import moved_inside
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph

FACTORS, SHIFTS = (2.1, 1.8, 2.2), (-0.3, 0.25, -0.1)


def padded() -> bytes:
    """Give a convolution of 3 x 3 that pads with zeros, and keeps every pixel of its output."""
    draft = Draft(1, image=(1, 5, 6, 3))
    draft.conv("map", "image", 4, FUSED.NONE)
    return draft.content("map")


def picture(shape: tuple[int, ...] = (1, 5, 6, 3), seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def normalised(values: Any, factors: Any = FACTORS, shifts: Any = SHIFTS) -> Any:
    return (values.astype(np.float64) * np.array(factors) + np.array(shifts)).astype(np.float32)


def test_a_padded_convolution_gives_the_same_in_every_pixel() -> None:
    content, values = padded(), picture()
    made = moved_inside(content, {"image": (FACTORS, SHIFTS)})
    (wanted,) = outputs_of(content, {"image": normalised(values)}).values()
    (found,) = outputs_of(made, {"image": values}).values()
    assert found == pytest.approx(wanted, abs=1e-5)
    border = np.ones(wanted.shape[1:3], bool)
    border[1:-1, 1:-1] = False
    assert np.abs(found - wanted)[0, border].max() <= 1e-5
    # Folding the factors into the kernel would pad with zeros of raw values, and be wrong there alone.
    folded = _folded(content)
    (other,) = outputs_of(folded, {"image": values}).values()
    assert other[0, 1:-1, 1:-1] == pytest.approx(wanted[0, 1:-1, 1:-1], abs=1e-4)
    assert np.abs(other - wanted)[0, border].max() > 0.05, "or this model would prove nothing"


def _folded(content: bytes) -> bytes:
    """Put factors and shifts into the kernel and the bias of the convolution, which is right without padding alone."""
    model = flatbuffer.unpack(content)
    graph = Graph(model)
    (layer,) = graph.operators
    kernel, bias = graph.constant(layer.inputs[1]), graph.constant(layer.inputs[2])
    assert kernel is not None
    assert bias is not None
    graph.set_input(layer, 2, (bias + (kernel * np.array(SHIFTS)).sum(axis=(1, 2, 3))).astype(np.float32))
    graph.set_input(layer, 1, (kernel * np.array(FACTORS)).astype(np.float32))
    return flatbuffer.pack(model)


def test_ends_keep_their_names_and_shapes() -> None:
    content = padded()
    made = flatbuffer.unpack(moved_inside(content, {"image": (FACTORS, SHIFTS)}))
    inputs, outputs = flatbuffer.ends_of(made)
    assert (list(inputs), list(outputs)) == (["image"], ["map"])
    tensors = made.subgraphs[0].tensors
    assert tensors[inputs["image"]].shape.tolist() == [1, 5, 6, 3]
    assert int(made.subgraphs[0].inputs[0]) == inputs["image"]
    graph = Graph(made)
    assert [graph.kind(operator) for operator in graph.operators] == ["DEPTHWISE_CONV_2D", "CONV_2D"]
    assert graph.constant(graph.operators[0].inputs[1]).ravel() == pytest.approx(FACTORS)  # type: ignore[union-attr]
    assert graph.constant(graph.operators[0].inputs[2]) == pytest.approx(SHIFTS)


def test_one_channel_has_one_factor() -> None:
    draft = Draft(2, grey=(1, 4, 4, 1))
    draft.conv("map", "grey", 2, FUSED.NONE)
    content, values = draft.content("map"), picture((1, 4, 4, 1))
    made = moved_inside(content, {"grey": ((0.5,), (0.125,))})
    (wanted,) = outputs_of(content, {"grey": values * 0.5 + 0.125}).values()
    (found,) = outputs_of(made, {"grey": values}).values()
    assert found == pytest.approx(wanted, abs=1e-5)


def test_of_two_pictures_each_has_its_own_and_a_third_input_stays() -> None:
    draft = Draft(3, left=(1, 4, 4, 3), right=(1, 4, 4, 3), plain=(1, 4, 4, 2))
    seen = [draft.conv(f"seen_{name}", name, 2, FUSED.NONE) for name in ("left", "right", "plain")]
    draft.add("both", seen[0], seen[1])
    draft.add("y", "both", seen[2])
    content = draft.content("y")
    values = {
        name: picture((1, 4, 4, 2 if name == "plain" else 3), k)
        for k, name in enumerate(("left", "right", "plain"))
    }
    other = ((0.5, 4.0, 1.0), (1.0, 0.0, -2.0))
    made = moved_inside(content, {"left": (FACTORS, SHIFTS), "right": other})
    given = {**values, "left": normalised(values["left"]), "right": normalised(values["right"], *other)}
    (wanted,) = outputs_of(content, given).values()
    (found,) = outputs_of(made, values).values()
    assert found == pytest.approx(wanted, abs=1e-5)
    assert list(flatbuffer.ends_of(flatbuffer.unpack(made))[0]) == ["left", "right", "plain"]


def test_a_file_without_a_signature_takes_its_input_by_the_same_name() -> None:
    model = flatbuffer.unpack(padded())
    model.signatureDefs = None
    content, values = flatbuffer.pack(model), picture()
    made = moved_inside(content, {"image": (FACTORS, SHIFTS)})
    (wanted,) = outputs_of(content, {"image": normalised(values)}).values()
    (found,) = outputs_of(made, {"image": values}).values()
    assert found == pytest.approx(wanted, abs=1e-5)


def test_an_input_that_two_layers_read_is_normalised_once_for_both() -> None:
    draft = Draft(4, image=(1, 4, 4, 3))
    draft.conv("one", "image", 2, FUSED.NONE)
    draft.conv("other", "image", 2, FUSED.NONE)
    draft.add("y", "one", "other")
    content, values = draft.content("y"), picture((1, 4, 4, 3))
    made = moved_inside(content, {"image": (FACTORS, SHIFTS)})
    (wanted,) = outputs_of(content, {"image": normalised(values)}).values()
    (found,) = outputs_of(made, {"image": values}).values()
    assert found == pytest.approx(wanted, abs=1e-5)
    assert len(flatbuffer.unpack(made).subgraphs[0].operators) == 4
