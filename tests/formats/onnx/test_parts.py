"""What outputs of ONNX files are joined of, seen by the layers that make each part."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild.formats.onnx import description
from tflbuild.models.file import File

FILES = [
    ("FastestDet", {"758": (3, (1, 4, 80))}),
    ("mobilenet_v2_0.35_128", {}),
    # rows of six maps: 32, 16, 8, 4 and 2 cells a side with 5 boxes each, and 5 boxes of the whole picture
    ("st_ssd_mobilenet_v1_025_256", {"anchors_concat": (1, (5120, 1280, 320, 80, 20, 5))}),
]


@pytest.mark.parametrize(("name", "parts"), FILES, ids=[row[0] for row in FILES])
def test_a_map_is_joined_of_what_its_layers_make(
    name: str, parts: dict[str, tuple[int, tuple[int, ...]]], shared_models: Path
) -> None:
    assert description.describe(shared_models / "onnx" / f"{name}.onnx").parts == parts


def test_heads_of_onnx_files_are_recognised(shared_models: Path) -> None:
    found = {
        name: File(path=str(shared_models / "onnx" / f"{name}.onnx")).description.head
        for name in ("FastestDet", "st_ssd_mobilenet_v1_025_256")
    }
    assert [(head["name"], head["classes"]) for head in found.values()] == [("yolo", 80), ("ssd", 1)]
    assert found["FastestDet"]["raw"] == {"758": [1, 22, 22, 85]}
