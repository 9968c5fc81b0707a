"""Read the YAML of a recipe from elsewhere: what it may hold is bounded before anything is made of it."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf._utils import get_yaml_loader

from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular

MOST_BYTES = 256 * 1024
"""Bytes of a recipe file; the largest shipped one has 3 KB."""

MOST_VALUES = 5_000
"""Values in a file, with all that its aliases stand for."""

DEEPEST = 30
"""Mappings and lists inside one another."""

LONGEST_NUMBER = 60
"""Characters of a number."""


def read_text(path: Path) -> str:
    """Read a recipe file.

    Raises:
        RecipeError: it is no regular file, too large, or not in UTF-8.
    """
    try:
        content = read_regular(path, MOST_BYTES)
        return content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except OSError as error:
        raise RecipeError(f"{plain(path)} cannot be read: {plain(error.strerror or error)}.") from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise RecipeError(
            f"{plain(path)}, line {line}: byte {content[error.start]:#04x} is not UTF-8; save the file as UTF-8."
        ) from error


def parsed(text: str, path: Path) -> Any:
    """Parse a recipe's YAML as `OmegaConf.create` would, by libyaml.

    Args:
        text: what the file holds.
        path: the file, for the error message.

    Raises:
        RecipeError: it is not YAML, is too large or too deep, or holds more than plain values.
    """
    try:
        return _parsed(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{plain(path)}{_said(error, text)}") from error


@lru_cache(maxsize=64)
def _parsed(text: str) -> Any:
    """Parse a text once: a sweep reads the same files often."""
    loader = fast_loader()
    _check_events(yaml.parse(text, Loader=loader))
    content = yaml.load(text, Loader=loader)
    return {} if content is None else content


def _said(error: yaml.YAMLError, text: str) -> str:
    """Say where a text stops being a recipe, and why."""
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        problem = plain(getattr(error, "problem", "") or "it is not YAML")
        lines = text.splitlines()
        shown = plain(lines[mark.line].strip(), 60) if mark.line < len(lines) else ""
        return f", line {mark.line + 1} cannot be read: {problem}{shown and f' ({shown})'}."
    position = getattr(error, "position", None)
    if position is not None:
        letter = error.character  # type: ignore[attr-defined]
        shown = f"{letter if isinstance(letter, int) else ord(letter):#x}"
        return f", line {text[:position].count(chr(10)) + 1} cannot be read: it holds the control character {shown}."
    return f" is not YAML: {plain(error)}"


class _Open:
    """A mapping or list that is being read.

    Attributes:
        anchor: its name for aliases, None for none.
        values: what it holds so far, itself included.
    """

    def __init__(self, anchor: str | None) -> None:
        self.anchor = anchor
        self.values = 1


def _check_events(events: Any) -> None:
    """Bound depth and size of what a text stands for, before it is built.

    Raises:
        yaml.MarkedYAMLError: where it is too deep or too large, or has a tag.
    """
    stack = [_Open(None)]
    anchored: dict[str, int] = {}
    for event in events:
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            _refuse_tag(event)
            stack.append(_Open(event.anchor))
            if len(stack) > DEEPEST:
                raise _problem(f"more than {DEEPEST} mappings and lists lie inside one another", event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            ended = stack.pop()
            if ended.anchor is not None:
                anchored[ended.anchor] = ended.values
            _add(stack, ended.values, event)
        elif isinstance(event, yaml.ScalarEvent):
            _refuse_tag(event)
            if event.anchor is not None:
                anchored[event.anchor] = 1
            _add(stack, 1, event)
        elif isinstance(event, yaml.AliasEvent):
            if any(one.anchor == event.anchor for one in stack):
                raise _problem(f"the alias *{event.anchor} stands inside what it stands for", event)
            _add(stack, anchored.get(str(event.anchor), 1), event)


def _add(stack: list[_Open], values: int, event: yaml.Event) -> None:
    stack[-1].values += values
    if stack[-1].values > MOST_VALUES:
        raise _problem(f"it stands for more than {MOST_VALUES:,} values, aliases included", event)


def _refuse_tag(event: Any) -> None:
    if event.tag is not None:
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        raise _problem(f"it has the tag '{tag}'; a recipe holds plain values only", event)


def _problem(text: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=text, problem_mark=event.start_mark)


def _whole_number(loader: Any, node: Any) -> Any:
    return _number(loader, node, yaml.constructor.SafeConstructor.construct_yaml_int)


def _decimal_number(loader: Any, node: Any) -> Any:
    return _number(loader, node, yaml.constructor.SafeConstructor.construct_yaml_float)


def _number(loader: Any, node: Any, construct: Any) -> Any:
    if len(node.value) > LONGEST_NUMBER:
        text = f"a number has {len(node.value):,} characters; at most {LONGEST_NUMBER} are read"
        raise yaml.MarkedYAMLError(problem=text, problem_mark=node.start_mark)
    try:
        return construct(loader, node)
    except ValueError as error:
        raise yaml.MarkedYAMLError(
            problem=f"'{node.value}' is not a number", problem_mark=node.start_mark
        ) from error


def _with_words(node: Any) -> Any:
    """Take the keys `on`, `off`, `yes` and `no` of a mapping for words: YAML 1.1 has them for true and false."""
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.tag == "tag:yaml.org,2002:bool" and key.value.lower() not in ("true", "false"):
            key.tag = "tag:yaml.org,2002:str"
    return node


@cache
def fast_loader() -> Any:
    """Give OmegaConf's loader with bounds, which reads events from libyaml where PyYAML was built with it."""
    careful: Any = get_yaml_loader()
    bases = (yaml.CSafeLoader, careful) if yaml.__with_libyaml__ else (careful,)

    def construct_mapping(self: Any, node: Any, deep: bool = False) -> Any:
        return super(loader, self).construct_mapping(_with_words(node), deep)

    loader: Any = type("RecipeLoader", bases, {"construct_mapping": construct_mapping})
    loader.add_constructor("tag:yaml.org,2002:int", _whole_number)
    loader.add_constructor("tag:yaml.org,2002:float", _decimal_number)
    return loader


