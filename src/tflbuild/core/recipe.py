"""A recipe, typed: what is wanted. `tflbuild.recipe` makes it out of YAML and overrides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tflbuild.core.budget import Fallback, Limit
from tflbuild.core.compiler_pass import Architecture, Pass
from tflbuild.core.dataset import Dataset
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
        instead: why this pass stands where the recipe says another; "" where it does not.
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


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """How worker processes run.

    Attributes:
        max_rss: MiB above which a worker is replaced before its next pass.
        threads: threads TensorFlow and the interpreters may use.
    """

    max_rss: int = 6000
    threads: int = 2


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What is wanted.

    Attributes:
        name: the recipe's name.
        description: one line.
        overrides: what the user typed beyond `recipe=NAME`.
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
        store: folder of the store.
        outputs: folder of the runs.
        worker: how worker processes run.
        mapping: the resolved recipe, JSON-able.
        plugins: folder of the user's plugin files, None where there is none.
    """

    name: str
    description: str = ""
    overrides: tuple[str, ...] = ()
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
    store: Path = Path("outputs/store")
    outputs: Path = Path("outputs")
    worker: WorkerOptions = WorkerOptions()
    mapping: Mapping[str, Any] = field(default_factory=dict)
    plugins: Path | None = None
