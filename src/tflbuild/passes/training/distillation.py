"""The teacher of a model that is trained: options of `distill`, and the loss with the teacher in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le

from tflbuild.core.artifact import KerasModel
from tflbuild.core.compiler_pass import PassContext
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.core.options import to_json

FILES = (".h5", ".keras")
"""Endings that tell a teacher's file from the label of a step."""

SHARED = ("task", "modality", "shape", "preprocess", "labels", "feature_maps", "anchors")
"""Facts that student and teacher have to share: they see the same input, and their outputs are compared."""


@dataclass(frozen=True, kw_only=True)
class Distill:
    """Learn what a trained model says of each image, besides its labels.

    A teacher that the student would outgrow holds it back: on `signs`, where training on still helps, an SSD pruned to
    50 % in 800 steps came to mAP 0.6542 in int8 without its input as teacher, and to 0.6516 with weight 0.5.

    References:
        Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015.
    """

    weight: Annotated[float, Ge(0), Le(1)] = 0.0
    """Share of the loss that comes from the teacher; the rest comes from the labels. 0 is off, 1 ignores the
    labels. [fraction of the loss]"""
    temperature: Annotated[float, Gt(0)] = 2.0
    """Divides the logits of both models before they are compared. Higher makes the smaller scores count more.
    [no unit]"""
    teacher: str = ""
    """The model that teaches: the label of an earlier step, or a `.h5` or `.keras` file. Empty: the pass's own
    input."""

    @property
    def from_file(self) -> bool:
        """Whether the teacher is a file."""
        return Path(self.teacher).suffix in FILES

    def files(self) -> tuple[str, ...]:
        """Name the file that teaches, so that its content enters the key."""
        return (self.teacher,) if self.weight and self.from_file and Path(self.teacher).is_file() else ()

    def labels(self) -> tuple[str, ...]:
        """Name the earlier step that teaches."""
        return (self.teacher,) if self.weight and self.teacher and not self.from_file else ()

    def check(self) -> None:
        """Refuse a file that is not there, or that tf_keras could not load.

        Raises:
            ValueError: it names the option.
        """
        if self.weight and self.from_file and not self.files():
            raise ValueError(
                f"distill.teacher: there is no file '{self.teacher}'; name a .h5 or .keras file, or an earlier step"
            )
        for file in self.files():
            check_model_file(file, "distill.teacher")


def check_model_file(file: str, option: str) -> None:
    """Refuse a file that a training will load and could not, while it is planned.

    Raises:
        ValueError: it is no model, or one that must not be loaded; starts with the option.
    """
    from tflbuild.formats.keras import header as keras_header

    path, key = Path(file), f"{option}: "
    try:
        keras_header.check_loads(keras_header.read(path, key), path, key)
    except RecipeError as error:
        raise ValueError(str(error).removesuffix(".")) from error


def with_teacher(
    options: Distill,
    student: Any,
    facts: Meaning,
    loss: Any,
    hooks: Any,
    given: KerasModel | None,
    ctx: PassContext,
) -> tuple[Any, Any]:
    """Put the teacher into a training.

    Args:
        options: who teaches, and how much it counts.
        student: the `tf_keras.Model` that is trained.
        facts: what goes in and what comes out of it.
        loss: the loss without a teacher.
        hooks: what else happens in a step, a `tflbuild.training.loop.Hooks`; None for nothing.
        given: the pass's input.
        ctx: gives the outputs of earlier steps.

    Returns:
        The loss, and the hooks that ask the teacher in every step.

    Raises:
        PassError: the teacher takes another input than the student, or gives other outputs.
    """
    from tflbuild.backends import keras
    from tflbuild.training import distillation
    from tflbuild.training import loop as training

    path, known = _found(options, given, ctx)
    teacher = keras.load(path)
    name = options.teacher or "the pass's input"
    _check_alike(f"{ctx.label}.distill.teacher: {name}", teacher, student, known, facts)
    ctx.notes["distill"] = {
        "teacher": options.teacher or "input",
        "weight": options.weight,
        "temperature": options.temperature,
    }
    whole = facts.kind.with_teacher(loss, student, teacher, options.weight, options.temperature)
    return whole, replace(hooks or training.Hooks(), targets=distillation.query_teacher(teacher))


def _found(options: Distill, given: KerasModel | None, ctx: PassContext) -> tuple[Path, Mapping[str, Any]]:
    """Give the teacher's file, and what it says it means; {} for a file that says nothing."""
    from tflbuild.backends import keras

    key = f"{ctx.label}.distill.teacher"
    if options.from_file:
        path = Path(options.teacher)
        return path, keras.read_facts(path)
    model = ctx.model(options.teacher) if options.teacher else given
    if model is None:
        raise PassError(f"{key}: the pass has no input that could teach; name an earlier step or a .h5 file.")
    if not isinstance(model, KerasModel):
        raise PassError(f"{key}: '{options.teacher}' gives a {model.kind}; only a KerasModel can teach.")
    return model.path, model.meta["facts"]


def _check_alike(name: str, teacher: Any, student: Any, known: Mapping[str, Any], facts: Meaning) -> None:
    theirs, own = _compared(known) if known else {}, _compared(facts.to_json())
    differing = [fact for fact in SHARED if known and theirs.get(fact) != own.get(fact)]
    if differing:
        raise PassError(
            f"{name} was made for another {', '.join(differing)} than the model that is trained; both must see the "
            f"same images and give the same outputs."
        )
    for what in ("input_shape", "output_shape"):
        if getattr(teacher, what) != getattr(student, what):
            raise PassError(
                f"{name} has the {what.replace('_', ' ')} {getattr(teacher, what)}, the model that is trained "
                f"{getattr(student, what)}; they must agree."
            )


def _compared(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Give facts in the form in which two models' can be compared: with every option of their inputs."""
    meaning = Meaning.from_json(facts)
    inputs = {
        "modality": {name: given.modality for name, given in meaning.inputs.items()},
        "shape": {name: given.shape for name, given in meaning.inputs.items()},
        "preprocess": {name: to_json(given.kind) for name, given in meaning.inputs.items()},
    }
    compared: dict[str, Any] = to_json({**meaning.to_json(), **inputs, **meaning.head})
    return compared
