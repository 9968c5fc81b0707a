"""The work that a model takes, by hand."""

from __future__ import annotations

import small_network
from tflbuild.quantization.effort import activation_values, affordable, work
from tflbuild.tflite.graph import Graph


def test_work_is_multiplications_and_what_is_written() -> None:
    """Stem and middle write 8 x 8 x 4 values, pool and flat 64, head and scores 2."""
    graph = Graph.unpacked(small_network.convolutional())
    written = 256 + 256 + 64 + 64 + 2 + 2
    assert activation_values(graph) == written
    assert work(graph) == 6912 + 2304 + 128 + 20 * written


def test_a_few_samples_are_taken_of_any_model() -> None:
    assert [affordable(100.0, each, 4) for each in (7, 25, 26, 1000, 0)] == [14, 4, 4, 4, 100]
