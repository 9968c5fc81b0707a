"""Passes: frozen dataclasses whose fields are their options and therefore their cache key."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar, dataclass_transform, get_type_hints

from tflbuild.core.architecture import Architecture as Architecture
from tflbuild.core.architecture import architecture as architecture  # where plugins of 0.1 look for it
from tflbuild.core.artifact import KINDS, Artifact
from tflbuild.core.dataset import Split
from tflbuild.core.errors import PluginError
from tflbuild.core.judgement import Judgement
from tflbuild.core.registry import Registry

PASSES: Registry[Pass] = Registry("pass", "compiler_pass", "passes")


STEP_KEYS = ("pass", "enabled", "after", "budget", "on_breach", "fallback", "timeout")
"""Keys of every step; no option of a pass may be called so."""

A = TypeVar("A", bound=Artifact)


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """Facts about the data that are known while planning, for defaults that depend on the data.

    Attributes:
        task: name of the task that the data are of.
        train: samples in the train split.
        classes: number of classes.
        input_size: pixels along the input's longer side.
        integer_only: whether one of the targets computes in integers alone.
        from_file: whether the model comes from a file of the user's.
    """

    task: str
    train: int
    classes: int
    input_size: int
    integer_only: bool = False
    from_file: bool = False


class PassContext(Protocol):
    """The settings, data and callbacks that a pass may use besides its input.

    Attributes:
        label: the step's label in the recipe.
        seed: the recipe's seed; Python's, NumPy's and Keras's generators were seeded with it.
        model_spec: the recipe's architecture and its options.
        task: of the data set.
        modality: of the data set's samples.
        preprocess: options of the data set's one preprocess block.
        augment: options of the data set's augmentation.
        log: writes a line to the run's log.
        notes: facts for the report; a pass adds to it.
        checkpoint_dir: for long training; valid under this action key only.
        checkpoint_seconds: how often a training keeps its state there.
        scratch: an empty folder, removed afterwards.
    """

    @property
    def label(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def model_spec(self) -> Architecture: ...
    @property
    def task(self) -> str: ...
    @property
    def modality(self) -> str: ...
    @property
    def preprocess(self) -> Mapping[str, Any]: ...
    @property
    def augment(self) -> Mapping[str, Any]: ...
    @property
    def log(self) -> Callable[[str], object]: ...
    @property
    def notes(self) -> dict[str, Any]: ...
    @property
    def checkpoint_dir(self) -> Path: ...
    @property
    def checkpoint_seconds(self) -> float: ...
    @property
    def scratch(self) -> Path: ...

    def dataset(self, split: str) -> Split:
        """Give a split that the pass declared in `reads`; an undeclared one is an error."""
        ...

    def emit(
        self,
        kind: type[A],
        content: bytes | Callable[[Path], None],
        *,
        fingerprint: str = "",
        **meta: Any,
    ) -> A:
        """Write the result, or a candidate: what `run` returns is the result.

        Args:
            kind: the artifact's kind.
            content: the file's bytes, or a function that writes the file it is given.
            fingerprint: digest of what decides later results; the file's own by default.
            meta: facts that replace or join those of the input.
        """
        ...

    def model(self, label: str) -> Artifact:
        """Give an earlier step's output that the pass declared in `models`; an undeclared one is an error."""
        ...

    def judge(self, model: Artifact) -> Judgement:
        """Check a candidate that `emit` gave against the step's budget, on val, as the gate will check the result.

        Only a pass that says so in `judges` may.
        """
        ...

    def progress(self, done: float, total: float, note: str = "") -> None:
        """Report how far the pass is."""
        ...

    def doing(self, text: str) -> None:
        """Report what is being waited for, e.g. "compiling the graph"; "" when the wait is over."""
        ...

    def continued(self, step: int, total: int) -> None:
        """Say that a training continues after the step at which an earlier one was interrupted."""
        ...

    def trained(
        self,
        step: int,
        total: int,
        *,
        loss: float,
        learning_rate: float,
        images_per_second: float | None = None,
        epoch: float | None = None,
    ) -> None:
        """Note a point of the training curve.

        Args:
            step: steps that are done, from 1.
            total: steps of the whole training.
            loss: of that step.
            learning_rate: of that step.
            images_per_second: samples a second since the point before; None for the first.
            epoch: passes over the training split that are done; None where nobody says.
        """
        ...


