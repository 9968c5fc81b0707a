"""What is read of ONNX files, held to the package `onnx`, which writes one and lists its operators and dtypes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.signature import TensorSpec
from tflbuild.formats.onnx import external, operators
from tflbuild.formats.onnx.graph import DTYPES, read

WRITES = """
import json, sys
import numpy as np
import onnx
from onnx import TensorProto, defs, helper, numpy_helper

folder = sys.argv[1]
values = np.array([[1.5, -2.0, 0.25]], np.float32)
weights = numpy_helper.from_array(values, "weights")
beside = numpy_helper.from_array(np.arange(5, dtype=np.int64), "beside")
onnx.external_data_helper.set_external_data(beside, "beside.bin", offset=16, length=40)
beside.ClearField("raw_data")
branches = [
    helper.make_graph([helper.make_node(kind, ["x"], [kind])], kind, [],
                      [helper.make_tensor_value_info(kind, TensorProto.FLOAT, None)])
    for kind in ("Sin", "Cos")
]
nodes = [
    helper.make_node("Constant", [], ["held"], value=helper.make_tensor("", TensorProto.FLOAT, [2], [7.0, 8.0])),
    helper.make_node("If", ["truth"], ["either"], then_branch=branches[0], else_branch=branches[1]),
    helper.make_node("Swish", ["x"], ["y"], domain="mine"),
    helper.make_node("Transpose", ["x"], ["z"], perm=[0, 3, 1, 2]),
]
graph = helper.make_graph(
    nodes, "graph",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, None, 7]),
     helper.make_tensor_value_info("truth", TensorProto.BOOL, []),
     helper.make_tensor_value_info("weights", TensorProto.FLOAT, [1, 3])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT16, [1, 5]),
     helper.make_tensor_value_info("z", TensorProto.FLOAT, None)],
    [weights, beside],
    value_info=[helper.make_tensor_value_info("either", TensorProto.INT64, [2, 4])],
)
swish = helper.make_function(
    "mine", "Swish", ["a"], ["b"], [helper.make_node("Sigmoid", ["a"], ["b"])], [helper.make_opsetid("", 17)]
)
model = helper.make_model(
    graph, functions=[swish], producer_name="exporter", producer_version="2.1",
    opset_imports=[helper.make_opsetid("mine", 3), helper.make_opsetid("", 17)],
)
helper.set_model_props(model, {"names": "['a']", "author": "somebody"})
with open(f"{folder}/model.onnx", "wb") as file:
    file.write(model.SerializeToString())
said = {
    "operators": sorted({one.name for one in defs.get_all_schemas_with_history() if one.domain == ""}),
    "newest": defs.onnx_opset_version(),
    "dtypes": {number: np.dtype(helper.tensor_dtype_to_np_dtype(number)).name
               for number in TensorProto.DataType.values() if number not in (0, 8)},
}
print(json.dumps(said))
"""


class Reference:
    """What the package says, and the folder of the file that it wrote."""

    def __init__(self, environment: Path, folder: Path) -> None:
        command = [str(environment / "bin/python"), "-I", "-c", WRITES, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        self.folder, self.said = folder, json.loads(done.stdout)
        self.content = (folder / "model.onnx").read_bytes()


@pytest.fixture(scope="module")
def reference(onnx_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(onnx_environment, tmp_path_factory.mktemp("reference"))


def test_the_operators_are_those_of_onnx(reference: Reference) -> None:
    assert set(reference.said["operators"]) == operators.KNOWN
    assert operators.OPSETS[-1] == reference.said["newest"]


def test_dtypes_have_the_numbers_of_onnx(reference: Reference) -> None:
    said: dict[str, Any] = reference.said["dtypes"]
    assert {number: name for number, name in DTYPES.items() if number != 8} == {
        number: said[str(number)] for number in DTYPES if number != 8
    }
    assert DTYPES[8] == "string"


def test_a_file_that_onnx_wrote_is_read_as_it_was_made(reference: Reference) -> None:
    found = read(reference.content)
    assert (found.opset, found.producer) == (17, "exporter 2.1")
    assert dict(found.properties) == {"names": "['a']", "author": "somebody"}
    assert [(one.said, one.inputs, one.outputs) for one in found.nodes] == [
        ("Constant", (), ("held",)),
        ("If", ("truth",), ("either",)),
        ("mine.Swish", ("x",), ("y",)),
        ("Transpose", ("x",), ("z",)),
    ]
    assert found.nodes[3].numbers("perm") == (0, 3, 1, 2)
    assert sorted(one.said for one in found.inner) == ["Cos", "Sigmoid", "Sin"]
    assert found.functions == {"mine.Swish"}
    assert dict(found.inputs) == {"x": TensorSpec((-1, 3, -1, 7), "float32"), "truth": TensorSpec((), "bool")}
    assert dict(found.outputs) == {"y": TensorSpec((1, 5), "float16"), "z": None}
    assert dict(found.shapes) == {"either": TensorSpec((2, 4), "int64")}
    assert set(found.constants) == {"weights", "beside", "held"}
    assert found.few_values("weights") == (1.5, -2.0, 0.25)
    assert found.few_values("held") == (7.0, 8.0)
    assert found.few_values("beside") is None


def test_the_weights_that_onnx_put_beside_a_file_are_found(reference: Reference) -> None:
    place = reference.folder / "beside.bin"
    place.write_bytes(bytes(56))
    assert external.files_of(reference.content, reference.folder / "model.onnx") == (place,)
    place.write_bytes(bytes(55))
    with pytest.raises(ValueError, match="which has 55 bytes; expected at least 56"):
        external.files_of(reference.content, reference.folder / "model.onnx")
