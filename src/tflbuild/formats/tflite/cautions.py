"""Warn of a delivered `.tflite` that gives other results in an app than it gave here, unless the app takes care."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tflbuild.core.plain_text import plain
from tflbuild.tflite.detection_rules import options_of
from tflbuild.tflite.flatbuffer import DTYPES
from tflbuild.tflite.graph import Graph
from tflbuild.tflite.raw_outputs import SUPPRESSION

LOST = 3
"""Number of classes from which one can be lost: two threads lose the third."""

USUAL_THREADS = 4
"""Number of threads that apps often take."""


def cautions(model: Any, labels: Sequence[str]) -> list[str]:
    """Say what an app has to do so that a file gives there what it gave here, a sentence each.

    Args:
        model: what `flatbuffer.unpack` gave.
        labels: names of its classes; empty where they are not known.
    """
    graph = Graph(model)
    return [*_of_threads(graph, labels), *_of_state(graph), *_of_softmax(graph)]


def _of_threads(graph: Graph, labels: Sequence[str]) -> Iterator[str]:
    """Name the class that LiteRT 2 leaves out where several threads suppress class by class: that of their number."""
    for operator in graph.operators:
        if graph.kind(operator) != SUPPRESSION:
            continue
        options: dict[str, Any] = options_of(bytes(bytearray(operator.customOptions))) or {}
        classes = int(options.get("num_classes", 0))
        if not options.get("use_regular_nms") or classes < LOST:
            continue
        threads = min(USUAL_THREADS, classes - 1)
        name = f" ('{plain(labels[threads], 60)}')" if threads < len(labels) else ""
        yield (
            f"it suppresses class by class, and with several threads LiteRT 2 gives no detection of one class, number "
            f"{threads}{name} with {threads} threads: run it with one thread in your app"
        )


def _of_state(graph: Graph) -> Iterator[str]:
    """Name the tensors that keep their values from one call to the next."""
    kept = [tensor.name.decode(errors="replace") for tensor in graph.tensors if tensor.isVariable]
    if kept:
        more = f" and {len(kept) - 1} more" if len(kept) > 1 else ""
        yield (
            f"it keeps state between calls ('{plain(kept[0], 60)}'{more}), and every sample was measured from a fresh "
            f"start: your app must call reset_all_variables() (Java: resetVariableTensors()) before each sample"
        )


def _of_softmax(graph: Graph) -> Iterator[str]:
    """Name a softmax of which the kernels of a PC and a phone give p in steps of 1/32768, and others something else.

    Those of LiteRT for microcontrollers ask for steps of 1/65536 above -32768 instead, and refuse the file; LiteRT's
    reference kernel gives 2 p - 1.
    """
    for operator in graph.operators:
        if graph.kind(operator) != "SOFTMAX":
            continue
        given, made = (graph.tensors[int(places[0])] for places in (operator.inputs, operator.outputs))
        if (DTYPES[given.type], DTYPES[made.type]) == ("int8", "int16"):
            name = plain(graph.name(operator.outputs[0]), 60)
            yield (
                f"LiteRT for microcontrollers refuses its softmax of 16 bits ('{name}'), and LiteRT's "
                f"reference kernels give other scores; for such a device, build with quantize.scores=int8"
            )
