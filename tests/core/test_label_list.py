"""Lists of class names beside a model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tflbuild.core.label_list import beside, disagreement, disagreements, shown

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
    ("name", "content"),
    [
        ("labels.txt", b""),
        ("labels.txt", b"one name"),
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
