"""What the program does around onnx2tf, in its own environment with the real package `onnx`.

In the places of onnx2tf and onnxsim are functions that note what they are given: the files are held to what they saw.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onnx_files import Given, end, field, graph, message, node, tensor, written
from tflbuild.backends.programs import onnx_to_tflite
from tflbuild.backends.programs.onnx_to_tflite import names_of
from tflbuild.environments.running import answering

STANDING_IN = f"""
import json, runpy, sys, types
from pathlib import Path

asked = json.loads(Path(sys.argv[1]).read_text())

def simplify(model):
    if asked["simplifies"] == "raises":
        raise ValueError("cannot")
    model.graph.doc_string = "simplified"
    return model, asked["simplifies"]

def convert(**given):
    import onnx
    out = Path(given.pop("output_folder_path"))
    out.mkdir()
    model = onnx.load(given.pop("input_onnx_file_path"))
    onnx.checker.check_model(model)
    def ends(part):
        return [[one.name, [d.dim_value for d in one.type.tensor_type.shape.dim]] for one in part]
    def nodes(graph):
        return [[one.op_type, list(one.input), list(one.output), [
            nodes(inner) for a in one.attribute for inner in ([a.g] if a.HasField("g") else []) + list(a.graphs)
        ]] for one in graph.node]
    seen = dict(inputs=ends(model.graph.input), outputs=ends(model.graph.output), nodes=nodes(model.graph),
                within=ends(model.graph.value_info), doc=model.graph.doc_string, given=given,
                constants=[one.name for one in model.graph.initializer])
    (out.parent / "seen.json").write_text(json.dumps(seen))
    if asked["raises"] == "exit":
        sys.exit("=====\\nonnx2tf gave up\\nmore")
    if asked["raises"] == "nothing":
        return
    (out / "model_float32.tflite").write_bytes(b"made")
    (out / "model_tensor_correspondence_report.json").write_text(json.dumps({{"records": [
        {{"onnx_output_name": "output_0_of_onnx", "resolved_tflite_tensor_name": "PartitionedCall:0",
          "exists_in_final_model": True}}]}}))

for name, value in (("onnxsim", dict(simplify=simplify)), ("onnx2tf", dict(convert=convert))):
    module = types.ModuleType(name)
    vars(module).update(value)
    sys.modules[name] = module
