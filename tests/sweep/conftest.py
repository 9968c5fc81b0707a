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
from lasting import Warm
from sweep_place import GROUPS, RECIPE, Place
from tflbuild import plugins, session
from tflbuild.cli import main
from tflbuild.core.recipe import Recipe
from tflbuild.engine.workers.worker import Worker

MODULES = (fakes, sweep_fakes)
take_back(*MODULES)


@pytest.fixture(scope="session")
def warm_workers() -> Iterator[Warm]:
    """Workers that know the fakes."""
    made = Warm()
    yield made
    made.end()


@pytest.fixture(scope="session")
def log_link(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The name under which workers know the log of the test that runs."""
    return tmp_path_factory.mktemp("fakes") / "fake.log"


def declare_fakes(monkeypatch: pytest.MonkeyPatch, warm_workers: Warm) -> None:
    """Declare the fakes and nothing else, and have builds that want the same share a worker."""
    declare(monkeypatch, *MODULES)

    def worker_for(recipe: Recipe) -> Worker:
        return warm_workers.worker_for(recipe, ("sweep_fakes:load", None), fakes.NAMES)

    monkeypatch.setattr(session, "worker_for", worker_for)


def write_to(log: Path, link: Path) -> None:
    """Let the fakes write into a log."""
    link.unlink(missing_ok=True)
    link.symlink_to(log)


def stand_in(folder: Path, link: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Go to a folder and write the recipe `fake` there."""
    for name, text in {"fake.yaml": RECIPE, **GROUPS}.items():
        path = folder / "recipes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    log = folder / "fake.log"
    log.touch()
    write_to(log, link)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("TFLBUILD_STORE", raising=False)
    monkeypatch.setenv("FAKE_LOG", str(link))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return Place(folder, log)


@pytest.fixture(autouse=True)
def only_fakes(monkeypatch: pytest.MonkeyPatch, warm_workers: Warm) -> None:
    """Declare the fakes and nothing else, for one test."""
    declare_fakes(monkeypatch, warm_workers)


@pytest.fixture
def here(tmp_path: Path, log_link: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Stand in a folder with the recipe `fake`."""
    place = stand_in(tmp_path, log_link, monkeypatch)
    yield place
    for process in place.started:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def built_once(
    tmp_path_factory: pytest.TempPathFactory, warm_workers: Warm, log_link: Path
) -> Callable[..., Place]:
    """Run commands in a folder that the tests of a module share and do not change; once for the same commands."""
    places: dict[object, Place] = {}

    def build(*commands: Sequence[str], code: int = 0) -> Place:
        key = tuple(map(tuple, commands))
        if key not in places:
            before = log_link.readlink() if log_link.is_symlink() else None
            with pytest.MonkeyPatch.context() as monkeypatch:
                declare_fakes(monkeypatch, warm_workers)
                monkeypatch.setattr(plugins, "_loaded", {None: plugins.Loaded()})
                places[key] = stand_in(tmp_path_factory.mktemp("built"), log_link, monkeypatch)
                assert {main(list(words)) for words in commands} == {code}
            if before is not None:
                write_to(before, log_link)
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
