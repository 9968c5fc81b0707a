"""Matching layers of a file with those of a model: by name, by order, and what leaves a choice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tflbuild.weights.layer import Layer, layer_of
from tflbuild.weights.matching import Mismatch, Ours, Theirs, match
from tflbuild.weights.pairing import pairs_of


def kernel(name: str, *sides: int, bias: bool = False, by_depth: bool = False) -> Layer:
    made = np.random.default_rng(sum(map(ord, name))).normal(size=sides).astype("f4")
    arrays = {"depthwise_kernel" if by_depth else "kernel": made}
    return layer_of(name, arrays | ({"bias": np.full(sides[-1], 0.5, "f4")} if bias else {}))


def norm(name: str, channels: int, epsilon: float = 1e-3) -> Layer:
    draw = np.random.default_rng(sum(map(ord, name)))
    roles = ("gamma", "beta", "moving_mean", "moving_variance")
    arrays = {role: draw.uniform(0.5, 1.5, channels).astype("f4") for role in roles}
    return layer_of(name, arrays, epsilon=epsilon)


def chain(prefix: str, *widths: int, head: int = 3, epsilon: float = 1e-3) -> list[Layer]:
    """A network of 3 x 3 convolutions with norms, and a head."""
    layers, inner = list[Layer](), 3
    for number, width in enumerate(widths):
        layers += [
            kernel(f"{prefix}{number}", 3, 3, inner, width),
            norm(f"{prefix}{number}_norm", width, epsilon),
        ]
        inner = width
    return [*layers, kernel(f"{prefix}_head", inner, head, bias=True)]


def ours(layers: list[Layer], parents: Mapping[str, Iterable[str]] | None = None) -> Ours:
    """Layers of a model of ours, each convolution behind the one before it, or behind its parents."""
    names = [one.name for one in layers if one.is_convolution]
    before = {name: frozenset(names[:place]) for place, name in enumerate(names)}
    if parents is not None:
        before = {name: frozenset[str]() for name in names}
        for name in names:
            for parent in parents.get(name, ()):
                before[name] |= before[parent] | {parent}
    norms = {p.convolution.name: p.norm.name for p in pairs_of(layers) if p.norm is not None}
    return Ours(name="net", layers=layers, norms=norms, before=before)


def theirs(layers: list[Layer], **more: Any) -> Theirs:
    return Theirs(layers=layers, **more)


def test_a_file_of_the_same_names_is_matched_by_name_and_a_head_for_other_classes_is_fresh() -> None:
    own = chain("conv_", 8, 16, 16)
    found = match(ours(own), theirs(chain("conv_", 8, 16, 16, head=10)))
    # three kernels and three norms of four arrays
    assert (found.by, found.tensors) == ("name", 15)
    assert (found.fresh, found.unused) == (("conv__head",), ("conv__head",))
    np.testing.assert_array_equal(found.arrays["conv_1"]["kernel"], own[2].kernel)


def test_names_count_whatever_the_order_of_the_file() -> None:
    own = chain("conv_", 8, 8, 8, 8)
    found = match(ours(own), theirs(own[::-1], ordered=False))
    assert (found.by, found.fresh, found.unused) == ("name", (), ())
    for layer in own:
        for role, array in layer.arrays.items():
            np.testing.assert_allclose(found.arrays[layer.name][role], array)


def test_other_names_are_matched_by_order_from_the_first_layer_on() -> None:
    given = chain("Conv", 8, 16, 16, head=1000)
    found = match(ours([*chain("a", 8, 16, 16, 32), kernel("box", 32, 4, bias=True)]), theirs(given))
    assert (found.by, found.tensors) == ("order", 15)
    assert found.fresh == ("a3", "a3_norm", "a_head", "box")
    assert found.unused == ("Conv_head",)
    np.testing.assert_array_equal(found.arrays["a2"]["kernel"], given[4].kernel)
    np.testing.assert_allclose(found.arrays["a2_norm"]["beta"], given[5].arrays["beta"])


def test_order_is_taken_where_it_matches_more_than_the_names_that_both_happen_to_have() -> None:
    given = chain("conv_", 8, 16, 16, 16)
    renamed = [layer_of(f"x{place}", one.arrays) if place < 4 else one for place, one in enumerate(given)]
    found = match(ours(chain("conv_", 8, 16, 16, 16)), theirs(renamed))
    assert (found.by, found.fresh) == ("order", ())


def test_names_within_the_names_of_tensors_are_names_of_convolutions() -> None:
    # the converter names what it folded after both: "a0_norm/FusedBatchNormV3;a0/Conv2D"
    def known(layer: Layer, *names: str) -> Layer:
        return replace(layer, name=f"t/{layer.name}", aliases=frozenset(names))

    given = [
        known(kernel("a1", 3, 3, 8, 8, bias=True), "a1_norm", "a1"),
        known(kernel("a0", 3, 3, 3, 8, bias=True), "a0_norm", "a0"),
        known(kernel("a_head", 8, 3, bias=True), "a_head"),
    ]
    found = match(ours(chain("a", 8, 8)), theirs(given))
    assert (found.by, found.folded, found.fresh) == ("name", 2, ())
    np.testing.assert_array_equal(found.arrays["a0"]["kernel"], given[1].kernel)


def test_without_an_order_other_names_are_refused() -> None:
    with pytest.raises(Mismatch, match=r"0 have the same name and shape; the file tells no order$"):
        match(ours(chain("a", 8, 16)), theirs(chain("b", 8, 16), ordered=False))


def test_another_width_is_refused_with_the_first_layer_that_differs() -> None:
    with pytest.raises(Mismatch) as caught:
        match(ours(chain("a", 8, 16, 32)), theirs(chain("b", 8, 24, 32)))
    assert str(caught.value) == (
        "of the 4 convolutions and dense layers of net and the 4 of the file, 0 have the same name and shape; by order "
        "the first 1 agree; then 'a1' is 3 x 3 x 8 x 16, and 'b1' of the file 3 x 3 x 8 x 24"
    )


def test_names_of_another_width_are_refused_though_most_of_the_layers_agree() -> None:
    own = ours(chain("a", 8, 8, 8, 8, 8, 8, 16))
    with pytest.raises(Mismatch, match="'a5' is 3 x 3 x 8 x 8, and 3 x 3 x 8 x 16 in the file"):
        match(own, theirs([*chain("a", 8, 8, 8, 8, 8, 16, 16)][::-1]))


def test_a_file_without_kernels_is_refused() -> None:
    with pytest.raises(Mismatch, match="it holds no kernels of convolutions or dense layers"):
        match(ours(chain("a", 8)), theirs([norm("b", 8)]))


FORKED = {"stem": (), "box_dw": ("stem",), "class_dw": ("stem",), "box": ("box_dw",), "class": ("class_dw",)}


def forked(prefix: str = "") -> list[Layer]:
    """A stem with two heads, whose first layers have one shape."""
    return [
        kernel(f"{prefix}stem", 3, 3, 3, 8),
        kernel(f"{prefix}box_dw", 3, 3, 8, 1, by_depth=True),
        kernel(f"{prefix}class_dw", 3, 3, 8, 1, by_depth=True),
        kernel(f"{prefix}box", 8, 24, bias=True),
        kernel(f"{prefix}class", 8, 18, bias=True),
    ]


def test_layers_of_one_shape_side_by_side_are_not_matched_by_order() -> None:
    with pytest.raises(
        Mismatch, match="'box_dw' and 'class_dw' of net have one shape and stand side by side"
    ):
        match(ours(forked(), FORKED), theirs(forked("x_")))
    found = match(ours(forked(), FORKED), theirs(forked()))
    assert (found.by, found.fresh) == ("name", ())


def test_a_layer_beside_one_of_its_shape_is_told_by_the_layer_behind_it() -> None:
    # a head looks at the same tensor as the trunk's second layer, which has its shape
    parents = {"a0": (), "a1": ("a0",), "a2": ("a1",), "head_dw": ("a0",), "head": ("head_dw",)}
    layers = [
        kernel("a0", 3, 3, 3, 8),
        kernel("a1", 3, 3, 8, 1, by_depth=True),
        kernel("a2", 8, 16, bias=True),
        kernel("head_dw", 3, 3, 8, 1, by_depth=True),
        kernel("head", 8, 4, bias=True),
    ]
    given = [
        kernel("x0", 3, 3, 3, 8),
        kernel("x1", 3, 3, 8, 1, by_depth=True),
        kernel("x2", 8, 16, bias=True),
    ]
    found = match(ours(layers, parents), theirs([*given, kernel("top", 16, 7, bias=True)]))
    assert found.fresh == ("head_dw", "head")
    np.testing.assert_array_equal(found.arrays["a1"]["kernel"], given[1].kernel)


def test_branches_that_a_file_lists_otherwise_are_told_by_their_shapes() -> None:
    parents = {"a": (), "inner": ("a",), "inner_2": ("inner",), "short": ("a",), "top": ("inner_2", "short")}
    layers = [
        kernel("a", 3, 3, 3, 8),
        kernel("inner", 3, 3, 8, 16),
        kernel("inner_2", 3, 3, 16, 16),
        kernel("short", 8, 16),
        kernel("top", 16, 5, bias=True),
    ]
    given = [layer_of(f"x{one.name}", one.arrays) for one in (layers[0], layers[3], *layers[1:3], layers[4])]
    found = match(ours(layers, parents), theirs(given))
    assert found.fresh == ("top",)
    np.testing.assert_array_equal(found.arrays["short"]["kernel"], layers[3].kernel)


# What is computed stays the same


def answer(layers: list[Layer], x: Any) -> Any:
    """A chain of 1 x 1 convolutions, by hand."""
    for pair in pairs_of(layers):
        x = x @ pair.convolution.kernel + pair.convolution.arrays.get("bias", 0.0)
        if pair.norm is not None:
            got = pair.norm.arrays
            scale = got.get("gamma", 1.0) / np.sqrt(got["moving_variance"] + pair.norm.epsilon)
            x = (x - got["moving_mean"]) * scale + got.get("beta", 0.0)
    return x


def filled(layers: list[Layer], arrays: Mapping[str, Mapping[str, Any]]) -> list[Layer]:
    return [layer_of(one.name, dict(arrays[one.name]), epsilon=one.epsilon) for one in layers]


OWN = [kernel("a", 4, 6), norm("a_norm", 6), kernel("b", 6, 5, bias=True)]
BIASED = [kernel("x", 4, 6, bias=True), norm("x_norm", 6)]


@pytest.mark.parametrize(
    "given",
    [
        [kernel("x", 4, 6, bias=True), kernel("y", 6, 5, bias=True)],
        [kernel("x", 4, 6), norm("x_norm", 6, epsilon=1e-5), kernel("y", 6, 5, bias=True)],
        [*BIASED, kernel("y", 6, 5, bias=True)],
        [kernel("x", 4, 6), norm("x_norm", 6), kernel("y", 6, 5), norm("y_norm", 5)],
        [kernel("x", 4, 6), norm("x_norm", 6), kernel("y", 6, 5)],
    ],
    ids=["folded", "another epsilon", "bias and norm", "norm where ours has none", "no bias"],
)
def test_a_match_computes_what_the_file_does(given: list[Layer]) -> None:
    x = np.random.default_rng(0).normal(size=(7, 4))
    found = match(ours(OWN), theirs(given))
    assert found.fresh == ()
    made = answer(filled(OWN, found.arrays), x)
    np.testing.assert_allclose(made, answer(given, x), rtol=1e-5, atol=1e-5)


def test_a_folded_norm_is_the_identity_with_the_bias_as_its_beta() -> None:
    found = match(ours(OWN), theirs([kernel("x", 4, 6, bias=True), kernel("y", 6, 5, bias=True)]))
    made = found.arrays["a_norm"]
    assert found.folded == 1
    np.testing.assert_allclose(made["gamma"], np.sqrt(1.001), rtol=1e-6)
    assert [set(made[role]) for role in ("beta", "moving_mean", "moving_variance")] == [{0.5}, {0.0}, {1.0}]


def test_a_norm_belongs_to_the_first_convolution_that_has_none() -> None:
    # two branches side by side, whose norms follow both of them
    layers = [kernel("a", 3, 8), kernel("b", 3, 8), norm("n", 8), norm("m", 8), kernel("c", 8, 8, bias=True)]
    told = [(pair.convolution.name, pair.norm and pair.norm.name) for pair in pairs_of(layers)]
    assert told == [("a", "n"), ("b", "m"), ("c", None)]


def test_a_depthwise_kernel_of_one_channel_is_a_convolution() -> None:
    # the converter writes the first layer of a keyword spotter either way
    assert kernel("a", 10, 4, 1, 64, by_depth=True).shape == kernel("b", 10, 4, 1, 64).shape
