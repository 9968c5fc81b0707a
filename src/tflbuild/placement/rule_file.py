"""Read a rule file: YAML that says which operators a device runs; a mistake is named with its line."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.placement.expression import Expression, Text, parse, parse_text
from tflbuild.placement.partitions.partition import PARTITIONS
from tflbuild.placement.syntax import Mistake
from tflbuild.tflite.chips import MICRO, OWN
from tflbuild.tflite.flatbuffer import OPERATORS

MOST_BYTES = 2**20
EVERY = "*"
"""Name of the entry whose rules every listed operator has."""

KEYS = ("device", "source", "date", "partition", "shared", "model", "operators", "remarks")
NEEDED = ("device", "source", "date", "partition", "operators")
RULE_KEYS = ("holds", "says", "cure")


@dataclass(frozen=True)
class Rule:
    """A condition that an operator has to meet.

    Attributes:
        holds: the condition.
        says: why the device does not run an operator that breaks it, to complete "it "; with values.
        cure: what would help; "" for nothing that is known.
    """

    holds: Expression
    says: Text
    cure: Text


@dataclass(frozen=True)
class RuleTable:
    """The operators that a device runs, with their rules.

    Attributes:
        device: what people call it.
        source: where the rules are from.
        date: of that, as YYYY-MM-DD.
        partition: how it takes the operators that fit, one of `partition.PARTITIONS`.
        model: rules of the whole file.
        operators: rules by the name of an operator; one that is not there does not run on the device.
        remarks: sentences about the whole.
    """

    device: str
    source: str
    date: str
    partition: str
    model: tuple[Rule, ...]
    operators: Mapping[str, tuple[Rule, ...]]
    remarks: tuple[str, ...]


def read(path: Path) -> RuleTable:
    """Read a rule file.

    Raises:
        RecipeError: it cannot be read, or something in it is wrong; the line is named.
    """
    try:
        content = read_regular(path, MOST_BYTES)
    except OSError as error:
        raise RecipeError(f"{plain(path)} cannot be read: {error.strerror or error}.") from error
    return _parsed(content, plain(path))


@cache
def _parsed(content: bytes, name: str) -> RuleTable:
    try:
        return _table(_tree(content))
    except _Wrong as error:
        where = f", line {error.line}" if error.line else ""
        raise RecipeError(f"{name}{where}: {plain(error.text, 600)}") from error


class _Wrong(Exception):
    def __init__(self, text: str, node: yaml.Node | None = None, line: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.line = node.start_mark.line + 1 if node is not None else line


def _tree(content: bytes) -> yaml.MappingNode:
    try:
        text = content.decode("utf-8-sig")
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken | yaml.AnchorToken | yaml.TagToken):
                raise _Wrong(
                    "it has an anchor, alias or tag of YAML; name lists of rules below 'shared'.",
                    line=token.start_mark.line + 1,
                )
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise _Wrong(f"it is not UTF-8 text (byte {error.start}).") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise _Wrong(f"it is not YAML: {error.problem or error.context}.", line=line) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise _Wrong(f"it is not YAML: {' '.join(str(error).split())[:200]}.") from error
    if not isinstance(node, yaml.MappingNode):
        raise _Wrong(f"it is not a mapping; expected the keys {', '.join(NEEDED)}.", node)
    return node


def _table(node: yaml.MappingNode) -> RuleTable:
    found = _entries(node, "", KEYS)
    for key in NEEDED:
        if key not in found:
            raise _Wrong(f"the key '{key}' is missing.", node)
    partition = _text(found["partition"], "partition")
    if partition not in PARTITIONS:
        raise _Wrong(
            f"partition: '{partition}' is not known; there are {', '.join(PARTITIONS)}."
            f"{did_you_mean(partition, PARTITIONS)}",
            found["partition"],
        )
    shared: dict[str, tuple[Rule, ...]] = {}  # each may name those above it
    for name, value in _entries(found.get("shared"), "shared").items():
        shared[name] = _rules(value, f"shared.{name}", shared)
    operators = {
        name: _rules(value, f"operators.{name}", shared)
        for name, value in _entries(found["operators"], "operators").items()
        if _known(name, found["operators"])
    }
    every = operators.pop(EVERY, ())
    return RuleTable(
        device=_text(found["device"], "device"),
        source=_text(found["source"], "source"),
        date=_date(found["date"]),
        partition=partition,
        model=_rules(found["model"], "model", shared) if "model" in found else (),
        operators={name: (*every, *rules) for name, rules in operators.items()},
        remarks=tuple(_text(one, "remarks") for one in _items(found.get("remarks"), "remarks")),
    )


def _entries(node: yaml.Node | None, where: str, allowed: tuple[str, ...] = ()) -> dict[str, yaml.Node]:
    """Give the values of a mapping by key; none for a mapping that is not there."""
    if node is None or _empty(node):
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise _Wrong(f"{where or 'the file'}: it is not a mapping.", node)
    found: dict[str, yaml.Node] = {}
    for key_node, value in node.value:
        key = _text(key_node, where)
        if key in found:
            raise _Wrong(f"{_at(where, key)}: the key is there twice.", key_node)
        if allowed and key not in allowed:
            raise _Wrong(
                f"{_at(where, key)}: '{key}' is not a key here; expected {', '.join(allowed)}."
                f"{did_you_mean(key, allowed)}",
                key_node,
            )
        found[key] = value
    return found


def _known(name: str, node: yaml.Node) -> bool:
    """Hold an operator's name to those that there are; custom ones have names of their own."""
    if name == EVERY or name in (*OPERATORS.values(), *MICRO) or not name.isupper():
        return True
    at = next(key for key, _ in node.value if key.value == name)
    raise _Wrong(
        f"operators.{name}: TensorFlow Lite has no such operator.{did_you_mean(name, [*OPERATORS.values(), *OWN])}",
        at,
    )


