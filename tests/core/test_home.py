"""The user's home folder in what was typed."""

from __future__ import annotations

import pytest

from tflbuild.core.home import at_home, names_home


@pytest.mark.parametrize(
    ("text", "names"),
    [("~", True), ("~/", True), ("~/x", True), ("~x", False), ("a/~", False), ("", False), ("x=~", False)],
)
def test_a_tilde_stands_for_home_where_a_path_begins_with_it(
    text: str, names: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert names_home(text) is names
    assert at_home(text) == (f"/home/me{text[1:]}" if names else text)


def test_options_of_every_kind_may_hold_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert at_home({"~/key": ["~", {"a": "~/b"}], "n": 7, "none": None}) == {
        "~/key": ["/home/me", {"a": "/home/me/b"}],
        "n": 7,
        "none": None,
    }
