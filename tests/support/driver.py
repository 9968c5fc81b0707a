"""Build fake recipes in a process of its own: `python -m driver '[{"store": ..., "outputs": ...}, ...]'`.

A job is a mapping: `store`, `outputs`, `seed`, `steps` (label to pass and options), `modules` that declare further
passes, `data` (name and options), `plan` (only plan it). One line of JSON is printed for every job; the exit code is
the first error's. The last line on standard error counts the changes of files under the working folder; with
$FAKE_DIE_BEFORE=N the process is killed just before the N-th.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import fakes
import slow_fakes
from tflbuild.core.budget import Limit
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.dataset import DATASETS
from tflbuild.core.errors import TflbuildError
from tflbuild.core.recipe import Recipe, Step, WorkerOptions
from tflbuild.engine.build import Build
from tflbuild.engine.plan import plan
from tflbuild.engine.prepare import prepare
from tflbuild.engine.run_folder import make_run_folder
from tflbuild.engine.workers.worker import Worker

STEPS = {
    "train": ("slow_train", {}),
    "prune": ("slow_prune", {}),
    "convert": ("slow_convert", {}),
    "quantize": ("slow_quantize", {}),
}


CHANGES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.chmod", "os.truncate")
"""Audit events of what changes files."""


def load(modules: list[str]) -> None:
    """Declare what modules declare, besides the fakes."""
    for module in modules:
        importlib.import_module(module)


def recipe_of(job: dict[str, Any]) -> Recipe:
    """Give the recipe that a job describes; its total budget makes the engine compare."""
    steps = {
        label: Step(label=label, options=PASSES.get(name)(**options))
        for label, (name, options) in {**STEPS, **job.get("steps", {})}.items()
    }
    data, options = job.get("data", ("fake_data", {}))
    return Recipe(
        name="slow",
        model=fakes.FakeModel(),
        data=DATASETS.get(data)(**options),
        targets={"any": slow_fakes.SlowTarget()},
        steps=steps,
        pipeline=tuple(job.get("pipeline", steps)),
        limits=(Limit(metric="score", form="max_drop", bound=1.0),),
        seed=job.get("seed", 0),
        store=Path(job["store"]),
        outputs=Path(job["outputs"]),
        worker=WorkerOptions(evaluators=1),
    )


def say(content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def plan_only(job: dict[str, Any]) -> None:
    """Plan one job and print each step's status."""
    prepared = prepare(recipe_of(job), names=slow_fakes.NAMES)
    planned = plan(prepared.recipe, prepared.keys, prepared.store)
    say({"plan": {step.step.label: step.status for step in planned.steps}})


def build(job: dict[str, Any], worker: Worker) -> None:
    """Build one job and print what came of it."""
    recipe = recipe_of(job)
    outcome = Build(recipe, lambda: make_run_folder(recipe), worker).run()
    report = outcome.report
    said = {
        "status": report.status,
        "folder": str(report.folder),
        "steps": {step["label"]: step["output"] for step in report["passes"]},
        "outcomes": {step["label"]: step["outcome"] for step in report["passes"]},
        "reasons": {step["label"]: step["reason"] for step in report["passes"]},
        "delivered": [given["sha256"] for given in report["targets"]],
        "warnings": report["warnings"],
    }
    say(said)
    if outcome.error is not None:
        raise outcome.error


class Changes:
    """Counts this process's changes of files under a folder; ends it with SIGKILL just before the n-th.

    Args:
        folder: where changes count.
        last: the n-th; 0 for never.
    """

    def __init__(self, folder: str, last: int) -> None:
        self.count = 0
        self._folder = folder
        self._last = last
        sys.addaudithook(self._watch)

    def _watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in CHANGES or not any(str(given).startswith(self._folder) for given in arguments):
            return
        if event == "open" and not int(arguments[2]) & (os.O_WRONLY | os.O_RDWR):
            return
        self.count += 1
        if self.count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Build every job in turn with one worker."""
    os.environ["FAKE_MAIN"] = str(os.getpid())
    changes = Changes(os.getcwd(), int(os.environ.get("FAKE_DIE_BEFORE", "0")))
    jobs = json.loads(sys.argv[1])
    modules = [module for job in jobs for module in job.get("modules", [])]
    load(modules)
    worker = Worker(WorkerOptions(), "cpu", ("driver:load", ["slow_fakes", *modules]), slow_fakes.NAMES)
    try:
        for job in jobs:
            plan_only(job) if job.get("plan") else build(job, worker)
    except TflbuildError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    finally:
        worker.stop()
    sys.stderr.write(f"changes: {changes.count}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
