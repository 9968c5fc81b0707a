"""Targets: what a delivered file runs on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.names import named
from tflbuild.core.options import to_json
from tflbuild.core.registry import Registry
from tflbuild.core.runtime import RUNTIMES, Runtime

Computed = Literal["nothing", "floats", "everything"]
"""Part of a file that a device computes in float16."""

TARGETS: Registry[Target] = Registry("target", "target", "targets")

BY_RULES = "tflbuild.placement.by_rules:place"
"""Predicts by rules; core cannot import it."""

COVERAGE = "npu_coverage"
"""Metric that is the share of operators on an accelerator."""

NOT_EXECUTED = "not_executed"
"""Field of a target's report that says why the file cannot be executed here; a target may give it for one file."""

TABLES = Path(__file__).parents[1] / "placement" / "tables"
"""Rule files that are shipped."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Base of every target: a frozen dataclass whose fields are its options under `target.NAME:`.

    Declared with `@target("name")`.
    """

    name: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    """Tools by import name, as `tflbuild.core.toolchain` knows them."""
    compiles: ClassVar[bool] = False
    """Whether the delivered file differs from the pipeline's."""
    makes: ClassVar[type[Artifact]] = TFLiteModel
    """Kind of the delivered file."""
    runtime: ClassVar[str] = ""
    """Name of the `tflbuild.core.runtime.Runtime` that executes the delivered file; "" for the usual one."""
    kernels: ClassVar[str] = ""
    """Kernels of the usual runtime that compute as the device does, e.g. "reference"; the outputs that are stored
    beside the delivered file are theirs. "" for the usual ones."""
    executes: ClassVar[bool] = True
    """Whether this machine can execute the delivered file, so that accuracy can be measured on it."""
    integer_only: ClassVar[bool] = False
    """Whether it computes in integers alone, so that passes keep nothing in floats for it."""
    reaches: ClassVar[bool] = False
    """Whether it starts a program that its options name, or reaches another machine: a recipe in somebody else's folder
    then takes a word of the user."""
    gives: ClassVar[tuple[str, ...]] = ()
    """Names of the metrics that it reports, besides those whose own `TargetMetric.target` names it."""
    rules: ClassVar[str] = ""
    """Which operators it runs: name of a table in `tflbuild/placement/tables`, or path of a rule file; "" for none."""
    loads: ClassVar[bool] = False
    """Whether `place` loads the file in a runtime, unless a rule file of the user's says it: a file of others may crash
    that, so a check asks in a process apart, and `foresee` where that ends."""
    offloads: ClassVar[bool] = False
    """Whether it has an accelerator beside the processor, so that the share that its rules place there, or its compiler
    placed, is the metric `npu_coverage`."""
    wants: ClassVar[Mapping[str, Any]] = {}
    """Options of quantizing passes that suit the device, for recipes that do not say; a tuple has those that it takes,
    the best first."""

    float16: ClassVar[Computed] = "nothing"
    """Part of a file that it computes in float16: `floats`, or `everything`, where integers are made floats first."""
    float32: ClassVar[str] = ""
    """Option and value that let it compute in float32 instead, e.g. "precision=float32"; "" for none."""

    step: str = ""
    """Label of the step whose result is delivered. Empty: the last step."""
    rule_file: str | None = None
    """File (YAML) that says which operators the device runs, as docs/writing_a_target.md describes it. null: the
    target's own rules."""

    @classmethod
    def reports(cls, metric: str) -> bool:
        """Say whether the target itself reports a metric."""
        return metric in cls.gives or (cls.offloads and metric == COVERAGE)

    @property
    def refuses_floats(self) -> bool:
        """Say whether a file that computes in floats cannot be delivered to it."""
        return self.integer_only

    def files(self) -> tuple[Path, ...]:
        """Name the user's files that decide the result; their content enters the cache key."""
        return ()

    def rule_table(self) -> Path | None:
        """Give the rule file that says which operators the device runs; None where there is none."""
        if self.rule_file:
            return Path(self.rule_file)
        shipped = not self.rules.endswith((".yaml", ".yml"))
        return (TABLES / f"{self.rules}.yaml" if shipped else Path(self.rules)) if self.rules else None

    def runtime_options(self) -> Mapping[str, Any]:
        """Give the options of the runtime that `runtime` names."""
        return {}

    def own_of_runtime(self) -> dict[str, Any]:
        """Give the options that this target shares, by name, with the runtime that `runtime` names."""
        return {one.name: getattr(self, one.name) for one in fields(RUNTIMES.get(self.runtime))}

    def check(self) -> None:
        """Check that this machine has what the target needs besides `needs`, such as a program; asked while planning.

        Raises:
            MissingTool: something is not there; says how to get it.
        """

    def device(self) -> Mapping[str, Any]:
        """Ask the device that this machine measures on what it is, as JSON; {} where it measures on itself.

        Part of every key of what is measured on it. Asked before a build runs anything, and before and after each
        measurement: where the two differ, nothing is kept. A plan does not ask.

        Raises:
            TflbuildError: the device is not there.
        """
        return {}

    def with_compiler(self) -> Target:
        """Give the target for a user who asks for its compiler: a missing compiler is then an error."""
        return self

    def in_float16(self) -> Computed:
        """Give what the device computes in float16 with these options."""
        return type(self).float16

    def place(self, model: Path) -> Mapping[str, Any] | None:
        """Say which operators of a `.tflite` the device runs; imports no TensorFlow.

        Returns:
            A `tflbuild.placement.placement.Placement` as JSON; None where there are no rules.

        Raises:
            RecipeError: the file or the rules cannot be read.
        """
        table = self.rule_table()
        return named(BY_RULES)(model, table, self.name, to_json(self)) if table else None

    def foresee(self, model: Path) -> Mapping[str, Any] | None:
        """Say it as `place` does, in the user's own process, where no file is loaded to run: for a plan."""
        return self.place(model)

    def compile(self, model: TFLiteModel, folder: Path) -> tuple[bytes, dict[str, Any]]:
        """Compile for the device; runs in a worker, in an empty scratch folder.

        Returns:
            The delivered file's bytes, and figures by the name of a `TargetMetric` or of a report field.
        """
        raise NotImplementedError

    def inspect(self, model: Any) -> dict[str, Any]:
        """Report on the delivered file: the fields `latency_ms`, `delegate`, ...; runs in a worker."""
        return {}

    def companions(
        self, model: Artifact, figures: Mapping[str, Any], sample: Mapping[str, Any] | None
    ) -> Mapping[str, str]:
        """Give the texts of files to write beside the delivered file, by their paths from its folder.

        It runs where the build writes its folder, and imports no framework.

        Args:
            model: the delivered file.
            figures: what `compile` and `inspect` gave.
            sample: one sample of the test split with the outputs of the target's runtime, where that has a peer:
                `inputs` and `outputs`, each with `name`, `dtype`, `shape` and its bytes as `hex`; an output has
                `compared`, too, how many of its numbers from the first on mean anything.
        """
        return {}


def giving(metric: str) -> list[str]:
    """Name the declared targets that report a metric themselves."""
    return sorted(name for name, cls in TARGETS.items() if cls.reports(metric))


def runtime_of(target: Target) -> Runtime | None:
    """Give the runtime that a target names, with its options; None for the usual one."""
    return RUNTIMES.get(target.runtime)(**target.runtime_options()) if target.runtime else None


target = TARGETS.declare
"""Class decorator: declare a target under a name."""
