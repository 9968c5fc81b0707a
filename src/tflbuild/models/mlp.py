"""Dense layers for numbers."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Le, Lt

from tflbuild.core.architecture import architecture
from tflbuild.models.trainable import Trainable

Layer = Annotated[int, Ge(1), Le(4096)]


@architecture("mlp")
class MLP(Trainable):
    """Classify numbers, or tell others from them: dense layers with ReLU, then one without."""

    task = "classification"
    also = ("regression",)
    modality = "vector"

    inputs: Annotated[int, Ge(1), Le(65_536)] | None = None
    """Numbers of a sample. null: refused, since nothing else says it. [numbers]"""
    layers: tuple[Layer, ...] = (64, 64)
    """Units of each layer in front of the last one. More and larger ones are more accurate and slower. [units]"""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Part of the numbers that are dropped behind each of these layers in training. [fraction]"""

    def check(self) -> None:
        """Refuse a model whose input nobody said."""
        super().check()
        if self.inputs is None:
            raise ValueError("inputs: required; say how many numbers a sample has, e.g. model.inputs=10")

    def resolution(self) -> int:
        """Say that nothing is known in pixels."""
        return 0

    def build(self, classes: int) -> Any:
        """Build the graph: `numbers` (1, inputs) to `logits` (1, classes)."""
        from tflbuild.backends.keras import Model, layers

        numbers = layers.Input((self.inputs,), name="numbers")
        tensor = numbers
        for place, units in enumerate(self.layers):
            tensor = layers.Dense(units, activation="relu", name=f"dense_{place}")(tensor)
            if self.dropout:
                tensor = layers.Dropout(self.dropout, name=f"drop_{place}")(tensor)
        logits = layers.Dense(classes, name="logits")(tensor)
        return Model(numbers, logits, name="mlp")
