from __future__ import annotations

import tflite_files
from tflbuild.formats.tflite.graph import Graph
from tflbuild.formats.tflite.steps import steps_of
from tflbuild.tflite.model import Model


def test_floats_have_no_step() -> None:
    graph = Graph(Model(tflite_files.classifier("SOFTMAX")))
    assert steps_of(graph, ["scores"]) == {}
