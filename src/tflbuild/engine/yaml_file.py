"""Read YAML that a build left, or somebody else: what JSON could say as well, and no more of it than a build leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tflbuild.core.json_text import DEEPEST, kind_of
from tflbuild.core.regular_file import read_regular

MOST_BYTES = 2**24
PLAIN = (str, int, float, bool, type(None))
LONGEST_NUMBER = 10**400


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML file whose outermost value is a mapping.

    Raises:
        OSError: it is missing, no regular file, or too large.
        ValueError: it is no YAML, holds an alias, is nested too deep, or holds what JSON does not know; the message
            completes "... cannot be read: ".
    """
    import yaml

    content = read_regular(path, MOST_BYTES)
    try:
        text = content.decode("utf-8-sig")
        _check_events(text)
        value = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text (byte {error.start})") from None
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST} levels deep") from None
    if not isinstance(value, dict):
        raise ValueError(f"it holds a {kind_of(value)}, not a mapping")
    _check_plain(value)
    return value


def _check_events(text: str) -> None:
    """Walk through the text before anything is made of it, so that neither aliases nor depth can explode."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"it holds an alias ('*{event.anchor}'), which tflbuild never writes")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} levels deep")


def _check_plain(value: Any) -> None:
    if isinstance(value, dict):
        for name, part in value.items():
            if not isinstance(name, str):
                raise ValueError(f"it holds a key that is not text: {str(name)[:60]}")
            _check_plain(part)
    elif isinstance(value, list):
        for part in value:
            _check_plain(part)
    elif not isinstance(value, PLAIN):
        raise ValueError(f"it holds a {type(value).__name__}, which JSON does not know")
    elif isinstance(value, int | float) and not -LONGEST_NUMBER < value < LONGEST_NUMBER:
        raise ValueError("it holds a number that is not finite, or has more than 400 digits")
