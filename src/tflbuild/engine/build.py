"""Build one recipe: plan, run, deliver, and a report whatever happens.

Longer than most modules: one class, whose methods are the stages of a build in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tflbuild.core.artifact import Artifact
from tflbuild.core.crash import is_requeue, told
from tflbuild.core.errors import INTERRUPTED, BudgetExceeded, PassError, StoreError, TflbuildError
from tflbuild.core.label_list import disagreements
from tflbuild.core.left_out import summary
from tflbuild.core.place import on_one_line
from tflbuild.core.recipe import Recipe
from tflbuild.core.task import TASKS
from tflbuild.engine import deliver as delivering
from tflbuild.engine import placing
from tflbuild.engine.account import Account
from tflbuild.engine.analyses import Analyst, models_of
from tflbuild.engine.bundle import write_bundle
from tflbuild.engine.delivery import Delivery
from tflbuild.engine.ending import Ending, text_of
from tflbuild.engine.events import Event, EventLog, Listener
from tflbuild.engine.first_look import first_look, is_foreign
from tflbuild.engine.hooks import Hooks
from tflbuild.engine.judging import gate_event
from tflbuild.engine.lock import Lock, find_lock, write_lock
from tflbuild.engine.measure import Measurer
from tflbuild.engine.order import base_label, delivered_step, judged_metrics, main_line
from tflbuild.engine.plan import Plan, plan
from tflbuild.engine.prepare import Prepared, prepare
from tflbuild.engine.report import Report, StepReport, measurements
from tflbuild.engine.run import Runner
from tflbuild.engine.run_folder import keep_index, keep_model, point_latest
from tflbuild.engine.storage.store import writing
from tflbuild.engine.timekeeper import Timekeeper
from tflbuild.engine.workers.worker import Worker

Publish = Callable[[Report], None]
"""Function that writes the files of a report other than report.json, e.g. report.html."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a build: its report, and the error it ended with, if any."""

    report: Report
    error: Ending


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
        self._hooks = Hooks(recipe.hooks, self._tell)
        self._listeners: tuple[Listener, ...] = (*listeners, self._hooks)
        self._timekeeper: Timekeeper | None = None
        self._publish = publish
        self._account = Account()
        self._log: EventLog | None = None
        self._prepared: Prepared | None = None
        self._runner: Runner | None = None
        self._measurer: Measurer | None = None
        self._order: tuple[str, ...] = ()
        self._lock: Lock | None = None

    def run(self) -> Outcome:
        """Build; every error ends up in the report and in the outcome.

        Raises:
            StoreError: the run folder itself cannot be written.
            RecipeError: the recipe or its data are wrong, before anything was run.
        """
        prepared = prepare(self.recipe, self._worker.names, self._warn, looking=self._looking)
        self._prepared = prepared
        self.recipe, self._order = prepared.recipe, prepared.order
        prepared.store.prepare()
        self._timekeeper = Timekeeper(prepared)
        self._listeners = (*self._listeners, self._timekeeper)
        try:
            return self._run(prepared)
        finally:
            prepared.store.close()

    def _run(self, prepared: Prepared) -> Outcome:
        self.folder = self._make_folder()
        with writing(self.folder):
            self._log = EventLog(self.folder)
        self._worker.log = lambda text: self._tell(Event("log", {"text": text}))
        self._worker.told = lambda kind, fields: self._tell(Event(kind, fields))
        error: Ending = None
        try:
            self._tell(Event("started", {"recipe": prepared.recipe.name, "folder": str(self.folder)}))
            self._hooks.before_build(prepared.recipe, self.folder)
            self._build(prepared)
        except KeyboardInterrupt as caught:
            error = caught
        except BaseException as caught:
            if is_requeue(caught):
                raise
            error = told(caught, self.folder)
        report, error = self._finish(error)
        self._log.close()
        return Outcome(report, self._hooks.interrupt or error)

    def _build(self, prepared: Prepared) -> None:
        recipe = prepared.recipe
        order = _until(prepared.order, recipe.run.stop_after)
        if recipe.run.locked:
            self._lock = Lock(find_lock(recipe), prepared.keys, prepared.store.root)
            self._account.locked = str(self._lock.path)
            self._lock.check_causes()
        planned = plan(recipe, prepared.keys, prepared.store)
        if planned.warnings and any(p.status != "HIT" for p in planned.steps[: len(order)]):
            raise StoreError(planned.warnings[0])
        self._foretell(prepared, planned, order)
        keys, store = prepared.keys, prepared.store
        index = keep_index(prepared.index, store.root)
        self._measurer = measurer = Measurer(recipe, keys, store, self._worker, index, self._tell)
        parts = (recipe, keys, store, self._worker, measurer, index, self._tell, self._after_step)
        for target in recipe.targets.values():
            target.device()  # a phone that is not there is said before hours of training
        runner = Runner(*parts)
        self._runner, self._account.steps = runner, runner.reports
        ended: PassError | BudgetExceeded | None = None
        try:
            runner.run(order)
        except (BudgetExceeded, PassError) as error:
            if recipe.run.stop_after or not self._reached(runner):
                raise
            ended = error
        if recipe.run.stop_after:
            model = runner.outputs[order[-1]]
            keep_model(model, self.folder / recipe.run.stop_after)
            self._deliver_so_far(measurer, runner)
            return
        analyst = Analyst(recipe, keys, store, self._worker, index, measurer, self._tell)
        main = [label for label in main_line(recipe, order) if label in runner.outputs]
        outputs = {label: runner.outputs[label] for label in main}
        self._account.analyses += analyst.run(models_of(outputs, measurer.base))
        self._deliver(prepared, measurer, runner, analyst, ended)

    def _foretell(self, prepared: Prepared, planned: Plan, order: tuple[str, ...]) -> None:
        """Tell what will run, and warn of what can be foreseen."""
        recipe, steps = prepared.recipe, planned.steps[: len(order)]
        assert self._timekeeper is not None
        fields = self._timekeeper.foretold(steps)
        fields |= {"unused": dict(planned.unused), "subject": recipe.subject}
        fields |= {"classes": list(prepared.index.classes), "recognised": recipe.seen}
        fields |= {"label_noun": TASKS.get(recipe.data.task).label_noun[len(prepared.index.classes) != 1]}
        self._tell(Event("plan", fields))
        self._account.labels = recipe.model.listed_labels()
        if prepared.index.classes:
            for text in disagreements(self._account.labels, prepared.index.classes):
                self._warn(text)
        if prepared.index.dropped:
            self._warn(summary(prepared.index.dropped))
        for text in placing.warnings(recipe, steps):
            self._warn(text)
        if recipe.run.tensorboard and not any(type(recipe.steps[label].options).trains for label in order):
            self._warn("tensorboard: no step of this build trains, so there is nothing to log")

    def _reached(self, runner: Runner) -> dict[str, str]:
        """Give the targets whose file is built, each with the step that gave it."""
        recipe = self.recipe
        steps = {name: delivered_step(recipe, self._order, name) for name in recipe.targets}
        return {name: label for name, label in steps.items() if label in runner.outputs}

    def _after_step(self, step: StepReport, model: Artifact) -> None:
        if self.recipe.run.keep_intermediate:
            assert self._runner is not None
            keep_model(model, self.folder / "intermediate" / f"{len(self._runner.reports)}-{step.label}")
        if is_foreign(self.recipe, self.recipe.steps[step.label]):
            assert self._measurer is not None
            found = first_look(self._measurer, model, self._account.labels, self._tell)
            self._account.analyses += [found] if found else []
        if self._lock is not None:
            self._lock.check_step(step)

    def _deliver(
        self,
        prepared: Prepared,
        measurer: Measurer,
        runner: Runner,
        analyst: Analyst,
        ended: PassError | BudgetExceeded | None,
    ) -> None:
        """Deliver for every target whose file is there, and within the total budget.

        Args:
            prepared: the recipe on its data.
            measurer: what measures.
            runner: what ran the steps.
            analyst: looks at what is delivered.
            ended: what ended the steps of some targets; None where all were run.
        """
        recipe, reached = prepared.recipe, self._reached(runner)
        metrics = sorted({*judged_metrics(recipe), *(metric for metric, _ in recipe.aims)})
        base = base_label(recipe, prepared.order)
        made, failed = self._made(recipe, measurer, runner, reached, base, metrics)
        for name, error in failed.items():
            ended = ended or error
            if made:
                self._warn(f"{name} is given no file: {error}")
        if not made:
            assert ended is not None, "what was reached was made or failed"
            raise ended
        self._account.analyses += analyst.of_delivered(made, runner.outputs[base])
        for delivery in made:
            for verdict in delivery.verdicts:
                self._tell(gate_event("", verdict, delivery.target))
        over = [delivery for delivery in made if not all(verdict.ok for verdict in delivery.verdicts)]
        if self._lock is not None and not over and ended is None:
            self._lock.check_delivery({d.target: d.to_json("") for d in made})
        rejected = {delivery.step for delivery in over}
        kept = [delivery for delivery in made if delivery.step not in rejected]
        self._account.paths = delivering.put(kept, self.folder, alone=len(recipe.targets) == 1)
        if ended is not None:
            raise ended
        if over:
            runner.rejected = ("model", runner.outputs[over[0].step])
            breaches = [verdict.text for delivery in made for verdict in delivery.verdicts if not verdict.ok]
            raise BudgetExceeded(f"budget: {'; '.join(breaches)}")

    def _deliver_so_far(self, measurer: Measurer, runner: Runner) -> None:
        """Deliver what steps that ran ask to be delivered; the budget is that of the whole, and is not judged."""
        asked = {
            name: target for name, target in self.recipe.targets.items() if target.step in runner.outputs
        }
        if not asked:
            return
        recipe, reached = (
            replace(self.recipe, targets=asked, limits=()),
            {n: t.step for n, t in asked.items()},
        )
        metrics = sorted({*judged_metrics(self.recipe), *(metric for metric, _ in recipe.aims)})
        base = base_label(recipe, self._order)
        made, failed = self._made(recipe, measurer, runner, reached, base, metrics)
        self._account.paths = delivering.put(made, self.folder, alone=False)
        if failed:
            raise next(iter(failed.values()))

    def _made(
        self,
        recipe: Recipe,
        measurer: Measurer,
        runner: Runner,
        reached: Mapping[str, str],
        label: str,
        metrics: list[str],
    ) -> tuple[list[Delivery], dict[str, PassError]]:
        """Deliver for the targets that were reached, and account for the files and for what they are held against.

        Args:
            recipe: what is delivered.
            measurer: what measures.
            runner: what ran the steps.
            reached: the targets, each with the step whose result it delivers.
            label: of the step whose result they are held against.
            metrics: names of those that are measured.

        Returns:
            The deliveries, and why there is none for a target, by its name.
        """
        base = runner.outputs[label]
        measured = measurer.accuracy(base, metrics, delivering.FINAL_SPLIT)
        self._account.base = {"label": label, "metrics": measurements(measured)}
        made, failed = delivering.deliver(recipe, measurer, reached, base, metrics, runner.outputs)
        self._account.deliveries = made
        delivering.add_differences(recipe, measurer, made, base, measured)
        return made, failed

    def _finish(self, error: Ending) -> tuple[Report, Ending]:
        """Write down how it ended; what goes wrong with that is in the report, too."""
        error = self._attempt(error, lambda: self._before_report(error))
        report, ending = self._write_report(error), error
        for act in (self._write_lock, self._publish, self._point_latest, self._after_build):
            ending = self._attempt(ending, partial(act, report))
        if ending is not error:
            report = self._write_report(ending)
        self._tell(Event("finished", {"status": report.status, "seconds": report["seconds"]}))
        return report, ending

    def _attempt(self, error: Ending, act: Callable[[], None]) -> Ending:
        """Take one action at the end of the build; gives the error that the build ends with, if any."""
        try:
            act()
        except (TflbuildError, KeyboardInterrupt):
            raise
        except BaseException as caught:
            if is_requeue(caught):
                raise
            found = told(caught, self.folder)
            if error is None:
                return found
            self._warn(str(found))
        return error

    def _before_report(self, error: Ending) -> None:
        runner = self._runner
        if isinstance(error, BudgetExceeded) and runner and runner.rejected:
            label, model = runner.rejected
            keep_model(model, self.folder / "rejected" / label)
        if error is not None:
            self._tell(Event("failed", self._failed(error)))

    def _write_report(self, error: Ending) -> Report:
        prepared = self._prepared
        assert prepared is not None
        report = Report(folder=self.folder, content=self._account.content(self.recipe, prepared.index, error))
        report.write()
        return report

    def _write_lock(self, report: Report) -> None:
        whole = len(report["targets"]) == len(self.recipe.targets)
        if report["targets"] and whole and not self.recipe.run.stop_after:
            assert self._runner is not None
            write_lock(report, self._runner.preimages)

    def _point_latest(self, report: Report) -> None:
        if report.status != "interrupted":
            point_latest(self.folder)

    def _after_build(self, report: Report) -> None:
        """Let hooks have what the build left, and write down which of them raised."""
        known = len(self._account.warnings)
        self._hooks.after_build(report.content, self.folder)
        if len(self._account.warnings) > known:
            report.write()
            self._publish(report)

    def _failed(self, error: TflbuildError | KeyboardInterrupt) -> dict[str, Any]:
        """Say what failed, leaving a bundle that runs a failed pass alone."""
        runner = self._runner
        fields: dict[str, Any] = {"label": "", "error": text_of(error), "command": None}
        fields["exit_code"] = INTERRUPTED if isinstance(error, KeyboardInterrupt) else error.exit_code
        if runner is not None and runner.reports and isinstance(error, (PassError, BudgetExceeded)):
            fields["label"] = runner.ended
        if runner is not None and runner.failure and isinstance(error, PassError):
            self._account.reproduce = write_bundle(runner.failure, self.recipe, self.folder)
            fields |= {"label": runner.failure.step.label, "command": self._account.reproduce}
        return fields

    def _looking(self, done: int, total: int) -> None:
        self._tell(Event("looking", {"done": done, "total": total}))

    def _warn(self, text: str) -> None:
        self._tell(Event("warning", {"text": on_one_line(text)}))

    def _tell(self, event: Event) -> None:
        if event.kind == "warning":
            self._account.warnings.append(event.fields["text"])
        if self._log is not None:
            self._log(event)
        for listener in self._listeners:
            try:
                listener(event)
            except TflbuildError:
                raise
            except Exception as error:  # noqa: BLE001 - who cannot show a build must not end it
                self._listeners = tuple(other for other in self._listeners if other is not listener)
                self._warn(f"the display of this build stops here: {told(error, self.folder)}")


def _until(order: tuple[str, ...], label: str | None) -> tuple[str, ...]:
    """Give the labels up to and with one."""
    return order if label is None else order[: order.index(label) + 1]
