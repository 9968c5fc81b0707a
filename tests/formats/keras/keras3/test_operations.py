"""Operations of Keras 3: by which layer or operation they are computed, and which of them are none of a sample's own.

What they compute is held to Keras 3 in `tests/backends/test_keras3_intake.py`; here is what decides it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from tflbuild.formats.keras.keras3.calls import Call, Tensor
from tflbuild.formats.keras.keras3.operations import operated
from tflbuild.formats.keras.keras3.refusal import NoEqual

NOTHING: Mapping[str, Any] = MappingProxyType({})
IMAGE = Tensor("image", 0, 0, (None, 8, 6, 3))
OTHER = Tensor("other", 0, 0, (None, 8, 6, 3))
ROW = Tensor("row", 0, 0, (None, 12))
SAID_NOT = Tensor("somewhere", 0, 0)


def steps(
    kind: str, *args: Any, kwargs: Mapping[str, Any] = NOTHING, **options: Any
) -> list[tuple[str, dict[str, Any]]]:
    """Give the layers of an operation with what they are called with."""
    made = operated("a", kind, {"name": "a", **options}, Call(args, kwargs))
    return [
        (step.options.get("function", step.kind), {**step.options, **step.arguments}) for step in made.steps
    ]


def lack(kind: str, *args: Any, kwargs: Mapping[str, Any] = NOTHING, **options: Any) -> str:
    """Say why tf_keras has no equal of an operation, which Keras 3 itself then computes."""
    with pytest.raises(NoEqual) as raised:
        operated("a", kind, {"name": "a", **options}, Call(args, kwargs))
    said = str(raised.value)
    assert said.startswith(f"layer 'a' is the operation {kind} of Keras 3 ")
    assert said.endswith(", which is not translated")
    return said.partition(" of Keras 3 ")[2].removesuffix(", which is not translated")


def test_tensors_of_one_rank_are_joined_by_a_layer_and_others_by_an_operation() -> None:
    """A layer of tf_keras stretches axes otherwise where ranks differ, or are not known."""
    assert steps("Add", IMAGE, IMAGE) == [("Add", {})]
    assert operated("a", "Add", {"name": "a"}, Call((IMAGE, ROW), {})).reads == (IMAGE,)
    assert steps("Add", IMAGE, ROW) == [
        ("__operators__.add", {"function": "__operators__.add", "y": ROW, "name": None})
    ]
    for first, second in ((SAID_NOT, SAID_NOT), (IMAGE, SAID_NOT), (SAID_NOT, IMAGE)):
        assert [one for one, _ in steps("Maximum", first, second)] == ["math.maximum"]
    assert [one for one, _ in steps("Divide", IMAGE, IMAGE)] == ["math.truediv"]
    assert operated("a", "Add", {"name": "a"}, Call((IMAGE, OTHER), {})).reads == (IMAGE, OTHER)


def test_the_order_of_a_tensor_and_a_number_is_kept() -> None:
    made = operated("a", "Subtract", {"name": "a"}, Call((IMAGE, 2.5), {}))
    assert (made.reads, made.steps[0].arguments["y"]) == ((IMAGE,), 2.5)
    made = operated("a", "Subtract", {"name": "a"}, Call((2.5, IMAGE), {}))
    assert (made.reads, made.steps[0].arguments) == ((), {"constant": 2.5, "y": IMAGE, "name": None})
    by_name = operated("a", "Subtract", {"name": "a"}, Call((), {"x1": IMAGE, "x2": [[1, 2.0], [3, 4]]}))
    assert (by_name.reads, by_name.steps[0].arguments["y"]) == ((IMAGE,), [[1, 2.0], [3, 4]])


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((IMAGE,), "of 1 values"),
        ((IMAGE, IMAGE, IMAGE), "of 3 values"),
        ((IMAGE, True), "of such values"),
        ((IMAGE, "2"), "of such values"),
        ((IMAGE, []), "of such values"),
        ((IMAGE, [1.0, True]), "of such values"),
        (([[1.0], [None]], IMAGE), "of such values"),
        ((1.0, 2.0), "of such values"),
    ],
)
def test_other_values_are_no_second_operand(args: tuple[Any, ...], said: str) -> None:
    assert lack("Add", *args) == said


def test_an_operation_of_one_tensor_has_no_other_argument() -> None:
    assert [one for one, _ in steps("Exp", IMAGE)] == ["math.exp"]
    assert lack("Exp", IMAGE, IMAGE) == "of 2 tensors and other values"
    assert lack("Exp", IMAGE, 1.0) == "of 1 tensors and other values"
    assert lack("Exp", kwargs={"x": IMAGE}) == "of 1 tensors and other values"
    assert lack("Exp", 1.0) == "of 0 tensors and other values"
    assert lack("Exp", IMAGE, precise=2) == "with precise=2"


@pytest.mark.parametrize(
    ("axis", "keepdims", "wanted"),
    [
        ([1, 2], False, ("GlobalAveragePooling2D", {"keepdims": False})),
        ([2, 1], True, ("GlobalAveragePooling2D", {"keepdims": True})),
        ([-2, -3], False, ("GlobalAveragePooling2D", {"keepdims": False})),
        ([1], True, ("math.reduce_mean", {"axis": [1], "keepdims": True})),
        (-1, False, ("math.reduce_mean", {"axis": [3], "keepdims": False})),
        ([1, 3], False, ("math.reduce_mean", {"axis": [1, 3], "keepdims": False})),
        ([-1, 1, 2], True, ("math.reduce_mean", {"axis": [1, 2, 3], "keepdims": True})),
    ],
)
def test_a_mean_over_height_and_width_is_a_pooling(axis: Any, keepdims: bool, wanted: Any) -> None:
    ((kind, options),) = steps("Mean", IMAGE, axis=axis, keepdims=keepdims)
    assert kind == wanted[0]
    assert {key: options[key] for key in wanted[1]} == wanted[1]
    assert steps("Max", IMAGE, axis=[1, 2]) == [("GlobalMaxPooling2D", {"keepdims": False})]
    assert [one for one, _ in steps("Sum", IMAGE, axis=[1, 2])] == ["math.reduce_sum"]
    assert [one for one, _ in steps("Min", IMAGE, axis=[1, 2])] == ["math.reduce_min"]
    assert [one for one, _ in steps("Mean", Tensor("x", 0, 0, (None, 3, 4, 5, 6)), axis=[1, 2])] == [
        "math.reduce_mean"
    ]


@pytest.mark.parametrize(
    ("tensor", "axis", "said"),
    [
        (IMAGE, None, "over all axes"),
        (IMAGE, [1, None], "over all axes"),
        (IMAGE, [1, True], "over all axes"),
        (SAID_NOT, [1], "over all axes"),
        (IMAGE, [0, 1], "over the samples of a batch"),
        (IMAGE, -4, "over the samples of a batch"),
        (ROW, [-2], "over the samples of a batch"),
    ],
)
def test_a_reduction_leaves_samples_apart(tensor: Tensor, axis: Any, said: str) -> None:
    assert lack("Sum", tensor, axis=axis, keepdims=False) == said


def test_options_are_those_that_the_operation_was_given() -> None:
    ((_, clip),) = steps("Clip", IMAGE, x_min=-1, x_max=0.5)
    assert (clip["clip_value_min"], clip["clip_value_max"]) == (-1, 0.5)
    assert lack("Clip", IMAGE, x_min=[True], x_max=1) == "by other values than numbers"
    assert lack("Clip", IMAGE, x_min=0, x_max="1") == "by other values than numbers"
    assert steps("LeakyRelu", IMAGE, negative_slope=0.125) == [("LeakyReLU", {"alpha": 0.125})]
    assert steps("Elu", IMAGE, alpha=0.5) == [("ELU", {"alpha": 0.5})]
    assert steps("Elu", IMAGE) == [("ELU", {"alpha": 1.0})]  # as keras.ops.elu has it
    for given, wanted in (({}, True), ({"approximate": True}, True), ({"approximate": False}, False)):
        ((_, gelu),) = steps("Gelu", IMAGE, **given)
        assert gelu["approximate"] is wanted
    with pytest.raises(NoEqual, match=r"which has no equivalent layer in tf_keras$"):
        operated("a", "Matmul", {}, Call((IMAGE, IMAGE), {}))


def test_a_softmax_is_along_its_own_axis() -> None:
    assert steps("Softmax", IMAGE, axis=-1) == [("Activation", {"activation": "softmax"})]
    assert steps("Softmax", IMAGE) == [("Activation", {"activation": "softmax"})]
    for axis in (1, 3, -2):
        assert steps("Softmax", IMAGE, axis=axis) == [("Softmax", {"axis": axis})]
    for axis in (0, -4, None, [1, 2]):  # None is all of them at once, the samples, too
        assert lack("Softmax", IMAGE, axis=axis) == f"along axis {axis}"
    assert lack("Softmax", SAID_NOT, axis=1) == "along axis 1"


def test_a_sample_is_reshaped_by_itself() -> None:
    assert steps("Reshape", IMAGE, newshape=[-1, 48, 3]) == [("Reshape", {"target_shape": [48, 3]})]
    assert steps("Reshape", IMAGE, newshape=[None, 144]) == [("Reshape", {"target_shape": [144]})]
    for wanted in ([2, 72], [-1, 143], [-1, -1], [-1, 0], [-1, 144.0], [], None, 144):
        assert lack("Reshape", IMAGE, newshape=wanted) == f"to {wanted}, which may mix samples"
    for tensor in (SAID_NOT, Tensor("x", 0, 0, (None, None, 3))):
        assert lack("Reshape", tensor, newshape=[-1, 3]) == "to [-1, 3], which may mix samples"


def test_axes_of_a_sample_are_put_in_another_order() -> None:
    assert steps("Transpose", IMAGE, axes=[0, 3, 1, 2]) == [("Permute", {"dims": [3, 1, 2]})]
    for axes in ([1, 0, 2, 3], [], None):
        assert lack("Transpose", IMAGE, axes=axes) == f"to {axes}, which mixes samples"


def test_tensors_are_joined_along_an_axis_of_a_sample() -> None:
    made = operated("a", "Concatenate", {"name": "a", "axis": -3}, Call(([IMAGE, IMAGE],), {}))
    assert (made.reads, made.steps[0].options) == ((IMAGE, IMAGE), {"axis": -3})
    for axis in (0, -4, -5, None, True, "1"):
        assert lack("Concatenate", [IMAGE, IMAGE], axis=axis) == f"along axis {axis}"
    assert lack("Concatenate", [SAID_NOT, IMAGE], axis=1) == "along axis 1"
    assert lack("Concatenate", [IMAGE, 1.0], axis=1) == "of other values than tensors"
    assert lack("Concatenate", [], axis=1) == "of other values than tensors"
    assert lack("Concatenate", IMAGE, IMAGE, axis=1) == "of other values than tensors"


def test_an_axis_is_added_or_taken_out_behind_that_of_the_samples() -> None:
    for axis in (1, 4, -1, -4):
        ((_, options),) = steps("ExpandDims", IMAGE, axis=axis)
        assert options["axis"] == axis
    for axis in (0, -5):  # of the five that there are then, the first
        assert lack("ExpandDims", IMAGE, axis=axis) == f"along axis {axis}"
    ((_, options),) = steps("Squeeze", IMAGE, axis=-3)
    assert options["axis"] == [-3]
    assert lack("Squeeze", IMAGE, axis=-4) == "along axis -4"
    assert lack("Squeeze", SAID_NOT, axis=1) == "along axis 1"


def test_height_and_width_alone_are_padded_and_resized() -> None:
    widths = [[0, 0], [1, 2], [3, 4], [0, 0]]
    assert steps("Pad", IMAGE, pad_width=widths, mode="constant") == [
        ("ZeroPadding2D", {"padding": [[1, 2], [3, 4]]})
    ]
    for wrong in (
        [[0, 1], *widths[1:]],
        [[1, 0], *widths[1:]],
        [*widths[:3], [0, 1]],
        [*widths[:3], [1, 0]],
        widths[:3],
        1,
    ):
        assert lack("Pad", IMAGE, pad_width=wrong) == f"by {wrong}"
    assert lack("Pad", ROW, pad_width=widths) == f"by {widths}"
    assert lack("Pad", IMAGE, pad_width=widths, mode="reflect") == "with mode=reflect"
    assert steps("Resize", IMAGE, size=[4, 5], interpolation="nearest", crop_to_aspect_ratio=True) == [
        (
            "Resizing",
            {"height": 4, "width": 5, "interpolation": "nearest", "crop_to_aspect_ratio": True},
        )
    ]
    ((_, plain),) = steps("Resize", IMAGE, size=[4, 5], antialias=False, fill_value=0.0)
    assert (plain["interpolation"], plain["crop_to_aspect_ratio"]) == ("bilinear", False)
    assert lack("Resize", IMAGE, size=[4, 5], antialias=True) == "with antialias=True"
    assert lack("Resize", IMAGE, size=[4, 5], data_format="channels_first") == (
        "with data_format=channels_first"
    )
    assert lack("Resize", ROW, size=[4, 5]) == "of what is not a batch of pictures"
    assert lack("Cast", IMAGE, dtype="int32") == "to int32"
    ((_, cast),) = steps("Cast", IMAGE, dtype="float32")
    assert cast["dtype"] == "float32"


def part(start: Any = None, stop: Any = None, step: Any = None) -> dict[str, Any]:
    return {"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}}


ELLIPSIS = {"class_name": "__ellipsis__", "config": {}}
WHOLE = {"start": None, "stop": None, "step": None}


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ([part(), part(1, 7)], [WHOLE, {"start": 1, "stop": 7, "step": None}, WHOLE, WHOLE]),
        ([part(), ELLIPSIS, part(None, None, -1)], [WHOLE, WHOLE, WHOLE, {**WHOLE, "step": -1}]),
        ([ELLIPSIS, 2], [WHOLE, WHOLE, WHOLE, 2]),
        ([part(), 3, ELLIPSIS, 2], [WHOLE, 3, WHOLE, 2]),
        ([part(), 1, ELLIPSIS, 4, 2], [WHOLE, 1, 4, 2]),
        (part(), [WHOLE] * 4),
    ],
)
def test_parts_of_a_sample_are_taken_axis_by_axis(key: Any, wanted: Any) -> None:
    ((_, options),) = steps("GetItem", IMAGE, key)
    assert options["slice_spec"] == wanted


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((IMAGE, [part(0, 1)]), "of the samples of a batch"),
        ((IMAGE, [part(None, None, 2)]), "of the samples of a batch"),
        ((IMAGE, [0]), "of the samples of a batch"),
        ((IMAGE, 0), "of the samples of a batch"),
        ((IMAGE, [ELLIPSIS, ELLIPSIS]), "with such places"),
        ((IMAGE, [part()] * 5), "with such places"),
        ((IMAGE, [part(), "1"]), "with such places"),
        ((IMAGE, [part(), True]), "with such places"),
        ((IMAGE, [part(), part(1.5)]), "with such places"),
        ((IMAGE, [part(), None]), "with such places"),
        ((IMAGE,), "of such values"),
        ((IMAGE, [part()], [part()]), "of such values"),
        ((SAID_NOT, [part()]), "of such values"),
        ((1.0, [part()]), "of such values"),
    ],
)
def test_parts_that_are_no_places_or_mix_samples_are_refused(args: tuple[Any, ...], said: str) -> None:
    assert lack("GetItem", *args) == said
