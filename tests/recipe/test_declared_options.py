"""Options read off dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Ge

from tflbuild.recipe.declared_options import (
    GROUP,
    NEEDED,
    Option,
    options_of,
    with_blocks,
    with_defaults,
)


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: Annotated[int, Ge(1)] = 2
    """Side of a block. [pixels]"""


@dataclass(frozen=True, kw_only=True)
class Outer:
    path: str
    """The file."""
    from_: str = ""
    """A key that is a word of Python's."""
    inner: Inner = field(default_factory=lambda: Inner(size=5))
    """What is inside."""
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    augment: Mapping[str, Any] = field(default_factory=dict)


def test_groups_are_followed_by_their_options_with_the_defaults_of_the_group() -> None:
    path, word, group, size, *_ = options_of(Outer, "x.")
    assert (path.name, path.text, path.default, path.facts) == ("x.path", "The file.", NEEDED, "text; needed")
    assert (word.name, word.default, word.facts) == ("x.from", '""', 'text; default ""')
    assert (group.name, group.text, group.range, group.default) == ("x.inner", "What is inside.", GROUP, "")
    assert size == Option(
        name="x.inner.size",
        text="Side of a block.",
        range="whole number, size >= 1",
        unit="pixels",
        default="5",
        numeric=True,
    )


def test_a_file_of_a_group_says_other_defaults_and_null_says_none() -> None:
    said = {"path": "here", "inner": {"size": 7}, "from": None}
    found = {option.name: option.default for option in with_defaults(options_of(Outer), said)}
    assert found == {
        "path": "here",
        "from": '""',
        "inner": "",
        "inner.size": "7",
        "preprocess": "{}",
        "augment": "{}",
    }


def test_blocks_of_a_data_set_are_groups() -> None:
    listed = {option.name: option for option in with_blocks(options_of(Outer))}
    assert {"preprocess.resize", "augment.crop.min_area", "augment.flip"} <= set(listed)
    assert listed["preprocess"].range == listed["augment"].range == GROUP
    assert len(list(with_blocks(options_of(Outer), listed=False))) == 6