sys.argv[1:] = [{str(onnx_to_tflite.__file__)!r}, sys.argv[1]]
runpy.run_path({str(answering.__file__)!r}, run_name="__main__")
"""


def content() -> bytes:
    """Give a file of two inputs and two outputs, one of which a branch reads; a shape within is wrong."""
    branch = graph(Given([node("Relu", ["pic/0"], ["r"])], [], [end("r", None)]))
    other = graph(Given([node("Neg", ["pic/0"], ["r2"])], [], [end("r2", None)]))
    nodes = [
        node("If", ["sure"], ["out:a"], then_branch=branch, else_branch=other),
        node("Conv", ["pic/0", "kernel"], ["seen"], kernel_shape=[2, 2]),
        node("Sigmoid", ["seen"], ["out:b"]),
    ]
    inputs = [
        end("kernel", (4, 3, 2, 2)),
        end("pic/0", ("N", 3, "H", "W")),
        end("sure", (), "bool"),
    ]
    outputs = [end("out:a", None), end("out:b", ("N", "C", 99, "W"))]
    kernel = tensor("kernel", np.ones((4, 3, 2, 2), np.float32))
    wrong = field(13, end("seen", (9, 9, 9, 9)))
    main = graph(Given(nodes, inputs, outputs, [kernel])) + wrong
    return message((1, 8), (7, main), (8, message((1, ""), (2, 13))))


class Ran:
    """One run of the program: its answer, and what onnx2tf saw."""

    def __init__(self, environment: Path, folder: Path, **asked: Any) -> None:
        request = {
            "model": str(written(folder, content())),
            "shapes": {"pic/0": [1, 3, 6, 8], "sure": []},
            "kept": ["sure", "absent"],
            "out": str(folder / "out"),
            "simplifies": True,
            "raises": "",
            **asked,
        }
        (folder / "out").mkdir()
        (folder / "request.json").write_text(json.dumps(request))
        program = folder / "standing_in.py"
        program.write_text(STANDING_IN)
        command = [environment / "bin/python", "-I", program, folder / "request.json"]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        self.answer = json.loads((folder / "answer.json").read_text())
        seen = folder / "out" / "seen.json"
        self.seen: dict[str, Any] = json.loads(seen.read_text()) if seen.is_file() else {}


@pytest.fixture(scope="module")
def ran(onnx_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return Ran(onnx_environment, tmp_path_factory.mktemp("ran"))


def test_sides_are_fixed_and_all_other_shapes_found_anew(ran: Ran) -> None:
    assert ran.seen["inputs"] == [
        ["kernel", [4, 3, 2, 2]],
        ["input_0_of_onnx", [1, 3, 6, 8]],
        ["input_1_of_onnx", []],
    ]
    assert dict(ran.seen["outputs"])["output_1_of_onnx"] == [1, 4, 5, 7], (
        "6 x 8 pixels under a kernel of 2 x 2"
    )
    assert ["seen", [1, 4, 5, 7]] in ran.seen["within"]
    assert ran.seen["doc"] == "simplified"


def test_inputs_and_outputs_have_names_of_ours_in_branches_too(ran: Ran) -> None:
    condition, conv, end_of = ran.seen["nodes"]
    assert condition[:3] == ["If", ["input_1_of_onnx"], ["output_0_of_onnx"]]
    assert condition[3] == [
        [["Relu", ["input_0_of_onnx"], ["r"], []]],
        [["Neg", ["input_0_of_onnx"], ["r2"], []]],
    ]
    assert conv[:3] == ["Conv", ["input_0_of_onnx", "kernel"], ["seen"]]
    assert end_of[:3] == ["Sigmoid", ["seen"], ["output_1_of_onnx"]]
    assert ran.seen["constants"] == ["kernel"]


def test_onnx2tf_is_told_which_inputs_keep_their_axes(ran: Ran) -> None:
    assert ran.seen["given"] == {
        "keep_shape_absolutely_input_names": ["input_1_of_onnx"],
        "not_use_onnxsim": True,
        "non_verbose": True,
    }


def test_the_answer_names_tensors_of_the_tflite_by_those_of_the_file(ran: Ran) -> None:
    assert Path(ran.answer.pop("tflite")).read_bytes() == b"made"
    assert ran.answer == {
        "inputs": {"pic/0": "input_0_of_onnx", "sure": "input_1_of_onnx"},
        "outputs": {"out:a": "PartitionedCall:0", "out:b": "output_1_of_onnx"},
        "simplified": True,
    }


def test_a_file_that_cannot_be_simplified_is_converted_as_it_is(
    onnx_environment: Path, tmp_path: Path
) -> None:
    found = Ran(onnx_environment, tmp_path, simplifies=False, kept=[])
    assert found.answer["simplified"] is False
    assert found.seen["given"]["keep_shape_absolutely_input_names"] is None


@pytest.mark.parametrize(
    ("raises", "said"),
    [("exit", "SystemExit: onnx2tf gave up"), ("nothing", "onnx2tf wrote no float32 .tflite of it")],
)
def test_why_it_failed_is_the_end_of_a_sentence(
    raises: str, said: str, onnx_environment: Path, tmp_path: Path
) -> None:
    found = Ran(onnx_environment, tmp_path, raises=raises, simplifies="raises")
    assert found.answer == {"error": said}
    assert found.seen["doc"] == "", "what onnxsim cannot do is no reason"


def test_names_are_those_of_tensors_that_the_file_has(tmp_path: Path) -> None:
    def record(name: str, made: str | None, there: bool) -> dict[str, Any]:
        return {"onnx_output_name": name, "resolved_tflite_tensor_name": made, "exists_in_final_model": there}

    report = tmp_path / "report.json"
    records = [
        record("a", "A", True),
        record("b", "B", False),
        record("c", None, True),
        record("d", "", True),
    ]
    report.write_text(json.dumps({"records": records}))
    assert names_of(report) == {"a": "A"}


@pytest.mark.parametrize(
    "text",
    [
        None,
        "{",
        "{}",
        "[]",
        '{"records": 7}',
        '{"records": [{"exists_in_final_model": 1, "resolved_tflite_tensor_name": "x"}]}',
    ],
)
def test_a_report_that_is_absent_or_otherwise_names_nothing(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "report.json").write_text(text)
    assert names_of(tmp_path / "report.json") == {}
