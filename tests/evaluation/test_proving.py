"""A file that a pass just wrote, held to being one that can be executed."""

from __future__ import annotations

from pathlib import Path

import pytest

from keras_files import dense, h5
from tflbuild.core.artifact import Artifact, KerasModel, SavedModel, TFLiteModel
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.evaluation.proving import prove


def of(kind: type[Artifact], path: Path) -> Artifact:
    return kind(path=path, digest="", fingerprint="")


def test_a_file_that_its_runtime_executes_is_accepted(float_classifier: Path, tmp_path: Path) -> None:
    prove(of(TFLiteModel, float_classifier))
    prove(of(KerasModel, h5(tmp_path / "model.h5", dense())))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (TFLiteModel, "the file it wrote does not run in LiteRT"),
        (KerasModel, "the file it wrote cannot be read"),
    ],
)
def test_a_file_that_cannot_be_executed_breaks_its_promise(
    kind: type[Artifact], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "broken"
    path.write_bytes(b"neither a flatbuffer nor HDF5")
    with pytest.raises(BrokenPromise, match=said):
        prove(of(kind, path))


def test_a_file_of_a_kind_that_nothing_executes_cannot_be_proved(tmp_path: Path) -> None:
    with pytest.raises(
        PassError, match="no runtime can execute a model of kind SavedModel; convert it first"
    ):
        prove(of(SavedModel, tmp_path / "model.zip"))
