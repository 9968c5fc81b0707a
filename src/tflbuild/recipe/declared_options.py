"""Options as a person reads them: what each does, its unit, its range in plain notation and its default.

All of it is read off the one declaration: the field of a frozen dataclass, and the prose below it.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_type_hints

from tflbuild.core.meaning import IMAGE
from tflbuild.core.modality import MODALITIES
from tflbuild.core.names import named
from tflbuild.core.options import to_json
from tflbuild.core.prose import prose_of
from tflbuild.recipe.option_range import holds_number, range_of

NEEDED = "needed"
"""Default of an option that has none."""

GROUP = "a group of options"
"""Range of an option that holds others."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option.

    Attributes:
        name: dotted, e.g. "calibration.samples".
        text: what it does, in one paragraph.
        range: what it may be, e.g. "0 <= sparsity < 1".
        unit: what its numbers count; "" for what is no number.
        default: as YAML has it; "needed" where there is none, "" for a group.
        numeric: whether it is, or holds, a number.
    """

    name: str
    text: str
    range: str
    unit: str
    default: str
    numeric: bool

    @property
    def is_group(self) -> bool:
        """Whether it holds other options."""
        return self.range == GROUP

    @property
    def facts(self) -> str:
        """Say range, unit and default in one line."""
        default = self.default if self.default in ("", NEEDED) else f"default {self.default}"
        return "; ".join(part for part in (self.range, self.unit, default) if part)


def options_of(cls: type[Any], prefix: str = "", made: Any = None) -> Iterator[Option]:
    """Give the options of a dataclass, those of a group behind it.

    Args:
        cls: a declared class, or any other dataclass of options.
        prefix: in front of every name, e.g. "preprocess.".
        made: an object of the class that has the defaults, where a group is declared with its own.
    """
    hints, prose = get_type_hints(cls, include_extras=True), prose_of(cls)
    for field in dataclasses.fields(cls):
        hint, said = hints[field.name], prose.get(field.name)
        text, unit = said or ("", "")
        default = getattr(made, field.name) if made is not None else default_of(field)
        group = isinstance(hint, type) and dataclasses.is_dataclass(hint)
        name = field.name.rstrip("_")  # of a key that is a word of Python's
        yield Option(
            name=prefix + name,
            text=text,
            range=GROUP if group else range_of(hint, name),
            unit=unit,
            default="" if group else written(default),
            numeric=not group and holds_number(hint),
        )
        if group:
            yield from options_of(hint, f"{prefix}{name}.", default)


def with_defaults(options: Iterable[Option], said: Mapping[str, Any]) -> Iterator[Option]:
    """Give options with the defaults that a group's file says, such as `recipes/data/voc.yaml`; null says none."""
    for option in options:
        value: Any = said
        for name in option.name.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        known = value is not None and not option.is_group
        yield replace(option, default=written(value)) if known else option


def with_blocks(options: Iterable[Option], modality: str = IMAGE, *, listed: bool = True) -> Iterator[Option]:
    """Take `preprocess` and `augment` of a data set for the groups of options that they are.

    Args:
        options: of a data set.
        modality: of its samples.
        listed: whether theirs are given, too.
    """
    kind = MODALITIES.get(modality)
    for option in options:
        if option.name not in ("preprocess", "augment"):
            yield option
            continue
        yield replace(option, range=GROUP, default="")
        if listed and option.name == "preprocess":
            yield from options_of(kind, "preprocess.")
        elif listed and kind.varied:
            varied: Any = named(kind.varied)
            yield from options_of(varied, "augment.")


def default_of(field: dataclasses.Field[Any]) -> Any:
    """Give a field's default; `dataclasses.MISSING` where it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def written(value: Any) -> str:
    """Write a value as a recipe has it, in one line.

    >>> written((0.5, "a b")), written(None), written("data.train"), written("")
    ('[0.5, "a b"]', 'null', 'data.train', '""')
    """
    if value is dataclasses.MISSING:
        return NEEDED
    plain = to_json(value)
    if isinstance(plain, str) and re.fullmatch(r"[A-Za-z/][\w./:-]*", plain):
        return plain
    return json.dumps(plain, ensure_ascii=False)
