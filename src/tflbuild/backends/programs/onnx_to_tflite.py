"""Make a float32 `.tflite` of an ONNX file: fix its sides, simplify it, and let onnx2tf write it.

Runs in the environment `onnx`. Request: `model` (a file), `shapes` (of every input, by name, every side fixed), `kept`
(inputs whose order of axes stays), `out` (an empty folder). Answer: `tflite` (a file), `inputs` and `outputs` (the
names of tensors in it by their names in ONNX), `simplified`.

Inputs and outputs are converted under names of ours, since onnx2tf writes some characters otherwise.

Sides are fixed before anything else, since onnx2tf leaves outputs open otherwise, and has written files in which two
operators make one tensor.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Convert; gives the answer."""
    import onnx

    out = Path(request["out"])
    model = onnx.load(request["model"])
    fix(model, request["shapes"])
    model, simplified = simplest(onnx.shape_inference.infer_shapes(model))
    given = [one.name for one in model.graph.input if one.name in request["shapes"]]
    inputs = {name: f"input_{place}_of_onnx" for place, name in enumerate(given)}
    outputs = {one.name: f"output_{place}_of_onnx" for place, one in enumerate(model.graph.output)}
    rename(model.graph, inputs | outputs)
    static, written = out / "model.onnx", out / "made"
    onnx.save(model, str(static))
    convert(static, written, [inputs[name] for name in request["kept"] if name in inputs])
    found = written / "model_float32.tflite"
    if not found.is_file():
        return {"error": "onnx2tf wrote no float32 .tflite of it"}
    names = names_of(written / "model_tensor_correspondence_report.json")
    return {
        "tflite": str(found),
        "inputs": inputs,
        "outputs": {name: names.get(made, made) for name, made in outputs.items()},
        "simplified": simplified,
    }


def rename(graph: Any, names: dict[str, str]) -> None:
    """Rename tensors everywhere in a graph, those of graphs within it too."""
    for node in graph.node:
        node.input[:] = [names.get(one, one) for one in node.input]
        node.output[:] = [names.get(one, one) for one in node.output]
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                rename(inner, names)
    for part in (graph.input, graph.output, graph.initializer, graph.value_info):
        for one in part:
            one.name = names.get(one.name, one.name)


def fix(model: Any, shapes: dict[str, list[int]]) -> None:
    """Give every input its sides, and leave the shapes of all else to be found anew."""
    for one in model.graph.input:
        if one.name in shapes:
            dims = one.type.tensor_type.shape
            del dims.dim[:]
            for side in shapes[one.name]:
                dims.dim.add().dim_value = side
    for one in model.graph.output:
        for dim in one.type.tensor_type.shape.dim:
            dim.Clear()
    del model.graph.value_info[:]


def simplest(model: Any) -> tuple[Any, bool]:
    """Fold what does not depend on the input; gives the model as it is where that fails."""
    import onnxsim

    try:
        made, right = onnxsim.simplify(model)
        if right:
            return made, True
    except Exception as error:  # noqa: BLE001  # what it cannot simplify may be converted all the same
        sys.stderr.write(f"onnxsim: {error}\n")
    return model, False


def convert(static: Path, out: Path, kept: list[str]) -> None:
    """Let onnx2tf write its files."""
    import onnx2tf

    onnx2tf.convert(
        input_onnx_file_path=str(static),
        output_folder_path=str(out),
        keep_shape_absolutely_input_names=kept or None,
        not_use_onnxsim=True,
        non_verbose=True,
    )


def names_of(report: Path) -> dict[str, str]:
    """Read which tensor of the `.tflite` each tensor of ONNX became."""
    try:
        records = json.loads(report.read_text(encoding="utf-8"))["records"]
        return {
            one["onnx_output_name"]: one["resolved_tflite_tensor_name"]
            for one in records
            if one.get("exists_in_final_model") and one.get("resolved_tflite_tensor_name")
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}
