"""Kernels of few values: which have them, where they start, and that they keep them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow


class Weights:
    """A variable, as far as it is looked at."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, np.float32)

    def numpy(self) -> Any:
        return self.values


class Layer:
    def __init__(self, name: str, *kernels: Any) -> None:
        self.name, self.kernels = name, [Weights(values) for values in kernels]


@pytest.fixture
def codebooks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the module, for which a model is a list of layers."""
    from tflbuild.training import codebooks, tfmot

    monkeypatch.setattr(tfmot, "prunable_layers", list)
    monkeypatch.setattr(tfmot, "kernels_of", lambda layer: layer.kernels)
    monkeypatch.setattr(tfmot, "name_of", lambda layer, kernel: f"{layer.name}/kernel")
    return codebooks


def test_a_layer_has_two_weights_for_each_cluster_or_is_left(codebooks: Any) -> None:
    half = [[1, 2], [3, 4], [5, 6], [0, 0]]  # six weights that are not zero, in two channels
    layers = [Layer("a", half), Layer("b", half), Layer("c", half, [[1, 1]]), Layer("d", half)]
    assert codebooks.clusterable(layers, {"a": 3, "b": 4, "c": 3, "e": 1}, False) == {"a": 3}
    assert codebooks.clusterable(layers, {"a": 1, "b": 2}, True) == {"a": 1}


def test_as_many_values_as_clusters_are_taken_as_they_are(codebooks: Any) -> None:
    weights = np.array([5, 1, 5, 3], np.float32)
    for kind in ("kmeans", "density", "linear"):
        found = codebooks.initial_centroids(weights, 3, kind)
        assert (found.tolist(), found.dtype) == ([1, 3, 5], np.float32)
        assert codebooks.initial_centroids(weights, 4, kind)[-1] == np.float32(1e30)
    assert codebooks.initial_centroids(weights, 2, "linear").tolist() == [1, 5]
    # a quarter and three quarters of the way through 1, 3, 5, 5
    assert codebooks.initial_centroids(weights, 2, "density").tolist() == [2.5, 5]


def test_a_cluster_that_loses_its_members_stays_where_it_was(codebooks: Any) -> None:
    weights, start = np.array([0, 1, 10, 11], np.float32), np.array([0.5, 5.5, 10.5], np.float32)
    assert codebooks._kmeans(weights, start).tolist() == [0.5, 5.5, 10.5]


def test_half_as_many_values_as_weights_are_the_mark(codebooks: Any) -> None:
    two_each = np.arange(1, 9, dtype=np.float32).repeat(2).reshape(16, 1)
    assert codebooks.clustered(two_each) == "kernel"
    two_each[0] = 100
    assert codebooks.clustered(two_each) == ""
    zeros = np.concatenate([two_each[:0], np.zeros((4, 1), np.float32), np.full((2, 1), 3.0, np.float32)])
    assert codebooks.clustered(zeros) == "kernel"  # zeros are no values and no weights
    assert codebooks.clustered(zeros[:5]) == ""


def test_more_values_than_a_byte_names_are_no_clusters(codebooks: Any) -> None:
    assert (
        codebooks.clustered(np.arange(1, 256).repeat(2).reshape(-1, 1)) == "kernel"
    )  # and zero is the 256th
    assert codebooks.clustered(np.arange(1, 257).repeat(2).reshape(-1, 1)) == ""


def test_channels_share_values_or_have_their_own(codebooks: Any) -> None:
    shared = np.tile(
        np.array([1.0, 2.0], np.float32).repeat(8), (6, 1)
    ).T  # the same two in each of six channels
    assert codebooks.clustered(shared) == "kernel"
    own = shared + 10 * np.arange(6)
    assert codebooks.clustered(own.astype(np.float32)) == "channel"


def test_distinct_values_are_counted_with_zero(codebooks: Any) -> None:
    kernel = np.array([[0, 1], [2, 1], [3, 5]])
    assert codebooks.most_distinct(kernel, False) == 5
    assert codebooks.most_distinct(kernel, True) == 3
    assert codebooks.rows_of(kernel, False).tolist() == [[0, 1, 2, 1, 3, 5]]
    assert codebooks.rows_of(kernel, True).tolist() == [[0, 2, 3], [1, 1, 5]]


def test_a_census_names_clustered_kernels_alone(codebooks: Any) -> None:
    few = np.array([[1, 1, 2, 2, 0], [3, 3, 3, 3, 3]], np.float32).T
    free = np.arange(10).reshape(5, 2)
    assert codebooks.census([Layer("few", few), Layer("free", free)]) == {
        "few/kernel": {"kernel": 4, "channel": 3}
    }


def test_kernels_keep_their_values_or_are_named(codebooks: Any) -> None:
    before = [Layer("a", np.array([1, 1, 2, 2, 0], np.float32).reshape(-1, 1))]

    def after(*values: float) -> Any:
        return [Layer("a", np.array(values, np.float32).reshape(-1, 1))]

    codebooks.check_kept(before, after(5, 5, 7, 7, 0))
    codebooks.check_kept(before, after(5, 5, 5, 5, 5))
    codebooks.check_kept(before, [Layer("b", [[1], [2], [3], [4]])])
    codebooks.check_kept([Layer("a", [[1], [2]])], after(1, 2, 3))  # had no clusters
    with pytest.raises(Exception, match=r"^a/kernel had 3 distinct values and now has 4\.$"):
        codebooks.check_kept(before, after(1, 2, 3, 3, 0))
    own = np.array([[1, 1, 1, 1], [2, 2, 2, 2], [3, 3, 3, 3]], np.float32).T
    more = own.copy()
    more[0] = 9
    with pytest.raises(
        Exception, match=r"^a/kernel had 1 distinct values in an output channel and now has 2\.$"
    ):
        codebooks.check_kept([Layer("a", own)], [Layer("a", more)])


def test_zeros_worth_keeping_are_more_than_one_in_twenty(codebooks: Any) -> None:
    twenty = np.ones(20, np.float32)
    twenty[0] = 0
    assert not codebooks.sparse(twenty)
    assert codebooks.sparse(twenty[:19])


def test_free_weights_are_those_of_the_mask(codebooks: Any) -> None:
    rows = np.array([[1, 0, 2], [0, 3, 4]])
    assert [row.tolist() for row in codebooks.free_weights(rows, None)] == rows.tolist()
    assert [row.tolist() for row in codebooks.free_weights(rows, rows != 0)] == [[1, 2], [3, 4]]
