"""Forms as JSON Schema: jsonschema, which is nobody's of ours, takes and refuses what `check` does."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tflbuild.core.form import (
    ABSOLUTE,
    ANYTHING,
    DIGEST,
    FLAG,
    INSIDE,
    MAPPING,
    NAME,
    NOTHING,
    NUMBER,
    TEXT,
    Form,
    Malformed,
    called,
    check,
    fields,
    list_of,
    mapping_of,
    maybe,
    number,
    one_of,
    one_of_numbers,
    optional,
    whole,
    written,
)
from tflbuild.core.form_choice import by_key, by_value
from tflbuild.core.json_schema import document
from tflbuild.core.result_form import DIFFERENCE, MEASUREMENT

VALUES: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        5,
        0.5,
        "",
        "a",
        "b",
        "a/b",
        "..",
        "../a",
        "/a",
        ".a",
        "x" * 256,
        "0" * 64,
        "0" * 63,
    ),
    *([], ["a"], [1], {}, {"a": 1}, {"a": "a"}, {"../a": 1}, {"a": None}, {"kind": "one"}, {"kind": 5}),
    *({"kind": "one", "x": 1}, {"kind": "one", "x": "a"}, {"kind": "two"}, {"rows": [1]}, {"rows": "a"}),
    {"value": 1, "unit": "1"},
    {"value": 1, "unit": "1", "n": 5, "low": 0, "high": 2},
    {"value": 1, "unit": "1", "n": 5, "low": 0, "high": None},
    {"value": 1, "unit": "1", "n": 5, "low": None, "high": 2},
    {"value": 1, "unit": "1", "low": 0, "high": 2},
    {"value": 1, "unit": "1", "low": 0, "n": 5},
    {"value": 1, "unit": "1", "more": 5},
    {"value": None, "low": 1, "high": 2, "n": 3},
]

FORMS: dict[str, Form] = {
    "anything": ANYTHING,
    "nothing": NOTHING,
    "text": TEXT,
    "flag": FLAG,
    "number": NUMBER,
    "from zero": number(0),
    "whole": whole(1),
    "mapping": MAPPING,
    "digest": DIGEST,
    "name": NAME,
    "inside": INSIDE,
    "absolute": ABSOLUTE,
    "one of": one_of("a", "b"),
    "one of numbers": one_of_numbers(5, 7),
    "maybe": maybe(NUMBER),
    "maybe anything": maybe(ANYTHING),
    "list": list_of(TEXT),
    "mapping of": mapping_of(NUMBER, key=NAME),
    "fields": fields({"a": TEXT, "kind": optional(TEXT)}),
    "no others": fields({"a": optional(maybe(TEXT))}, others=NOTHING),
    "other numbers": fields({"kind": optional(TEXT)}, others=NUMBER),
    "called": list_of(called("text", TEXT)),
    "by value": by_value("kind", {"one": fields({"x": NUMBER})}, fields({"kind": TEXT})),
    "by key": by_key("rows", fields({"rows": list_of(NUMBER)}), fields({"a": TEXT})),
    "measurement": MEASUREMENT,
    "difference": DIFFERENCE,
}


@pytest.mark.parametrize("name", FORMS)
def test_a_schema_takes_what_its_form_takes_and_nothing_else(name: str) -> None:
    form = FORMS[name]
    schema = document("tflbuild.made_up/1", "made up", form)
    Draft202012Validator.check_schema(schema)
    valid = Draft202012Validator(schema).is_valid
    for value in VALUES:
        try:
            check(value, form)
            fits = True
        except Malformed:
            fits = False
        assert valid(value) == fits, value


def test_a_field_that_is_written_today_is_required_by_the_schema_and_not_of_what_is_read() -> None:
    form = fields({"new": written(TEXT), "old": TEXT, "more": optional(TEXT)})
    check({"old": "x"}, form)
    assert document("a.b/1", "t", form)["required"] == ["new", "old"]
    with pytest.raises(Malformed, match="new is 5"):
        check({"old": "x", "new": 5}, form)


def test_what_is_called_by_a_name_is_declared_once_at_any_depth() -> None:
    inner = called("inner", fields({"n": NUMBER}))
    outer = called("outer", fields({"one": inner, "two": maybe(list_of(inner))}))
    made = document("tflbuild.made_up/1", "made up", fields({"outer": outer, "inner": inner}))
    assert (made["$id"], made["title"]) == ("urn:tflbuild:made_up/1", "made up")
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert list(made["$defs"]) == ["inner", "outer"]
    assert made["properties"]["inner"] == {"$ref": "#/$defs/inner"}
    assert made["$defs"]["outer"]["properties"]["two"]["anyOf"][0]["items"] == {"$ref": "#/$defs/inner"}
    valid = Draft202012Validator(made).is_valid
    right = {"outer": {"one": {"n": 1}, "two": [{"n": 2}]}, "inner": {"n": 3}}
    assert valid(right)
    assert not valid({**right, "outer": {"one": {"n": 1}, "two": [{"n": "2"}]}})


def test_two_forms_of_one_name_are_noticed() -> None:
    form = fields({"a": called("same", TEXT), "b": called("same", NUMBER)})
    with pytest.raises(AssertionError, match="two forms are called 'same'"):
        document("a.b/1", "t", form)


def test_another_form_may_take_the_place_of_one_that_is_called() -> None:
    form = fields({"a": list_of(called("part", MAPPING))})
    made = document("a.b/1", "t", form, {"part": fields({"n": NUMBER}), "absent": TEXT})
    assert list(made["$defs"]) == ["part"]
    valid = Draft202012Validator(made).is_valid
    assert valid({"a": [{"n": 1}]})
    assert not valid({"a": [{}]})
