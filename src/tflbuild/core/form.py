"""Declare the form of a file from outside once, and check a value against it with one function.

    LOCK = fields({"schema": one_of("tflbuild.lock/1"), "targets": mapping_of(fields({"sha256": DIGEST}))})
    check(content, LOCK)    # raises Malformed: "targets.cpu.sha256 is 5 (a number); right would be ..."

A form says of a value whether it fits, and which values lie in it with their own forms. Values are those of JSON.
Each form also says itself as JSON Schema, for readers of other languages: `tflbuild.core.json_schema` makes a document
of it, so that what is read and what is promised have one declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tflbuild.core.digest import is_digest
from tflbuild.core.json_text import kind_of
from tflbuild.core.plain_text import plain

LARGEST = 2.0**63
"""Magnitude above which a number is refused: no count, size or time of ours reaches it."""

LONGEST_NAME = 255
LONGEST_PATH = 4000
"""Bytes that file systems take; beyond them they raise, even where one only asks whether a file is there."""

MISSING = object()
"""Placeholder for a field that a mapping lacks; it fits no form but an optional one."""


class Malformed(ValueError):
    """A value does not have the form it should; the message is a clause: what is wrong, and what would be right."""


@dataclass(frozen=True)
class Form:
    """The form that a value must have.

    Attributes:
        wanted: what would be right, as a noun.
        fits: whether a value is that, apart from what lies in it.
        inner: gives what lies in a value that fits: its name there, the value, and its form.
        optional: whether a mapping may lack it when it is read.
        promised: whether every mapping that is written has it all the same, see `written`.
        schema: the form as JSON Schema; what it says of numbers that are too large, or of two fields together, may be
            less than `fits` does.
    """

    wanted: str
    fits: Callable[[Any], bool]
    inner: Callable[[Any], Iterable[tuple[str, Any, Form]]] = lambda value: ()
    optional: bool = False
    promised: bool = False
    schema: Mapping[str, Any] = field(default_factory=dict)


ANYTHING = Form("anything", lambda value: True)
NOTHING = Form("nothing, since there is no such field", lambda value: False, schema={"not": {}})
TEXT = Form("text", lambda value: isinstance(value, str), schema={"type": "string"})


def check(value: Any, form: Form, where: str = "") -> None:
    """Check a value, and everything in it, against a form.

    Args:
        value: as JSON or YAML gives it, so that it is nested only as deep as its reader allows.
        form: what it must be.
        where: dotted name of the value within its file; "" for the whole.

    Raises:
        Malformed: names the first field that does not fit.
    """
    if value is MISSING:
        if form.optional:
            return
        raise Malformed(f"{where} is missing; expected {form.wanted}")
    if not form.fits(value):
        raise Malformed(f"{where or 'the whole'} is {_shown(value)}; expected {form.wanted}")
    for name, part, inner in form.inner(value):
        check(part, inner, f"{where}.{plain(name, 60)}" if where else plain(name, 60))


def optional(form: Form) -> Form:
    """Make a field of a mapping optional; if it is there, it must fit."""
    return replace(form, optional=True)


def written(form: Form) -> Form:
    """Make a field optional that is always written today, because files of an earlier tflbuild may lack it."""
    return replace(form, optional=True, promised=True)


def called(name: str, form: Form) -> Form:
    """Name a form, so that a JSON Schema declares it once, however often it occurs."""
    return replace(form, schema={"$ref": f"#/$defs/{name}", "$defs": {name: form.schema}})


def maybe(form: Form) -> Form:
    """Let a value be null."""
    return replace(
        form,
        wanted=f"{form.wanted}, or null",
        fits=lambda value: value is None or form.fits(value),
        inner=lambda value: () if value is None else form.inner(value),
        schema={"anyOf": [form.schema, {"type": "null"}]} if form.schema else {},
    )


def such_that(
    form: Form, holds: Callable[[Any], bool], wanted: str, schema: Mapping[str, Any] | None = None
) -> Form:
    """Add a condition to a form, e.g. that two fields come together.

    Args:
        form: what it fits besides.
        holds: whether it is so.
        wanted: what would be right, as a noun.
        schema: what JSON Schema can say of it.
    """
    return replace(
        form,
        wanted=wanted,
        fits=lambda value: form.fits(value) and holds(value),
        schema={**form.schema, **(schema or {})},
    )


def number(least: float = -LARGEST) -> Form:
    """Require a number from `least` on."""
    return Form(
        _at_least("a number", least),
        lambda value: _is_number(value) and least <= value <= LARGEST,
        schema={"type": "number", **_from(least)},
    )


def whole(least: int = 0) -> Form:
    """Require a whole number from `least` on."""
    return Form(
        _at_least("a whole number", least),
        lambda value: _is_number(value) and isinstance(value, int) and least <= value <= LARGEST,
        schema={"type": "integer", **_from(least)},
    )


def one_of(*choices: str) -> Form:
    """Require one of a few texts."""
    return Form(
        f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0],
        lambda value: value in choices,
        schema={"enum": list(choices)},
    )


def one_of_numbers(*choices: int) -> Form:
    """Require one of a few whole numbers."""
    return Form(
        f"one of {', '.join(map(str, choices))}",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value in choices,
        schema={"enum": list(choices)},
    )


def list_of(form: Form) -> Form:
    """Require a list whose values all have one form."""
    return Form(
        "a list",
        lambda value: isinstance(value, list),
        lambda value: ((str(position), part, form) for position, part in enumerate(value)),
        schema={"type": "array", "items": form.schema},
    )


def mapping_of(form: Form, key: Form | None = None) -> Form:
    """Require a mapping whose values all have one form; its keys are text that may have another form."""

    def inner(value: Mapping[str, Any]) -> Iterator[tuple[str, Any, Form]]:
        for name, part in value.items():
            yield f"the key '{plain(name, 60)}'", name, key or TEXT
            yield name, part, form

    keys = {"propertyNames": key.schema} if key else {}
    schema = {"type": "object", "additionalProperties": form.schema, **keys}
    return Form("a mapping", lambda value: isinstance(value, Mapping), inner, schema=schema)


def fields(known: Mapping[str, Form], others: Form = ANYTHING) -> Form:
    """Require a mapping with known fields.

    Args:
        known: the form of each field.
        others: the form of what is not known.
    """

    def inner(value: Mapping[str, Any]) -> Iterator[tuple[str, Any, Form]]:
        for name, form in known.items():
            yield name, value.get(name, MISSING), form
        for name, part in value.items():
            if name not in known:
                yield str(name), part, others

    schema: dict[str, Any] = {
        "type": "object",
        "required": [name for name, form in known.items() if form.promised or not form.optional],
        "properties": {name: form.schema for name, form in known.items()},
    }
    if others is not ANYTHING:
        schema["additionalProperties"] = others is not NOTHING and others.schema
    return Form("a mapping", lambda value: isinstance(value, Mapping), inner, schema=schema)


def is_name(value: object) -> bool:
    """Tell whether a text from outside names one file or folder within another, and nothing above or elsewhere.

    >>> [is_name(text) for text in ("cpu", "a=0.5,b", "..", "a/b", "", ".hidden")]
    [True, True, False, False, False, False]
    """
    if not isinstance(value, str) or not 0 < len(value.encode("utf-8", "surrogatepass")) <= LONGEST_NAME:
        return False
    return value[0] not in ".~" and value.isprintable() and not set(value) & set("/\\")


def is_inside(value: object) -> bool:
    """Tell whether a text names a file below a folder: names joined by slashes.

    >>> [is_inside(text) for text in ("model.tflite", "cpu/model.tflite", "../x", "/etc/x", "a//b")]
    [True, True, False, False, False]
    """
    return isinstance(value, str) and len(value) <= LONGEST_PATH and all(map(is_name, value.split("/")))


def is_absolute(value: object) -> bool:
    """Tell whether a text is an absolute path that a file system could have, whether it has it or not."""
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        return False
    parts = [part.encode("utf-8", "surrogatepass") for part in value.split("/")]
    return sum(map(len, parts)) + len(parts) <= LONGEST_PATH and max(map(len, parts)) <= LONGEST_NAME


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _from(least: float) -> dict[str, float]:
    return {} if least == -LARGEST else {"minimum": least}


def _at_least(noun: str, least: float) -> str:
    return noun if least == -LARGEST else f"{noun}, {least:g} or more"


def _shown(value: Any) -> str:
    if isinstance(value, dict | list) or value is None:
        return "null" if value is None else f"a {kind_of(value)}"
    return f"{plain(repr(value) if isinstance(value, str) else value, 80)} (a {kind_of(value)})"


FLAG = Form("true or false", lambda value: isinstance(value, bool), schema={"type": "boolean"})
NUMBER = number()
MAPPING = Form("a mapping", lambda value: isinstance(value, Mapping), schema={"type": "object"})
DIGEST = Form("64 hexadecimal digits", is_digest, schema={"type": "string", "pattern": "^[0-9a-f]{64}$"})
_NAME = r"[^.~/\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]{0,254}"
NAME = Form("the name of one file or folder", is_name, schema={"type": "string", "pattern": f"^{_NAME}$"})
ABSOLUTE = Form("an absolute path", is_absolute, schema={"type": "string", "pattern": "^/"})
INSIDE = Form(
    "a path below the folder of the run",
    is_inside,
    schema={"type": "string", "pattern": f"^{_NAME}(/{_NAME})*$"},
)
