"""The meaning of a model: what its inputs are made of, and what its outputs say.

It travels in `Artifact.meta["facts"]`, and in the delivered file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tflbuild.core.artifact import Artifact
from tflbuild.core.errors import PassError
from tflbuild.core.field_checks import check_fields, mapping, rows_of, text, whole
from tflbuild.core.json_text import kind_of
from tflbuild.core.modality import MODALITIES, Modality
from tflbuild.core.plain_text import plain
from tflbuild.core.registry import Registry
from tflbuild.core.task import TASKS, Task

IMAGE = "image"
"""Name of the one input of a model that tflbuild builds, and of the modality of pictures."""

SOUND = "sound"
"""Name of the one input of a model of recordings that tflbuild builds."""

MOST_SIDE = 1 << 24
MOST_LABELS = 1 << 17
LONGEST_LABEL = 1 << 12
LONGEST_NAME = 1 << 10
MOST_INPUTS = 64


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input of a model: the kind of what goes in, and its options.

    Attributes:
        modality: name of the `tflbuild.core.modality.Modality`.
        shape: of one sample as the model takes it, without the batch axis: (height, width, channels) of a picture.
        preprocess: the modality's options, which say how a raw sample becomes model values.
    """

    modality: str
    shape: tuple[int, ...]
    preprocess: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> Modality:
        """Give the modality with its options."""
        return MODALITIES.get(self.modality).of(self.preprocess)

    def to_json(self) -> dict[str, Any]:
        """Give the form that lies in a file."""
        return {"modality": self.modality, "shape": list(self.shape), "preprocess": dict(self.preprocess)}


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """The meaning of a model's inputs and outputs.

    Attributes:
        task: name of the `tflbuild.core.task.Task` that its outputs are of.
        labels: class names, by index; empty where the task has none, or nobody knows them.
        inputs: what goes in, by the name of the input.
        head: what only the task knows, such as the anchors of a detector.
    """

    task: str
    labels: tuple[str, ...] = ()
    inputs: Mapping[str, Input]
    head: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> Task:
        """Give the task."""
        return TASKS.get(self.task)()

    @property
    def only(self) -> Input:
        """Give the only input of a model that has one.

        Raises:
            PassError: the model has several.
        """
        if len(self.inputs) != 1:
            names = ", ".join(self.inputs)
            raise PassError(
                f"the model has {len(self.inputs)} inputs ({names}), and this takes a model with one."
            )
        return next(iter(self.inputs.values()))

    @classmethod
    def of_image(
        cls,
        *,
        task: str,
        height: int,
        width: int,
        labels: tuple[str, ...] = (),
        preprocess: Mapping[str, Any],
        detector: Mapping[str, Any] | None = None,
    ) -> Meaning:
        """Give the meaning of a model whose one input, `image`, is a picture of three channels."""
        image = Input(modality=IMAGE, shape=(height, width, 3), preprocess=preprocess)
        return cls(task=task, labels=labels, inputs={IMAGE: image}, head=detector or {})

    def to_json(self) -> dict[str, Any]:
        """Give the form that `Artifact.meta["facts"]` and a file hold."""
        return {
            "task": self.task,
            "labels": list(self.labels),
            "inputs": {name: given.to_json() for name, given in self.inputs.items()},
            "head": dict(self.head),
        }

    @classmethod
    def of(cls, model: Artifact) -> Meaning:
        """Read the meaning of a model file."""
        return _read(model.meta["facts"])

    @classmethod
    def from_json(cls, value: object) -> Meaning:
        """Read a meaning that lay in a file, as `to_json` gives it or as tflbuild 0.1 wrote it.

        Raises:
            ValueError: it is not that of a model, e.g. "'inputs.image.shape' is [-1, 8, 3]".
        """
        if not isinstance(value, dict):
            raise ValueError(f"they are a {kind_of(value)}, not a mapping")
        return _read(_checked(_today(value)))


def preprocess_in(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the options of the one input of facts that `Meaning.to_json` gave; {} where there are none, or several."""
    inputs = facts.get("inputs", {})
    found: Mapping[str, Any] = next(iter(inputs.values()))["preprocess"] if len(inputs) == 1 else {}
    return found


def _read(facts: Mapping[str, Any]) -> Meaning:
    facts = _today(facts)
    inputs = {
        name: Input(modality=given["modality"], shape=tuple(given["shape"]), preprocess=given["preprocess"])
        for name, given in facts["inputs"].items()
    }
    return Meaning(
        task=facts["task"], labels=tuple(facts["labels"]), inputs=inputs, head=facts.get("head", {})
    )


def _today(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Bring facts as tflbuild 0.1 wrote them, of one picture, into today's form; others stay as they are."""
    if "inputs" in facts or not {"height", "width", "preprocess"} <= facts.keys():
        return dict(facts)
    kept = {
        key: item for key, item in facts.items() if key not in ("height", "width", "preprocess", "detector")
    }
    shape = [facts["height"], facts["width"], 3]
    image = {"modality": IMAGE, "shape": shape, "preprocess": facts["preprocess"]}
    return {**kept, "inputs": {IMAGE: image}, "head": facts.get("detector", {})}


def _checked(facts: dict[str, Any]) -> dict[str, Any]:
    check_fields("", facts, FACTS, needed=("task", "labels", "inputs"))
    for name, given in facts["inputs"].items():
        _check_input(f"inputs.{plain(name, 60)}", given)
    _check_declared("task", facts["task"], TASKS)
    TASKS.get(facts["task"]).check_head("head.", facts.get("head", {}))
    return facts


def _check_input(key: str, given: Any) -> None:
    if not mapping(given):
        raise ValueError(f"'{key}' is a {kind_of(given)}, not a mapping")
    check_fields(f"{key}.", given, INPUT, needed=tuple(INPUT))
    _check_declared(f"{key}.modality", given["modality"], MODALITIES)
    MODALITIES.get(given["modality"]).check_options(f"{key}.preprocess.", given["preprocess"])


def _check_declared(key: str, name: str, registry: Registry[Any]) -> None:
    if name not in registry:
        raise ValueError(f"'{key}' is '{plain(name, 60)}', which this version of tflbuild lacks")


FACTS = {
    "task": text(LONGEST_NAME),
    "labels": rows_of(text(LONGEST_LABEL), MOST_LABELS, least=0),
    "inputs": lambda value: mapping(value) and 0 < len(value) <= MOST_INPUTS,
    "head": mapping,
}
INPUT = {
    "modality": text(LONGEST_NAME),
    "shape": rows_of(whole(1, MOST_SIDE), 8, least=0),
    "preprocess": mapping,
}
