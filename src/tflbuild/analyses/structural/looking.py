"""Look for mistakes in graphs: of a `.tflite`, and what the configuration of a Keras file shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tflbuild.tflite.graph import Graph
    from tflbuild.tflite.structure import Sparse, Training, Twice

SUMS_TO_ONE = 0.01
"""Distance from 1 that a sum of probabilities has at most, which 8 bits may make of them."""

Values = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Looked:
    """Mistakes that a graph shows, and zeros of its weights.

    Attributes:
        twice: probabilities that are made of probabilities, by the graph alone.
        fed: tensors of softmaxes that read what sums to one, on every sample.
        training: batch norms that normalise by their batch.
        zeros: of every layer's weights.
    """

    twice: Sequence[Twice] = ()
    fed: Sequence[str] = ()
    training: Sequence[Training] = ()
    zeros: Sequence[Sparse] = ()


def looked(graph: Graph, samples: Sequence[Values]) -> Looked:
    """Look at the graph of a `.tflite`, and at what its softmaxes read on samples."""
    from tflbuild.tflite.structure import batch_norms_in_training, probabilities_twice, zeros_of

    twice = list(probabilities_twice(graph))
    return Looked(
        twice=twice,
        fed=_fed_probabilities(graph, samples, {one.tensor for one in twice}),
        training=list(batch_norms_in_training(graph)),
        zeros=zeros_of(graph),
    )


def _fed_probabilities(graph: Graph, samples: Sequence[Values], known: set[str]) -> list[str]:
    """Name softmaxes, by what they write, that read rows of several numbers which are none below 0 and sum to 1."""
    import numpy as np

    from tflbuild.quantization.observation import Executable, exposed, without_custom

    cut = without_custom(graph)
    pairs = {
        graph.name(int(one.outputs[0])): graph.name(int(one.inputs[0]))
        for one in cut.operators
        if graph.kind(one) == "SOFTMAX"
        and graph.name(int(one.outputs[0])) not in known
        and cut.maker(int(one.inputs[0])) is not None
        and int(graph.tensors[int(one.inputs[0])].shape[-1]) > 1
    }
    if not pairs or not samples:
        return []
    read = list(dict.fromkeys(pairs.values()))
    running, left = Executable(exposed(cut, read)), set(read)
    for sample in samples:
        for name, value in zip(read, running.run(sample), strict=True):
            if np.any(value < 0) or np.any(np.abs(value.sum(axis=-1) - 1) > SUMS_TO_ONE):
                left.discard(name)
    return [made for made, given in pairs.items() if given in left]
