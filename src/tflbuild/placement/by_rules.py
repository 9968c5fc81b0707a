"""Predict where the operators of a file run, by the rules of a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tflbuild.placement import facts, rule_file
from tflbuild.placement.expression import Scope, Unknown
from tflbuild.placement.facts import ModelFacts, OperatorFacts
from tflbuild.placement.partitions.partition import PARTITIONS
from tflbuild.placement.placement import Placed, Placement
from tflbuild.placement.rule_file import Rule, RuleTable
from tflbuild.tflite.chips import CHIPS


def place(path: Path, rules: Path, device: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Predict for a file; gives a `Placement` as JSON.

    Args:
        path: the file.
        rules: the rule file.
        device: name of the target.
        options: of the target.

    Raises:
        RecipeError: the file or the rules cannot be read.
    """
    return predict(facts.read(path), rule_file.read(rules), device, options).to_json()


def predict(model: ModelFacts, table: RuleTable, device: str, options: Mapping[str, Any]) -> Placement:
    """Predict where the operators of a file run.

    Args:
        model: what is known of the file.
        table: rules of the device.
        device: name of the target.
        options: of the target.
    """
    compiled = any(_of_another_chip(one, table) for one in model.operators)
    whole = None if compiled else _broken(table.model, Scope(model, None, options))
    own = [whole or _own(one, table, Scope(model, one, options)) for one in model.operators]
    behind = PARTITIONS[table.partition](model.operators, [one is None for one in own], options)
    placed = [
        _placed(operator, broken, late)
        for operator, broken, late in zip(model.operators, own, behind, strict=True)
    ]
    return Placement(
        device=device,
        title=table.device,
        basis="rules",
        source=table.source,
        date=table.date,
        operators=placed,
        remarks=(*table.remarks, *_other_graphs(model)),
    )


def _other_graphs(model: ModelFacts) -> tuple[str, ...]:
    """Say that the bodies of a WHILE, the branches of an IF or further signatures are not looked at."""
    several = f"The file has {model.graphs} graphs; the operators of the first are looked at."
    return (several,) if model.graphs > 1 else ()


def _of_another_chip(operator: OperatorFacts, table: RuleTable) -> bool:
    return operator.name in CHIPS and operator.name not in table.operators


class _Broken:
    """A rule that an operator breaks, in words."""

    def __init__(
        self, reason: str, values: Mapping[str, Any], cure: str = "", *, unknown: bool = False
    ) -> None:
        self.reason, self.values, self.cure, self.unknown = reason, values, cure, unknown


def _own(operator: OperatorFacts, table: RuleTable, scope: Scope) -> _Broken | None:
    rules = table.operators.get(operator.name)
    if _of_another_chip(operator, table):
        reason = f"holds what a compiler made for {CHIPS[operator.name]}"
        return _Broken(reason, {"op.name": operator.name}, "the file that it was compiled from", unknown=True)
    if rules is None:
        custom = "custom " if operator.custom else ""
        reason = f"is no {custom}operator of the {table.device}"
        return _Broken(reason, {"op.name": operator.name}, unknown=True)
    return _broken(rules, scope)


def _broken(rules: Sequence[Rule], scope: Scope) -> _Broken | None:
    """Find the first rule that does not hold; one that has no value does not."""
    for rule in rules:
        try:
            if rule.holds.value(scope):
                continue
            why = ""
        except Unknown as error:
            why = f" ({error})"
        said = _completing(rule.says.filled(scope))
        return _Broken(f"{said}{why}", rule.holds.named_values(scope), rule.cure.filled(scope))
    return None


def _completing(said: str) -> str:
    """Give a sentence, whatever it is about, in the form that completes "it "."""
    if said.startswith("it "):
        return said.removeprefix("it ")
    about_another = said.split(" ", 1)[0] in ("its", "one", "the", "there", "what")
    return f"does not run there: {said}" if about_another else said


def _placed(operator: OperatorFacts, broken: _Broken | None, late: str) -> Placed:
    return Placed(
        index=operator.index,
        name=operator.name,
        output=operator.output,
        macs=operator.macs,
        on=broken is None and not late,
        fits=broken is None,
        reason=broken.reason if broken else late,
        values=broken.values if broken else {},
        cure=broken.cure if broken else "",
        unknown=broken is not None and broken.unknown,
    )
