"""Layers named by patterns."""

from __future__ import annotations

import pytest

from tflbuild.core.errors import PassError
from tflbuild.passes.training.layer_patterns import fitting, value_of

LAYERS = ["conv_0", "conv_1", "conv_2", "Conv_3", "head"]


def refused(pattern: str, layers: list[str]) -> str:
    with pytest.raises(PassError) as caught:
        fitting(layers, ["*" if layers else pattern, pattern], "prune.exclude", "can be pruned")
    return str(caught.value)


def test_a_layer_that_fits_any_pattern_is_found_and_case_counts() -> None:
    assert fitting(LAYERS, ["conv_[01]", "head"], "k", "w") == {"conv_0", "conv_1", "head"}
    assert fitting(LAYERS, ["*"], "k", "w") == set(LAYERS)
    assert fitting(LAYERS, [], "k", "w") == set()


def test_a_pattern_that_fits_none_is_refused_with_up_to_three_of_the_nearest() -> None:
    assert refused("conv_9*", LAYERS) == (
        "prune.exclude: 'conv_9*' fits no layer that can be pruned; the nearest are conv_2, conv_1, conv_0."
    )
    assert (
        refused("haed", LAYERS)
        == "prune.exclude: 'haed' fits no layer that can be pruned; the nearest is head."
    )
    assert refused("co", ["head", "conv_0"]).endswith(
        "the nearest is conv_0."
    )  # though they share two letters alone
    assert refused("zzz", LAYERS).endswith("the nearest are conv_0, conv_1, conv_2.")
    assert refused("zzz", ["one", "two"]).endswith("the nearest are one, two.")
    assert refused("zzz", ["one"]).endswith("the nearest is one.")
    assert refused("conv", []).endswith("fits no layer that can be pruned; the model has none.")


def test_the_first_pattern_that_fits_says_the_value_even_where_that_is_nothing() -> None:
    assert value_of("conv_1", {"head": 1.0, "conv_1": 0.0, "conv_*": 0.7}, 0.5) == 0.0
    assert value_of("conv_1", {"conv_*": 0.7, "conv_1": 0.0}, 0.5) == 0.7
    assert value_of("Conv_1", {"conv_*": 0.7}, 0.5) == 0.5
