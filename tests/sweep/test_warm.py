"""One worker for jobs one after another, replaced where a recipe asks for another."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tflbuild import session
from tflbuild.sweep.warm import WarmWorker


class Fake:
    """Note that it was stopped."""

    stopped = 0

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> list[Fake]:
    """Give the workers that were made."""
    workers: list[Fake] = []

    def worker_for(recipe: Any) -> Fake:
        workers.append(Fake())
        return workers[-1]

    monkeypatch.setattr(session, "worker_for", worker_for)
    return workers


def recipe(**changed: Any) -> Any:
    return SimpleNamespace(**{"worker": "w", "device": "d", "plugins": None} | changed)


def test_a_worker_is_kept_for_recipes_of_its_kind(made: list[Fake]) -> None:
    warm = WarmWorker()
    assert warm(recipe()) is warm(recipe(name="another")) is made[0]
    assert len(made) == 1
    assert made[0].stopped == 0


@pytest.mark.parametrize("what", ["worker", "device", "plugins"])
def test_another_kind_of_process_replaces_it(made: list[Fake], what: str) -> None:
    warm = WarmWorker()
    warm(recipe())
    assert warm(recipe(**{what: "other"})) is made[1]
    assert [worker.stopped for worker in made] == [1, 0]
    assert warm(recipe()) is made[2], "and back again"


def test_a_worker_ends_with_who_warms_it(made: list[Fake]) -> None:
    with WarmWorker() as warm:
        warm(recipe())
    assert made[0].stopped == 1
    warm.stop()
    assert made[0].stopped == 1
    assert warm(recipe()) is made[1]
