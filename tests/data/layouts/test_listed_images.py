"""Images of which some were looked at by who listed them."""

from __future__ import annotations

from pathlib import Path

from tflbuild.core.dataset import FileFacts
from tflbuild.data.layouts.files import facts_of
from tflbuild.data.layouts.labelled import Labelled


def test_only_what_nobody_has_looked_at_is_looked_at_and_each_keeps_its_own_facts() -> None:
    looked: list[Path] = []

    def look(path: Path) -> FileFacts:
        looked.append(path)
        return FileFacts(f"read {path}", "")

    known = FileFacts("listed", "")
    images = [
        Labelled(name, "labels", name, "cat", facts)
        for name, facts in (("a", None), ("b", known), ("c", None))
    ]
    assert facts_of(images, look) == [FileFacts("read a", ""), known, FileFacts("read c", "")]
    assert looked == [Path("a"), Path("c")]
