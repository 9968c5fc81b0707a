from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import fakes
import sweep_fakes
from declared import declare, take_back
from sweep_place import GROUPS, RECIPE, Place
from tflbuild import plugins, session
from tflbuild.cli import main
from tflbuild.core.recipe import Recipe
from tflbuild.engine.workers.worker import Worker

MODULES = (fakes, sweep_fakes)
take_back(*MODULES)


class Lasting(Worker):
    """A worker that goes on when its build is done, to serve the next one of the test."""

    def stop(self) -> None:
        """Leave it for the next build."""

    def end(self) -> None:
        """Kill every process."""
        super().stop()


def declare_fakes(monkeypatch: pytest.MonkeyPatch, workers: dict[object, Lasting]) -> None:
    """Declare the fakes and nothing else, and have builds that want the same share a worker."""
    declare(monkeypatch, *MODULES)

    def worker_for(recipe: Recipe) -> Lasting:
        kind = (os.getcwd(), recipe.worker, recipe.device)
        if kind not in workers:
            workers[kind] = Lasting(recipe.worker, recipe.device, ("sweep_fakes:load", None), fakes.NAMES)
        return workers[kind]

    monkeypatch.setattr(session, "worker_for", worker_for)


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Go to a folder and write the recipe `fake` there."""
    for name, text in {"fake.yaml": RECIPE, **GROUPS}.items():
        path = folder / "recipes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    log = folder / "fake.log"
    log.touch()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("TFLBUILD_STORE", raising=False)
    monkeypatch.setenv("FAKE_LOG", str(log))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return Place(folder, log)


@pytest.fixture(autouse=True)
def only_fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Declare the fakes and nothing else, for one test."""
    workers: dict[object, Lasting] = {}
    declare_fakes(monkeypatch, workers)
    yield
    for worker in workers.values():
        worker.end()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Stand in a folder with the recipe `fake`."""
    place = stand_in(tmp_path, monkeypatch)
    yield place
    for process in place.started:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Place]:
    """Run commands in a folder that the tests of a module share and do not change; once for the same commands."""
    places: dict[object, Place] = {}

    def build(*commands: Sequence[str], code: int = 0) -> Place:
        key = tuple(map(tuple, commands))
        if key not in places:
            with pytest.MonkeyPatch.context() as monkeypatch:
                workers: dict[object, Lasting] = {}
                declare_fakes(monkeypatch, workers)
                monkeypatch.setattr(plugins, "_loaded", {None: plugins.Loaded()})
                places[key] = stand_in(tmp_path_factory.mktemp("built"), monkeypatch)
                try:
                    assert {main(list(words)) for words in commands} == {code}
                finally:
                    for worker in workers.values():
                        worker.end()
        return places[key]

    return build


@pytest.fixture
def copied(built_once: Callable[..., Place], here: Place) -> Callable[..., Place]:
    """Give this test a copy of what commands leave, as if they had been run here."""

    def copy(*commands: Sequence[str], code: int = 0) -> Place:
        place = built_once(*commands, code=code)
        shutil.copytree(place.folder / "outputs", here.folder / "outputs", symlinks=True)
        for path in (here.folder / "outputs" / "fake").rglob("*.*"):
            if path.suffix in (".json", ".yaml") and not path.is_symlink():
                path.write_text(path.read_text().replace(str(place.folder), str(here.folder)))
        return here

    return copy
