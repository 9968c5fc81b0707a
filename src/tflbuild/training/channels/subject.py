"""A model that is to lose channels: its graph, its groups, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tflbuild.training.channels import importance, reading, surgery
from tflbuild.training.channels.choice import Choice
from tflbuild.training.channels.cost import Cost
from tflbuild.training.channels.facts import OUT, Graph
from tflbuild.training.channels.groups import Dependencies, dependencies


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model with what is known of its channels.

    Attributes:
        model: a functional `tf_keras.Model`.
        graph: its facts.
        found: its channels.
    """

    model: Any
    graph: Graph
    found: Dependencies

    @classmethod
    def of(cls, model: Any, excluded: Iterable[str] = ()) -> Subject:
        """Read a model.

        Args:
            model: a built `tf_keras.Model`.
            excluded: layers that keep all their channels.
        """
        whole = reading.functional(model)
        graph = reading.graph_of(whole)
        return cls(model=whole, graph=graph, found=dependencies(graph, excluded))

    @cached_property
    def cost(self) -> Cost:
        """Give what channels cost."""
        return Cost.of(self.graph, self.found)

    @property
    def makers(self) -> list[str]:
        """Name the layers whose channels could be excluded: those with weights that give channels."""
        return [name for name, axes in self.found.axes.items() if OUT in axes]

    @property
    def sizes(self) -> dict[str, int]:
        """Give how many channels each group that may lose some has, by name."""
        return {group.name: len(group.channels) for group in self.found.prunable}

    @property
    def channels(self) -> int:
        """Count the channels of groups that may lose some."""
        return sum(self.sizes.values())

    @property
    def macs(self) -> int:
        """Count the multiply-accumulates of one sample."""
        return self.cost.macs(np.array([len(group.channels) for group in self.found.groups], np.int64))

    @property
    def parameters(self) -> int:
        """Count the weights."""
        return int(self.model.count_params())

    @property
    def weights(self) -> Mapping[tuple[str, str], Any]:
        """Give the arrays that channels lie along, by the names of layer and weight."""
        variables = importance.weighted(self.graph, self.model)
        return {key: variable.numpy() for key, variable in variables.items()}

    def without(self, choice: Choice) -> Any:
        """Give the model with what is left."""
        return surgery.cut(self.model, self.graph, self.found, choice.kept)
