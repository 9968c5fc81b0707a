"""Forms of mappings of several kinds, where one field says which form a mapping has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.form import Form


def by_value(field: str, forms: Mapping[str, Form], common: Form) -> Form:
    """Require a mapping that has one form, and a second one that follows from the text in one of its fields.

    Args:
        field: e.g. "event".
        forms: the second form, by that text; a mapping with another text has none.
        common: the first form.
    """

    def chosen(value: Mapping[str, Any]) -> Form:
        text = value.get(field)
        return forms.get(text, common) if isinstance(text, str) else common

    cases = [
        {"if": {"properties": {field: {"const": text}}, "required": [field]}, "then": form.schema}
        for text, form in forms.items()
    ]
    return Form(
        common.wanted,
        lambda value: common.fits(value) and chosen(value).fits(value),
        lambda value: (*common.inner(value), *chosen(value).inner(value)),
        schema={"allOf": [common.schema, *cases]},
    )


def by_key(field: str, having: Form, lacking: Form) -> Form:
    """Require a mapping that has one form where a field is there, and another where it is not.

    Args:
        field: e.g. "rungs".
        having: the form of a mapping with that field.
        lacking: of one without it.
    """

    def chosen(value: Mapping[str, Any]) -> Form:
        return having if field in value else lacking

    return Form(
        "a mapping",
        lambda value: isinstance(value, Mapping) and chosen(value).fits(value),
        lambda value: chosen(value).inner(value),
        schema={"if": {"required": [field]}, "then": having.schema, "else": lacking.schema},
    )
