"""Models as files."""

from __future__ import annotations

from pathlib import Path

from tflbuild.core.artifact import KINDS, Artifact, KerasModel


def test_kinds_are_known_by_their_own_names_with_the_endings_of_their_files() -> None:
    assert {name: kind.suffix for name, kind in KINDS.items()} == {
        "KerasModel": ".h5",
        "SavedModel": ".zip",
        "TFLiteModel": ".tflite",
        "OnnxModel": ".onnx",
    }
    assert all(kind.kind == kind.__name__ == name for name, kind in KINDS.items())
    assert KINDS["KerasModel"] is KerasModel


def test_files_of_devices_have_the_outputs_of_the_device() -> None:
    assert [name for name, kind in KINDS.items() if kind.whole] == ["TFLiteModel", "OnnxModel"]


def test_an_artifact_knows_nothing_until_it_is_told() -> None:
    assert Artifact(path=Path("x"), digest="d", fingerprint="f").meta == {}
    assert (Artifact.kind, Artifact.suffix) == ("Artifact", "")