def _rules(node: yaml.Node, where: str, shared: Mapping[str, tuple[Rule, ...]]) -> tuple[Rule, ...]:
    found: list[Rule] = []
    for one in _items(node, where):
        if isinstance(one, yaml.ScalarNode):
            if one.value not in shared:
                raise _Wrong(
                    f"{where}: '{one.value}' is not a list below 'shared'; there are "
                    f"{', '.join(shared) or 'none'}.{did_you_mean(one.value, shared)}",
                    one,
                )
            found += shared[one.value]
        else:
            found.append(_rule(one, where))
    return tuple(found)


def _rule(node: yaml.Node, where: str) -> Rule:
    keys = _entries(node, where, RULE_KEYS)
    for key in RULE_KEYS[:2]:
        if key not in keys:
            raise _Wrong(f"{where}: a rule lacks '{key}'; expected {', '.join(RULE_KEYS)}.", node)
    made: dict[str, Any] = {}
    for key, read_one in (("holds", parse), ("says", parse_text), ("cure", parse_text)):
        text = _text(keys[key], f"{where}.{key}") if key in keys else ""
        try:
            made[key] = read_one(text) if text or key != "cure" else Text(())
        except Mistake as error:
            raise _Wrong(f"{where}.{key}: {_ended(str(error))}", keys[key]) from error
    return Rule(**made)


def _ended(said: str) -> str:
    """End a sentence that may have an end."""
    return said if said.endswith((".", "?")) else f"{said}."


def _items(node: yaml.Node | None, where: str) -> Iterator[yaml.Node]:
    if node is None or _empty(node):
        return
    if not isinstance(node, yaml.SequenceNode):
        raise _Wrong(f"{where}: it is not a list.", node)
    yield from node.value


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _text(node: yaml.Node, where: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
        raise _Wrong(f"{where or 'a key'}: it is not a text.", node)
    return " ".join(str(node.value).split())


def _date(node: yaml.Node) -> str:
    text = _text(node, "date")
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise _Wrong(f"date: '{text}' is not a date; expected YYYY-MM-DD.", node) from error


def _at(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
