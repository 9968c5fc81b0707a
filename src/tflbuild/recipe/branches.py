"""Give each target the steps that suit it: options that it asks for, and branches where targets ask for others.

A step whose options a recipe leaves open takes those that its target wants (`Target.wants`). Where targets want others,
the pipeline branches: the first target keeps the recipe's labels, and another branch has `LABEL@TARGET`, after the
first of its targets. All of it is written into the mapping, so that what was resolved once says everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.target import TARGETS, Target
from tflbuild.engine.order import AT, listed
from tflbuild.recipe import choices
from tflbuild.recipe.moved import merged, moved
from tflbuild.recipe.own_steps import check_own
from tflbuild.recipe.said import Said
from tflbuild.recipe.steps import BRANCH_KEYS, step_of
from tflbuild.recipe.subject import Subject
from tflbuild.recipe.wanted import SCHEME, Filled, filled, or_else


@dataclass(frozen=True)
class Branched:
    """A recipe with a step for each target that wants another.

    Attributes:
        mapping: the recipe.
        remarks: what contradicts a target, and what has no effect, a sentence each.
    """

    mapping: dict[str, Any]
    remarks: tuple[str, ...] = ()


def branched(mapping: Mapping[str, Any], said: Said, subject: Subject, words: Iterable[str] = ()) -> Branched:
    """Fill in what targets want, and branch where they want different things.

    Args:
        mapping: a composed recipe.
        said: what of it files and the command line say.
        subject: its model and data.
        words: what was typed.

    Raises:
        RecipeError: options are given for a step or a target that is not there, or the recipe says what a target cannot
            take at all.
    """
    own = {str(key): value for key, value in mapping.items() if AT in str(key)}
    rest = {key: value for key, value in mapping.items() if AT not in str(key)}
    lacking = any(rest.get(group) is None for group in ("model", "data", "target"))
    if lacking or (not own and not any(_wants(options) for options in _chosen(rest).values())):
        return Branched({**rest, **own} if lacking else rest)
    targets = choices.targets(rest.get("target"))
    configured = {key: value for key, value in rest.items() if isinstance(value, Mapping) and "pass" in value}
    remarks = check_own(own, configured, targets, words)
    own = {key: value for key, value in own.items() if key.partition(AT)[2] in targets}
    walk = _Walk(rest, configured, targets, own, said, subject)
    for label in walk.labels:
        walk.take(label)
    return Branched(walk.written(), (*remarks, *walk.remarks))


def _chosen(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    found = mapping.get("target")
    return found if isinstance(found, Mapping) else {}


def _wants(options: Any) -> Mapping[str, Any]:
    """Give what a chosen target wants; nothing where the choice is none, which is said elsewhere."""
    name = options.get("type") if isinstance(options, Mapping) else None
    return TARGETS.get(name).wants if isinstance(name, str) and name in TARGETS else {}


@dataclass
class _Line:
    """The way to what one target is given, as far as it has been followed.

    Attributes:
        last: label of the step that it has come to; "" for none.
        branch: whether it has left the main line.
        quantized: whether a step on it quantized.
        names: labels of its own steps by those of the recipe.
        ended: whether the target delivers that step.
        values: steps as the target would have them, by label.
        told: options of them that somebody said.
    """

    last: str = ""
    branch: bool = False
    quantized: bool = False
    names: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    values: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    told: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Wished:
    """A step as a target would have it, with those that may stand in its place."""

    step: Filled
    instead: Mapping[str, Filled]

    @property
    def text(self) -> str:
        """Give all of it in a text that is the same for targets that may share the step."""
        values = {label: one.value for label, one in self.instead.items()}
        return json.dumps([self.step.value, values], sort_keys=True, default=str)


class _Walk:
    """Goes along the pipeline, and parts targets at the first step of which they want different things."""

    def __init__(
        self,
        mapping: dict[str, Any],
        configured: Mapping[str, Mapping[str, Any]],
        targets: Mapping[str, Target],
        own: Mapping[str, Mapping[str, Any]],
        said: Said,
        subject: Subject,
    ) -> None:
        self.remarks: list[str] = []
        self._mapping, self._configured = mapping, configured
        self._targets, self._own, self._said, self._subject = targets, own, said, subject
        self._steps = {label: step_of(label, value) for label, value in configured.items()}
        pipeline = [str(label) for label in mapping.get("pipeline") or ()]
        missing = [label for label in pipeline if label not in self._steps]
        self._steps |= {label: step_of(label, {"pass": label}) for label in missing if label in PASSES}
        self.labels = listed(pipeline, self._steps)
        self._pipeline = pipeline
        self._lines = {name: _Line() for name in targets}
        self._made: dict[str, dict[str, Any]] = {}
        self._branches: list[str] = []

    def take(self, label: str) -> None:
        """Take one step of the pipeline for every target that it leads to."""
        if not self._steps[label].enabled:
            return
        going = [name for name, line in self._lines.items() if not line.ended]
        wished = {name: self._wished(label, name) for name in going}
        for group in self._groups(going, wished):
            self._follow(label, group, wished[group[0]])
        for name in going:
            line = self._lines[name]
            line.quantized = line.quantized or bool(self._steps[label].options.output_quantized())
            line.ended = self._targets[name].step == label

    def written(self) -> dict[str, Any]:
        """Give the recipe with the steps of all branches, and the step that each of their targets delivers."""
        mapping = {**self._mapping, **self._made}
        if not self._branches:
            return mapping
        targets = dict(mapping["target"])
        for name, line in self._lines.items():
            if line.branch and (line.ended or not self._targets[name].step):
                targets[name] = {**targets[name], "step": line.last}
        return {**mapping, "pipeline": [*self._pipeline, *self._branches], "target": targets}

    def _groups(self, going: Sequence[str], wished: Mapping[str, _Wished]) -> list[list[str]]:
        """Part targets that share all that came before by what they want of a step, those of the main line first."""
        groups: dict[tuple[str, str], list[str]] = {}
        for name in going:
            line = self._lines[name]
            groups.setdefault((line.last if line.branch else "", wished[name].text), []).append(name)
        return list(groups.values())

    def _follow(self, label: str, group: Sequence[str], wished: _Wished) -> None:
        """Let a group of targets take a step: that of the main line, where nobody has taken it yet, or its own."""
        lines = [self._lines[name] for name in group]
        first = lines[0]
        leads = not first.branch and not any(
            not line.branch and line.last == label for line in self._lines.values()
        )
        if leads:
            self._keep(label, wished)
            made = label
        elif type(self._steps[label].options).delivers:
            return  # it makes a file of its own, which the main line delivers
        else:
            made = f"{label}{AT}{group[0]}"
            self._add(made, label, first, group[0], wished)
        for line in lines:
            line.branch = line.branch or not leads
            line.last = made
            if made != label:
                line.names = {**line.names, label: made}

    def _keep(self, label: str, wished: _Wished) -> None:
        """Write what the main line's targets want into its steps."""
        for one, found in ((label, wished.step), *wished.instead.items()):
            if found.wanted or found.value != self._configured.get(one):
                self._made[one] = _with_wanted(found)

    def _add(self, made: str, label: str, line: _Line, target: str, wished: _Wished) -> None:
        """Add a step of a branch, with what may stand in its place.

        Raises:
            RecipeError: it would be the first step, which starts a model for all targets.
        """
        if not line.last:
            raise RecipeError(
                f"{made}: '{label}' starts the model, which all targets share; say it for a step behind it, or build "
                f"{target} by itself."
            )
        names = dict(line.names)
        renamed = {other: f"{other}{AT}{target}" for other in wished.instead}
        for other, found in wished.instead.items():
            self._made[renamed[other]] = moved(_with_wanted(found), {**names, **renamed}, self._steps[other])
        value = moved(_with_wanted(wished.step), {**names, **renamed}, self._steps[label])
        self._made[made] = {**value, "takes": line.last}
        self._branches.append(made)

    def _wished(self, label: str, target: str) -> _Wished:
        """Give a step, and those that may stand in its place, as a target would have them."""
        line, instead = self._lines[target], {}
        step = self._filled(label, target, quantized=line.quantized)
        for fallback in self._steps[label].fallback:
            quantized = line.quantized and not fallback.start
            for other in fallback.run:
                if other in self._steps and other not in instead:
                    instead[other] = self._filled(other, target, quantized=quantized)
                    quantized = quantized or bool(self._steps[other].options.output_quantized())
        return _Wished(step, instead)

    def _filled(self, label: str, target: str, *, quantized: bool) -> Filled:
        """Give a step as a target would have it: what follows another step's option follows it there, too.

        Args:
            label: of the step.
            target: its name in the recipe.
            quantized: whether a step before it quantizes.
        """
        line, own = self._lines[target], self._own.get(f"{label}{AT}{target}", {})
        value = {"pass": label, **self._configured.get(label, {})}
        told = {option for option in value if self._said.says(label, option)}
        for option in value:
            other, of = self._said.origin(label, option) or ("", "")
            if of in line.values.get(other, {}):
                value[option] = line.values[other][of]
                told = told | {option} if of in line.told[other] else told - {option}
        value = merged(value, {key: item for key, item in own.items() if key not in BRANCH_KEYS})
        line.told[label] = told | set(own)
        wants, idle = self._targets[target].wants, self._subject.idle
        name = f"{label}{AT}{target}" if own else label
        found = filled(name, value, wants, line.told[label], idle, quantized=quantized)
        line.values[label] = found.value
        self._note(label, target, found)
        return found

    def _note(self, label: str, target: str, found: Filled) -> None:
        """Refuse what a target cannot take at all, and remark on what it takes with a part of the file only."""
        several = len(self._targets) > 1 or f"{label}{AT}{target}" in self._own
        for one in found.contradictions:
            if self._said.origin(label, one.option):
                continue  # said of the step that it follows
            key = f"{label}{AT}{target}" if several else label
            text = (
                f"{label}.{one.option}={plain(str(one.said), 60)} is what the recipe says, and {target} takes "
                f"{or_else(one.accepted)}; {key}.{one.option}={one.accepted[0]} would suit it"
            )
            if one.option == SCHEME and self._targets[target].refuses_floats:
                raise RecipeError(f"{text}.")
            if text not in self.remarks:
                self.remarks.append(text)


def _with_wanted(found: Filled) -> dict[str, Any]:
    return {**found.value, **({"wanted": dict(found.wanted)} if found.wanted else {})}
