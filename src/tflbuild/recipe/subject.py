"""The model and the data of a composed recipe, validated once for all who ask, and what they leave open."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from tflbuild.core.architecture import Architecture
from tflbuild.core.modality import MODALITIES
from tflbuild.core.task import TASKS
from tflbuild.recipe import choices

RAW = "uint8"
"""Type of an input that takes the bytes of a sample as they are."""


class Subject:
    """The subject of a recipe.

    Args:
        mapping: a composed recipe that chooses a model and data.
    """

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        self._mapping = mapping

    @cached_property
    def _chosen(self) -> Architecture:
        return choices.model(self._mapping["model"])

    @cached_property
    def model(self) -> Architecture:
        """Give the model, for what the data's samples become."""
        if not self._chosen.modality:
            return self._chosen
        return choices.fitted(self._chosen, self.data.dataset)

    @cached_property
    def data(self) -> choices.Data:
        """Give the data set, and what was recognised of it."""
        said = self._mapping.get("preprocess")
        return choices.data(self._mapping["data"], said if isinstance(said, Mapping) else {}, self._chosen)

    def idle(self, option: str, value: Any) -> bool:
        """Say whether an option of a quantizing pass means nothing here: an output that is float anyway, and raw bytes.

        Args:
            option: its name.
            value: that it would have.
        """
        if option == "output_dtype":
            return TASKS.get(self.model.task_on(self.data.dataset.task)).float_outputs
        return option == "input_dtype" and value == RAW and not self._bytes

    @cached_property
    def _bytes(self) -> bool:
        """Say whether an input takes bytes as they are, or is made such that it does."""
        data = self.data.dataset
        kind = MODALITIES.get(data.modality).of(data.preprocess)
        return kind.quantization() is not None or kind.evened() is not None
