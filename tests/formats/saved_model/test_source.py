"""Which files a SavedModel consists of, in a folder and in an archive, and which archives are not unpacked."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from saved_model_files import classifier
from tflbuild.core.errors import RecipeError
from tflbuild.formats.saved_model import source
from tflbuild.formats.saved_model.source import Source, holds

TREE: Mapping[str, bytes] = {
    "pipeline.config": b"p",
    "label_map.pbtxt": b"l",
    "notes.md": b"n",
    "checkpoint/ckpt-0.index": b"c",
    "saved_model/saved_model.pb": b"g",
    "saved_model/fingerprint.pb": b"f",
    "saved_model/inner.txt": b"t",
    "saved_model/variables/variables.index": b"i",
    "saved_model/variables/variables.data-00000-of-00001": b"v",
    "saved_model/assets/words.txt": b"w",
    "saved_model/assets.extra/x.txt": b"x",
}
"""What an exporter of the Object Detection API writes."""

DECIDING = (
    "label_map.pbtxt",
    "pipeline.config",
    "saved_model/assets/words.txt",
    "saved_model/inner.txt",
    "saved_model/saved_model.pb",
    "saved_model/variables/variables.data-00000-of-00001",
    "saved_model/variables/variables.index",
)


def folder(place: Path, tree: Mapping[str, bytes] = TREE) -> Path:
    for name, content in tree.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return place


def archive(path: Path, tree: Mapping[str, bytes] = TREE, prefix: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, content in tree.items():
            made.writestr(prefix + name, content)
    return path


def test_a_folder_is_its_graph_its_variables_its_assets_and_the_texts_beside(tmp_path: Path) -> None:
    found = Source(folder(tmp_path))
    assert (found.root, found.packed, found.graph, found.config) == (
        "saved_model",
        False,
        b"g",
        "pipeline.config",
    )
    assert found.files() == tuple(tmp_path / name for name in DECIDING)
    assert found.variables == (
        "saved_model/variables/variables.data-00000-of-00001",
        "saved_model/variables/variables.index",
    )
    assert found.ending(".txt") == ["saved_model/inner.txt"]
    assert found.ending(".pbtxt") == ["label_map.pbtxt"]


def test_the_inner_folder_is_the_same_where_the_configuration_lies_above(tmp_path: Path) -> None:
    outer = folder(tmp_path)
    assert Source(outer / "saved_model").path == outer
    assert Source(outer / "saved_model").files() == Source(outer).files()
    (outer / "pipeline.config").unlink()
    inner = Source(outer / "saved_model")
    assert (inner.path, inner.root, inner.config) == (outer / "saved_model", "", "")
    assert inner.variables == ("variables/variables.data-00000-of-00001", "variables/variables.index")


def test_an_inner_folder_of_another_name_is_found_by_its_configuration(tmp_path: Path) -> None:
    tree = {name.replace("saved_model/", "export/"): content for name, content in TREE.items()}
    found = Source(folder(tmp_path, tree) / "export")
    assert (found.path, found.root, found.graph) == (tmp_path, "export", b"g")


@pytest.mark.parametrize("prefix", ["", "top/"])
def test_an_archive_is_decided_by_itself(prefix: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "model.zip", prefix=prefix)
    found = Source(path)
    assert (found.packed, found.root, found.graph) == (True, f"{prefix}saved_model", b"g")
    assert found.files() == (path,)
    assert found.config == f"{prefix}pipeline.config"
    assert found.near("C:\\work\\data\\label_map.pbtxt") == f"{prefix}label_map.pbtxt"


def test_the_outermost_graph_of_an_archive_is_taken(tmp_path: Path) -> None:
    tree = {"b/saved_model.pb": b"b", "a/saved_model.pb": b"a", "saved_model.pb": b"outer"}
    assert Source(archive(tmp_path / "m.zip", tree)).graph == b"outer"
    del tree["saved_model.pb"]
    assert Source(archive(tmp_path / "n.zip", tree)).graph == b"a"


def test_a_path_of_another_machine_is_found_by_its_end(tmp_path: Path) -> None:
    tree = {**TREE, "saved_model/maps/m.pbtxt": b"", "saved_model/m.pbtxt": b""}
    found = Source(archive(tmp_path / "m.zip", tree))
    assert found.near("/home/x/maps/m.pbtxt") == "saved_model/maps/m.pbtxt", "the longest end first"
    assert found.near("/home/x/m.pbtxt") == "saved_model/m.pbtxt"
    assert found.near("label_map.pbtxt") == "label_map.pbtxt"
    assert found.near("/gone.pbtxt") == ""
    assert found.near("") == ""


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    found = Source(folder(tmp_path / "m"))
    packed = Source(archive(tmp_path / "m.zip"))
    for one in (found, packed):
        assert one.read("pipeline.config", 1) == b"p"
        with pytest.raises(RecipeError, match=r"^model\.path: 'gone' of '.*' cannot be read: "):
            one.read("gone", 1)
    with pytest.raises(RecipeError, match=r"'pipeline\.config' of '.*m\.zip' has more than 0 bytes\.$"):
        packed.read("pipeline.config", 0)
    with pytest.raises(RecipeError, match=r"'pipeline\.config' of '.*/m' "):
        found.read("pipeline.config", 0)


def test_without_a_graph_it_is_none(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with pytest.raises(RecipeError) as caught:
        Source(tmp_path / "m")
    assert str(caught.value) == f"model.path: '{tmp_path / 'm'}' has no saved_model.pb."
    (tmp_path / "m.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(RecipeError, match=r"^model\.path: '.*m\.zip' is a damaged archive\.$"):
        Source(tmp_path / "m.zip")


def unsafe(folder: Path, tree: Mapping[str, bytes] = TREE) -> str:
    with pytest.raises(RecipeError) as caught:
        Source(archive(folder / "m.zip", tree))
    said = str(caught.value)
    return said.removeprefix(f"model.path: the archive '{folder / 'm.zip'}' ").removesuffix(
        "; nothing of it is unpacked."
    )


def test_an_archive_of_more_than_a_model_has_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = sum(map(len, TREE.values()))
    monkeypatch.setattr(source, "MOST_MEMBERS", len(TREE))
    monkeypatch.setattr(source, "MOST_UNPACKED", total)
    Source(archive(tmp_path / "m.zip"))
    monkeypatch.setattr(source, "MOST_UNPACKED", total - 1)
    assert unsafe(tmp_path) == "is too large for a SavedModel"
    monkeypatch.setattr(source, "MOST_MEMBERS", len(TREE) - 1)
    assert unsafe(tmp_path) == f"has {len(TREE)} members, too many for a SavedModel"


@pytest.mark.parametrize("name", ["../x", "a/../x", "/x", "a\\x", "C:x"])
def test_a_member_that_leads_outside_is_named(name: str, tmp_path: Path) -> None:
    said = unsafe(tmp_path, {**TREE, name: b""})
    assert said.startswith("has a member '")
    assert said.endswith("', whose path leads outside")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.zip")
    with zipfile.ZipFile(path, "a") as made:
        made.writestr("pipeline.config", b"another")
    with pytest.raises(RecipeError, match="has two members with the same name; nothing of it is unpacked"):
        Source(path)


def test_where_a_model_may_lie(tmp_path: Path) -> None:
    assert holds(folder(tmp_path / "m"), b"")
    assert holds(folder(tmp_path / "n", {"saved_model.pb": classifier()}), b"")
    assert not holds(folder(tmp_path / "o", {"other/saved_model.pb": b""}), b"")
    assert holds(archive(tmp_path / "two.zip", {"a/b/saved_model.pb": b""}), b"PK\x03\x04")
    assert not holds(archive(tmp_path / "three.zip", {"a/b/c/saved_model.pb": b""}), b"PK\x03\x04")
    assert not holds(tmp_path / "two.zip", b"\x08\x01")


def test_a_large_member_is_unpacked_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "CHUNK", 4)
    tree = {**TREE, "saved_model/variables/variables.index": b"0123456789"}
    place = Source(archive(tmp_path / "m.zip", tree)).folder(tmp_path / "laid", b"graph")
    assert place == tmp_path / "laid" / "saved_model"
    assert (place / "variables/variables.index").read_bytes() == b"0123456789"
    assert (place / "saved_model.pb").read_bytes() == b"graph"
    assert sorted(one.name for one in place.iterdir()) == ["assets", "saved_model.pb", "variables"]