class Pass:
    """Base of every pass.

    The class docstring is the page that `tflbuild describe` shows; the fields are the options, with
    their ranges as `Annotated[float, Ge(0), Lt(1)]`. Kinds are read from the annotations of `run`.
    """

    name: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    """Tools by import name; their versions enter the cache key."""
    labelled: ClassVar[bool] = False
    """Whether it needs data that say what is right."""
    trains: ClassVar[bool] = False
    """Whether thread count, oneDNN and device change the bytes, so they enter the key."""
    delivers: ClassVar[str] = ""
    """Name of a target for which the step's result is delivered, besides what the recipe's targets deliver."""
    promises: ClassVar[str] = ""
    """A description, for people, of the properties of the result that `verify` checks."""

    def run(self, model: Any, ctx: PassContext) -> Any:
        """Give the next model; runs in a worker."""
        raise NotImplementedError

    def reads(self) -> tuple[str, ...]:
        """Name what else is read: `data.<split>`, or a folder, a glob, a list file or an `.npz`."""
        return ()

    def models(self) -> tuple[str, ...]:
        """Name the earlier steps whose outputs are read besides the input, by label."""
        return ()

    def asks_model(self) -> bool:
        """Say whether a pass with an input looks at `ctx.model_spec`, too; the recipe's model is then in its key."""
        return False

    def judges(self) -> bool:
        """Say whether the pass checks candidates against its step's budget; the budget is then in its key."""
        return False

    def resolve(self, facts: DataFacts) -> Self:
        """Fill in defaults that depend on the data; the result is keyed, run and reported."""
        return self

    def check(self) -> None:
        """Refuse combinations of options that make no sense.

        Raises:
            ValueError: "option: what was given and what would be right"; "{step}" in it stands for the step's label.
        """

    def output_quantized(self) -> bool | None:
        """Say whether the result is quantized: True, False, or None for "as its input"."""
        return None

    def verify(self, model: Any, result: Any) -> None:
        """Check what is in the result's file against what the pass promises; runs in a worker.

        Raises:
            BrokenPromise: the file is not what was promised.
        """


def kinds_of(cls: type[Pass]) -> tuple[type[Artifact] | None, type[Artifact]]:
    """Read the kinds a pass takes and gives from the annotations of its `run`.

    Returns:
        The input kind, None for a pass that starts from nothing, and the output kind.
    """
    try:
        hints = get_type_hints(cls.run)
    except NameError as error:
        raise PluginError(f"pass '{cls.name}' in {cls.__module__}: run's annotations: {error}") from error
    given, made = hints.get("model"), hints.get("return")
    wanted = "run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel"
    for hint, what in ((given, "input"), (made, "result")):
        if hint is not type(None) and not (isinstance(hint, type) and issubclass(hint, Artifact)):
            names = ", ".join(KINDS)
            raise PluginError(
                f"pass '{cls.name}' in {cls.__module__} declares no type for its {what}; "
                f"write e.g. '{wanted}' with one of {names}."
            )
    if made is type(None) or made is None:
        raise PluginError(f"pass '{cls.name}' in {cls.__module__} gives nothing; write e.g. '{wanted}'.")
    return (None if given is type(None) else given), made


P = TypeVar("P", bound=Pass)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def compiler_pass(name: str) -> Callable[[type[P]], type[P]]:
    """Class decorator: make a class a frozen, keyword-only dataclass and declare it as a pass."""

    def decorate(cls: type[P]) -> type[P]:
        made = dataclass(frozen=True, kw_only=True)(cls)
        made.name = name
        kinds_of(made)
        taken = [f.name for f in dataclasses.fields(made) if f.name in STEP_KEYS]  # type: ignore[arg-type]
        if taken:
            raise PluginError(f"pass '{name}' in {cls.__module__}: an option may not be called '{taken[0]}'.")
        PASSES.add(name, made)
        return made

    return decorate
