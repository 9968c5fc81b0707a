"""A form as a JSON Schema document (draft 2020-12), for tools of others that read our files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.form import Form

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def document(name: str, title: str, form: Form, instead: Mapping[str, Form] | None = None) -> dict[str, Any]:
    """Give a form as a whole JSON Schema; forms that are `called` by a name are declared once, in `$defs`.

    Args:
        name: of the schema, e.g. "tflbuild.report/1".
        title: a few words.
        form: of the whole file.
        instead: forms that take the place of those that are called so.
    """
    declared: dict[str, Any] = {}
    body = _hoisted(form.schema, declared)
    for called, other in (instead or {}).items():
        if called in declared:
            declared[called] = _hoisted(other.schema, declared)
    head = {"$schema": DRAFT, "$id": f"urn:{name.replace('.', ':', 1)}", "title": title}
    return {**head, **body, **({"$defs": dict(sorted(declared.items()))} if declared else {})}


def _hoisted(value: Any, declared: dict[str, Any]) -> Any:
    """Copy a schema without the declarations in it, which are collected."""
    if isinstance(value, list):
        return [_hoisted(part, declared) for part in value]
    if not isinstance(value, Mapping):
        return value
    if "$ref" in value:
        for name, inner in value.get("$defs", {}).items():
            made = _hoisted(inner, declared)
            assert declared.setdefault(name, made) == made, f"two forms are called '{name}'"
        value = {key: part for key, part in value.items() if key != "$defs"}
    return {key: _hoisted(part, declared) for key, part in value.items()}
