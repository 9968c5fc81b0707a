"""Forms: what a file from outside must hold."""

from __future__ import annotations

from typing import Any

import pytest

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
    check,
    fields,
    list_of,
    mapping_of,
    maybe,
    number,
    one_of,
    one_of_numbers,
    optional,
    such_that,
    whole,
)

STEP = fields({"action": DIGEST, "seconds": number(0), "note": optional(TEXT)}, others=NOTHING)
FILE = fields({"steps": mapping_of(STEP, key=NAME), "kinds": list_of(one_of("a", "b")), "ok": maybe(FLAG)})
GOOD = {"steps": {"qat": {"action": "0" * 64, "seconds": 1.5}}, "kinds": ["a"], "ok": None, "more": 1}


def test_what_fits_is_taken() -> None:
    check(GOOD, FILE)


WRONG: list[tuple[Any, Form, str]] = [
    ([], FILE, "the whole is a list; expected a mapping"),
    ({**GOOD, "kinds": ["a", "c"]}, FILE, r"kinds\.1 is 'c' \(a string\); expected one of a, b"),
    ({**GOOD, "kinds": None}, FILE, "kinds is null; expected a list"),
    ({**GOOD, "ok": 1}, FILE, r"ok is 1 \(a number\); expected true or false, or null"),
    ({"steps": {}, "ok": True}, FILE, "kinds is missing; expected a list"),
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


def fits(value: Any, form: Form) -> bool:
    try:
        check(value, form)
    except Malformed:
        return False
    return True


BOUNDS: list[tuple[Form, list[Any], list[Any]]] = [
    # (form, what just fits, what just does not)
    (whole(), [0, 1, 2**63], [-1, 2**64, 0.0, False, None, "0"]),
    (whole(1), [1], [0]),
    (number(), [0, -0.5, 2.0**63, -(2.0**63)], [2.0**64, -(2.0**64), True, None, "0", float("-inf")]),
    (number(0), [0, 0.0, 1e-9], [-1e-9]),
    (NUMBER, [0, 1.5, -7], ["1", True, None]),
    (FLAG, [True, False], [0, 1, None, "true"]),
    (TEXT, ["", "a"], [None, 0, b""]),
    (MAPPING, [{}, {"a": 1}], [[], None, ""]),
    (ANYTHING, [None, 0, [], "x"], []),
    (NOTHING, [], [None, 0, ""]),
    (one_of("a", "b"), ["a", "b"], ["c", "", None, 0, "ab"]),
    (one_of_numbers(1, 2), [1, 2], [True, 1.0, 3, "1", None]),
    (list_of(TEXT), [[], ["a"]], [["a", 1], (), "a", None, {}]),
    (mapping_of(NUMBER), [{}, {"a": 1}], [{"a": "1"}, {1: 1}, [], None]),
    (mapping_of(NUMBER, key=NAME), [{"a": 1}], [{"": 1}, {"a/b": 1}]),
    (maybe(TEXT), [None, "a"], [0]),
    (maybe(list_of(TEXT)), [None, [], ["a"]], [[1]]),
    (fields({"a": TEXT}), [{"a": ""}, {"a": "", "b": 7}], [{}, {"a": None}, [], None]),
    (fields({"a": optional(TEXT)}, others=NUMBER), [{}, {"b": 1}], [{"a": 1}, {"b": "x"}, {7: "x"}]),
    (such_that(TEXT, str.isupper, "in capitals"), ["A"], ["a", 7, None]),
    (DIGEST, ["0123456789abcdef" * 4], ["0123456789ABCDEF" * 4, "0" * 63, "0" * 65, 0, None]),
    (ABSOLUTE, ["/", "/a/b", "/" + "x" * 255], ["a", "", "~/a", "/a\0b", "/" + "x" * 256, 7, None]),
    # A path of 4,000 bytes: 1,999 names of one letter, each behind its slash, with what stands before the first.
    (ABSOLUTE, ["/x" * 1999 + "/", "/ä" * 1333, "/\udcff"], ["/x" * 2000 + "/", "/ä" * 1334]),
    (NAME, ["x" * 255, "ä" * 127, "a b", "-"], ["x" * 256, "ä" * 128, "~a", ".a", "a\u202eb", "a\udcff"]),
    (INSIDE, ["a", "a/b.c/d", "x/" * 1999 + "xx", "x" * 255], ["a/", "/a", "x/" * 2000 + "x", "x" * 256, 7]),
]


@pytest.mark.parametrize(("form", "right", "wrong"), BOUNDS)
def test_a_form_ends_where_it_says(form: Form, right: list[Any], wrong: list[Any]) -> None:
    assert [value for value in right if not fits(value, form)] == []
    assert [value for value in wrong if fits(value, form)] == []


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        (whole(), "a whole number, 0 or more"),
        (whole(1), "a whole number, 1 or more"),
        (number(), "a number"),
        (number(0.5), "a number, 0.5 or more"),
        (NUMBER, "a number"),
        (FLAG, "true or false"),
        (TEXT, "text"),
        (MAPPING, "a mapping"),
        (ANYTHING, "anything"),
        (NOTHING, "nothing, since there is no such field"),
        (one_of("a", "b"), "one of a, b"),
        (one_of("a"), "a"),
        (one_of_numbers(1, 2), "one of 1, 2"),
        (list_of(TEXT), "a list"),
        (mapping_of(TEXT), "a mapping"),
        (fields({}), "a mapping"),
        (maybe(TEXT), "text, or null"),
        (such_that(TEXT, str.isupper, "in capitals"), "in capitals"),
        (DIGEST, "64 hexadecimal digits"),
        (NAME, "the name of one file or folder"),
        (ABSOLUTE, "an absolute path"),
        (INSIDE, "a path below the folder of the run"),
    ],
)
def test_a_form_says_what_would_be_right(form: Form, wanted: str) -> None:
    assert form.wanted == wanted
    if form is not ANYTHING:
        with pytest.raises(Malformed) as caught:
            check(1j, form, "a.b")
        assert str(caught.value) == f"a.b is 1j (a complex); expected {wanted}"
    assert not form.optional
    assert optional(form).optional
    with pytest.raises(Malformed, match=f"^a is missing; expected {wanted}$"):
        check({}, fields({"a": form}))
    check({}, fields({"a": optional(form)}))


ESCAPED = ("\\x1b" * 15)[:59]


@pytest.mark.parametrize(
    ("value", "form", "message"),
    [
        ("x" * 100, NUMBER, f"the whole is '{'x' * 78}… (a string); expected a number"),
        (10**100, NUMBER, f"the whole is 1{'0' * 78}… (a number); expected a number"),
        ([["a", 0]], list_of(list_of(TEXT)), "0.1 is 0 (a number); expected text"),
        ({"\x1b" * 99: 1}, mapping_of(TEXT), ESCAPED + "… is 1 (a number); expected text"),
        ({7: ""}, mapping_of(TEXT), "the key '7' is 7 (a number); expected text"),
        ({"a": {"b": 1}}, fields({}, others=mapping_of(TEXT)), "a.b is 1 (a number); expected text"),
        ({"b": 1, "c": 2}, fields({"c": TEXT}, others=TEXT), "c is 2 (a number); expected text"),
    ],
)
def test_the_first_that_does_not_fit_is_named_by_its_place(value: Any, form: Form, message: str) -> None:
    with pytest.raises(Malformed) as caught:
        check(value, form)
    assert str(caught.value) == message
