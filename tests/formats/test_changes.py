"""What a pass changed in a graph, on files written by hand; numbers are counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conforming import validator
from foreign_networks import FUSED, Draft
from keras_files import dense, functional, h5, layer
from tflbuild.core.artifact import KerasModel, OnnxModel, TFLiteModel
from tflbuild.formats.changes import NAMED, changes
from tflbuild.tflite import flatbuffer


def tflite(folder: Path, name: str, content: bytes) -> TFLiteModel:
    path = folder / f"{name}.tflite"
    path.write_bytes(content)
    return TFLiteModel(path=path, digest=name, fingerprint=name, meta={})


def keras(folder: Path, name: str, config: Any) -> KerasModel:
    return KerasModel(path=h5(folder / f"{name}.h5", config), digest=name, fingerprint=name, meta={})


def draft(units: int = 8, more: bool = False, seed: int = 1) -> bytes:
    made = Draft(seed, x=(1, 12))
    made.dense("h", "x", units, FUSED.RELU)
    last = made.softmax("s", "h") if more else "h"
    made.dense("y", last, 3)
    return made.content("y")


def altered(content: bytes, called: str, **fields: Any) -> bytes:
    """Give a file in which one tensor has other fields."""
    model = flatbuffer.unpack(content)
    (tensor,) = [one for one in model.subgraphs[0].tensors if one.name.decode() == called]
    for field, value in fields.items():
        setattr(tensor, field, value)
    return flatbuffer.pack(model)


def found(before: Any, after: Any) -> dict[str, Any]:
    """Give the changes, once they have the form that report.json promises of them."""
    made = changes(before, after)
    schema = validator("report").schema
    graph = {"$ref": "#/$defs/graph", "$defs": schema["$defs"]}
    assert not made or validator("report").evolve(schema=graph).is_valid(made)
    return made


def test_a_file_against_itself_changed_nothing(tmp_path: Path) -> None:
    one = tflite(tmp_path, "one", draft())
    assert found(one, one) == {
        "operators": {"FULLY_CONNECTED": [2, 2]},
        "tensors": [7, 7],
        "changed": [],
        "added": [],
        "removed": [],
        "regridded": 0,
        "revalued": 0,
    }


def test_an_operator_that_was_put_in_is_counted_with_its_tensor(tmp_path: Path) -> None:
    made = found(tflite(tmp_path, "one", draft()), tflite(tmp_path, "two", draft(more=True)))
    assert made["operators"] == {"FULLY_CONNECTED": [2, 2], "SOFTMAX": [0, 1]}
    assert made["tensors"] == [7, 8]
    assert made["added"] == [{"operator": "SOFTMAX", "dtype": "float32", "count": 1, "tensors": ["s"]}]
    assert (made["changed"], made["removed"], made["revalued"]) == ([], [], 0)
    back = found(tflite(tmp_path, "two", draft(more=True)), tflite(tmp_path, "one", draft()))
    assert back["removed"] == made["added"]
    assert back["added"] == []


def test_another_shape_is_told_with_both(tmp_path: Path) -> None:
    made = found(tflite(tmp_path, "one", draft(8)), tflite(tmp_path, "two", draft(5)))
    moved = {(one["operator"], *one["tensors"]): one["shape"] for one in made["changed"]}
    assert moved == {
        ("constant", "h/weights"): [[8, 12], [5, 12]],
        ("constant", "h/bias"): [[8], [5]],
        ("constant", "y/weights"): [[3, 8], [3, 5]],
        ("FULLY_CONNECTED", "h"): [[1, 8], [1, 5]],
    }
    assert made["revalued"] == 1, "the bias of y is another random one"


def test_other_values_alone_are_counted(tmp_path: Path) -> None:
    made = found(tflite(tmp_path, "one", draft(seed=1)), tflite(tmp_path, "two", draft(seed=2)))
    assert (made["revalued"], made["regridded"], made["changed"]) == (4, 0, [])


def test_dtypes_are_grouped_by_what_makes_a_tensor_and_some_are_named(tmp_path: Path) -> None:
    made = Draft(1, x=(1, 4))
    last = "x"
    for number in range(NAMED + 2):
        last = made.dense(f"d{number}", last, 4)
    content = made.content(last)
    other = content
    for number in range(NAMED + 2):
        other = altered(other, f"d{number}/bias", type=flatbuffer.schema.TensorType.INT32)
    (group,) = found(tflite(tmp_path, "one", content), tflite(tmp_path, "two", other))["changed"]
    assert group == {
        "operator": "constant",
        "dtype": ["float32", "int32"],
        "shape": None,
        "count": NAMED + 2,
        "tensors": [f"d{number}/bias" for number in range(NAMED)],
    }


def test_another_scale_alone_is_counted(tmp_path: Path) -> None:
    def scaled(scale: float) -> bytes:
        held = flatbuffer.schema.QuantizationParametersT()
        held.scale, held.zeroPoint = np.array([scale], np.float32), np.array([0], np.int64)
        return altered(draft(), "h", quantization=held)

    made = found(tflite(tmp_path, "one", scaled(0.5)), tflite(tmp_path, "two", scaled(0.25)))
    assert (made["regridded"], made["revalued"], made["changed"]) == (1, 0, [])


def test_two_tensors_of_one_name_are_told_apart(tmp_path: Path) -> None:
    same = altered(draft(), "h/bias", name=b"h")
    made = found(tflite(tmp_path, "one", draft()), tflite(tmp_path, "two", same))
    assert [group["tensors"] for group in made["added"]] == [["h#2"]]
    assert [group["tensors"] for group in made["removed"]] == [["h/bias"]]


def test_layers_become_operators(tmp_path: Path) -> None:
    made = found(keras(tmp_path, "one", dense()), tflite(tmp_path, "two", draft()))
    assert made == {
        "layers": {"Dense": [1, 0], "Flatten": [1, 0], "InputLayer": [1, 0]},
        "operators": {"FULLY_CONNECTED": [0, 2]},
    }


def test_of_keras_models_only_other_layers_are_told(tmp_path: Path) -> None:
    other = functional(
        layer("Flatten", "flat", "image"),
        layer("Dropout", "drop", "flat", rate=0.5),
        layer("Dense", "scores", "drop", units=2, activation="softmax"),
    )
    one, two = keras(tmp_path, "one", dense()), keras(tmp_path, "two", other)
    assert found(one, one) == {}
    assert found(one, two)["layers"]["Dropout"] == [0, 1]
    assert found(one, two)["layers"]["Dense"] == [1, 1]


def test_a_keras_file_that_cannot_be_read_is_said_with_the_reason(tmp_path: Path) -> None:
    broken = keras(tmp_path, "one", "no json")
    made = found(broken, tflite(tmp_path, "two", draft()))
    assert "is not a Keras model" in made["unread"]


def test_a_tflite_that_is_newer_than_we_are_ends_no_build(tmp_path: Path) -> None:
    model = flatbuffer.unpack(draft())
    model.operatorCodes[0].builtinCode = 5000
    newer = tflite(tmp_path, "two", flatbuffer.pack(model))
    made = found(tflite(tmp_path, "one", draft()), newer)
    assert made == {"unread": "one of the files has an operator of the unknown code 5000."}


@pytest.mark.parametrize("after", ["onnx", "tflite"])
def test_of_other_kinds_nothing_is_said(tmp_path: Path, after: str) -> None:
    onnx = OnnxModel(path=tmp_path / "a.onnx", digest="a", fingerprint="a", meta={})
    one = tflite(tmp_path, "one", draft())
    assert found(*((one, onnx) if after == "onnx" else (onnx, one))) == {}
