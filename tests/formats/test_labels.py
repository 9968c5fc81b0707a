"""Lists of class names that fit, and those that do not."""

from __future__ import annotations

import pytest

from tflbuild.core.model_format import Evidence
from tflbuild.formats.labels import fitting

LISTS = {"a.txt": ("cat", "dog"), "b.txt": ("background", "cat", "dog"), "c.txt": ("???", "cat", "dog")}


def test_a_list_of_as_many_names_as_classes_is_kept() -> None:
    found = fitting(LISTS, 2, detects=False)
    assert found.lists == {"a.txt": ("cat", "dog")}
    assert found.recognised == (
        Evidence("labels", "2 names", "a.txt"),
        Evidence("labels", "left out", "b.txt has 3 names, and the outputs have 2 classes"),
        Evidence("labels", "left out", "c.txt has 3 names, and the outputs have 2 classes"),
    )


def test_one_name_is_one() -> None:
    found = fitting({"a.txt": ("cat",), "b.txt": ("cat", "dog")}, 1, detects=True)
    assert found.lists == {"a.txt": ("cat",)}
    assert found.recognised == (
        Evidence("labels", "1 name", "a.txt"),
        Evidence("labels", "left out", "b.txt has 2 names, and the outputs have 1 class"),
    )


def test_a_detectors_list_may_begin_with_a_background() -> None:
    found = fitting(LISTS, 2, detects=True)
    assert found.lists == dict.fromkeys(LISTS, ("cat", "dog"))
    said = "b.txt, without the first, 'background': the outputs count classes after it"
    assert found.recognised[1] == Evidence("labels", "2 names", said)


@pytest.mark.parametrize(
    ("first", "kept"),
    [
        ("background", True),
        ("__Background__", True),
        ("???", True),
        ("bg", True),
        ("bird", False),
        ("none", True),
    ],
)
def test_a_background_is_known_by_its_name(first: str, kept: bool) -> None:
    found = fitting({"a.txt": (first, "cat", "dog")}, 2, detects=True)
    assert bool(found.lists) is kept


def test_outputs_of_no_classes_take_no_names() -> None:
    found = fitting({"a.txt": ("cat", "dog")}, 0, detects=False)
    assert found.lists == {}
    assert found.recognised[0].evidence == "a.txt has 2 names, and the outputs are of no classes"
