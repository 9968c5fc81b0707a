"""Lists of class names beside a model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tflbuild.core.label_list import beside, disagreement, disagreements, named_alike, shown

NAMES = ("disc", "square", "triangle")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.txt", "disc\nsquare\ntriangle\n"),
        ("labels.txt", "\ufeffdisc\r\nsquare\r\n\r\ntriangle"),
        ("labelmap.txt", "0 disc\n1 square\n2 triangle\n"),
        ("classes.txt", "1: disc\n3: triangle\n2: square\n"),
        ("model.txt", "disc\nsquare\ntriangle\n"),
        ("model_labels.txt", "disc\nsquare\ntriangle\n"),
        ("obj.names", "disc\nsquare\ntriangle\n"),
        ("labels.json", '["disc", "square", "triangle"]'),
        ("class_indices.json", '{"triangle": 2, "disc": 0, "square": 1}'),
        ("labels.json", '{"0": "disc", "1": "square", "2": "triangle"}'),
        (
            "label_map.pbtxt",
            "item {\n id: 2\n name: 'square'\n}\nitem { id: 1 name: \"disc\" }\n"
            "item { name: 'n3' id: 3 display_name: 'triangle' }",
        ),
    ],
)
def test_a_list_is_read_in_the_models_order(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode())
    assert beside(tmp_path / "model.h5") == {name: NAMES}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.txt", "red cell\n"),
        ("model_labels.txt", "0 red cell"),
        ("label_map.pbtxt", "item { id: 1 name: 'red cell' }"),
        ("labels.json", '["red cell"]'),
    ],
)
def test_a_model_of_one_class_has_a_list_of_one_name(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert beside(tmp_path / "model.h5") == {name: ("red cell",)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", b""),
        ("model.txt", b"trained on Monday"),
        ("labels.txt", b"\xff\xfe\x00d\xd8"),
        ("labels.json", b"{"),
        ("labels.json", b"[1, 2]"),
        ("labels.json", b'{"a": 0, "b": 7}'),
        ("labels.json", b'{"\xc2\xb2": "a", "1": "b"}'),
        ("labels.json", b"[" * 5000),
        ("label_map.pbtxt", b"item { id: 1 }"),
        ("labels.txt", b"x\n" * 600_000),
        ("labels.txt", b"x\n" * 30_000),
    ],
)
def test_what_is_no_list_is_left_out(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert beside(tmp_path / "model.h5") == {}


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "labels.txt")
    (tmp_path / "classes.txt").mkdir()
    (tmp_path / "labels.json").symlink_to("labels.json")
    assert beside(tmp_path / "model.h5") == {}
    assert beside(tmp_path / "missing" / "model.h5") == {}


def test_names_are_shown_side_by_side_where_they_differ() -> None:
    assert disagreement("labels.txt", ["Disc", "no_entry"], ["disc", "no entry"]) == ""
    assert disagreement("labels.txt", ["a", "b", "c"], ["a", "b"]).endswith(
        "a, b, c; the data's are a, b: 3 and 2"
    )
    assert disagreements({"one": ["a", "b"], "two": ["b", "a"]}, ["a", "b"]) == [
        "two names the model's classes b, a; the data's are a, b, in another order"
    ]


def test_names_from_a_file_are_shown_without_what_a_terminal_obeys() -> None:
    assert shown(["a\x1b[2J", "b\nc"]).isprintable()
    assert shown([str(k) for k in range(1000)]).endswith("10, 11 and 988 more")


USUAL = ("labels", "label_map", "labelmap", "classes", "class_names", "class_indices", "obj")
STEMS = [*USUAL, "net.v1", *(f"net.v1{joint}{name}" for name in USUAL for joint in "_.-")]


@pytest.mark.parametrize("stem", STEMS)
def test_a_list_is_found_by_every_usual_name(stem: str, tmp_path: Path) -> None:
    for suffix in (".txt", ".names", ".csv"):
        (tmp_path / f"{stem}{suffix}").write_text("disc\nsquare\n")
    (tmp_path / f"{stem}.json").write_text('["disc", "square"]')
    (tmp_path / f"{stem}.pbtxt").write_text("item { id: 1 name: 'disc' } item { id: 2 name: 'square' }")
    names = {f"{stem}{suffix}" for suffix in (".txt", ".names", ".pbtxt", ".json", ".csv")}
    assert beside(tmp_path / "net.v1.h5") == dict.fromkeys(names, ("disc", "square"))


def test_other_files_beside_a_model_are_no_lists(tmp_path: Path) -> None:
    for name in ("notes.txt", "labels.md", "net2.txt", "labels_net.txt"):
        (tmp_path / name).write_text("disc\nsquare\n")
    assert beside(tmp_path / "net.h5") == {}


@pytest.mark.parametrize(
    ("name", "text", "labels"),
    [
        ("labels.txt", "1 disc\n2 square\n", ("disc", "square")),
        ("labels.txt", "0: disc\n1; square\n", ("disc", "square")),
        ("labels.txt", "10,ten\n11,eleven\n", ("10,ten", "11,eleven")),
        ("labels.txt", "0 a\n1 b\n1 c\n", ("0 a", "1 b", "1 c")),
        ("labels.txt", "0 a\n2 c\n", ("0 a", "2 c")),
        ("labels.txt", "0 a\nb\n", ("0 a", "b")),
        ("labels.txt", "0 no entry \n1  stop sign\n", ("no entry", "stop sign")),
        ("labels.txt", " a \n\n\tb\n", ("a", "b")),
        ("labels.json", '{"a": 1, "b": 2}', ("a", "b")),
        ("labels.json", '{"2": "b", "1": "a"}', ("a", "b")),
        ("labels.json", '["b", "a"]', ("b", "a")),
        (
            "labels.pbtxt",
            "item {\n name: \"a\"\n id: 2\n}\nitem { id: 1, name: 'b' display_name: '' }",
            ("b", "a"),
        ),
        ("labels.pbtxt", "item { id: 2 display_name: 'x' name: 'n' } item { id: 1 name: 'y' }", ("y", "x")),
        ("labels.pbtxt", "item { name: 'first' } item { id: 1 name: 'y' }", ("first", "y")),
        ("labels.pbtxt", "item { id: 123456 name: 'z' } item { id: 7 name: 'y' }", ("y", "z")),
    ],
)
def test_a_list_is_read_in_its_own_form(
    name: str, text: str, labels: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    assert beside(tmp_path / "net.h5") == {name: labels}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "b": 3}',
        '{"a": 0, "b": "1"}',
        '{"a": 1.0, "b": 2.0}',
        '{"x": "a", "y": "b"}',
        '["a", 1]',
        "7",
    ],
)
def test_json_of_another_form_is_no_list(text: str, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text(text)
    assert beside(tmp_path / "net.h5") == {}


@pytest.mark.parametrize(("count", "found"), [(1, True), (2, True), (20_000, True), (20_001, False)])
def test_a_list_has_1_to_20_000_names(count: int, found: bool, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\n" * count)
    assert bool(beside(tmp_path / "net.h5")) is found


def test_a_list_has_a_mebibyte_at_most(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(b"a\n" + b"b" * (1024**2 - 2))
    assert len(beside(tmp_path / "net.h5")) == 1
    path.write_bytes(b"a\n" + b"b" * (1024**2 - 1))
    assert beside(tmp_path / "net.h5") == {}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("No_Entry", " no  entry", True),
        ("straße", "STRASSE", True),
        ("a-b.c", "a b c", True),
        ("ab", "a b", False),
        ("a1", "a2", False),
        ("", "__", True),
    ],
)
def test_names_are_compared_by_their_letters(one: str, other: str, same: bool) -> None:
    assert (named_alike(one) == named_alike(other)) is same


def test_a_line_shows_twelve_names_cut_to_60_letters() -> None:
    assert shown([str(k) for k in range(12)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"
    assert shown([str(k) for k in range(13)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 1 more"
    assert shown(["x" * 61], most=1) == "x" * 59 + "…"


def test_a_disagreement_says_what_differs() -> None:
    start = "x names the model's classes a, b; the data's are "
    assert disagreement("x", ["a", "b"], ["a", "c"]) == f"{start}a, c"
    assert disagreement("x", ["a", "b"], ["b", "A"]) == f"{start}b, A, in another order"
    assert disagreement("x", ["a", "b"], ["a"]) == f"{start}a: 2 and 1"
    assert disagreement("\x1b" * 99, ["a"], ["b"]).startswith("\\x1b" * 24 + "\\x1…"[:3])
    assert disagreements({}, ["a"]) == []
