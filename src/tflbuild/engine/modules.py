"""The modules and tools that decide what a model is given, what it computes and what its outputs say."""

from __future__ import annotations

from tflbuild.core.artifact import Artifact
from tflbuild.core.meaning import Meaning
from tflbuild.core.modality import MODALITIES
from tflbuild.core.runtime import usual_runtime
from tflbuild.core.task import TASKS


def needs_tensorflow(model: Artifact) -> bool:
    """Say whether running a model takes TensorFlow, whose threads and device change its results."""
    return not usual_runtime(model.kind).light


def modules_of(meaning: Meaning, *, served: bool = False, trained: bool = False) -> list[str]:
    """Name the modules that decide what a model's inputs are made of and what its outputs say.

    Args:
        meaning: of the model.
        served: whether a framework's graph is finished, too.
        trained: whether batches, targets and losses are made, too.
    """
    task = TASKS.get(meaning.task)
    kinds = [MODALITIES.get(given.modality) for given in meaning.inputs.values()]
    dotted = [task.serving] if served else []
    dotted += [task.training, *(kind.training for kind in kinds)] if trained else []
    every = {
        task.__module__,
        *(kind.__module__ for kind in kinds),
        *(module_of(name) for name in dotted if name),
    }
    return sorted(every)


def tools_of_inputs(meaning: Meaning) -> list[str]:
    """Name the tools whose versions decide what samples become."""
    return [tool for given in meaning.inputs.values() for tool in MODALITIES.get(given.modality).needs]


def module_of(dotted: str) -> str:
    """Give the module of a dotted name, "module:function"."""
    return dotted.partition(":")[0]
