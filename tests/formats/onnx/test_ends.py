"""How inputs and outputs of an ONNX file are laid out in the `.tflite`: the order of axes, the batch, open sides.

No two sides of an example are alike, so that an order that is mistaken shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from onnx_files import Given, end, model, node, tensor
from tflbuild.core.errors import RecipeError
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.onnx.ends import Ends, ends_of
from tflbuild.formats.onnx.graph import read

Shape = Sequence[int | str] | None

CONV = node("Conv", ["x", "k"], ["y"])


def ends(
    shape: Shape,
    nodes: Sequence[bytes] = (CONV,),
    said: tuple[int, ...] = (),
    out: Shape = (1, 5),
    more: Sequence[bytes] = (),
) -> Ends:
    kernel = tensor("k", np.ones((4, 3, 1, 1), np.float32))
    given = Given(nodes, [end("x", shape), *more], [end("y", out)], [kernel])
    return ends_of(read(model(given)), "'net.onnx'", said)


def test_channels_move_to_the_end_and_nothing_else_does() -> None:
    found = ends((1, 3, 5, 7), more=[end("row", (1, 9, 11))])
    assert found.given == {"x": (1, 3, 5, 7), "row": (1, 9, 11)}
    assert dict(found.signature.inputs) == {
        "x": TensorSpec((1, 5, 7, 3), "float32"),
        "row": TensorSpec((1, 9, 11), "float32"),
    }
    assert (found.first, found.last) == ({"x": "Conv reads it"}, {})


LAST: dict[str, tuple[Sequence[int], list[bytes], bool, str]] = {
    "a transpose to channels first": (
        (1, 5, 7, 6),
        [node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]), node("Conv", ["t", "k"], ["y"])],
        False,
        "a Transpose to channels first reads it",
    ),
    "another transpose": (
        (1, 5, 7, 6),
        [node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1]), node("Conv", ["t", "k"], ["y"])],
        True,
        "as is usual in ONNX",
    ),
    **{
        kind: ((1, 8, 8, 3), [node(kind, ["x"], ["y"])], True, f"{kind} reads it")
        for kind in ("Conv", "MaxPool", "AveragePool", "BatchNormalization")
    },
    **{
        f"a convolution behind {kind}": (
            (1, 8, 8, 3),
            [node(kind, ["x"], ["t"]), node("Conv", ["t", "k"], ["y"])],
            True,
            "Conv reads it",
        )
        for kind in ("Pad", "Cast", "Identity", "Mul", "Div", "Add", "Sub", "Resize", "Clip")
    },
    "a convolution behind what may move axes": (
        (1, 8, 8, 3),
        [node("Reshape", ["x"], ["t"]), node("Conv", ["t", "k"], ["y"])],
        False,
        "its last side is 3",
    ),
    "two readers": (
        (1, 8, 8, 3),
        [CONV, node("Relu", ["x"], ["z"])],
        False,
        "its last side is 3",
    ),
    "a reader that makes two tensors": (
        (1, 8, 8, 3),
        [node("Split", ["x"], ["s", "t"])],
        False,
        "its last side is 3",
    ),
    "nobody reads it, and it looks grey": ((1, 8, 8, 1), [], False, "its last side is 1"),
    "both sides look like channels": ((1, 3, 8, 1), [], True, "its second side is 3"),
    "a grey one, channels first": ((1, 1, 8, 9), [], True, "its second side is 1"),
    "neither side does": ((1, 2, 8, 4), [], True, "as is usual in ONNX"),
    "only what passes it on": ((1, 8, 8, 3), [node("Identity", ["x"], ["y"])], False, "its last side is 3"),
}


@pytest.mark.parametrize("case", LAST)
def test_the_order_of_axes_is_seen_by_who_reads_them_and_else_by_the_sides(case: str) -> None:
    shape, nodes, first, evidence = LAST[case]
    found = ends(shape, nodes)
    assert (dict(found.first), dict(found.last)) == (
        ({"x": evidence}, {}) if first else ({}, {"x": evidence})
    )
    n, a, b, c = shape
    assert found.signature.inputs["x"].shape == ((n, b, c, a) if first else (n, a, b, c))


OUTPUTS: list[tuple[Shape, tuple[int, ...]]] = [
    (("N", 4, 5, 6), (1, 5, 6, 4)),
    ((2, 4, 5, 6), (2, 5, 6, 4)),
    (("N", 4, "H", 6), (1, -1, 6, 4)),
    (("N", 4, 5), (1, 4, 5)),
    ((), ()),
    (None, ()),
]


@pytest.mark.parametrize(("shape", "seen"), OUTPUTS)
def test_outputs_of_four_axes_are_turned_with_the_input(shape: Shape, seen: tuple[int, ...]) -> None:
    assert ends((1, 3, 8, 9), out=shape).signature.outputs["y"] == TensorSpec(seen, "float32")


def test_outputs_are_not_turned_where_no_input_is() -> None:
    assert ends((1, 9), [], out=("N", 4, 5, 6)).signature.outputs["y"].shape == (1, 4, 5, 6)


SAID: list[tuple[Shape, tuple[int, ...], tuple[int, ...]]] = [
    (("N", 3, "H", "W"), (1, 3, 5, 7), (1, 3, 5, 7)),
    (("N", 3, 5, 7), (2, 3, 5, 7), (2, 3, 5, 7)),
    (None, (1, 3, 5, 7), (1, 3, 5, 7)),
    (("N", 3, 5, 7), (), (1, 3, 5, 7)),
    ((1, 3, 5, 7), (), (1, 3, 5, 7)),
]


@pytest.mark.parametrize(("own", "said", "given"), SAID)
def test_open_sides_are_those_that_the_recipe_says(
    own: Shape, said: tuple[int, ...], given: tuple[int, ...]
) -> None:
    found = ends(own, said=said)
    assert found.given == {"x": given}
    assert found.signature.inputs["x"] == TensorSpec((given[0], given[2], given[3], given[1]), "float32")


def test_a_shape_of_other_sides_is_refused_with_both() -> None:
    known = "the input 'x' of 'net.onnx', which is (?, 3, ?, 7) float32; open sides are '?'"
    for said in ((1, 3, 5, 8), (1, 4, 5, 7), (1, 3, 5), (1, 3, 5, 7, 1)):
        with pytest.raises(ValueError, match=r"^shape: ") as caught:
            ends(("N", 3, "H", 7), said=said)
        assert str(caught.value) == f"shape: {list(said)} does not fit {known}"


def test_a_shape_can_be_said_of_a_single_input() -> None:
    with pytest.raises(ValueError, match=r"^shape: ") as caught:
        ends(("N", 3, 5, 7), said=(1, 3, 5, 7), more=[end("z", (1, 2))])
    assert (
        str(caught.value) == "shape: 'net.onnx' has 2 inputs, but shape is for a single input; leave it out"
    )


REFUSED: list[tuple[Shape, str]] = [
    ((4, 3), "is (4, 3) float32, so it takes 4 samples at a time; export it again"),
    ((), "is () float32, so it has no axis for the batch; export it again"),
    (
        (1, 3, "H", 7),
        "is (1, 3, ?, 7) float32, whose sides are not fixed; set them in the file's own order of axes: "
        "model.shape=[1,3,SIDE,7] with a number for each SIDE.",
    ),
    (None, "has no shape; set it in the file's own order, e.g. model.shape=[1,3,224,224]."),
]


@pytest.mark.parametrize(("shape", "said"), REFUSED)
def test_what_is_not_one_sample_of_known_sides_is_refused(shape: Shape, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        ends(shape)
    assert str(caught.value).startswith(f"model.path: the input 'x' of 'net.onnx' {said}")
