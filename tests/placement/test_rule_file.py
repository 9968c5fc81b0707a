"""Rule files: a mistake is one sentence with the line it is in; nothing in a file can be too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.core.target import TABLES
from tflbuild.placement import rule_file

WHOLE = """\
device: Kiwi
source: a datasheet
date: 2026-11-02
partition: each
shared:
  int8:
    - holds: input.dtype == int8
      says: it reads {input.dtype}
      cure: quantize.scheme=int8
model:
  - holds: not any(one.dynamic for one in model.inputs)
    says: an input has an open shape
operators:
  "*": [int8]
  CONV_2D:
    - holds: options.stride_w == 1
      says: it has stride {options.stride_w}
  RELU: []
  my-op:
"""


def read(tmp_path: Path, text: str) -> rule_file.RuleTable:
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    return rule_file.read(file)


def test_a_table_holds_what_the_file_says(tmp_path: Path) -> None:
    table = read(tmp_path, WHOLE)
    assert (table.device, table.source, table.date, table.partition) == (
        "Kiwi",
        "a datasheet",
        "2026-11-02",
        "each",
    )
    assert {name: [rule.holds.text for rule in rules] for name, rules in table.operators.items()} == {
        "CONV_2D": ["input.dtype == int8", "options.stride_w == 1"],
        "RELU": ["input.dtype == int8"],
        "my-op": ["input.dtype == int8"],
    }
    assert [rule.holds.text for rule in table.model] == ["not any(one.dynamic for one in model.inputs)"]


def test_a_shared_list_may_name_those_above_it(tmp_path: Path) -> None:
    longer = "  small:\n    - int8\n    - holds: input.rank < 5\n      says: it is wide\nmodel:\n"
    table = read(tmp_path, WHOLE.replace("model:\n", longer).replace("[int8]", "[small]"))
    assert [rule.holds.text for rule in table.operators["RELU"]] == [
        "input.dtype == int8",
        "input.rank < 5",
    ]
    with pytest.raises(RecipeError, match=r"line 7: shared\.early: 'int8' is not a list below 'shared'"):
        read(tmp_path, WHOLE.replace("shared:\n", "shared:\n  early:\n    - int8\n"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("options.stride_w == 1", "options.strid == 1", "line 16: operators.CONV_2D.holds: 'options.strid'"),
        ("it reads {input.dtype}", "it reads {input.dtyp}", "line 8: shared.int8.says: 'input.dtyp'"),
        ("cure: quantize", "cures: quantize", "line 9: shared.int8.cures: 'cures' is not a key here"),
        (
            "      says: it has stride {options.stride_w}\n",
            "",
            "line 16: operators.CONV_2D: a rule lacks 'says'",
        ),
        ("CONV_2D:", "CONV_3DD:", "line 15: operators.CONV_3DD: TensorFlow Lite has no such operator"),
        ('"*": [int8]', '"*": [int9]', "line 14: operators.*: 'int9' is not a list below 'shared'"),
        ("partition: each", "partition: every", "line 4: partition: 'every' is not known"),
        ("date: 2026-11-02", "date: yesterday", "line 3: date: 'yesterday' is not a date"),
        ("source: a datasheet\n", "", "the key 'source' is missing"),
        ("device: Kiwi", "devise: Kiwi", "line 1: devise: 'devise' is not a key here"),
        ("device: Kiwi", "device: [Kiwi]", "line 1: device: it is not a text"),
        ("  RELU: []", "  RELU: {}", "line 18: operators.RELU: it is not a list"),
        ("  RELU: []", "  RELU: []\n  RELU: []", "line 19: operators.RELU: the key is there twice"),
        ("shared:", "shared: &a", "line 5: it has an anchor"),
        ("  RELU: []", "  RELU: !!python/name:os.system []", "line 18: it has an anchor, alias or tag"),
        ("  RELU: []", "  RELU: [", "is not YAML"),
        ("device: Kiwi", "device: 'Kiwi", "is not YAML"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert WHOLE.count(old) >= 1
    with pytest.raises(RecipeError) as caught:
        read(tmp_path, WHOLE.replace(old, new, 1))
    assert f"rules.yaml, {said}" in str(caught.value) or said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"- 1", b"\xff\xfe", b"a" * (2**20 + 1), b"a: " + b"[" * 5000])
def test_what_is_no_table_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "rules.yaml"
    file.write_bytes(content)
    with pytest.raises(RecipeError):
        rule_file.read(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.yaml cannot be read"):
        rule_file.read(tmp_path / "none.yaml")


@pytest.mark.parametrize("file", sorted(TABLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_shipped_table_can_be_read_and_says_where_it_is_from(file: Path) -> None:
    table = rule_file.read(file)
    assert len(table.source) > 20
    assert table.operators


def test_a_suggestion_ends_the_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"there is no 'constnt'\. Did you mean 'constant'\?$"):
        read(tmp_path, WHOLE.replace("options.stride_w == 1", "weights.constnt"))
