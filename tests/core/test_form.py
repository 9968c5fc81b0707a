"""Forms: what a file from outside must hold."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core.form import (
    DIGEST,
    FLAG,
    INSIDE,
    NAME,
    NOTHING,
    TEXT,
    Form,
    Malformed,
    check,
    fields,
    list_of,
    mapping_of,
    maybe,
    number,
    one_of,
    optional,
    whole,
)

STEP = fields({"action": DIGEST, "seconds": number(0), "note": optional(TEXT)}, others=NOTHING)
FILE = fields({"steps": mapping_of(STEP, key=NAME), "kinds": list_of(one_of("a", "b")), "ok": maybe(FLAG)})
GOOD = {"steps": {"qat": {"action": "0" * 64, "seconds": 1.5}}, "kinds": ["a"], "ok": None, "more": 1}


def test_what_fits_is_taken() -> None:
    check(GOOD, FILE)


WRONG: list[tuple[Any, Form, str]] = [
    ([], FILE, "the whole is a list; right would be a mapping"),
    ({**GOOD, "kinds": ["a", "c"]}, FILE, r"kinds\.1 is 'c' \(a string\); right would be one of a, b"),
    ({**GOOD, "kinds": None}, FILE, "kinds is null; right would be a list"),
    ({**GOOD, "ok": 1}, FILE, r"ok is 1 \(a number\); right would be true or false, or null"),
    ({"steps": {}, "ok": True}, FILE, "kinds is missing; right would be a list"),
    ({**GOOD, "steps": {"../x": GOOD["steps"]["qat"]}}, FILE, "the key '../x' is '../x'"),  # type: ignore[index]
    (
        {**GOOD, "steps": {"a": {"action": "../x", "seconds": 1}}},
        FILE,
        "steps.a.action is '../x' .*64 hexadecimal",
    ),
    ({**GOOD, "steps": {"a": {"action": "0" * 64, "seconds": -1}}}, FILE, "a number, 0 or more"),
    (
        {**GOOD, "steps": {"a": {"action": "0" * 64, "seconds": 1, "b": 2}}},
        FILE,
        r"steps\.a\.b is 2 .*no such field",
    ),
    ("0" * 64 + "\n", DIGEST, "64 hexadecimal digits"),
    ("0" * 63 + "G", DIGEST, "64 hexadecimal digits"),
    (True, whole(), "a whole number"),
    (1.0, whole(), "a whole number"),
    (10**400, number(), "a number"),
    (float("nan"), number(), "a number"),
    (float("inf"), number(), "a number"),
    ("a\x1b[2Jb", NAME, r"a\\x1b\[2Jb"),
]


@pytest.mark.parametrize(("value", "form", "message"), WRONG)
def test_what_does_not_fit_is_named_with_what_would_be_right(value: Any, form: Form, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        check(value, form)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../precious",
        "/etc/x",
        "a/b",
        "a\\b",
        "a\0b",
        "a\nb",
        ".hidden",
        "~",
        "x" * 256,
        5,
        None,
    ],
)
def test_a_name_is_one_component_of_a_path(name: object) -> None:
    with pytest.raises(Malformed):
        check(name, NAME)


@pytest.mark.parametrize("path", ["", "/etc/x", "../x", "a/../../x", "a//b", "a/.", "~/x", "a/\0", 5, None])
def test_a_path_below_a_folder_leads_nowhere_else(path: object) -> None:
    with pytest.raises(Malformed):
        check(path, INSIDE)


def test_usual_names_are_names() -> None:
    for name in ("cpu", "prune.cost=0.01,seed=2", "only", "größe=1", "ethos_u55-128"):
        check(name, NAME)
    check("cpu/model.tflite", INSIDE)
