"""Offers of a recipe's own keys, a part at a time, and of their values."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, get_type_hints

from tflbuild import plugins
from tflbuild.answers.completion.line import Line
from tflbuild.answers.completion.values import choices, inner_class
from tflbuild.core.analysis import ANALYSES
from tflbuild.core.architecture import ARCHITECTURES
from tflbuild.core.budget import LIMITS, QUALIFIERS
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.dataset import DATASETS
from tflbuild.core.errors import TflbuildError
from tflbuild.core.hook import HOOKS
from tflbuild.core.metric import METRICS
from tflbuild.core.registry import Registry
from tflbuild.core.target import TARGETS
from tflbuild.recipe.compose import compose
from tflbuild.recipe.declared_source import choices_of
from tflbuild.recipe.keys import RootOptions

GROUPS = ("model", "data", "target", "hooks")

TYPED: dict[str, Registry[Any]] = {"model": ARCHITECTURES, "data": DATASETS}
NAMED: dict[str, Registry[Any]] = {"target": TARGETS, "hooks": HOOKS}
"""Registries of what a recipe's mappings are made of: of the key itself, and of the keys in it."""


def keys(line: Line) -> list[str]:
    """Offer keys of the recipe that was named, or values of the key that was typed."""
    plugins.load(plugins.default_folder())
    mapping = _composed(line)
    if mapping is None:
        return []
    sign = re.match(r"[+~]*", line.word)
    signs = sign[0] if sign else ""
    word = line.word.removeprefix(signs)
    if word.startswith("passes@"):
        return [f"{signs}{word.partition('=')[0]}={name}" for name in PASSES] if "=" in word else []
    if "=" in word:
        return [f"{signs}{text}" for text in _with_value(mapping, word)]
    prefix = word[: word.rfind(".") + 1]
    path = prefix.split(".")[:-1]
    found = [f"{prefix}{name}{'.' if inner else '='}" for name, inner in _children(mapping, path).items()]
    if not path:
        found += [f"{group}=" for group in GROUPS]
        found += ["passes@"] if "+" in signs else []
    if signs == "~":
        found = [text.rstrip(".=") for text in found]
    return [f"{signs}{text}" for text in found]


def _composed(line: Line) -> dict[str, Any] | None:
    """Compose what was typed so far, or else the recipe alone; None where neither is one."""
    ours = [word for word in line.overrides if not re.match(r"[+~]*hydra[./]", word)]
    for words in (ours, [word for word in ours if word.startswith("recipe=")]):
        try:
            return compose(words)
        except TflbuildError:
            continue
    return None


def _with_value(mapping: Mapping[str, Any], word: str) -> list[str]:
    """Complete the value behind a key: the last one, where several were typed as a list or for a sweep."""
    key, _, typed = word.partition("=")
    head = typed[: max(typed.rfind(","), typed.rfind("["), typed.rfind(" ")) + 1]
    names = choices_of(key) if key in GROUPS else _values(mapping, key.split("."))
    return [f"{key}={head}{name}" for name in names]


def _values(mapping: Mapping[str, Any], path: list[str]) -> list[str]:
    """Give the choices of a key, or what it is now, to be edited."""
    hint = _hints(_class_at(mapping, path[:-1])).get(path[-1])
    if path == ["pipeline"]:
        return [label for label, value in mapping.items() if isinstance(value, dict) and "pass" in value]
    if path == ["objective"]:
        return [*METRICS]
    found = choices(hint) if hint is not None else []
    if found:
        return found
    now = _node(mapping, path)
    simple = isinstance(now, str | int | float) and not isinstance(now, bool) and now != ""
    return [str(now)] if simple else ["true", "false"] if isinstance(now, bool) else []


def _children(mapping: Mapping[str, Any], path: list[str]) -> dict[str, bool]:
    """Name what lies under a key, and say of each whether it is a mapping."""
    if path[-1:] == ["budget"]:
        return dict.fromkeys(METRICS, True)
    if path[-2:-1] == ["budget"]:
        return dict.fromkeys((*LIMITS, *QUALIFIERS), False)
    node, hints = _node(mapping, path), _hints(_class_at(mapping, path))
    found = {name: inner_class(hint) is not None for name, hint in hints.items()}
    if isinstance(node, Mapping):
        found |= {
            str(name): isinstance(value, Mapping) or found.get(str(name), False)
            for name, value in node.items()
        }
    return {
        name: inner for name, inner in found.items() if name not in ("recipe", "description", "type", "pass")
    }


def _node(mapping: Mapping[str, Any], path: list[str]) -> Any:
    node: Any = mapping
    for name in path:
        node = node.get(name) if isinstance(node, Mapping) else None
    return node


def _class_at(mapping: Mapping[str, Any], path: list[str]) -> type[Any] | None:
    """Give the class whose options lie under a key; None where that is not known."""
    cls, rest = _declared(mapping, path)
    for name in rest:
        cls = inner_class(_hints(cls).get(name))
    return cls


def _declared(mapping: Mapping[str, Any], path: list[str]) -> tuple[type[Any] | None, list[str]]:
    """Give the declared class that a key belongs to, and what of the key lies in it."""
    first = path[0] if path else ""
    node = _node(mapping, path[:1])
    if isinstance(node, Mapping) and path and node.get("pass") in PASSES:
        return PASSES.get(node["pass"]), path[1:]
    if first in TYPED and isinstance(node, Mapping) and node.get("type") in TYPED[first]:
        return TYPED[first].get(node["type"]), path[1:]
    if first in NAMED and len(path) > 1:
        kind = str((_node(mapping, path[:2]) or {}).get("type"))
        return (NAMED[first].get(kind), path[2:]) if kind in NAMED[first] else (None, [])
    if first == "analyses" and len(path) > 1 and path[1] in ANALYSES:
        return ANALYSES.get(path[1]), path[2:]
    return RootOptions, path


def _hints(cls: type[Any] | None) -> dict[str, Any]:
    if cls is None or not dataclasses.is_dataclass(cls):
        return {}
    names = {field.name for field in dataclasses.fields(cls)}
    return {name: hint for name, hint in get_type_hints(cls, include_extras=True).items() if name in names}
