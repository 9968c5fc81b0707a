"""The composed recipe as `--cfg job` prints it: with what each key does, and without limits that say nothing."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from tflbuild.core.analysis import ANALYSES
from tflbuild.core.architecture import ARCHITECTURES
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.dataset import DATASETS, Dataset
from tflbuild.core.hook import HOOKS
from tflbuild.core.modality import MODALITIES
from tflbuild.core.registry import Registry
from tflbuild.core.target import TARGETS
from tflbuild.recipe.declared_options import Option, options_of, with_blocks
from tflbuild.recipe.keys import ChoiceKeys, LimitKeys, RootOptions, StepKeys
from tflbuild.show.option_text import WIDTH, wrapped

HEADER = (
    "# What each key does, its range and default; `tflbuild describe KEY` says more.",
    "# Limits that are not set are left out; see `tflbuild describe budget`.",
)
ASKING = "# Options that its targets ask for are not among these; `tflbuild plan` names them."
CHOSEN: Mapping[str, Registry[Any]] = {"model": ARCHITECTURES, "data": DATASETS}
SEVERAL: Mapping[str, Registry[Any]] = {"target": TARGETS, "hooks": HOOKS, "analyses": ANALYSES}
"""Registries by the key at which one of their classes stands, or several by name."""

PACKAGE = re.compile(r"# @package ([\w.]+)\n")
SENTENCE = re.compile(r"(?<!e\.g)\.\s")

Key = tuple[str, yaml.Node, yaml.Node]
"""The dotted path of a key, the key and its value."""


def commented(text: str) -> str:
    """Give a composed recipe, or one package of it, with comments; what is no mapping stays as it is."""
    header = PACKAGE.match(text)
    package = header[1].split(".") if header and header[1] != "_global_" else []
    try:
        tree, content = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    if not isinstance(tree, yaml.MappingNode):
        return text
    for name in reversed(package):
        content = {name: content}
    options, lines, edits = dict(_options(content)), text.splitlines(), dict(_without_silence(tree, package))
    for path, key, value in _keys(tree, "".join(f"{name}." for name in package)):
        number = key.start_mark.line
        line = edits.get(number, [lines[number]])
        if path in options and line:
            edits[number] = _with_comment(line[0], options[path], value)
    shown = [line for number, old in enumerate(lines) for line in edits.get(number, [old])]
    above = [shown.pop(0)] if header else []
    asking = [ASKING] if _asks(content.get("target") if isinstance(content, Mapping) else None) else []
    return "\n".join([*above, *HEADER, *asking, *shown]) + "\n"


def _asks(targets: Any) -> bool:
    """Say whether a chosen target asks for options that a recipe may leave open."""
    types = (
        [one.get("type") for one in targets.values() if isinstance(one, Mapping)]
        if isinstance(targets, Mapping)
        else []
    )
    return any(isinstance(name, str) and name in TARGETS and TARGETS.get(name).wants for name in types)


def _with_comment(line: str, option: Option, value: yaml.Node) -> list[str]:
    """Put the first sentence on an option above its line, and range, unit and default behind it, where they fit."""
    indent = len(line) - len(line.lstrip())
    said = SENTENCE.split(f"{option.text} ", 1)[0].strip().rstrip(".")
    facts = "" if option.is_group else option.facts
    behind = f"{line}  # {facts}"
    folded = isinstance(value, yaml.ScalarNode) and value.start_mark.line != value.end_mark.line
    if facts and (folded or len(behind) > WIDTH):
        said, behind = f"{said} ({facts})" if said else facts, line
    margin = f"{' ' * indent}# "
    above = wrapped(said, 0, width=max(40, WIDTH - len(margin))) if said else []
    return [*(margin + part for part in above), behind if facts else line]


def _keys(node: yaml.Node, prefix: str) -> Iterator[Key]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield f"{prefix}{key.value}", key, value
            yield from _keys(value, f"{prefix}{key.value}.")


def _without_silence(tree: yaml.Node, package: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Give what is left of lines that hold limits of null, by number: nothing, or an empty budget."""
    budgets: list[tuple[yaml.Node | None, yaml.Node]] = [
        (key, value) for path, key, value in _keys(tree, "") if path.rpartition(".")[2] == "budget"
    ]
    if package and package[-1] == "budget":
        budgets.append((None, tree))
    for key, budget in budgets:
        speaking = 0
        for metric, limits in budget.value if isinstance(budget, yaml.MappingNode) else ():
            inner = limits.value if isinstance(limits, yaml.MappingNode) else []
            silent = [name for name, bound in inner if _is_null(bound)]
            whole = _is_null(limits) or (bool(silent) and len(silent) == len(inner))
            speaking += not whole
            for name in [metric, *silent] if whole else silent:
                yield name.start_mark.line, []
        if not speaking and isinstance(budget, yaml.MappingNode) and budget.value:
            place = key or budget.value[0][0]
            yield place.start_mark.line, [f"{' ' * place.start_mark.column}{'budget: ' if key else ''}{{}}"]


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _options(content: Mapping[str, Any]) -> Iterator[tuple[str, Option]]:
    """Give the options of everything that a recipe chooses, by the path of their keys."""
    yield from _at("", (*options_of(RootOptions), *options_of(ChoiceKeys)))
    for _, modality in MODALITIES.items():
        if dataclasses.is_dataclass(modality):
            yield from _at("preprocess.", options_of(modality))
    yield from _limits("budget.", content.get("budget"))
    for key, value in content.items():
        if key in CHOSEN:
            yield from _of(CHOSEN[key], f"{key}.", value, "type")
        elif key in SEVERAL and isinstance(value, Mapping):
            for name, one in value.items():
                yield from _of(SEVERAL[key], f"{key}.{name}.", {"type": name} | (one or {}), "type")
        elif isinstance(value, Mapping) and ("pass" in value or key in PASSES):
            yield from _at(f"{key}.", options_of(StepKeys))
            yield from _limits(f"{key}.budget.", value.get("budget"))
            yield from _of(PASSES, f"{key}.", {"pass": key} | dict(value), "pass")


def _of(registry: Registry[Any], prefix: str, value: Any, choice: str) -> Iterator[tuple[str, Option]]:
    name = value.get(choice) if isinstance(value, Mapping) else None
    cls = registry.get(name) if isinstance(name, str) and name in registry else None
    if cls is None and registry is DATASETS:  # one package of it, such as its augmentation
        cls = Dataset
    if cls is not None:
        own = options_of(cls)
        yield from _at(prefix, with_blocks(own, cls.modality) if registry is DATASETS else own)


def _limits(prefix: str, budget: Any) -> Iterator[tuple[str, Option]]:
    for metric in budget if isinstance(budget, Mapping) else ():
        yield from _at(f"{prefix}{metric}.", options_of(LimitKeys))


def _at(prefix: str, options: Iterable[Option]) -> Iterator[tuple[str, Option]]:
    return ((f"{prefix}{option.name}", option) for option in options)
