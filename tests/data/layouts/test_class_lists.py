from __future__ import annotations

import re
from pathlib import Path

import pytest

from tflbuild.core.errors import DataError
from tflbuild.data.layouts.class_lists import read
from tflbuild.data.layouts.class_names import refuse_alike, spelled_alike
from tflbuild.data.layouts.label_maps import items

READ: list[tuple[str, str, dict[int, str]]] = [
    ("classes.txt", "cat\ndog\n\n", {0: "cat", 1: "dog"}),
    ("classes.txt", "\ufeffcat\r\ndog", {0: "cat", 1: "dog"}),
    ("labels.txt", "0 cat\n1 dog", {0: "cat", 1: "dog"}),
    ("labels.txt", "1 cat\n2 dog", {1: "cat", 2: "dog"}),
    ("labels.txt", "0:cat\n5:dog", {0: "cat", 5: "dog"}),
    ("labels.txt", "3, cat\n1, dog", {3: "cat", 1: "dog"}),
    ("labels.txt", "10 km/h\n20 km/h\n30 km/h", {0: "10 km/h", 1: "20 km/h", 2: "30 km/h"}),
    ("labels.txt", "3 wheeler", {0: "3 wheeler"}),
    ("labels.txt", "0 cat\ndog", {0: "0 cat", 1: "dog"}),
    ("labels.txt", "7\n9", {0: "7", 1: "9"}),
    ("a.json", '["cat", "dog"]', {0: "cat", 1: "dog"}),
    ("a.json", '{"1": "cat", "4": "dog"}', {1: "cat", 4: "dog"}),
    ("a.json", '{"cat": 1, "dog": 0}', {0: "dog", 1: "cat"}),
    ("a.pbtxt", "item { id: 3 name: 'cat' }\nitem { name: \"dog\" id: 1 }", {3: "cat", 1: "dog"}),
    ("a.pbtxt", "item { id: 1 name: '/m/01yrx' display_name: 'cat' }", {1: "cat"}),
    ("a.pbtxt", "item {\n  id: 0 # of nothing\n  name: 'back\\'ground'\n}", {0: "back'ground"}),
    ("a.pbtxt", "item: <id: 1, name: 'caf\\303\\251'; keypoints { id: 7 label: 'x' }>", {1: "caf\u00e9"}),
]


@pytest.mark.parametrize(("name", "text", "names"), READ)
def test_a_list_of_classes_is_read_as_it_comes(
    name: str, text: str, names: dict[int, str], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(text.encode())
    found = read(tmp_path / name, tmp_path)
    assert (found.source, found.names) == (name, names)


REFUSED: list[tuple[str, str, str]] = [
    ("a.txt", "0:cat\n0:dog", "gives the number 0 to 'cat' and to 'dog'; a number must mean one class"),
    ("a.txt", "cat\ncat", "gives the numbers 0 and 1 to 'cat'; a class must have one number"),
    ("a.txt", "cat\n\ndog", "lists class 1 as ''; expected a name"),
    ("a.txt", "", "lists no classes"),
    ("a.txt", "a\0b", "cannot be read as a list of classes: it is not a text file: it has zero bytes"),
    ("a.json", "{", "cannot be read as a list of classes: "),
    ("a.json", "[1, 2]", "it is not a list of names"),
    ("a.json", '{"a": "b"}', "it is not a mapping of numbers and names"),
    ("a.json", '{"1": "cat", "01": "dog"}', "gives the number 1 to 'cat' and to 'dog'"),
    ("a.pbtxt", "item { id: 1 name: 'a' } item { id: 1 name: 'b' }", "gives the number 1 to 'a' and to 'b'"),
    ("a.pbtxt", "item { id: 1 name: 'a' } item { id: 2 name: 'a' }", "gives the numbers 1 and 2 to 'a'"),
    (
        "a.pbtxt",
        "item { id: 1 name: 'a' display_name: 'x' } item { id: 2 name: 'a' display_name: 'y' }",
        "gives the numbers 1 and 2 to 'a'",
    ),
    ("a.pbtxt", "item { id: 1 id: 2 name: 'a' }", "item 1 has two fields 'id'"),
    ("a.pbtxt", "item { name: 'a' }", "item 1 has no id"),
    ("a.pbtxt", "item { id: -1 name: 'a' }", "item 1 has the id '-1'"),
    ("a.pbtxt", "item { id: 1 }", "lists class 1 as ''"),
    ("a.pbtxt", "item { id: 1 name: 'a'", "it ends inside an item"),
    ("a.pbtxt", "item { id: 1 keypoints { id: 2 ", "it ends inside an item"),
    ("a.pbtxt", "model { ssd { } }", "it has 'model' where an item should begin"),
    ("a.pbtxt", "item { id: 1 name: 'a\n' }", "line 1 is not in the text form of a label map"),
    ("a.pbtxt", "", "lists no classes"),
]


@pytest.mark.parametrize(("name", "text", "message"), REFUSED)
def test_a_list_that_cannot_be_right_is_refused(name: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(text.encode())
    with pytest.raises(DataError, match=rf"^data\.root: {name}.*{re.escape(message)}"):
        read(tmp_path / name, tmp_path)


def test_gaps_are_said(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1:a\n4:b\n9:c")
    assert (
        read(tmp_path / "a.txt", tmp_path).evidence()
        == "'a.txt' numbers them; no class has 2, 3, 5, 6, 7, ..."
    )


def test_what_a_label_map_calls_a_class_besides_leads_to_its_number(tmp_path: Path) -> None:
    (tmp_path / "a.pbtxt").write_text("item { id: 4 name: '/m/01yrx' display_name: 'cat' }")
    found = read(tmp_path / "a.pbtxt", tmp_path)
    assert found.numbers() == {"/m/01yrx": 4, "cat": 4}
    assert items("item{id:4 name:'a'}") == [(4, "a", "a")]


ALIKE = [
    ("Cat", "cat", True),
    ("caf\u00e9", "cafe\u0301", True),
    ("caf\u00e9", "CAFE", True),
    ("traffic light", "traffic_light", True),
    ("traffic light", "trafficlight", False),
    ("stra\u00dfe", "strasse", True),
    ("+", "-", False),
    ("c", "c+", False),
    ("\u0915\u093f", "\u0915", False),  # Devanagari ki and ka: the sign is a vowel
    ("\u30ab", "\u30ac", False),  # Katakana ka and ga
    ("1", "2", False),
]


@pytest.mark.parametrize(("one", "other", "alike"), ALIKE)
def test_names_are_alike_by_case_accents_and_blanks_alone(one: str, other: str, alike: bool) -> None:
    assert (spelled_alike(one) == spelled_alike(other)) is alike
    if alike:
        with pytest.raises(
            DataError, match="differ only by case, accents or blanks; spell them the same way, or list"
        ):
            refuse_alike([one, "between", other], "set")
    else:
        refuse_alike([one, "between", other], "set")
