"""What Keras 3 would import or call for a name in a file never reaches it."""

from __future__ import annotations

from typing import Any

import pytest

from keras3_files import dense, functional, image, layer, operation, policy, tensor
from tflbuild.formats.keras.inert import Unwanted
from tflbuild.formats.keras.keras3.names import in_float32, inert


def test_built_in_layers_stay_and_what_was_built_and_compiled_goes() -> None:
    config = {**dense(), "compile_config": {"loss": {"module": "os", "class_name": "system", "config": {}}}}
    config["config"]["layers"][2]["build_config"] = {"input_shape": [None, 1 << 60]}
    kept = inert(config)
    assert "compile_config" not in kept
    assert "build_config" not in kept["config"]["layers"][2]
    assert kept["config"]["layers"][2]["config"]["units"] == 2


@pytest.mark.parametrize(
    "prepared",
    [
        {"module": "os", "class_name": "system", "config": "touch /tmp/x", "registered_name": None},
        {"module": "keras.utils", "class_name": "get_file", "config": {}, "registered_name": None},
        {"module": "keras.layers", "class_name": "Lambda", "config": {}, "registered_name": None},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {}, "registered_name": None},
        {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"},
        {"module": "builtins", "class_name": "__lambda__", "config": {"value": "4wE="}},
        {"module": "mine", "class_name": "Dense", "config": {}, "registered_name": None},
        {"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": "mine>Dense"},
        {
            "module": "keras.src.ops.numpy",
            "class_name": "Vectorize",
            "config": {},
            "registered_name": "Vectorize",
        },
        {
            "module": "keras.src.saving.saving_lib",
            "class_name": "Add",
            "config": {},
            "registered_name": "Add",
        },
        {"module": ["os"], "class_name": ["system"], "config": {}},
        {"class_name": ["system"], "config": {}},
        {"module": "keras.src.ops.core", "class_name": "Map", "config": {}, "registered_name": "Map"},
        {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
        {"module": "keras.src.applications.resnet", "class_name": "LayerScale", "config": {}},
        {"class_name": "__typespec__", "config": [], "spec_name": "system", "module": "os"},
    ],
)
@pytest.mark.parametrize("place", ["option", "argument", "list"])
def test_what_is_not_known_is_refused_at_any_depth(prepared: dict[str, Any], place: str) -> None:
    flat = layer("Flatten", "flat", "image")
    if place == "option":
        flat["config"]["data_format"] = prepared
    elif place == "argument":
        flat["inbound_nodes"][0]["kwargs"]["x"] = {"deep": prepared}
    else:
        flat["config"]["many"] = [[prepared]]
    with pytest.raises(Unwanted, match="is nothing of Keras 3 that is known to run no code"):
        inert(functional(image(), flat))


def test_operations_and_their_values_are_known() -> None:
    array = {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}}
    config = functional(image(), operation("Add", "a", tensor("image"), array))
    assert inert(config) == config


def test_all_layers_compute_in_float32() -> None:
    config = functional(
        layer("InputLayer", "image", batch_shape=[None, 8], dtype="float16"),
        layer("Dense", "a", "image", dtype=policy("mixed_float16")),
        operation("Cast", "b", tensor("a"), dtype="int32"),
    )
    given, dense_layer, cast = in_float32(config)["config"]["layers"]
    assert given["config"]["dtype"] == "float32"
    assert dense_layer["config"]["dtype"]["config"] == {"name": "float32"}
    assert cast["config"]["dtype"] == "int32"
