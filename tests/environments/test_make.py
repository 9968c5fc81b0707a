"""What `make` gives, keeps, removes and says, with installers that do nothing."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

import fake_environments as fakes
from tflbuild.core.errors import MissingTool
from tflbuild.environments.making import installing
from tflbuild.environments.making import make as making
from tflbuild.environments.making.by_hand import by_hand
from tflbuild.environments.making.make import make, remove

RUNNING = ".".join(map(str, sys.version_info[:3]))


def clock(monkeypatch: pytest.MonkeyPatch, *times: float) -> None:
    left = list(times)
    monkeypatch.setattr(making.time, "monotonic", lambda: left.pop(0))


def test_it_says_how_long_it_took_and_nothing_of_one_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = fakes.declare(monkeypatch, tmp_path)
    fakes.make_quickly(monkeypatch)
    clock(monkeypatch, 100.0, 107.5)
    assert make(toy()).seconds == 7.5
    clock(monkeypatch, 100.0, 107.5)
    again = make(toy())
    assert (again.new, again.seconds) == (False, 0.0)
    assert again.made.packages == {"numpy": "0"}


def test_what_is_made_is_kept_beside_others_for_the_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy, done = fakes.declare(monkeypatch, tmp_path), fakes.make_quickly(monkeypatch)
    made = make(toy(), wheels=Path("/wheels")).made
    assert done == ["venv", "wheels /wheels"]
    assert toy().folder().parent.stat().st_mode & 0o777 == 0o700
    assert (made.name, made.folder, made.python) == ("toy", toy().folder(), toy().folder() / "bin/python")
    kept = {"interpreter": "bin/python", "python": "3.13.0", "packages": {"numpy": "0"}}
    assert json.loads((made.folder / "ready.json").read_text()) == kept
    assert toy().made() == made
    assert sorted(one.name for one in made.folder.iterdir()) == ["bin", "pyvenv.cfg", "ready.json"]


NEIGHBOURS = ("toy-extra-123", "other-123", "toys-123")


def test_only_environments_of_its_name_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = fakes.declare(monkeypatch, tmp_path)
    fakes.make_quickly(monkeypatch)
    folder = toy().folder().parent
    for name in (*NEIGHBOURS, "toy-123"):
        (folder / name).mkdir(parents=True)
    (folder / "toy-file").write_text("")
    make(toy())
    assert not (folder / "toy-123").exists(), "it has other requirements"
    assert all((folder / name).is_dir() for name in NEIGHBOURS)
    for name in ("toy-456", "toy-789"):
        (folder / name / "inner").mkdir(parents=True)
    assert remove(toy()) == 3
    assert sorted(one.name for one in folder.iterdir() if not one.name.startswith(".")) == sorted(
        [*NEIGHBOURS, "toy-file"]
    )
    assert remove(toy()) == 0


def test_where_nothing_was_ever_made_there_is_nothing_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = fakes.declare(monkeypatch, tmp_path / "absent")
    assert remove(toy()) == 0
    assert not (tmp_path / "absent").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    toy = fakes.declare(monkeypatch, tmp_path / "file")
    with pytest.raises(MissingTool) as caught:
        make(toy())
    place = toy().folder().parent
    assert str(caught.value).startswith(
        f"the environment 'toy' cannot be made: Not a directory: '{place}'. Where the packages can be had, "
    )


def test_an_error_without_a_number_or_a_file_is_said_with_the_environments_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = fakes.declare(monkeypatch, tmp_path)

    def full(*given: Any) -> Path:
        raise OSError("the disk is full")

    monkeypatch.setattr(installing, "fresh", full)
    with pytest.raises(MissingTool) as caught:
        make(toy())
    assert str(caught.value) == (
        f"the environment 'toy' cannot be made: the disk is full: '{toy().folder()}'. {by_hand(toy())}"
    )
    assert not toy().folder().exists()


class Real(fakes.Toy):
    """What the tests have themselves."""

    requirements: ClassVar[tuple[str, ...]] = ("numpy==0", "pytest==0")
    imports: ClassVar[tuple[str, ...]] = ("json", "zipfile")


def test_its_contents_are_the_versions_that_python_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making.pythons, "SECONDS", 600.0)  # however busy the machine is
    version, packages = making._contents(Real(), Path(sys.executable))
    assert version == RUNNING
    assert packages == {name: importlib.metadata.version(name) for name in ("numpy", "pytest")}


class Broken(Real):
    """What cannot be imported."""

    imports: ClassVar[tuple[str, ...]] = ("json", "no_such_module")


class Absent(Real):
    """What has no package of its name."""

    requirements: ClassVar[tuple[str, ...]] = ("no-such-package==1",)


def test_packages_that_cannot_be_imported_or_are_absent_are_a_reason() -> None:
    said = r"^its packages cannot be imported: ModuleNotFoundError: No module named 'no_such_module'$"
    with pytest.raises(installing.Failed, match=said):
        making._contents(Broken(), Path(sys.executable))
    with pytest.raises(installing.Failed, match=r"PackageNotFoundError: .*no-such-package"):
        making._contents(Absent(), Path(sys.executable))


def test_packages_that_never_stop_importing_are_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "IMPORT_SECONDS", 0.001)
    with pytest.raises(installing.Failed, match=r"^its packages took too long to import$"):
        making._contents(Real(), Path(sys.executable))
