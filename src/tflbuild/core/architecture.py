"""Architectures: frozen dataclasses whose fields are the options of the model that a recipe starts from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tflbuild.core import label_list
from tflbuild.core.registry import Registry
from tflbuild.core.task import TASKS

if TYPE_CHECKING:
    from tflbuild.core.compiler_pass import Pass
    from tflbuild.core.modality import Modality


ARCHITECTURES: Registry[Architecture] = Registry("model", "architecture", "models")


UNLABELLED = "unlabelled"
"""Name of the task of data that say nothing of what is right."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Base of every architecture: a frozen dataclass whose fields are its options under `model:`.

    Declared with `@architecture("name")`. `build` runs in a worker and imports its framework there.
    """

    name: ClassVar[str] = ""
    task: ClassVar[str] = ""
    also: ClassVar[tuple[str, ...]] = ()
    """Further tasks whose data it takes: it then gives as many numbers as there would be classes."""
    modality: ClassVar[str] = ""
    """Name of the modality of the samples that it takes; "" where that is not asked while planning."""
    modalities: ClassVar[tuple[str, ...]] = ()
    """Names of further modalities whose samples it takes."""
    needs: ClassVar[tuple[str, ...]] = ("tensorflow", "tf_keras")
    starting: ClassVar[str] = ""
    """Module that fills a built model with weights of files; only keys of trainings that start so have its code."""

    def check(self) -> None:
        """Refuse, while planning, options that no model can have.

        Raises:
            ValueError: "input_size: 40 is too small ...": the option, what was given, what is right.
        """

    def fitted(self, modality: Modality) -> Architecture:
        """Adapt the architecture, while planning, to the shape that the data's modality makes of a sample.

        Raises:
            ValueError: "frames: 40 ...": it cannot take that; the option, what was given, what is right.
        """
        return self

    def resolution(self) -> int:
        """Give the input's longer side in pixels; 0 where only the file knows."""
        raise NotImplementedError

    def files(self) -> tuple[Path, ...]:
        """Name the user's files that decide the model; their content enters the cache key."""
        return ()

    def starts_with(self) -> dict[str, Any]:
        """Name by content the weights that a training starts from, for the cache key; {} for fresh ones."""
        return {}

    def starts(self) -> Pass | None:
        """Give the pass that loads the user's file; it replaces the one that trains from scratch."""
        return None

    def otherwise(self) -> Mapping[str, str]:
        """Give the options with which another pass loads the user's file; {} where none does."""
        return {}

    def quantized(self) -> str:
        """Name the scheme, e.g. "int8", of a user's file that is quantized already; "" for a float model."""
        return ""

    def restores(self) -> Pass | None:
        """Give the pass that makes a float model of a user's file whose numbers are quantized; None for a float one."""
        return None

    def task_on(self, task: str) -> str:
        """Name the task of the model's outputs, if the data are for a given task."""
        return task if task in self.also else self.task or task

    def refusal(self, task: str) -> str:
        """Say, while planning, why the model cannot be used on data of a task; "" where it can."""
        if self.task and task not in (self.task, *self.also) and TASKS.get(task).labelled:
            return f"'{type(self).name}' is for {self.task}"
        return ""

    def misfit(self, modality: str, classes: Sequence[str]) -> str:
        """Say, while planning, why the data do not fit the user's file, naming it; "" where they do.

        Args:
            modality: of the data's samples.
            classes: of the data; empty without labels.
        """
        return ""

    def listed_labels(self) -> dict[str, tuple[str, ...]]:
        """Give the class names that the user's files tell, in the model's order, by where they are written."""
        return {where: labels for path in self.files() for where, labels in label_list.beside(path).items()}

    def preprocess(self) -> Mapping[str, Any]:
        """Say, while planning, which options of `preprocess` count where the recipe says none."""
        return {}

    def warnings(self, preprocess: Mapping[str, Any]) -> list[str]:
        """Say, while planning, how the data's preprocessing contradicts the user's files."""
        return []

    def recognised(self) -> list[dict[str, str]]:
        """List, while planning, what was recognised in the user's files, each with `what`, `value` and `evidence`."""
        return []

    def original(self) -> Any:
        """Load, in a worker, the user's own model as it is; None for a model that is built here.

        What it gives is a `tflbuild.backends.keras_reference.Reference`, which converted files are held to.
        """
        return None

    def build(self, classes: int) -> Any:
        """Build an untrained `tf_keras.Model` for `classes` classes."""
        raise NotImplementedError

    def start(self, built: Any, classes: int) -> dict[str, Any]:
        """Fill a built model, in a worker, with the weights that its training starts from.

        Returns:
            What was taken, for the report; {} where it starts from fresh weights.
        """
        return {}

    def head_of(self, model: Any) -> dict[str, Any]:
        """Say what only the task knows, such as how a detector's outputs become boxes, read off the built model."""
        return {}


def contradicted(asked: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Name the options of `preprocess` that are given otherwise than a file asks.

    >>> contradicted({"scale": 0.003921569, "offset": 0.0}, {"scale": 1 / 255, "offset": -1.0})
    ['offset']
    """
    return [option for option, value in asked.items() if not _alike(value, given.get(option))]


def _alike(one: Any, other: Any) -> bool:
    """Say whether two values are the same; numbers, where a file keeps them in float32."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-6)
    return bool(one == other)


architecture = ARCHITECTURES.declare
"""Class decorator: declare an architecture under a name."""
