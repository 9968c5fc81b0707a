from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

import fakes
from at_once import AtOnce
from building import FakeBuild, OpenWorkshop, standard
from conforming import run_conforms
from declared import declare, take_back
from durability import Recorded, record_in
from processes import Workshop
from tflbuild.core.recipe import Recipe
from tflbuild.engine.build import Build, Outcome
from tflbuild.engine.events import Event, Listener
from tflbuild.engine.run_folder import make_run_folder
from tflbuild.engine.workers import worker_process
from tflbuild.engine.workers.worker import Worker

take_back(fakes)


@pytest.fixture(autouse=True)
def only_fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare the fakes and nothing else, for one test."""
    declare(monkeypatch, fakes)


@pytest.fixture(scope="session")
def log_link(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The name under which warm workers know the log of the test that runs."""
    return tmp_path_factory.mktemp("fakes") / "fake.log"


@pytest.fixture
def log(tmp_path: Path, log_link: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which fake passes write what they did."""
    path = tmp_path / "fake.log"
    path.touch()
    log_link.unlink(missing_ok=True)
    log_link.symlink_to(path)
    monkeypatch.setenv("FAKE_LOG", str(log_link))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))
    return path


@pytest.fixture
def recipe(tmp_path: Path, log: Path) -> Recipe:
    made = standard()
    return Recipe(
        name="fake",
        model=fakes.FakeModel(),
        data=fakes.FakeData(),
        targets={"any": fakes.FakeTarget()},
        steps=made,
        pipeline=tuple(made),
        store=tmp_path / "store",
        outputs=tmp_path / "outputs",
    )


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[OpenWorkshop]:
    """Open workshops in folders of their own: `workshop("name", pause=0.01)`; what a test leaves running is ended."""
    opened: list[Workshop] = []

    def open_one(name: str = "shop", pause: float = 0.0) -> Workshop:
        opened.append(Workshop(tmp_path / name, pause))
        return opened[-1]

    yield open_one
    for shop in opened:
        shop.close()


@pytest.fixture
def shop(workshop: OpenWorkshop) -> Workshop:
    """Give one workshop whose fakes do not wait."""
    return workshop()


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture(scope="session")
def warm_workers() -> Iterator[dict[object, Worker]]:
    """Workers that know the fakes, by what they were started for; they serve one test after the other."""
    workers: dict[object, Worker] = {}
    yield workers
    for worker in workers.values():
        worker.stop()


@pytest.fixture
def build_apart(events: list[Event], log: Path, warm_workers: dict[object, Worker]) -> FakeBuild:
    """Build a recipe with one worker for the whole test, which may have served others."""
    chosen: list[Worker] = []

    def run(recipe: Recipe, *listeners: Listener) -> Outcome:
        if not chosen:
            kind = (recipe.worker, recipe.device)
            if kind not in warm_workers:
                warm_workers[kind] = Worker(*kind, ("fakes:load", None), fakes.NAMES)
            chosen.append(warm_workers[kind])
        return Build(recipe, lambda: make_run_folder(recipe), chosen[0], (events.append, *listeners)).run()

    return run


@pytest.fixture
def build(build_apart: FakeBuild) -> FakeBuild:
    """Build with worker processes, unless a module says otherwise."""
    return build_apart


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Give the list of what is written, flushed and renamed during a test."""
    return record_in(monkeypatch)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> AtOnce:
    """Give a worker that does everything in this process; what would take long and decides nothing is left out."""
    monkeypatch.setattr(worker_process, "reset", lambda seed: None)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return AtOnce()


@pytest.fixture
def build_here(events: list[Event], here: AtOnce) -> FakeBuild:
    """Build a recipe in this process, in milliseconds."""

    def run(recipe: Recipe, *listeners: Listener) -> Outcome:
        worker = cast(Worker, here)
        outcome = Build(recipe, lambda: make_run_folder(recipe), worker, (events.append, *listeners)).run()
        run_conforms(outcome.report.folder)
        return outcome

    return run
