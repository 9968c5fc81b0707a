"""The rule tables that are shipped have one form, and their sentences one voice."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tflbuild.core.target import TABLES

KEYS = ["device", "source", "date", "partition", "remarks", "model", "shared", "operators"]
"""In this order."""

SUBJECTS = {"it", "its", "the", "one", "there", "what", "where"}
"""Words that a sentence begins with: the operator, something of it, or something of the file."""

NAMES = sorted(path.stem for path in TABLES.glob("*.yaml"))


def sentences(node: Any) -> list[str]:
    """List what the rules of a table say."""
    if isinstance(node, dict) and "says" in node:
        return [node["says"]]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [said for one in inner for said in sentences(one)]


@pytest.mark.parametrize("name", NAMES)
def test_a_table_has_its_keys_in_one_order_and_its_sentences_a_subject(name: str) -> None:
    table = yaml.safe_load((TABLES / f"{name}.yaml").read_text(encoding="utf-8"))
    assert list(table) == [key for key in KEYS if key in table]
    assert all(one[0].isupper() and one[-1] == "." for one in table.get("remarks", ()))
    said = sentences(table)
    assert said
    assert [one for one in said if one.split()[0] not in SUBJECTS] == []
    assert [one for one in said if one.endswith(".") or ", and the " in one.partition("; ")[0]] == []
