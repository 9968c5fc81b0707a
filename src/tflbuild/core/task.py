"""Tasks: what a model's outputs mean, from the loss of a training to the picture for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tflbuild.core.errors import PassError
from tflbuild.core.field_checks import Check, check_fields
from tflbuild.core.names import named
from tflbuild.core.registry import Registry
from tflbuild.core.tensor_description import TensorDescription

if TYPE_CHECKING:
    from tflbuild.core.dataset import Split
    from tflbuild.core.meaning import Meaning
    from tflbuild.core.modality import Batch
    from tflbuild.core.signature import Signature, TensorSpec

TASKS: Registry[Task] = Registry("task", "task", "tasks")

Outputs = Mapping[str, Any]
"""Outputs of a model for one sample, float32, by name, without the batch axis."""

GIVEN = "given:"
"""Beginning of the name, before that of an input, of the values that a model was given, for a task that reads them."""

Rows = Mapping[str, Any]
"""A model's answer about one sample, as `decode` gives it."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Base of every task. Declared with `@task("name")`; its metrics name it in their `tasks`.

    Methods but those of planning run in a worker, and import what they need themselves.
    """

    name: ClassVar[str] = ""
    labelled: ClassVar[bool] = True
    """Whether the data say what is right, so a model can be trained and its accuracy measured."""
    purpose: ClassVar[str] = ""
    """A sentence about its models for the metadata of a delivered file; "" where nobody knows."""
    usual_steps: ClassVar[int] = 1000
    """Batches that train from scratch on 2,400 samples."""
    float_outputs: ClassVar[bool] = False
    """Whether a converted file's outputs are floats whatever is before them."""
    stepped: ClassVar[bool] = False
    """Whether people use the numbers of its outputs, so that the step of a quantized one is said."""
    reads_inputs: ClassVar[bool] = False
    """Whether `decode` finds, beside the outputs, the float values that the model was given, under `GIVEN` and the
    name of each input."""
    joins: ClassVar[bool] = False
    """Whether `joined` makes one answer of those about the pieces of a sample."""
    bounded: ClassVar[bool] = True
    """Whether the scores of answers are in 0..1."""
    recognised: ClassVar[bool] = True
    """Whether what a file's outputs are has to be recognised, or said; where not, `mismatch` looks at their shapes."""
    label_noun: ClassVar[tuple[str, str]] = ("class", "classes")
    """Noun of one and of several of the names that data bring."""
    label_names: ClassVar[tuple[str, ...]] = ()
    """Names of the labels of samples, by number, of data that have no classes."""
    training: ClassVar[str] = ""
    """The module with `loss`, `targeting` and `with_teacher`, apart, so another loss measures nothing again."""
    serving: ClassVar[str] = ""
    """Dotted name of what turns a framework model's raw outputs into those of the converted file, in its graph."""
    comparing: ClassVar[str] = ""
    """Dotted name of what gives a `tflbuild.core.disagreement.Disagreement`, apart, so another way to show answers
    measures nothing again; "" for a task whose answers nobody is shown."""
    deciding: ClassVar[str] = ""
    """Dotted name of what gives `tflbuild.core.decision.Decisions`: how many answers are right from each score on;
    "" for a task without scores."""
    head_checks: ClassVar[Mapping[str, Check]] = {}
    """The check of each field of `Meaning.head` that may lie in a file of somebody else."""

    @classmethod
    def check_head(cls, prefix: str, head: Mapping[str, Any]) -> None:
        """Check a head that was read from a file against `head_checks`.

        Raises:
            ValueError: a field is unknown or wrong.
        """
        check_fields(prefix, head, cls.head_checks)

    # Evaluation

    def finisher(self, meaning: Meaning, *, whole: bool = False) -> Callable[[Outputs], Outputs]:
        """Give what turns a model's raw outputs for one sample into those that `decode` takes.

        Args:
            meaning: of the model.
            whole: whether it is a file as it is delivered, not a framework's model that conversion appends to.
        """
        return lambda outputs: outputs

    def settled(self, meaning: Meaning, outputs: Mapping[str, Any]) -> tuple[Meaning, Sequence[str]]:
        """Settle, by a file's outputs on real samples, what its names and shapes do not show of its head.

        Args:
            meaning: of the file.
            outputs: (samples, ...) float32 by name.

        Returns:
            The meaning, and a sentence on each thing that was settled.

        Raises:
            ValueError: the outputs are not what they are taken for.
        """
        return meaning, ()

    def finish_file(self, graph: Any, meaning: Meaning) -> Meaning:
        """Append what a delivered file ends in to somebody else's float `.tflite`; by default nothing.

        Args:
            graph: a `tflbuild.tflite.graph.Graph`; edited in place.
            meaning: of its outputs.

        Returns:
            The meaning of the file that was made.
        """
        return meaning

    def decode(self, outputs: Outputs, meaning: Meaning, geometry: Mapping[str, Any]) -> Rows:
        """Turn a delivered file's outputs for one sample into the model's answer.

        Args:
            outputs: by name.
            meaning: of the model.
            geometry: by input, what `Modality.encode` gave to undo.
        """
        raise NotImplementedError

    def joined(self, rows: Sequence[Rows]) -> Rows:
        """Join the answers about the pieces of a sample into one, for a task with `joins`."""
        raise NotImplementedError

    def is_learned_from(self, labels: Sequence[int]) -> bool:
        """Say whether a sample with these labels may be trained and calibrated on."""
        return True

    def mismatch(self, signature: Signature) -> str:
        """Say, while planning, why a file that does not describe its outputs cannot be for this task; "" if it can.

        Args:
            signature: of the file.
        """
        return ""

    def collected(self, rows: Sequence[Rows], meaning: Meaning, classes: Sequence[str]) -> dict[str, Any]:
        """Join what a model says of the samples of a split into arrays, by the data's classes; metrics read these.

        Arrays have a row for each sample, or, with an array `offsets`, rows from `offsets[k]` to `offsets[k + 1]`;
        one whose name begins with "of_split_" has none, and is the same for every part of a split.
        """
        raise NotImplementedError

    def truth(self, annotations: Sequence[Any], classes: Sequence[str]) -> dict[str, Any]:
        """Give what is right for the samples of a split as arrays, likewise.

        Args:
            annotations: of each sample `boxes` and `labels`, as the data set reads them.
            classes: the data's class names, by index.
        """
        raise NotImplementedError

    # Training: functions of the module `training`, or methods of a task that is one file

    def loss(self, model: Any, options: Any) -> Any:
        """Give the loss of a training: takes the model's outputs and what `targeting` gives behind the codes.

        Args:
            model: the framework's model.
            options: of the pass that trains, a `tflbuild.passes.training.fitting.Fitting`.
        """
        return self._trained("loss")(model, options)

    def ended(self, model: Any, split: Split) -> tuple[Any, Mapping[str, Any]]:
        """Adapt the end of a newly built model to the train split; by default nothing changes.

        Args:
            model: the framework's model, untrained.
            split: the train split.

        Returns:
            The model that is trained, and what of it `Meaning.head` says.
        """
        return model, {}

    def with_teacher(self, whole: Any, student: Any, teacher: Any, weight: float, temperature: float) -> Any:
        """Put a trained teacher's outputs into a loss.

        Args:
            whole: the loss without the teacher.
            student: the model that is trained.
            teacher: the model that teaches.
            weight: of the teacher, in 0..1.
            temperature: that logits are divided by.
        """
        return self._trained("with_teacher")(whole, student, teacher, weight, temperature)

    def targeting(self, meaning: Meaning) -> Callable[[Batch], tuple[Any, ...]]:
        """Give what turns a batch into its codes, and then what the loss compares the outputs with."""
        made: Callable[[Batch], tuple[Any, ...]] = self._trained("targeting")(meaning)
        return made

    def _trained(self, function: str) -> Callable[..., Any]:
        if not self.training:
            raise PassError(
                f"the task '{self.name}' says nothing of '{function}', so nothing is trained for it."
            )
        return named(f"{self.training}:{function}")

    # Conversion

    def served(self, model: Any, raw: Sequence[Any]) -> Mapping[str, Any]:
        """Name a framework model's raw outputs, as they leave its serving function; the graph's own by default.

        Args:
            model: the framework's model, which has `output_names`.
            raw: its outputs for a batch, in order.
        """
        if not self.serving:
            return dict(zip(model.output_names, raw, strict=True))
        made: Mapping[str, Any] = named(self.serving)(model, raw)
        return made

    def tail(self, meaning: Meaning) -> Any:
        """Give what conversion appends to the graph, such as suppression; None for nothing."""
        return None

    def tail_shapes(self, meaning: Meaning) -> Mapping[str, tuple[int, ...]]:
        """Give the shapes of outputs, by name, that the converter leaves open."""
        return {}

    # Diagnosis

    def ending(self, meaning: Meaning, graph: Any) -> Mapping[str, Any]:
        """Give options of what turns raw outputs into answers, such as thresholds of suppression; {} for none.

        Args:
            meaning: of the model.
            graph: of its file, a `tflbuild.tflite.graph.Graph`; None where it is no `.tflite`.
        """
        return {}

    def end_as(self, graph: Any, ending: Mapping[str, Any]) -> bool:
        """Make a file turn raw outputs into answers as another model does; says whether the file changed.

        Args:
            graph: a `tflbuild.tflite.graph.Graph`; edited in place.
            ending: what `ending` gave of the other.
        """
        return False

    # Delivery

    def described(
        self, meaning: Meaning, outputs: Mapping[str, TensorSpec]
    ) -> Mapping[str, TensorDescription]:
        """Describe outputs of a delivered file for other tools; to them, an output that is left out is only numbers.

        Args:
            meaning: of the model.
            outputs: of the file, by name.
        """
        return {}

    # People

    def draw(self, sample: Any, answers: Sequence[Any]) -> Any:
        """Give a picture (rows, columns, 3) uint8 of a raw sample with answers in it; None for boxes and labels."""
        return None

    def judged(self, answers: Sequence[Any], threshold: float) -> str:
        """Name in a word what a sample is by a threshold of the score; "" for a task whose answers name it."""
        return ""

    def found(self, rows: Rows, meaning: Meaning) -> list[Any]:
        """Say what a model says of one sample as `tflbuild.core.answer.Answer`s, the surest first."""
        return []


task = TASKS.declare
"""Class decorator: declare a task under a name."""
