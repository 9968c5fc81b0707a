"""Keys of a recipe besides the options of what it chooses: those at its root, of every step, and of a limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le

from tflbuild.core.export import Export

LONGEST_TIMEOUT = 10_000_000
"""Seconds of the longest timeout; some 115 days."""

Seed = Annotated[int, Ge(0), Le(2**31 - 1)]
"""Seed of every generator: NumPy takes no larger one than 2**32 - 1, and a pass adds its number of levels."""


@dataclass(frozen=True, kw_only=True)
class StoreOptions:
    """Options of the store, in which results are kept."""

    path: str | None = None
    """Folder of the store. null: $TFLBUILD_STORE, or `store` in the folder `outputs`."""
    remote: str | None = None
    """URL of a second store, as fsspec writes it (e.g. s3://bucket/prefix): what the folder lacks is read from it,
    and what is built is written to it. null: $TFLBUILD_REMOTE, or none."""
    shared: bool | None = None
    """Whether all users of the folder's group may write to the store. null: decided by its permissions."""


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """Settings of the processes that run passes; only `threads` changes results."""

    max_rss: Annotated[int, Ge(500), Le(100_000_000)] = 6000
    """Memory above which a worker process is replaced before its next pass. [MiB]"""
    threads: Annotated[int, Ge(1), Le(1024)] = 2
    """Threads that TensorFlow may use. More may train faster; another number gives other bytes, and so other
    keys. [threads]"""
    evaluators: Annotated[int, Ge(1), Le(1024)] | None = None
    """Processes that evaluate at once. More are faster and need more memory. null: one for each core. [processes]"""
    checkpoint_seconds: Annotated[float, Ge(0), Le(LONGEST_TIMEOUT)] = 30.0
    """Time between two states that a training keeps, from which it goes on after an interruption; 0 keeps one
    every 20 steps. [seconds]"""


@dataclass(frozen=True, kw_only=True)
class RootOptions:
    """Keys at the root of a recipe, besides its steps and what it chooses."""

    recipe: str
    """Name of the recipe: a file in `./recipes`, in `--config-dir`, or one of `tflbuild list recipes`."""
    description: str = ""
    """Purpose of the recipe, in one line."""
    pipeline: tuple[str, ...] = ()
    """Labels of the steps in the order in which they run."""
    seed: Seed = 0
    """Seed of every pass: of fresh weights, the order of images, and the choice of calibration images. [no unit]"""
    device: Literal["cpu", "gpu"] = "cpu"
    """Processor that TensorFlow trains and evaluates on."""
    strict: bool = False
    """Whether a limit counts as exceeded when the interval of the measurement leaves it undecided."""
    seeds: tuple[Seed, ...] = ()
    """Build once with each of these seeds; the summary reports mean and spread. Empty: one build, with `seed`.
    [no unit]"""
    objective: tuple[str, ...] = ()
    """Metrics of the delivered file that a search (`hydra/sweeper=optuna`) makes best, e.g. [map, size]; of the first
    target, or of the one behind an @, e.g. [map, latency@android]."""
    export: Export = field(default_factory=Export)
    """Things that are delivered beside the model: samples of the test split with their outputs, its proof."""
    store: StoreOptions = field(default_factory=StoreOptions)
    """Where results are kept, so that nothing is computed twice."""
    outputs: str = "outputs"
    """Folder that runs are written to."""
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    """The processes that run passes."""
    preprocess: Mapping[str, Any] | None = None
    """How a sample becomes the model's input. null: as the model's file says, or as usual."""
    locked: bool | str = False
    """Whether the build fails where anything differs from the recipe's lock file; a path names another lock."""
    stop_after: str | None = None
    """Label of the step after which the build ends. null: the whole pipeline."""
    keep_intermediate: bool = False
    """Whether the model of every step is put into the run folder."""
    time_passes: bool = False
    """Whether the time of every pass is printed."""
    tensorboard: bool = False
    """Whether trainings write logs for TensorBoard into the run folder."""


@dataclass(frozen=True, kw_only=True)
class ChoiceKeys:
    """Keys at the root of a recipe that choose something by name, with its options beside it; and its budget."""

    model: Mapping[str, Any]
    """The model that is built: `model=file model.path=FILE` for yours, or one of `tflbuild list models`."""
    data: Mapping[str, Any]
    """The data set: one of `tflbuild list data`, e.g. `data=voc data.root=FOLDER`."""
    target: Mapping[str, Any]
    """Device that the delivered file runs on, one or several: `target=[cpu,ethos_u55]`."""
    budget: Mapping[str, Any] = field(default_factory=dict)
    """Limits on the whole build, by metric, e.g. `budget.map.max_drop=0.02`; judged on the test split, drops
    since the base. [unit of the metric]"""
    hooks: Mapping[str, Any] = field(default_factory=dict)
    """Hooks that watch the build: `hooks=[mlflow]`, one of `tflbuild list hooks`."""
    analyses: Mapping[str, Any] | tuple[str, ...] | None = None
    """Analyses of the models of the build: `analyses=[sensitivity]`, one of `tflbuild list analyses`. null:
    nothing but what every build looks at, each of which `+analyses.NAME=null` switches off."""


@dataclass(frozen=True, kw_only=True)
class StepKeys:
    """Keys of every step, besides the options of its pass."""

    pass_: str = ""
    """Name of the pass, one of `tflbuild list passes`; `/passes@LABEL: NAME` in a recipe's defaults sets it."""
    enabled: bool = True
    """Whether the step runs."""
    after: tuple[str, ...] = ()
    """Labels of the steps after which it is placed, if `pipeline` does not name it."""
    budget: Mapping[str, Any] = field(default_factory=dict)
    """Limits on what the step gives, by metric, e.g. `prune.budget.map.max_drop=0.02`; judged on the val
    split, drops since the step's input. [unit of the metric]"""
    on_breach: Literal["fail", "skip", "warn"] = "fail"
    """Reaction when a limit of the step is exceeded and no fallback helps: `fail` ends the build with exit code
    5, `skip` goes on with the step's input, `warn` keeps the result."""
    fallback: tuple[Any, ...] = ()
    """Steps that are tried in order when a limit is exceeded: a label, or {from: LABEL, run: [LABEL, ...]} to start
    from an earlier step's output."""
    timeout: Annotated[float, Gt(0), Le(LONGEST_TIMEOUT)] | None = None
    """Time after which the step is stopped and fails. null: never. [seconds]"""


@dataclass(frozen=True, kw_only=True)
class BranchKeys:
    """Keys of a step that follow from the targets, in a resolved recipe."""

    takes: str = ""
    """Label of the step whose result it takes. Empty: the step before it in the pipeline."""
    wanted: Mapping[str, Any] = field(default_factory=dict)
    """Options that the recipe does not say and the step's targets ask for."""


@dataclass(frozen=True, kw_only=True)
class LimitKeys:
    """Limits on one metric, below `budget.METRIC`; null limits nothing."""

    min: float | None = None
    """Smallest value that is allowed. [unit of the metric]"""
    max: float | None = None
    """Largest value that is allowed. [unit of the metric]"""
    max_drop: float | None = None
    """By how much the value may fall since the baseline. [unit of the metric]"""
    max_rise: float | None = None
    """By how much the value may rise since the baseline. [unit of the metric]"""
    max_relative_drop: float | None = None
    """By which share of the baseline's size the value may fall, e.g. 0.01 for 1 %. [fraction of the baseline]"""
    since: str | None = None
    """Label of the step whose output is the baseline. null: the step's own input; in the recipe's budget, the base."""
    on: str | tuple[str, ...] | None = None
    """Target of the recipe that the limit is judged on, or several, e.g. `budget.latency.on=android`; in the recipe's
    budget only. Targets with limits of their own are a list: `latency: [{max: 5, on: android}, {max: 1, on: cpu}]`.
    null: every target that has the metric."""
