"""A search that would be the same is not run again; each cause of its result is part of what names it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dense_chain import IMAGE, DenseChain
from tflbuild.quantization import remembered
from tflbuild.quantization.form import Form
from tflbuild.quantization.settings import SHARED, Failed
from tflbuild.quantization.workbench import Border, Workbench
from tflbuild.tflite.packed import Packed


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Give the searches that are run; each gives how many there were before it."""
    found: list[Any] = []

    class Search:
        def __init__(self, bench: Any) -> None:
            self.failed = [Failed(setting=bench.digest, reason="none")]

        def run(self, *given: Any, **options: Any) -> list[Any]:
            found.append((given, options))
            return [len(found)]

    monkeypatch.setattr(remembered, "Search", Search)
    monkeypatch.setattr(remembered, "_last", {})
    return found


def searched(digest: str, shared: Any = SHARED, learning: bool = False) -> Any:
    bench: Any = SimpleNamespace(digest=digest)
    (count,), (failed,) = remembered.searched(bench, shared, learning=learning)
    return count, failed.setting


def test_the_same_search_is_run_once_and_the_last_one_is_kept(runs: list[Any]) -> None:
    assert [searched("one"), searched("one")] == [(1, "one")] * 2
    assert searched("other") == (2, "other")
    assert searched("other", SHARED[:1]) == (3, "other")
    assert searched("other", SHARED[:1], learning=True) == (4, "other")
    assert searched("one") == (5, "one"), "only the last is kept"
    assert [options["learning"] for _, options in runs] == [False, False, False, True, False]


def test_whatever_decides_a_search_changes_its_digest(tmp_path: Path) -> None:
    chain = DenseChain()
    seen, held = chain.samples[:5], chain.samples[5:8]
    border = Border(float_input=False, float_output=True, limits=(None,))
    content = Packed(chain.content())

    def digest(model: Packed = content, images: Any = seen, held_out: Any = held, **more: Any) -> str:
        given = {"scheme": "int8", "border": border, "scratch": tmp_path} | more
        return Workbench(model, images, held_out, **given).digest

    other = [{IMAGE: np.nextafter(seen[0][IMAGE], np.float32(9))}, *seen[1:]]
    digests = [
        digest(),
        digest(Packed(DenseChain(large=2.0).content())),
        digest(images=other),
        digest(held_out=held[:2]),
        digest(images=[*seen, held[0]], held_out=held[1:]),  # the same samples, parted elsewhere
        digest(scheme="int16x8"),
        digest(border=Border(float_input=True, float_output=True, limits=(None,))),
        digest(form=Form(weight_bits=4)),
        digest(labels=[1, 2, 3]),
    ]
    assert len(set(digests)) == len(digests)
    assert digest(scratch=tmp_path / "elsewhere") == digest()
