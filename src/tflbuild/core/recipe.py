"""Recipes as typed dataclasses; `tflbuild.recipe.load` makes them out of YAML and overrides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflbuild.core.analysis import Analysis
from tflbuild.core.architecture import Architecture
from tflbuild.core.budget import Fallback, Limit
from tflbuild.core.compiler_pass import Pass
from tflbuild.core.dataset import Dataset
from tflbuild.core.export import Export
from tflbuild.core.hook import Hook
from tflbuild.core.target import Target


@dataclass(frozen=True, kw_only=True)
class Step:
    """A configured pass.

    Attributes:
        label: its key at the root of the recipe.
        options: the pass with its options.
        enabled: false leaves it out.
        after: labels it is placed behind, if `pipeline` does not name it.
        limits: what its gate allows.
        on_breach: "fail", "skip" or "warn".
        fallback: what is tried first when the gate closes.
        timeout: seconds after which its worker is killed; None for never.
        instead: the reason why this pass replaced the configured one; "" where it did not.
        done: the reason why its work is done already, so that it is left out; "" where it is not.
        takes: label of the step whose result it takes, where that is not the one before it: a branch for some of the
            targets begins there; "" for a step of the main line.
        wanted: options that the recipe does not say and its targets ask for.
    """

    label: str
    options: Pass
    enabled: bool = True
    after: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    on_breach: str = "fail"
    fallback: tuple[Fallback, ...] = ()
    timeout: float | None = None
    instead: str = ""
    done: str = ""
    takes: str = ""
    wanted: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """Settings of worker processes.

    Attributes:
        max_rss: MiB above which a worker is replaced before its next pass.
        threads: threads TensorFlow may use.
        evaluators: light processes that evaluate; None for one a core.
        checkpoint_seconds: how often a training keeps its state.
    """

    max_rss: int = 6000
    threads: int = 2
    evaluators: int | None = None
    checkpoint_seconds: float = 30.0


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of one run besides those of the build; they decide no result and enter no key.

    Attributes:
        locked: hold the build to a lock: "" for no, "true" to find the recipe's lock, or the lock's path.
        stop_after: label behind which the run ends; None for the whole pipeline.
        keep_intermediate: put each step's model into the run folder.
        time_passes: print what each pass took.
        tensorboard: write TensorBoard logs of what is trained into the run folder.
    """

    locked: str = ""
    stop_after: str | None = None
    keep_intermediate: bool = False
    time_passes: bool = False
    tensorboard: bool = False


RUN_KEYS = (
    "locked",
    "stop_after",
    "keep_intermediate",
    "time_passes",
    "tensorboard",
    "store",
    "outputs",
    "hooks",
    "analyses",
    "objective",
)
"""Keys at the root of a recipe that decide no result."""


NEUTRAL_KEYS = (*RUN_KEYS, "seed", "seeds", "device", "strict", "worker", "budget", "export")
"""Keys at the root of a recipe that leave its description true, whatever they say."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A validated recipe: the model, the data, the steps and the targets of a build.

    Attributes:
        name: the recipe's name.
        description: one line.
        overrides: what the user typed beyond `recipe=NAME`.
        file: the path that the user typed for its file; "" where it was found by its name.
        model: the architecture and its options.
        data: the data set and its options.
        targets: what is delivered, by name.
        steps: every configured pass by label.
        pipeline: labels in order, as the recipe says.
        added: labels that the command line added with `+passes@LABEL=`.
        limits: the total budget.
        seed: seeds every pass.
        device: "cpu" or "gpu".
        strict: whether an undecided gate is a breach.
        seeds: build once with each of these instead of `seed`; empty for one build.
        objective: metrics that an optimising sweep aims at, each of the first target or of METRIC@TARGET.
        export: what is delivered beside the files.
        store: folder of the store.
        remote: fsspec URL of a store that this one reads through and writes back to; None for none.
        shared: whether the store is its group's; None for as the folder's own bits have it.
        outputs: folder of the runs.
        worker: how worker processes run.
        run: what this run does beyond building.
        hooks: who watches, by name.
        analyses: what is found out about the models of the build, by name.
        silenced: names of analyses that builds run by themselves, and this one does not.
        replaced: by group, e.g. "data", what the recipe chose and what was chosen instead, where that differs; empty
            for a recipe that was resolved earlier.
        remarks: what of the recipe was left out, a sentence each, for whoever plans or builds it.
        recognised: what was recognised in the user's data, each with `what`, `value` and `evidence`.
        mapping: the resolved recipe, JSON-able.
        plugins: folder of the user's plugin files, None where there is none.
    """

    name: str
    description: str = ""
    overrides: tuple[str, ...] = ()
    file: str = ""
    model: Architecture
    data: Dataset
    targets: Mapping[str, Target]
    steps: Mapping[str, Step]
    pipeline: tuple[str, ...]
    added: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    seed: int = 0
    device: str = "cpu"
    strict: bool = False
    seeds: tuple[int, ...] = ()
    objective: tuple[str, ...] = ()
    export: Export = field(default_factory=Export)
    store: Path = Path("outputs/store")
    remote: str | None = None
    shared: bool | None = None
    outputs: Path = Path("outputs")
    worker: WorkerOptions = WorkerOptions()
    run: RunOptions = RunOptions()
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    analyses: Mapping[str, Analysis] = field(default_factory=dict)
    silenced: frozenset[str] = frozenset()
    replaced: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    recognised: tuple[Mapping[str, str], ...] = ()
    mapping: Mapping[str, Any] = field(default_factory=dict)
    plugins: Path | None = None

    @property
    def aims(self) -> list[tuple[str, str]]:
        """Give the objective as metrics, each with the target whose figure is meant: "" for the first."""
        return [aim_of(name) for name in self.objective]

    @property
    def tools(self) -> list[str]:
        """Name the tools that its passes declare, by import name."""
        return sorted({tool for step in self.steps.values() for tool in type(step.options).needs})

    @property
    def subject(self) -> str:
        """Name what is built: the model and the data by their types, with the user's file and folder."""
        file, root = getattr(self.model, "path", ""), getattr(self.data, "root", "")
        model = type(self.model).name + (f" {Path(str(file)).name}" if file else "")
        data = type(self.data).name + (f" {root}" if root else "")
        return f"{model} on {data}"

    @property
    def seen(self) -> list[Mapping[str, str]]:
        """List what was recognised, while planning, in the user's data and in the model's file.

        What the recipe itself says takes the place of what would be assumed of the file.
        """
        told = {one["what"] for one in self.recognised}
        found = [
            one for one in self.model.recognised() if one["value"] != "assumed" or one["what"] not in told
        ]
        return [*self.recognised, *found]

    @property
    def described(self) -> str:
        """Give the recipe's description where it is still true, "" where an override may have made it false.

        An override does not if it is a number, or of a key that decides what no description speaks of.
        """
        return self.description if all(map(_leaves_true, self.overrides)) else ""


def aim_of(name: str) -> tuple[str, str]:
    """Read one objective: a metric, and the target that is named behind an @.

    >>> aim_of("map"), aim_of("latency@android")
    (('map', ''), ('latency', 'android'))
    """
    metric, _, target = name.partition("@")
    return metric, target


def _leaves_true(override: str) -> bool:
    key, _, value = override.partition("=")
    if key.partition(".")[0] in NEUTRAL_KEYS or key.partition(".")[2].startswith("budget"):
        return True
    try:
        float(value)
    except ValueError:
        return False
    return not key.startswith(("+", "~"))
