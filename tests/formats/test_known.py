"""What is remembered of model files, and what makes it be looked at again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tflbuild.core.cache import cache_folder
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Asked, Description
from tflbuild.formats import known
from tflbuild.formats.keras.model_format import Keras
from tflbuild.formats.tflite.model_format import Tflite
from tflite_files import classifier

Looks = list[Path]


@pytest.fixture(autouse=True)
def _remembering(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let files that were just written count as settled, in a cache of the test's own."""
    monkeypatch.setattr(known, "RACY", -(10**12))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """List the files that are described, in order."""
    listed: Looks = []
    whole = Tflite.describe

    def describe(self: Tflite, path: Path) -> Description:
        listed.append(path)
        return whole(self, path)

    monkeypatch.setattr(Tflite, "describe", describe)
    return listed


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(classifier("SOFTMAX"))
    return path


def in_another_process() -> None:
    """Forget what this process has seen; what lies on disk stays."""
    known._SEEN.clear()


def test_a_file_is_looked_at_once_for_all_processes(model: Path, looks: Looks) -> None:
    first = known.described(model)
    assert known.described(model) is first
    in_another_process()
    again = known.described(model)
    assert looks == [model]
    assert again.kind.name == "tflite"
    assert again.description == first.description
    assert again.description.head == {"outputs": {"scores": "scores"}, "scores": "softmax"}


CHANGES: dict[str, Callable[[Path], object]] = {
    "the file": lambda path: path.write_bytes(classifier("LOGISTIC")),
    "a list of class names appears": lambda path: (path.parent / "labels.txt").write_text("a\nb\nc\n"),
    "the code": lambda path: known.code_digest.cache_clear(),
}


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_is_looked_at_again(
    what: str, fresh: bool, model: Path, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.described(model)
    CHANGES[what](model)
    if what == "the code":
        monkeypatch.setattr(known, "code_digest", lambda *modules: "other")
        fresh = True  # code does not change in a process
    if fresh:
        in_another_process()
    found = known.described(model).description
    assert looks == [model, model]
    if what == "the file":
        assert found.head["scores"] == "sigmoid"
    if what == "a list of class names appears":
        assert found.labels == {"labels.txt": ("a", "b", "c")}


def test_a_list_of_class_names_that_changed_counts(model: Path, looks: Looks) -> None:
    names = model.parent / "labels.txt"
    names.write_text("a\nb\nc\n")
    known.described(model)
    names.write_text("c\nb\na\n")
    assert known.described(model).description.labels == {"labels.txt": ("c", "b", "a")}


def test_a_refused_file_is_looked_at_again(model: Path, looks: Looks) -> None:
    whole = model.read_bytes()
    model.write_bytes(whole[:200])
    for _ in range(2):
        with pytest.raises(RecipeError):
            known.described(model)
    model.write_bytes(whole)
    assert known.described(model).description.task == "classification"


def test_a_file_that_changed_a_moment_ago_is_not_remembered(
    model: Path, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "RACY", 10**12)
    known.described(model)
    in_another_process()
    known.described(model)
    assert looks == [model, model]


def test_an_entry_that_is_damaged_only_costs_time(model: Path, looks: Looks) -> None:
    known.described(model)
    (entry,) = cache_folder(known.KEPT).iterdir()
    entry.write_bytes(entry.read_bytes()[:-3])
    in_another_process()
    assert known.described(model).description.task == "classification"
    assert looks == [model, model]


def test_a_format_that_is_gone_is_no_error(model: Path, looks: Looks) -> None:
    known.described(model)
    cache, name = known.Cache(known.KEPT), json.dumps([str(model), "", [], ""])
    kept = json.loads(cache.read(name) or b"")
    cache.write(name, json.dumps({**kept, "format": "of_a_plugin"}).encode())
    in_another_process()
    assert known.described(model).kind.name == "tflite"


def test_what_the_recipe_says_of_a_file_is_remembered_apart(model: Path) -> None:
    known.described(model)
    with pytest.raises(ValueError, match=r"shape: a file of the format 'tflite' says it itself"):
        known.described(model, Asked(shape=(1, 8, 8, 3)))


def test_a_model_that_is_a_folder_consists_of_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    for name in ("saved_model.pb", "variables/data"):
        (folder / name).write_bytes(b"")
    assert Keras().files(folder) == (folder / "saved_model.pb", folder / "variables/data")
    assert Keras().files(folder / "saved_model.pb") == (folder / "saved_model.pb",)


def test_the_stamps_of_a_file_are_its_size_its_inode_and_its_times(model: Path, tmp_path: Path) -> None:
    status = model.stat()
    (stamp,) = known._stamps([model])
    assert stamp == (str(model), status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
    assert known._stamps([tmp_path / "gone"]) == ((str(tmp_path / "gone"), 0, 0, 0, 0),)


def test_a_file_is_settled_once_all_of_its_times_are_older_than_a_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(known, "RACY", 100)
    monkeypatch.setattr(known.time, "time_ns", lambda: 1000)
    assert known._settled((("a", 1, 2, 10, 899), ("b", 1, 2, 899, 10)))
    assert not known._settled((("a", 1, 2, 10, 899), ("b", 1, 2, 900, 10)))
    assert not known._settled((("a", 1, 2, 10, 900),))
    assert known._settled((("a", 5000, 5000, 10, 20),)), "a size is not a time"


def test_a_file_that_changes_while_it_is_looked_at_is_not_remembered(
    model: Path, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Tflite.describe_as

    def describe(self: Tflite, path: Path, asked: Asked) -> Description:
        found = whole(self, path, asked)
        path.write_bytes(classifier("LOGISTIC"))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Tflite, "describe_as", describe)
        assert known.described(model).description.head["scores"] == "softmax"
    in_another_process()
    assert known.described(model).description.head["scores"] == "sigmoid"
    assert len(looks) == 2


def test_a_relative_path_is_the_same_file(model: Path, looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    first = known.described(model)
    monkeypatch.chdir(model.parent)
    assert known.described(Path(model.name)) is first
    assert looks == [model]