def refuse_code(path: Path, header: str | None, content: Mapping[Any, Any]) -> None:
    """Hold a recipe to data: refuse what would make Hydra run code, and keys and defaults that are none.

    Raises:
        RecipeError: a `hydra` key, a `_target_` anywhere, a key that is no text, defaults that name no files.
    """
    if header and _is_hydra(header):
        raise RecipeError(
            f"{plain(path)}: '@package {plain(header)}': a recipe may not configure Hydra itself."
        )
    _refuse_keys(path, content, "")
    _check_defaults(path, content.get("defaults", []))


def _refuse_keys(path: Path, value: Any, prefix: str) -> None:
    if isinstance(value, list):
        for position, item in enumerate(value):
            _refuse_keys(path, item, f"{prefix}{position}.")
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        where = f"{plain(path)}: '{plain(f'{prefix}{key}')}'"
        if key == "" or (isinstance(key, str) and not key.isprintable()):
            raise RecipeError(f"{where}: a key needs letters, and no control characters.")
        if not isinstance(key, str):
            raise RecipeError(f"{where}: a key is text; {plain(repr(key))} is none, put it in quotes.")
        if not prefix and _is_hydra(key):
            raise RecipeError(f"{where}: a recipe may not configure Hydra itself.")
        if key.rpartition(".")[2] == "_target_":
            raise RecipeError(f"{where}: a recipe may not name code; use registered passes by name.")
        _refuse_keys(path, item, f"{prefix}{key}.")


def _check_defaults(path: Path, defaults: Any) -> None:
    where = f"{plain(path)}: defaults"
    right = "write e.g. [ssd_mobilenet_int8, /data: voc, _self_]"
    if not isinstance(defaults, list):
        raise RecipeError(f"{where}: {plain(repr(defaults), 60)} is not a list; {right}.")
    for position, entry in enumerate(defaults):
        names = _names(entry)
        if not names or not all(isinstance(name, str) and name for name in names):
            raise RecipeError(
                f"{where}.{position}: {plain(repr(entry), 60)} names neither a recipe nor GROUP: NAME; {right}."
            )
        for name in names:
            if _is_hydra(name):
                raise RecipeError(f"{where}: '{plain(name)}': a recipe may not configure Hydra itself.")
            if "${" in name or ".." in name:
                raise RecipeError(f"{where}: '{plain(name)}': names are written out, without '${{' and '..'.")


def _names(entry: Any) -> list[Any]:
    """Give all that an entry of a defaults list names; an empty list where its form is wrong."""
    if not isinstance(entry, dict):
        return [entry]
    if len(entry) != 1:
        return []
    [(group, chosen)] = entry.items()
    if chosen is None:  # takes away what another recipe chose
        return [group]
    return [group, *(chosen if isinstance(chosen, list) else [chosen])]


def _is_hydra(name: str) -> bool:
    """Say whether a key, group or package is Hydra's own."""
    words = (
        name.replace("override ", "").replace("optional ", "").replace("@", "/").replace(".", "/").split("/")
    )
    return "hydra" in (word.strip() for word in words)
