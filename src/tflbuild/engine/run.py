"""Run a plan: pass by pass, measuring and judging between them.

Longer than most modules: it is one class, whose methods are what happens to a step, from its start to its fallbacks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tflbuild.core.artifact import Artifact
from tflbuild.core.budget import Fallback, Limit
from tflbuild.core.errors import BudgetExceeded, OtherWay, PassError, TflbuildError
from tflbuild.core.options import to_json
from tflbuild.core.place import on_one_line
from tflbuild.core.recipe import Recipe, Step
from tflbuild.engine.bundle import Failure, assignment_of
from tflbuild.engine.contents import keep_contents
from tflbuild.engine.events import Event, Listener
from tflbuild.engine.inputs import Inputs, Replaced, inputs_of
from tflbuild.engine.judging import Attempt, Judge
from tflbuild.engine.keys import Keys
from tflbuild.engine.measure import Measurer
from tflbuild.engine.order import base_label, line_to, main_line, sources_of
from tflbuild.engine.plan import Planned, look_up
from tflbuild.engine.recalling import Result, recall_or_compute
from tflbuild.engine.report import StepReport
from tflbuild.engine.storage.store import Record, Store, writing
from tflbuild.engine.workers.worker import Worker


class Runner:
    """Runs the steps of one recipe.

    Args:
        recipe: a resolved recipe.
        keys: preimages of its actions.
        store: where results are kept.
        worker: what runs passes.
        measurer: what measures between them.
        index: file with what the data set holds.
        tell: is told what happens.
        after_step: is given each step's report and model when its gate is behind it; what it raises ends the build.

    Attributes:
        reports: of the steps so far.
        outputs: what they gave, by label.
        preimages: of their actions, by label.
        rejected: the step whose gate stayed closed, and what it gave.
        failure: the pass that failed; of several that of the first branch.
        ended: label of the first step that failed or exceeded its limit; "" where none did.
    """

    def __init__(
        self,
        recipe: Recipe,
        keys: Keys,
        store: Store,
        worker: Worker,
        measurer: Measurer,
        index: Path,
        tell: Listener,
        after_step: Callable[[StepReport, Artifact], None] = lambda report, model: None,
    ) -> None:
        self.recipe = recipe
        self.reports: list[StepReport] = []
        self.outputs: dict[str, Artifact] = {}
        self.preimages: dict[str, Mapping[str, Any]] = {}
        self.rejected: tuple[str, Artifact] | None = None
        self.failure: Failure | None = None
        self.ended = ""
        self._after_step = after_step
        self._keys = keys
        self._store = store
        self._worker = worker
        self._index = index
        self._tell = tell
        self._measurer = measurer
        self._gates = Judge(recipe, measurer, tell)

    def run(self, order: tuple[str, ...]) -> Artifact:
        """Run the steps in order; what a step that fails does not lead to runs all the same.

        Returns:
            The result of the main line.

        Raises:
            BudgetExceeded: a gate closed and nothing that was declared kept it open.
            PassError: a pass failed.
        """
        self._base = base_label(self.recipe, order)
        sources = sources_of(self.recipe, order)
        errors: dict[str, TflbuildError] = {}
        first = (self.failure, self.rejected)
        for label in order:
            source = sources[label]
            if source in errors:
                errors[label] = errors[source]
                continue
            try:
                self.outputs[label] = self._take(
                    self.recipe.steps[label], self.outputs[source] if source else None
                )
            except OtherWay:
                raise
            except (BudgetExceeded, PassError) as error:
                errors[label] = error
                first = first if self.ended else (self.failure, self.rejected)
                self.ended = self.ended or label
                self._tell_of_others(label, error, order)
        if errors:
            self.failure, self.rejected = first
            raise next(iter(errors.values()))
        return self.outputs[main_line(self.recipe, order)[-1]]

    def _tell_of_others(self, label: str, error: TflbuildError, order: tuple[str, ...]) -> None:
        """Say of a step that failed that others, to which it does not lead, are run all the same."""
        behind = order[order.index(label) + 1 :]
        if any(label not in line_to(self.recipe, order, other) for other in behind):
            text = f"{label} ends here, and what other targets are given is built: {on_one_line(str(error))}"
            self._tell(Event("warning", {"text": text}))

    def _take(self, step: Step, model: Artifact | None) -> Artifact:
        report = StepReport(
            label=step.label,
            pass_name=type(step.options).name,
            input=model.digest if model else None,
            takes=step.takes,
            wanted=step.wanted,
        )
        self.reports.append(report)
        began = time.perf_counter()
        try:
            attempt = self._attempted(step, model, report)
        except BudgetExceeded:
            raise
        except BaseException as error:
            report.outcome = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            report.seconds = report.seconds or time.perf_counter() - began
            self._tell(Event("pass_ended", report.to_json()))
            raise
        self._tell(Event("pass_ended", report.to_json()))
        self._after_step(report, attempt.model)
        return attempt.model

    def _attempted(self, step: Step, model: Artifact | None, report: StepReport) -> Attempt:
        result = self._produce(step, inputs_of(step, model, self.outputs, self._measurer.base), report)
        report.outcome = "cached" if report.cached else "ran"
        if step.instead:
            report.outcome, report.reason = "skipped", step.instead
        if step.label == self._base:
            self._measurer.base = result
        attempt = self._judge(step.label, result, step.limits, model, report)
        self._note(report, attempt)
        if not attempt.ok:
            attempt = self._policy(step, model, attempt, report)
        return attempt

    def _produce(self, step: Step, inputs: Inputs, report: StepReport) -> Artifact:
        found = look_up(step, inputs, self._keys, self._store)
        report.action, report.reason = found.key, found.reason
        report.options = to_json(step.options)
        fields = {"label": step.label, "pass": report.pass_name, "options": report.options}
        self._tell(Event("pass_started", {**fields, "status": found.status, "reason": found.reason}))
        report.cached = found.record is not None
        self.preimages[step.label] = found.preimage
        record = found.record or self._compute(found, inputs, report)
        assert record.artifact is not None
        report.cost, report.notes = record.cost, record.value
        report.took(record.artifact)
        return record.artifact

    def _compute(self, found: Planned, inputs: Inputs, report: StepReport) -> Record:
        """Run the pass, unless another process has just done so."""
        step, preimage = found.step, found.preimage
        report.cached = True
        with writing(self._store.root):
            for source in step.options.reads():
                keep_contents(self._store.root, self._keys.source(source), self._keys.listing(source))

        def compute(staging: Path) -> Result:
            report.cached = False
            checkpoints = self._store.checkpoints(found.key)
            assignment = assignment_of(step, inputs, self.recipe, self._index, staging, checkpoints)

            def progress(done: float, total: float, note: str) -> None:
                fields = {"label": step.label, "done": done, "total": total, "note": note}
                self._tell(Event("progress", fields))

            try:
                answer = self._worker.ask(
                    "run_pass",
                    step.options,
                    inputs.model,
                    assignment,
                    who=f"pass '{step.label}'",
                    progress=progress,
                    timeout=step.timeout,
                )
            except PassError as error:
                self.failure = Failure(step, inputs, preimage, str(error))
                raise
            artifact, notes = answer.value
            report.seconds = answer.cost["seconds"]
            return Result(notes, answer.cost, {}, artifact=artifact)

        name = type(step.options).name
        return recall_or_compute(
            self._store, preimage, compute, self._tell, name=name, what=f"'{step.label}'"
        )

    def _judge(
        self,
        label: str,
        model: Artifact,
        limits: tuple[Limit, ...],
        before: Artifact | None,
        report: StepReport,
    ) -> Attempt:
        started = time.perf_counter()
        attempt = self._gates.attempt(label, model, limits, before, self.outputs)
        report.differences = {} if label == self._base else self._gates.differences(before, model)
        report.measuring_seconds += time.perf_counter() - started
        return attempt

    def _note(self, report: StepReport, attempt: Attempt) -> None:
        report.metrics = dict(attempt.metrics)
        report.verdicts = list(attempt.verdicts)
        report.took(attempt.model)

    def _policy(self, step: Step, model: Artifact | None, closed: Attempt, report: StepReport) -> Attempt:
        report.tried.append(_tried(step.label, closed, report.seconds))
        for fallback in step.fallback:
            if fallback.start and fallback.start not in self.outputs:
                text = f"fallback {fallback.text} is skipped, since {fallback.start} does not run"
                self._tell(Event("warning", {"text": text}))
                continue
            attempt = self._fall_back(step, fallback, model, report)
            if attempt is not None and attempt.ok:
                report.outcome = "replaced"
                report.reason = f"it exceeded its limit; {fallback.text} replaced it"
                self._note(report, attempt)
                report.differences = self._gates.differences(model, attempt.model)
                return attempt
        if step.on_breach == "warn":
            text = f"{step.label} exceeds its limit and is kept (on_breach: warn): {closed.breaches}"
            self._tell(Event("warning", {"text": text}))
            report.reason = f"over its limit and kept (on_breach: warn); {report.reason}"
            return closed
        if step.on_breach == "skip":
            assert model is not None
            report.outcome = "skipped"
            report.reason = f"it exceeded its limit (on_breach: skip): {closed.breaches}"
            report.differences = {}
            report.took(model)
            return replace(closed, model=model)
        self.rejected = (step.label, closed.model)
        report.reason = f"it exceeded its limit: {closed.breaches}"
        self._tell(Event("pass_ended", report.to_json()))
        raise BudgetExceeded(f"{step.label}: {closed.breaches}")

    def _fall_back(
        self, step: Step, fallback: Fallback, model: Artifact | None, report: StepReport
    ) -> Attempt | None:
        self._tell(Event("warning", {"text": f"{step.label} exceeds its limit; trying {fallback.text}"}))
        current = self.outputs[fallback.start] if fallback.start else model
        seconds = 0.0
        passes: list[dict[str, Any]] = []
        attempt = None
        for label in fallback.run:
            alternative = self.recipe.steps[label]
            part = StepReport(label=label, pass_name=type(alternative.options).name)
            part.input = current.digest if current else None
            try:
                inputs = inputs_of(
                    alternative, current, self.outputs, self._measurer.base, Replaced(step=step, model=model)
                )
                result = self._produce(alternative, inputs, part)
            except PassError as error:
                report.tried.append(
                    {"run": fallback.text, "ok": False, "error": str(error), "passes": passes}
                )
                self._tell(Event("pass_ended", part.to_json()))
                self._tell(Event("warning", {"text": f"fallback {fallback.text}: {on_one_line(str(error))}"}))
                return None
            last = label == fallback.run[-1]
            attempt = self._judge(label, result, alternative.limits, current, part)
            if last:
                judged = self._judge(step.label, result, step.limits, model, part)
                attempt = replace(judged, verdicts=judged.verdicts + attempt.verdicts)
            self._note(part, attempt)
            part.outcome = "cached" if part.cached else "ran"
            seconds += part.seconds
            passes.append(part.to_json())
            self._tell(Event("pass_ended", part.to_json()))
            if not attempt.ok:
                break
            current = result
        assert attempt is not None
        report.tried.append(_tried(fallback.text, attempt, seconds) | {"passes": passes})
        return attempt


def _tried(what: str, attempt: Attempt, seconds: float) -> dict[str, Any]:
    return {
        "run": what,
        "ok": attempt.ok,
        "output": attempt.model.digest,
        "seconds": round(seconds, 3),
        "metrics": {name: m.to_json() for name, m in attempt.metrics.items()},
        "verdicts": [verdict.to_json() for verdict in attempt.verdicts],
    }
