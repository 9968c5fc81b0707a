"""Plan: what would run, in which order, and why. Pure: imports no framework and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tflbuild.core import digest
from tflbuild.core.artifact import Artifact
from tflbuild.core.compiler_pass import DataFacts, kinds_of
from tflbuild.core.dataset import Index
from tflbuild.core.errors import StoreError
from tflbuild.core.plain_text import plain
from tflbuild.core.recipe import Recipe, Step
from tflbuild.engine.checks import check
from tflbuild.engine.inputs import Inputs, by_base, inputs_of, labels_read
from tflbuild.engine.keys import Keys
from tflbuild.engine.order import base_label, delivered_step, line_to, order_of, sources_of
from tflbuild.engine.reasons import reason
from tflbuild.engine.storage.store import Record, Store


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One step of a plan.

    Attributes:
        step: what is configured, with defaults that follow from the data filled in.
        status: "HIT", "RUN", or "UNKNOWN": its input is not known until an earlier step has run.
        reason: why.
        key: the action key, "" where it is unknown.
        preimage: what `key` is the digest of; empty where it is unknown.
        record: the stored result of a HIT.
    """

    step: Step
    status: str
    reason: str
    key: str = ""
    preimage: Mapping[str, Any] = field(default_factory=dict)
    record: Record | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The steps that a build would run, with warnings.

    Attributes:
        steps: the steps in order.
        unused: labels that are configured and would not run, with the reason.
        warnings: what the user should know first.
    """

    steps: tuple[Planned, ...]
    unused: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def resolve(recipe: Recipe, index: Index) -> Recipe:
    """Fill defaults that follow from the data, in every step."""
    facts = DataFacts(
        task=recipe.data.task,
        train=len(index.splits["train"]),
        classes=len(index.classes),
        input_size=recipe.model.resolution(),
        integer_only=any(target.integer_only for target in recipe.targets.values()),
        from_file=bool(recipe.model.files()),
    )
    integers = _integers(recipe)
    steps = {
        label: replace(
            step,
            options=step.options.resolve(
                replace(facts, integer_only=integers.get(label, facts.integer_only))
            ),
        )
        for label, step in recipe.steps.items()
    }
    return replace(recipe, steps=steps)


def _integers(recipe: Recipe) -> dict[str, bool]:
    """Say of each step, and of what may stand in its place, whether a target of its branch computes in integers alone.

    A recipe without branches has one answer for all of its steps.
    """
    if not any(step.takes for step in recipe.steps.values()):
        return {}
    order, _ = order_of(recipe)
    found: dict[str, bool] = {}
    for name, target in recipe.targets.items():
        for label in line_to(recipe, order, delivered_step(recipe, order, name)):
            instead = (other for fallback in recipe.steps[label].fallback for other in fallback.run)
            for one in (label, *instead):
                found[one] = found.get(one, False) or target.integer_only
    return found


def plan(recipe: Recipe, keys: Keys, store: Store) -> Plan:
    """Say of each step whether its result is in the store.

    Assume that every gate passes; one that does not changes what follows.

    Args:
        recipe: a resolved recipe.
        keys: preimages of its actions.
        store: where results are kept; only read.
    """
    order, unused = check(recipe)
    planned: list[Planned] = []
    outputs: dict[str, Artifact] = {}
    base, sources = base_label(recipe, order), sources_of(recipe, order)
    for position, label in enumerate(order):
        step, source = recipe.steps[label], sources[label]
        wanted = {
            source,
            *labels_read(step),
            *([base] if by_base(step) else ()),
        }
        waiting = [name for name in order[:position] if name in wanted and name not in outputs]
        if waiting:
            why = f"its input is not known until {waiting[-1]} has run"
            planned.append(Planned(step=step, status="UNKNOWN", reason=why))
            continue
        model = outputs[source] if source else None
        entry = look_up(step, inputs_of(step, model, outputs, outputs.get(base)), keys, store)
        same = next((one.step.label for one in planned if one.key == entry.key and entry.status == "RUN"), "")
        planned.append(replace(entry, reason=f"the same as {same}, and run once for both") if same else entry)
        if entry.record is not None and entry.record.artifact is not None:
            outputs[label] = entry.record.artifact
    return Plan(steps=tuple(planned), unused=unused, warnings=_obstacles(planned, store))


def _obstacles(planned: list[Planned], store: Store) -> tuple[str, ...]:
    """Say what would end a build that has something to run, before it has run anything."""
    new = [entry.step.label for entry in planned if entry.status != "HIT"]
    obstacle = store.obstacle() if new else ""
    return (obstacle,) if obstacle else ()


def look_up(step: Step, inputs: Inputs, keys: Keys, store: Store) -> Planned:
    """Say of one step on known inputs whether its result is there, and if not, why."""
    preimage = keys.action(step, inputs)
    key = digest.of_json(preimage)
    record = store.recall(key)
    if record is not None:
        _check_kind(step, record, store)
        origin = f", from {record.remote}" if record.remote else ""
        saves = f"saves {record.cost.get('seconds', 0.0):.1f} s{origin}"
        return Planned(step=step, status="HIT", reason=saves, key=key, preimage=preimage, record=record)
    why = reason(step, preimage, keys, store)
    return Planned(step=step, status="RUN", reason=why, key=key, preimage=preimage)


def _check_kind(step: Step, record: Record, store: Store) -> None:
    """Hold a stored result to the kind of model that its pass gives; no damage could change that.

    Raises:
        StoreError: somebody wrote it.
    """
    made = kinds_of(type(step.options))[1]
    if not isinstance(record.artifact, made):
        found = record.artifact.kind if record.artifact else "no model"
        raise StoreError(
            f"{step.label}: its stored result {record.key} is {found}, but '{type(step.options).name}' gives a "
            f"{made.kind}; remove actions/{record.key}.json from {plain(record.remote or store.root)}."
        )
