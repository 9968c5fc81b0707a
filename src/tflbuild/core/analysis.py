"""Analyses: models and data to findings, never to a model; keyed, kept in the store, and described once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar

from tflbuild.core.artifact import Artifact
from tflbuild.core.cause import FINDING
from tflbuild.core.exhibit import Exhibit
from tflbuild.core.form import Form
from tflbuild.core.registry import Registry

if TYPE_CHECKING:
    from tflbuild.core.dataset import Split
    from tflbuild.core.metric import Difference, Measurement
    from tflbuild.core.runtime import Runtime

ANALYSES: Registry[Analysis] = Registry("analysis", "analysis", "analyses")

A = TypeVar("A", bound=Artifact)

STEP = "step:"
"""Begins the name of what a step of the recipe gave, among the models of an analysis."""

Finding = Mapping[str, Any]
"""One finding, JSON-able; its `text` is a sentence for people, "" where nothing is to be said."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A model that an analysis wants measured, e.g. one that it was given, altered in one thing.

    Attributes:
        name: a word for it, unlike those of the others.
        model: with its meaning; its file is one that was given, or lies in the context's staging folder.
        runtime: executes it; None for the usual one.
        samples: of the split, that it is measured on, spread evenly over it; 0 for all.
    """

    name: str
    model: Artifact
    runtime: Runtime | None = None
    samples: int = 0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A variant that was measured.

    Attributes:
        variant: it, its file kept in the store.
        metrics: the primary metrics of the task, by name.
        changes: paired differences from the variant before it, by metric; {} for the first, and for those of an
            analysis that is no `series`.
        totals: paired differences from the first one that was measured on as many samples, likewise.
    """

    variant: Variant
    metrics: Mapping[str, Measurement]
    changes: Mapping[str, Difference]
    totals: Mapping[str, Difference]


class AnalysisContext(Protocol):
    """The data and callbacks that an analysis may use besides its models.

    Attributes:
        label: the analysis's name in the recipe.
        seed: the recipe's seed.
        log: writes a line to the run's log.
        notes: for what passes that are used here note; nobody reads it.
        scratch: an empty folder, removed afterwards.
        measured: what `variants` gave, measured; while that runs, what it gave before.
        predicted: files with the predictions of each model, and with the `truth`, for an analysis of what is delivered;
            see `tflbuild.evaluation.arrays`.
    """

    @property
    def label(self) -> str: ...

    @property
    def seed(self) -> int: ...

    @property
    def log(self) -> Callable[[str], object]: ...

    @property
    def notes(self) -> dict[str, Any]: ...

    @property
    def scratch(self) -> Path: ...

    @property
    def measured(self) -> Sequence[Measured]: ...

    @property
    def predicted(self) -> Mapping[str, Path]: ...

    def emit(self, kind: type[A], content: bytes, *, fingerprint: str = "", **meta: Any) -> A:
        """Write a model into the staging folder, with all of its meta."""
        ...

    def keep(self, name: str, content: bytes) -> None:
        """Keep a file with the findings, which a diagnosis puts into its folder.

        Args:
            name: relative path of plain letters, e.g. `conv_1/input.npz`.
            content: of the file.
        """
        ...

    def dataset(self, split: str) -> Split:
        """Give a split that the analysis declared in `reads`; an undeclared one is an error."""
        ...

    def progress(self, done: float, total: float, note: str = "") -> None:
        """Report how far the analysis is."""
        ...


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Base of every analysis: a frozen dataclass whose fields are its options. Declared with `@analysis("name")`."""

    name: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ("numpy",)
    """Tools by import name; their versions enter the key."""
    light: ClassVar[bool] = True
    """Whether it runs without TensorFlow."""
    of: ClassVar[tuple[str, ...]] = ("model",)
    """Names of the models that it looks at, e.g. `model` and `base`."""
    title: ClassVar[str] = ""
    """Heading of what is shown, a few words."""
    explains: ClassVar[bool] = False
    """Whether `tflbuild diagnose` runs it; its findings may hold a `cause`, see `tflbuild.core.cause`."""
    steps: ClassVar[bool] = False
    """Whether it is also given what every step gave, as `step:LABEL`, in order."""
    measures: ClassVar[str] = ""
    """The split that its variants are measured on; "" for an analysis without variants."""
    series: ClassVar[bool] = True
    """Whether each variant is compared with the one before it, too, and not only with the first."""
    rounds: ClassVar[int] = 1
    """How often `variants` is asked, each time with what was measured before; less often where it gives none."""
    delivered: ClassVar[bool] = False
    """Whether it looks at the file that is delivered, once that was measured, and at its predictions and those of its
    other models on the same samples."""
    chooses: ClassVar[str] = ""
    """The split that it chooses something on, for an analysis of what is delivered: it is also given the predictions of
    its last model there, as `SPLIT:model`, and `SPLIT:truth`; "" for none."""
    asks: ClassVar[str] = "comparing"
    """The attribute of `tflbuild.core.task.Task` that names the code which an analysis of what is delivered calls; ""
    for none."""
    timed: ClassVar[bool] = False
    """Whether it times something, so what it finds depends on the processor."""
    form: ClassVar[Form] = FINDING
    """The form of each finding, which `tflbuild schema` gives as JSON Schema; by default any mapping with `text`."""

    @classmethod
    def of_steps(cls, steps: Mapping[str, Any]) -> Self:
        """Adapt the analysis to a recipe, e.g. to the calibration of its quantization; by default nothing changes.

        Args:
            steps: options of the steps' passes, by label, in order.
        """
        return cls()

    def reads(self) -> tuple[str, ...]:
        """Name what it reads: `data.<split>`."""
        return ("data.val",)

    def check(self) -> None:
        """Refuse combinations of options that make no sense.

        Raises:
            ValueError: "option: what was given and what would be right".
        """

    def is_light(self, models: Mapping[str, Artifact]) -> bool:
        """Say whether it runs without TensorFlow on these models."""
        return self.light

    def fits(self, models: Mapping[str, Artifact]) -> str:
        """Say why there is nothing to find about these models; "" where there may be."""
        return ""

    def variants(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Variant]:
        """Give what is to be measured before `run`, in order; runs in a worker, `rounds` times."""
        return ()

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Look at the models, and give the findings; runs in a worker. Models are given by their names in `of`."""
        raise NotImplementedError

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Give the terminal's lines; by default the text of each finding."""
        return [str(finding["text"]) for finding in findings if finding.get("text")]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Give what the page shows; by default the text of each finding under the title."""
        text = tuple(str(finding["text"]) for finding in findings if finding.get("text"))
        return [Exhibit(title=self.title or self.name, text=text, parts=())] if text else []


Tell = Callable[[float, float, str], None]

analysis = ANALYSES.declare
"""Class decorator: declare an analysis under a name."""
