"""Label maps in the text form of protocol buffers: https://protobuf.dev/reference/protobuf/textformat-spec."""

from __future__ import annotations

import pytest

from tflbuild.data.layouts.label_maps import Item, items

WRITTEN = [
    ("'cat'", "cat"),
    ('"it\'s"', "it's"),
    (r"'it\'s'", "it's"),
    (r"'a\tb\nc\rd'", "a\tb\nc\rd"),
    (r"'back\\slash'", "back\\slash"),
    (r"'caf\303\251'", "caf\u00e9"),  # octal bytes of UTF-8
    (r"'caf\xc3\xA9 \x7'", "caf\u00e9 \x07"),
    (r"'\1012'", "A2"),  # three octal digits at most
    (r"'\"'", '"'),
    ("'caf\u00e9\\t'", "caf\u00e9\t"),
    ("cat_1", "cat_1"),
    ("''", ""),
]


@pytest.mark.parametrize(("token", "name"), WRITTEN)
def test_a_name_is_what_its_text_says(token: str, name: str) -> None:
    assert items(f"item {{ id: 7 name: {token} }}") == [Item(7, name, name)]


def test_items_may_be_written_in_any_usual_form() -> None:
    text = """# a comment { item
        item { id: 1, name: 'a'; }   item: < name: "b" id: 2 display_name: 'B' >;
        item { name: 'c' keypoints { id: 9 label: 'x' part { id: 8 } } keypoints: < id: 7 > id: 3 }, item {id:4}
    """
    assert items(text) == [Item(1, "a", "a"), Item(2, "b", "B"), Item(3, "c", "c"), Item(4, "", "")]
    assert items("") == items("# nothing\n") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class { id: 1 }", "it has 'class' where an item should begin"),
        ("item: 1", "it has 'item' where an item should begin"),
        ("item { id: 1", "it ends inside an item"),
        ("item { id: 1 part { id: 2 }", "it ends inside an item"),
        ("item { id: 1 part { id: 2 ", "it ends inside an item"),
        ("item { name: 'a' }", "item 1 has no id"),
        ("item { id: 1 } item { id: -2 }", "item 2 has the id '-2'"),
        ("item { id: 1234567890 }", "item 1 has the id '1234567890'"),
        ("item { id: 1 name: 'a' name: 'b' }", "item 1 has two fields 'name'"),
        ("item {\n id: 1\n name: 'a }", "line 3 is not in the text form of a label map"),
    ],
)
def test_what_is_no_label_map_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        items(text)


def test_a_field_twice_with_one_value_is_that_value() -> None:
    assert items("item { id: 123456789 name: 'a' name: 'a' }") == [Item(123456789, "a", "a")]
