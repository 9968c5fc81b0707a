"""YAML of others: text, lists and mappings; no value is turned into anything but text, and nothing is made of tags."""

from __future__ import annotations

from typing import Any

import yaml

DEEPEST = 20


def parse(text: str) -> Any:
    """Read YAML as text, lists and mappings: `no` is a word and no boolean, 007 no number.

    Raises:
        ValueError: it is broken, has a key twice, or is nested too deep; the message completes "... cannot be read: ".
    """
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ValueError(
            f"broken YAML: {getattr(error, 'problem', None) or 'it is not text'}{where}"
        ) from error
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep") from None
    return None if node is None else _value(node, 0)


def _value(node: yaml.Node, depth: int) -> Any:
    if depth > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep")
    if isinstance(node, yaml.ScalarNode):
        return None if node.style is None and node.value in ("", "~", "null") else str(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, depth + 1) for child in node.value]
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ValueError(f"line {key.start_mark.line + 1} has a key that is not a word")
        if key.value in found:
            raise ValueError(f"it has '{key.value}' twice, line {key.start_mark.line + 1}")
        found[key.value] = _value(value, depth + 1)
    return found
