"""Operators that do more than compute are named, wherever they are; the saver's own are let pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from saved_model_files import (
    called,
    classifier,
    floats,
    function,
    message,
    node,
    saved_model,
    signature,
    tensor,
    written,
)
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Asked
from tflbuild.formats.saved_model.effects import EFFECTS
from tflbuild.formats.saved_model.graph_def import meta_graphs
from tflbuild.formats.saved_model.harmless import HARMLESS
from tflbuild.formats.saved_model.reading import read

REFUSED = [
    ("ReadFile", "reads a file"),
    ("WriteFile", "writes a file"),
    ("MatchingFiles", "lists files"),
    ("PyFunc", "calls a Python function"),
    ("EagerPyFunc", "calls a Python function"),
    ("PyFuncStateless", "calls a Python function"),
    ("InitializeTableFromTextFileV2", "reads a file"),
    ("Abort", "stops or delays the process"),
    ("SaveV2", "writes a checkpoint"),
    ("RestoreV2", "reads a checkpoint"),
    ("TFRecordDataset", "reads data"),
    ("XlaCallModule", "runs a program that is packed in it"),
    ("MyCompanysOp", "an operator of a library of its own, or one that is not known to compute alone"),
    ("", "an operator of a library of its own, or one that is not known to compute alone"),
]


def refused(folder: Path, content: bytes) -> str:
    with pytest.raises(RecipeError) as caught:
        read(written(folder, content), Asked())
    assert str(caught.value).startswith(f"model.path: '{folder}' has operators that do more than compute: ")
    assert str(caught.value).endswith("; it is not loaded.")
    return str(caught.value)


@pytest.mark.parametrize(("op", "does"), REFUSED)
def test_an_operator_with_effects_is_named(op: str, does: str, tmp_path: Path) -> None:
    assert f"'{op}' ({does}; node 'bad')" in refused(tmp_path, classifier(more=[node("bad", op)]))


@pytest.mark.parametrize("attribute", ["f", "then_branch", "cond"])
def test_it_is_found_in_functions_that_functions_call(attribute: str, tmp_path: Path) -> None:
    functions = [
        function("outer", ["x"], {"y": "c:0"}, [node("c", "While", "x", **{attribute: called("inner")})]),
        function("inner", ["x"], {"y": "x"}, [node("bad", "WriteFile", "x", "x")]),
    ]
    content = classifier(
        more=[node("call", "PartitionedCall", "image", f=called("outer"))], functions=functions
    )
    assert "'WriteFile' (writes a file; function 'inner')" in refused(tmp_path, content)


def test_it_is_found_in_functions_that_nothing_calls(tmp_path: Path) -> None:
    content = classifier(functions=[function("idle", [], {}, [node("bad", "ReadFile")])])
    assert "'ReadFile' (reads a file; function 'idle')" in refused(tmp_path, content)


def test_a_function_is_no_unknown_operator(tmp_path: Path) -> None:
    mine = function("mine", ["x"], {"y": "z:0"}, [node("z", "Relu", "x")])
    read(written(tmp_path, classifier(more=[node("call", "mine", "image")], functions=[mine])), Asked())


def test_printing_is_harmless_unless_it_is_to_a_file(tmp_path: Path) -> None:
    for stream in ("stderr", "log(info)"):
        more = [node("p", "PrintV2", "image", output_stream=message(2, stream))]
        read(written(tmp_path, classifier(more=more)), Asked())
    more = [node("p", "PrintV2", "image", output_stream=message(2, "file:///tmp/x"))]
    assert "'PrintV2 to a file' (writes a file; node 'p')" in refused(tmp_path, classifier(more=more))


def test_what_protocol_buffers_would_merge_is_seen(tmp_path: Path) -> None:
    """Of a text that is there twice the last counts, and a message that is there twice is both."""
    twice = node("bad", "Relu") + message(2, "WriteFile")
    assert "'WriteFile'" in refused(tmp_path, classifier(more=[twice]))
    body = node("bad", "Relu") + message(2, "ReadFile")
    assert "'ReadFile'" in refused(tmp_path, classifier(functions=[function("idle", [], {}, [body])]))
    hidden = message(2, message(1, node("bad", "WriteFile")))
    assert "'WriteFile'" in refused(tmp_path, b"\x08\x01" + message(2, hidden + meta(classifier())))


def meta(content: bytes) -> bytes:
    """Give the graph of a SavedModel without what is around it."""
    (graph,) = meta_graphs(content)
    return bytes(graph.message.content)


def test_a_node_that_is_there_twice_is_seen_twice(tmp_path: Path) -> None:
    more = [node("same", "WriteFile"), node("same", "Relu", "image")]
    assert "'WriteFile'" in refused(tmp_path, classifier(more=more))


def test_a_function_that_is_called_like_an_operator_with_effects_is_none(tmp_path: Path) -> None:
    mine = function("ReadFile", ["x"], {"y": "x"}, [])
    content = classifier(more=[node("call", "ReadFile", "image")], functions=[mine])
    assert "'ReadFile'" in refused(tmp_path, content)


def test_of_many_the_first_are_named(tmp_path: Path) -> None:
    more = [node(f"n{k}", f"Odd{k}") for k in range(6)]
    assert " and 2 more; it is not loaded." in refused(tmp_path, classifier(more=more))


def saving(*, restores: str = "RestoreV2", used: bool = False, shared: bool = False) -> bytes:
    """Give a model whose saver writes and reads a checkpoint in functions of its own."""
    save = function("save_it", ["name"], {"y": "name"}, [node("s", "SaveV2", "name")])
    load = function("load_it", ["name"], {"y": "name"}, [node("r", restores, "name")])
    nodes = [
        node("image", "Placeholder"),
        node("scores", "Softmax", "image"),
        node("saver", "Const", value=floats([], 0.0)),
        node("save", "StatefulPartitionedCall", "saver", f=called("save_it")),
        node("load", "StatefulPartitionedCall", "saver", f=called("load_it")),
    ]
    if used:
        nodes[1] = node("scores", "StatefulPartitionedCall", "image", f=called("load_it"))
    if shared:
        nodes.append(node("again", "StatefulPartitionedCall", "saver", f=called("save_it")))
    end = signature({"image": tensor("image:0", (1, 8))}, {"scores": tensor("scores:0", (1, 8))})
    return saved_model(nodes, {"serving_default": end}, [save, load], ("save", "load"))


def test_the_savers_own_operators_are_let_pass(tmp_path: Path) -> None:
    assert read(written(tmp_path, saving()), Asked()).name == "serving_default"


def test_the_savers_functions_may_do_nothing_else(tmp_path: Path) -> None:
    assert "'WriteFile'" in refused(tmp_path, saving(restores="WriteFile"))
    assert "'SaveV2'" in refused(tmp_path, saving(restores="SaveV2")), "reading is not writing"


def test_a_checkpoint_that_the_signature_reads_is_refused(tmp_path: Path) -> None:
    assert "'RestoreV2'" in refused(tmp_path, saving(used=True))
    assert "'SaveV2'" in refused(tmp_path, saving(shared=True))


def test_no_operator_is_both_harmless_and_known_for_an_effect() -> None:
    assert not HARMLESS & EFFECTS.keys()
    assert {"Print", "PrintV2", "Assert", "VarHandleOp", "StatefulPartitionedCall"} <= HARMLESS


@pytest.mark.slow
def test_every_harmless_operator_is_one_of_tensorflows(tmp_path: Path) -> None:
    from tensorflow.python.framework import op_def_registry

    missing = [name for name in HARMLESS if op_def_registry.get(name) is None]
    assert not missing
    assert not [name for name in HARMLESS if "File" in name or "PyFunc" in name or "Dataset" in name]


def said(folder: Path) -> str:
    """Give the sentence that a folder is refused with; "" where it is read."""
    try:
        read(folder, Asked())
    except RecipeError as error:
        return str(error)
    return ""


def test_a_message_that_is_cut_off_is_one_sentence(tmp_path: Path) -> None:
    whole = classifier()
    sentences = [said(written(tmp_path, whole[:size])) for size in range(0, len(whole), 7)]
    assert [one for one in sentences if not one.startswith("model.") or "\n" in one] == []
