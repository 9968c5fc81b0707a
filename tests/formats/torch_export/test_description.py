"""What is read of a `.pt2` while planning, and what is refused: nothing of it is unpickled or evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Asked
from tflbuild.core.signature import TensorSpec
from tflbuild.formats.recognition import recognised_format
from tflbuild.formats.torch_export import description
from tflbuild.formats.torch_export.model_format import TorchExport
from tflbuild.formats.torch_export.values import stored
from tflbuild.models.file import File
from torch_files import FLATTEN, SOFTMAX, WEIGHTS, config, meta, node, program, tensor, written

Change = Callable[[dict[str, Any]], object]


def test_it_is_recognised_by_content(tmp_path: Path) -> None:
    assert isinstance(recognised_format(written(tmp_path / "model.zip")), TorchExport)


def test_channels_come_last_in_what_is_made_of_it(tmp_path: Path) -> None:
    found = TorchExport().describe(written(tmp_path / "net.pt2"))
    assert found.signature.inputs == {"x": TensorSpec((1, 8, 8, 3), "float32")}
    assert found.signature.outputs == {"scores": TensorSpec((1, 3), "float32")}
    assert (found.task, found.head) == (
        "classification",
        {"outputs": {"scores": "scores"}, "scores": "softmax"},
    )
    said = {one.what: (one.value, one.evidence) for one in found.recognised}
    assert said["format"] == ("torch.export", "written by PyTorch 2.13.0")
    assert said["layout"][0] == "(1, 3, 8, 8) float32, channels first in the file, last in the .tflite"


def test_outputs_that_come_in_a_mapping_have_its_keys(tmp_path: Path) -> None:
    found = program()
    tree = '[1, {"type": "builtins.dict", "context": "[\\"probabilities\\"]", "children_spec": []}]'
    found["graph_module"]["module_call_graph"] = [{"fqn": "", "signature": {"out_spec": tree}}]
    described = TorchExport().describe(written(tmp_path / "net.pt2", found))
    assert list(described.signature.outputs) == ["probabilities"]
    assert described.head["outputs"] == {"scores": "probabilities"}


def test_the_batch_is_one_sample_and_open_sides_are_said(tmp_path: Path) -> None:
    batch = written(tmp_path / "batch.pt2", program(shape=("s0", 3, 8, 8)))
    assert TorchExport().describe(batch).signature.inputs["x"].shape == (1, 8, 8, 3)
    sides = written(tmp_path / "sides.pt2", program(shape=(1, 3, "s1", "s2")))
    with pytest.raises(
        RecipeError, match=r"whose sides are not fixed; set them .*model\.shape=\[1,3,SIDE,SIDE\]"
    ):
        TorchExport().describe(sides)
    found = TorchExport().describe_as(sides, Asked(shape=(1, 3, 8, 8)))
    assert found.signature.inputs["x"].shape == (1, 8, 8, 3)
    two = written(tmp_path / "two.pt2", program(shape=(2, 3, 8, 8)))
    with pytest.raises(RecipeError, match="takes 2 samples at a time; export it again for one"):
        TorchExport().describe(two)


def test_an_expression_of_a_side_is_never_looked_at(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    found = program(shape=(f"__import__('pathlib').Path({str(trap)!r}).touch()", 3, 8, 8))
    TorchExport().describe(written(tmp_path / "net.pt2", found))
    assert not trap.exists()


def target(name: str) -> Mapping[str, Any]:
    return node(name, "logits", ("self", tensor("flat")))


REFUSED = {
    "an operator of others": (
        program([FLATTEN, target("torch.ops.mine.linear.default"), SOFTMAX]),
        "has the operator torch.ops.mine.linear.default, which is not one of PyTorch's own (torch.ops.aten).",
    ),
    "a function of torch": (
        program([FLATTEN, target("torch.hub.load"), SOFTMAX]),
        "has the operator torch.hub.load, which is not one of PyTorch's own (torch.ops.aten).",
    ),
    "a function of Python": (
        program([FLATTEN, target("_operator.attrgetter"), SOFTMAX]),
        "has the operator _operator.attrgetter, which is not one of PyTorch's own",
    ),
    "an operator that reads a file": (
        program([FLATTEN, target("torch.ops.aten.from_file.default"), SOFTMAX]),
        "has the operator torch.ops.aten.from_file.default, which reads a file.",
    ),
    "random numbers": (
        program([FLATTEN, target("torch.ops.aten.rand_like.default"), SOFTMAX]),
        "which draws random numbers.",
    ),
    "a graph as an argument": (
        program([FLATTEN, node("torch.ops.aten.linear.default", "logits", ("g", {"as_graph": {}})), SOFTMAX]),
        "with an argument of the kind 'as_graph'.",
    ),
    "batch norm in training": (
        program(
            [
                FLATTEN,
                node(
                    "torch.ops.aten.batch_norm.default",
                    "logits",
                    ("input", tensor("flat")),
                    ("training", {"as_bool": True}),
                ),
                SOFTMAX,
            ]
        ),
        "was exported as it is trained (torch.ops.aten.batch_norm.default); call .eval() on the model, and export",
    ),
    "another form": (
        program(schema_version={"major": 9, "minor": 0}, torch_version="3.1.0"),
        "was written by PyTorch 3.1.0 in form 9, and form 8 is read; export it again with PyTorch 2.8 or newer.",
    ),
    "no graph": (
        {"schema_version": {"major": 8}},
        "holds models/model.json, which is not as PyTorch writes it",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_taken_is_refused_in_one_sentence(what: str, tmp_path: Path) -> None:
    found, sentence = REFUSED[what]
    with pytest.raises(RecipeError) as error:
        TorchExport().check(written(tmp_path / "net.pt2", found))
    assert sentence in str(error.value)
    assert str(error.value).startswith(f"model.path: '{tmp_path / 'net.pt2'}' ")


def changed(**outputs: Any) -> dict[str, Any]:
    found = program()
    found["graph_module"]["signature"] |= outputs
    return found


def test_a_program_that_changes_what_it_stores_is_refused(tmp_path: Path) -> None:
    specs = [{"buffer_mutation": {"arg": {"name": "scores"}, "buffer_name": "mean"}}]
    with pytest.raises(RecipeError, match=r"changes what it stores \('buffer_mutation'\).* call \.eval\(\)"):
        TorchExport().check(written(tmp_path / "net.pt2", changed(output_specs=specs)))


def test_integers_and_double_floats_are_said(tmp_path: Path) -> None:
    found = program()
    found["graph_module"]["graph"]["tensor_values"]["x"]["dtype"] = 8
    with pytest.raises(RecipeError, match=r"the input 'x' .* is \(1, 3, 8, 8\) float64; samples can only be"):
        TorchExport().check(written(tmp_path / "net.pt2", found))


@pytest.mark.parametrize(("number", "dtype"), [(4, "int32"), (5, "int64")])
def test_whole_numbers_go_in(number: int, dtype: str, tmp_path: Path) -> None:
    found = program(shape=(1, 192))
    found["graph_module"]["graph"]["tensor_values"]["x"]["dtype"] = number
    described = TorchExport().describe(written(tmp_path / "net.pt2", found))
    assert described.signature.inputs["x"] == TensorSpec((1, 192), dtype)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    weights = WEIGHTS | config("fc.bias", "weight_1", (3,), pickled=True)
    with pytest.raises(RecipeError, match=r"holds 'fc\.bias' as a pickle, which could run code"):
        TorchExport().check(written(tmp_path / "net.pt2", weights=weights))


ARCHIVES: dict[str, tuple[dict[str, Any], str]] = {
    "compiled code": (
        {"more": {"data/aotinductor/model/code.so": b""}},
        "holds 'net/data/aotinductor/model/code.so', which is not part of a program",
    ),
    "an older PyTorch": (
        {"more": {"serialized_exported_program.json": b"{}"}},
        "was written by a PyTorch before 2.8; save the program again with a newer one",
    ),
    "two programs": ({"more": {"inner/models/model.json": b"{}"}}, "has 2 programs (models/model.json)"),
    "no list of weights": (
        {"leave_out": ["data/weights/model_weights_config.json"]},
        "lacks data/weights/model_weights_config.json.",
    ),
    "no JSON": (
        {"more": {"models/model.json": b"["}},
        "holds models/model.json, which cannot be read as JSON",
    ),
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_an_archive_with_something_else_is_refused(what: str, tmp_path: Path) -> None:
    given, sentence = ARCHIVES[what]
    with pytest.raises(RecipeError) as error:
        TorchExport().check(written(tmp_path / "net.pt2", **given))
    assert sentence in str(error.value)


@pytest.mark.parametrize("kept", [0, 40, 400, 2000])
def test_a_file_that_was_cut_off_is_one_sentence(kept: int, tmp_path: Path) -> None:
    path = written(tmp_path / "net.pt2")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(RecipeError):
        TorchExport().check(path)


def test_values_are_read_through_their_strides(tmp_path: Path) -> None:
    weights = WEIGHTS | config("fc.weight", "weight_0", (192, 3))
    turned = weights["fc.weight"]["tensor_meta"]
    turned["sizes"], turned["strides"] = meta(3, 192)["sizes"], [{"as_int": 1}, {"as_int": 3}]
    path = written(tmp_path / "net.pt2", weights=weights)
    with description.opened(path) as archive:
        values = stored(archive, description.check(path))
    plain = np.random.default_rng(0).normal(size=(3, 192)).astype("<f4")
    assert np.array_equal(values["p_w"], plain.reshape(192, 3).T)
    assert np.array_equal(values["p_b"], np.zeros(3, np.float32))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"strides": [{"as_int": 192}, {"as_int": 2}]}, "holds 576 values where 'p_w' needs 767"),
        ({"storage_offset": {"as_int": 1}}, "holds 576 values where 'p_w' needs 577"),
        ({"strides": [{"as_int": 1}]}, "holds 'p_w' with 1 strides of 2"),
        ({"dtype": 13}, "holds 'p_w' in a dtype that is not read; convert the model to float32 first"),
    ],
)
def test_values_that_do_not_fit_are_refused(change: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    weights = WEIGHTS | config("fc.weight", "weight_0", (3, 192))
    weights["fc.weight"]["tensor_meta"] |= change
    path = written(tmp_path / "net.pt2", weights=weights)
    program_found = description.check(path)
    with pytest.raises(RecipeError) as error, description.opened(path) as archive:
        stored(archive, program_found)
    assert sentence in str(error.value)


def test_a_pickle_of_pytorch_says_what_works(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("model/data.pkl", b"")
    with pytest.raises(RecipeError, match=r"save the model as a \.pt2 with torch\.export\.save"):
        recognised_format(tmp_path / "model.pt")


def joined(dim: int) -> dict[str, Any]:
    """Give a program that joins boxes and scores, made of a picture of 64 x 64."""
    image, cells = (1, 3, 64, 64), 84  # of strides 8, 16 and 32: 64 + 16 + 4
    nodes = [
        node("torch.ops.aten.view.default", "flat", ("self", tensor("x"))),
        node("torch.ops.aten.view.default", "boxes", ("self", tensor("flat"))),
        node("torch.ops.aten.sigmoid.default", "classes", ("self", tensor("flat"))),
        node(
            "torch.ops.aten.cat.default",
            "scores",
            ("tensors", {"as_tensors": [{"name": "boxes"}, {"name": "classes"}]}),
        ),
    ]
    found = program(nodes, image)
    shape = [1, cells, cells]
    tensors = found["graph_module"]["graph"]["tensor_values"]
    for name, count in (("boxes", 4), ("classes", 3), ("scores", 7)):
        shape[dim] = count
        tensors[name] = meta(*shape)
    tensors["flat"] = meta(1, cells, 2)
    return found


@pytest.mark.parametrize(("dim", "layout"), [(2, "rows"), (1, "columns")])
def test_rows_that_are_joined_of_boxes_and_scores_are_a_yolos(dim: int, layout: str, tmp_path: Path) -> None:
    found = File(path=str(written(tmp_path / "net.pt2", joined(dim))))
    assert found.description.parts == {"scores": (dim, (4, 3))}
    assert (found.task, found.description.head["name"], found.description.head["classes"]) == (
        "detection",
        "yolo",
        3,
    )
    options = found.description.head["options"]
    assert (options["style"], options["layout"], options["strides"]) == ("v8", layout, [8, 16, 32])


def test_rows_that_are_not_joined_are_a_yolos_where_that_is_said(tmp_path: Path) -> None:
    program = joined(2)
    program["graph_module"]["graph"]["nodes"][-1] = node(
        "torch.ops.aten.clone.default", "scores", ("self", tensor("boxes"))
    )
    path = str(written(tmp_path / "net.pt2", program))
    assert File(path=path).task == "", "v5, v8 and YOLOX have such rows"
    said = File(path=path, head={"type": "yolo", "style": "yolox"})
    assert (said.task, said.description.head["classes"]) == ("detection", 2)


def test_a_map_is_joined_of_what_its_layers_make(tmp_path: Path) -> None:
    convolutions = [
        node("torch.ops.aten.conv2d.default", f"map{k}", ("input", tensor("x")), ("weight", tensor(f"p_{k}")))
        for k in range(3)
    ]
    parts = {"as_tensors": [{"name": "seen"}, {"name": "map1"}, {"name": "map2"}]}
    nodes = [
        *convolutions,
        node("torch.ops.aten.sigmoid.default", "seen", ("self", tensor("map0"))),
        node("torch.ops.aten.cat.default", "scores", ("tensors", parts), ("dim", {"as_int": 1})),
    ]
    found = program(nodes, (1, 3, 64, 64))
    tensors = found["graph_module"]["graph"]["tensor_values"]
    for k, count in enumerate((1, 4, 2)):
        tensors[f"p_{k}"] = meta(count, 3, 16, 16)
        tensors[f"map{k}"] = meta(1, count, 4, 4)
    tensors |= {"seen": meta(1, 1, 4, 4), "scores": meta(1, 7, 4, 4)}
    described = File(path=str(written(tmp_path / "net.pt2", found))).description
    assert described.parts == {"scores": (3, (1, 4, 2))}
    assert (described.head["options"]["style"], described.head["classes"]) == ("fastestdet", 2)
