"""Build one recipe: plan, run, deliver, and a report whatever happens."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tflbuild.core import digest, toolchain
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.errors import BudgetExceeded, TflbuildError
from tflbuild.core.options import to_json
from tflbuild.core.recipe import Recipe
from tflbuild.engine import deliver as delivering
from tflbuild.engine.events import Event, EventLog, Listener
from tflbuild.engine.judging import gate_event
from tflbuild.engine.measure import Measurer
from tflbuild.engine.plan import base_label, judged_metrics, plan
from tflbuild.engine.prepare import Prepared, prepare
from tflbuild.engine.report import SCHEMA, Report, describe_data, measurements
from tflbuild.engine.run import Runner
from tflbuild.engine.store import writing
from tflbuild.engine.worker import Worker

Publish = Callable[[Report], None]
"""Writes what else a run leaves besides report.json, e.g. report.html."""


@dataclass(frozen=True)
class Outcome:
    """How a build ended: its report, and the error it ended with, if any."""

    report: Report
    error: TflbuildError | KeyboardInterrupt | None


class Build:
    """One build of one recipe into its own run folder.

    Args:
        recipe: what is wanted.
        make_folder: makes the run folder, exclusively; called once the recipe and its data are known to be right.
        worker: what runs passes; may be shared by the builds of a sweep.
        listeners: are told what happens.
        publish: writes what else the run leaves.
    """

    def __init__(
        self,
        recipe: Recipe,
        make_folder: Callable[[], Path],
        worker: Worker,
        listeners: tuple[Listener, ...] = (),
        publish: Publish = lambda report: None,
    ) -> None:
        self.recipe = recipe
        self.folder = Path()
        self._make_folder = make_folder
        self._worker = worker
        self._listeners = listeners
        self._publish = publish
        self._started = time.time()
        self._log: EventLog | None = None
        self._prepared: Prepared | None = None
        self._runner: Runner | None = None
        self._warnings: list[str] = []
        self._base: dict[str, Any] = {"label": "", "metrics": {}}
        self._deliveries: list[delivering.Delivery] = []

    def run(self) -> Outcome:
        """Build; every error ends up in the report and in the outcome.

        Raises:
            StoreError: the run folder itself cannot be written.
            RecipeError: the recipe or its data are wrong, before anything was run.
        """
        prepared = prepare(self.recipe, self._warn, self._worker.names)
        self._prepared = prepared
        self.recipe = prepared.recipe
        prepared.store.prepare()
        with writing(self.folder):
            prepared.memo.save()
        self.folder = self._make_folder()
        with writing(self.folder):
            self._log = EventLog(self.folder)
        self._worker.log = lambda text: self._tell(Event("log", {"text": text}))
        error: TflbuildError | KeyboardInterrupt | None = None
        try:
            self._build(prepared)
        except (TflbuildError, KeyboardInterrupt) as caught:
            error = caught
        report = self._finish(error)
        self._log.close()
        return Outcome(report, error)

    def _build(self, prepared: Prepared) -> None:
        planned = plan(prepared.recipe, prepared.keys, prepared.store)
        steps = [{"label": p.step.label, "status": p.status, "reason": p.reason} for p in planned.steps]
        self._tell(Event("plan", {"steps": steps, "unused": dict(planned.unused)}))
        if prepared.index.dropped:
            count = len(prepared.index.dropped)
            self._warn(
                f"data: {count} thing(s) left out, e.g. {prepared.index.dropped[0].file}: "
                f"{prepared.index.dropped[0].reason}; all are in report.json"
            )
        index = _keep_index(prepared)
        keys, store = prepared.keys, prepared.store
        measurer = Measurer(prepared.recipe, keys, store, self._worker, index, self._tell)
        runner = Runner(prepared.recipe, keys, store, self._worker, measurer, index, self._tell)
        self._runner = runner
        model = runner.run(prepared.order)
        assert isinstance(model, TFLiteModel)
        self._deliver(prepared, measurer, runner, model)

    def _deliver(self, prepared: Prepared, measurer: Measurer, runner: Runner, model: TFLiteModel) -> None:
        recipe = prepared.recipe
        metrics = judged_metrics(recipe)
        label = base_label(recipe, prepared.order)
        base = runner.outputs[label]
        measured = measurer.accuracy(base, metrics, delivering.FINAL_SPLIT)
        self._base = {"label": label, "metrics": measurements(measured)}
        self._deliveries = delivering.deliver(recipe, measurer, model, base, metrics)
        breaches = [v.text for d in self._deliveries for v in d.verdicts if not v.ok]
        for verdict in (v for d in self._deliveries for v in d.verdicts):
            self._tell(gate_event("", verdict))
        if breaches:
            runner.rejected = ("model", model)
            raise BudgetExceeded(f"budget: {'; '.join(breaches)}")

    def _finish(self, error: TflbuildError | KeyboardInterrupt | None) -> Report:
        runner = self._runner
        paths: list[str] = []
        if error is None:
            paths = delivering.put(self._deliveries, self.folder)
        elif isinstance(error, BudgetExceeded) and runner and runner.rejected:
            self._keep_rejected(*runner.rejected)
        report = Report(folder=self.folder, content=self._content(error, paths))
        report.write()
        self._write_lock(report)
        self._publish(report)
        if error is None or not isinstance(error, KeyboardInterrupt):
            _point_latest(self.folder)
        self._tell(Event("finished", {"status": report.status, "seconds": report["seconds"]}))
        return report

    def _content(self, error: TflbuildError | KeyboardInterrupt | None, paths: list[str]) -> dict[str, Any]:
        prepared, recipe = self._prepared, self.recipe
        assert prepared is not None
        delivered = [d.to_json(path) for d, path in zip(self._deliveries, paths, strict=False)]
        verdicts = [v.to_json() | {"target": d.target} for d in self._deliveries for v in d.verdicts]
        tools = sorted({tool for step in recipe.steps.values() for tool in type(step.options).needs})
        return {
            "schema": SCHEMA,
            "recipe": recipe.name,
            "description": recipe.description,
            "status": _status(error),
            "error": _error_text(error),
            "overrides": list(recipe.overrides),
            "seed": recipe.seed,
            "started": datetime.fromtimestamp(self._started).astimezone().isoformat(timespec="seconds"),
            "seconds": round(time.time() - self._started, 3),
            "toolchain": {tool: toolchain.version(tool) for tool in (*tools, "tflbuild", "ai_edge_litert")},
            "environment": {"device": recipe.device, "threads": recipe.worker.threads},
            "data": describe_data(prepared.index, to_json(recipe.data), type(recipe.data).name),
            "model": {"type": type(recipe.model).name, **to_json(recipe.model)},
            "base": self._base,
            "passes": [step.to_json() for step in self._runner.reports] if self._runner else [],
            "budget": {
                "ok": all(v["ok"] for v in verdicts) and not isinstance(error, BudgetExceeded),
                "verdicts": verdicts,
            },
            "targets": delivered,
            "warnings": self._warnings,
            "resolved": dict(recipe.mapping),
        }

    def _keep_rejected(self, label: str, model: Artifact) -> None:
        with writing(self.folder):
            (self.folder / "rejected").mkdir(exist_ok=True)
            shutil.copyfile(model.path, self.folder / "rejected" / f"{label}{model.suffix}")

    def _write_lock(self, report: Report) -> None:
        """Tie the delivered bytes to their causes; only of what was built."""
        if report.status != "built":
            return
        import yaml

        content = {
            "schema": "tflbuild.lock/1",
            "recipe": report["recipe"],
            "resolved": report["resolved"],
            "model": report["model"],
            "steps": {
                p["label"]: {k: p[k] for k in ("pass", "options", "action", "input", "output")}
                for p in report["passes"]
            },
            "data": report["data"]["splits"],
            "toolchain": report["toolchain"],
            "environment": report["environment"],
            "targets": {
                t["name"]: {k: t[k] for k in ("path", "sha256", "bytes", "metrics")}
                for t in report["targets"]
            },
        }
        with writing(self.folder):
            text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
            (self.folder / "recipe.lock.yaml").write_text(text, encoding="utf-8")

    def _warn(self, text: str) -> None:
        self._tell(Event("warning", {"text": text}))

    def _tell(self, event: Event) -> None:
        if event.kind == "warning":
            self._warnings.append(event.fields["text"])
        if self._log is not None:
            self._log(event)
        for listener in self._listeners:
            listener(event)


def make_run_folder(recipe: Recipe) -> Path:
    """Make `<outputs>/<recipe>/<timestamp>`, exclusively: cached builds can share a second."""
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    parent = recipe.outputs / recipe.name
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        for count in itertools.count(1):
            folder = parent / (stamp if count == 1 else f"{stamp}-{count}")
            with suppress(FileExistsError):
                folder.mkdir()
                break
    return folder


def _keep_index(prepared: Prepared) -> Path:
    """Write what the data set holds where the worker reads it, named by content."""
    content = json.dumps(prepared.index.to_json()).encode()
    path = prepared.store.root / "memo" / f"index-{digest.of_bytes(content)[:32]}.json"
    if not path.exists():
        with writing(path.parent):
            staged = path.with_name(f".{path.name}.{os.getpid()}")
            staged.write_bytes(content)
            os.replace(staged, path)
    return path


def _status(error: TflbuildError | KeyboardInterrupt | None) -> str:
    if error is None:
        return "built"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return "over_budget" if isinstance(error, BudgetExceeded) else "failed"


def _error_text(error: TflbuildError | KeyboardInterrupt | None) -> str | None:
    if error is None:
        return None
    return "interrupted by the user" if isinstance(error, KeyboardInterrupt) else str(error)


def _point_latest(folder: Path) -> None:
    staged = folder.parent / f".latest.{os.getpid()}"
    with writing(folder.parent):
        staged.unlink(missing_ok=True)
        staged.symlink_to(folder.name, target_is_directory=True)
        os.replace(staged, folder.parent / "latest")
