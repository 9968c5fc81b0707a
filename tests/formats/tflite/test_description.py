"""Whole files described: task, labels, inputs, what tflbuild wrote itself, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import small_network
import stateful_files
import tflite_files
from on_bytes import with_facts
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.model_format import FORMATS, Description, Evidence
from tflbuild.core.signature import TensorSpec
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.tiny import brightness_detector
from tflite_files import Tensor, Typed, classifier, network, step, without_signature, written

TFLITE = FORMATS.get("tflite")()


def describe(folder: Path, content: bytes) -> Description:
    return TFLITE.describe(written(folder, content))


def said(found: Description, what: str) -> list[tuple[str, str]]:
    return [(one.value, one.evidence) for one in found.recognised if one.what == what]


def test_a_float_classifier(tmp_path: Path) -> None:
    found = describe(tmp_path, classifier("SOFTMAX"))
    assert found.task == "classification"
    assert found.head == {"outputs": {"scores": "scores"}, "scores": "softmax"}
    assert found.inputs == {"image": ("image", {})}
    assert found.labels == {}
    assert found.quantized == ""
    assert found.signature.inputs == {"image": TensorSpec((1, 8, 8, 3), "float32")}
    assert found.signature.outputs == {"scores": TensorSpec((1, 3), "float32")}
    assert [one.what for one in found.recognised] == ["task", "outputs", "input", "preprocess"]
    TFLITE.check(tmp_path / "model.tflite")


@pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")
def test_a_quantized_classifier(tmp_path: Path) -> None:
    found = TFLITE.describe(small_network.quantized(tmp_path))
    assert (found.task, found.quantized) == ("classification", "int8")
    assert said(found, "quantized")[0][0] == "int8"


def test_logits_are_those_of_classes_where_a_list_names_as_many(tmp_path: Path) -> None:
    found = describe(tmp_path, classifier())
    assert (found.task, found.head) == ("", {})
    assert said(found, "task") == [
        (
            "not recognised",
            "FULLY_CONNECTED makes it, without an activation: logits of 3 classes, or other numbers, since no "
            "labels.txt names 3 classes",
        )
    ]
    (tmp_path / "labels.txt").write_text("cat\ndog\nbird\n")
    found = describe(tmp_path, classifier())
    assert found.task == "classification"
    assert found.head == {"outputs": {"scores": "scores"}, "scores": "logits"}
    assert found.labels == {"labels.txt": ("cat", "dog", "bird")}


def test_one_number_is_that_of_two_classes_where_a_list_names_two(tmp_path: Path) -> None:
    assert describe(tmp_path, classifier("LOGISTIC", classes=1)).task == ""
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    found = describe(tmp_path, classifier("LOGISTIC", classes=1))
    assert (found.task, found.head["scores"]) == ("classification", "sigmoid")
    assert found.labels == {"labels.txt": ("cat", "dog")}


def test_a_list_of_another_length_is_said_and_not_used(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("background\ncat\ndog\nbird\n")
    found = describe(tmp_path, classifier("SOFTMAX"))
    assert found.labels == {}
    assert said(found, "labels") == [("left out", "labels.txt has 4 names, and the outputs have 3 classes")]


LABELS = [("names.txt", 2)]


def labelled(files: dict[str, bytes] | None, outputs: Any = None, more: Any = ()) -> bytes:
    made = tflite_files.metadata(
        [Tensor(2, 1, [127.5], [127.5])], [Tensor(files=LABELS)] if outputs is None else outputs, more
    )
    return tflite_files.with_metadata(classifier("SOFTMAX"), made, files)


def test_metadata_name_classes_and_say_the_scaling(tmp_path: Path) -> None:
    found = describe(tmp_path, labelled({"names.txt": b"cat\r\ndog\r\nbird\r\n"}))
    assert found.labels == {"names.txt in model.tflite": ("cat", "dog", "bird")}
    assert found.inputs == {"image": ("image", {"channels": "rgb", "scale": 1 / 127.5, "offset": -1.0})}
    assert said(found, "labels") == [("3 names", "names.txt in model.tflite")]


def test_labels_of_metadata_come_before_those_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    found = describe(tmp_path, labelled({"names.txt": b"cat\ndog\nbird"}))
    assert list(found.labels) == ["names.txt in model.tflite", "labels.txt"]


def test_labels_of_the_model_count_where_its_output_has_none(tmp_path: Path) -> None:
    about = [Tensor(files=[("about.txt", 1)])]
    content = labelled({"names.txt": b"cat\ndog\nbird"}, outputs=about, more=LABELS)
    assert list(describe(tmp_path, content).labels) == ["names.txt in model.tflite"]


def test_the_first_of_several_languages_is_taken(tmp_path: Path) -> None:
    files = [("en.txt", 2), ("de.txt", 2)]
    content = labelled({"en.txt": b"a\nb\nc", "de.txt": b"d\ne\nf"}, outputs=[Tensor(files=files)])
    assert list(describe(tmp_path, content).labels) == ["en.txt in model.tflite"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (None, "which is not in the file: no archive follows the model"),
        ({"other.txt": b"x"}, "which is not in the archive after the model"),
        ({"names.txt": b"\xff\xfe\0"}, "which is not text in UTF-8"),
        ({"names.txt": b""}, "which has 0 lines, or longer ones than a list of labels has"),
        ({"names.txt": b"x" * 5000}, "which has 1 lines, or longer ones than a list of labels has"),
        ({"names.txt": b"x\n" * 20_001}, "which has 20001 lines, or longer ones than a list of labels has"),
    ],
)
def test_labels_that_cannot_be_read_are_said(files: Any, reason: str, tmp_path: Path) -> None:
    found = describe(tmp_path, labelled(files))
    assert found.labels == {}
    assert said(found, "labels") == [("left out", f"the metadata name 'names.txt', {reason}")]


def test_malformed_metadata_are_said_and_left_out(tmp_path: Path) -> None:
    found = describe(tmp_path, tflite_files.with_metadata(classifier("SOFTMAX"), b"no metadata at all"))
    assert found.task == "classification"
    reason = "TFLITE_METADATA is not in the format of metadata (M001)"
    assert said(found, "metadata") == [("left out", reason)]


def test_metadata_of_another_number_of_inputs_are_not_of_these(tmp_path: Path) -> None:
    made = tflite_files.metadata([Tensor(1), Tensor(1)])
    found = describe(tmp_path, tflite_files.with_metadata(classifier("SOFTMAX"), made))
    assert found.inputs == {"image": ("image", {})}


def test_a_detector_gets_the_shapes_that_its_file_leaves_open(tmp_path: Path) -> None:
    model = flatbuffer.unpack(brightness_detector())
    for entry in model.signatureDefs[0].outputs:
        model.subgraphs[0].tensors[entry.tensorIndex].shape = None
    (tmp_path / "labelmap.txt").write_text("???\ndark\nbright\n")
    found = describe(tmp_path, flatbuffer.pack(model))
    assert found.task == "detection"
    assert found.signature.outputs["detection_boxes"] == TensorSpec((1, 10, 4), "float32")
    assert found.labels == {"labelmap.txt": ("dark", "bright")}


def test_a_detectors_metadata_name_the_values_of_its_classes(tmp_path: Path) -> None:
    outputs = [Tensor(3), Tensor(1, files=[("map.txt", 3)]), Tensor(1), Tensor(1)]
    made = tflite_files.metadata([Tensor(2, 1)], outputs)
    found = describe(
        tmp_path, tflite_files.with_metadata(brightness_detector(), made, {"map.txt": b"dark\nbright"})
    )
    assert found.labels == {"map.txt in model.tflite": ("dark", "bright")}


PREPROCESS = {"scale": 0.0078125, "offset": -1.0, "channels": "bgr"}
FACTS = Meaning.of_image(
    task="classification", height=8, width=8, labels=("a", "b", "c"), preprocess=PREPROCESS
)


def test_facts_of_tflbuild_win_over_everything(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("x\ny\nz\n")
    metadata = tflite_files.metadata([Tensor(2, 1, [0.0], [255.0])])
    content = tflite_files.with_metadata(classifier("SOFTMAX"), metadata)
    found = describe(tmp_path, with_facts(content, FACTS.to_json()))
    assert found.task == "classification"
    assert found.labels == {"model.tflite": ("a", "b", "c"), "labels.txt": ("x", "y", "z")}
    assert found.inputs == {"image": ("image", PREPROCESS)}
    assert found.head == {}
    assert found.recognised == (
        Evidence("task", "classification", "the facts in the file"),
        Evidence("preprocess", "image, scale 0.0078125, offset -1", "the facts in the file"),
        Evidence("labels", "3 names", "the facts in the file"),
    )


def test_facts_follow_a_file_whose_signature_a_compiler_left_out(tmp_path: Path) -> None:
    def compiled(model: Any) -> None:
        without_signature(model)
        for tensor in model.subgraphs[0].tensors:
            tensor.name = b"serving_default_" + tensor.name

    content = with_facts(classifier("SOFTMAX", change=compiled), FACTS.to_json())
    found = describe(tmp_path, content)
    assert found.inputs == {"serving_default_image": ("image", PREPROCESS)}
    assert found.head == {"outputs": {"scores": "serving_default_scores"}}


def test_facts_of_other_inputs_are_left_out(tmp_path: Path) -> None:
    other = Meaning.of_image(task="classification", height=9, width=8, labels=(), preprocess={})
    found = describe(tmp_path, with_facts(classifier("SOFTMAX"), other.to_json()))
    assert found.inputs == {"image": ("image", {})}
    assert found.recognised[-1] == Evidence(
        "facts", "left out", "the facts in the file are of other inputs than its graph has: image"
    )
    given = {name: Input(modality="vector", shape=(3,)) for name in ("p", "q")}
    two = Meaning(task="unlabelled", inputs=given)
    found = describe(tmp_path, with_facts(classifier("SOFTMAX"), two.to_json()))
    assert found.task == "classification"
    assert found.recognised[-1].evidence.endswith(": p, q")


def test_facts_that_are_none_are_refused(tmp_path: Path) -> None:
    content = tflite_files.with_metadata(
        classifier(), json.dumps({"task": "x"}).encode(), name="tflbuild.facts"
    )
    with pytest.raises(
        RecipeError, match=r"says of itself what cannot be true: in its tflbuild\.facts, 'labels'"
    ):
        describe(tmp_path, content)


def test_what_is_quantized_is_said_of_a_file_with_facts_too(tmp_path: Path) -> None:
    typed = {name: Typed("int8", 1 / 128) for name in ("image", "scores")}
    content = with_facts(classifier("ethos-u", typed=typed), FACTS.to_json())
    found = describe(tmp_path, content)
    assert found.quantized == "int8"
    assert said(found, "quantized")


def sides(*given: int) -> Any:
    def change(model: Any) -> None:
        model.subgraphs[0].tensors[0].shapeSignature = np.array(given, np.int32)

    return change


OF_THE_INPUT = "model.path: the input 'image' of '{path}' is "


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            classifier("edgetpu-custom-op"),
            "model.path: '{path}' is compiled for an Edge TPU (operator 'edgetpu-custom-op') and cannot be executed",
        ),
        (
            classifier("ethos-u"),
            "model.path: '{path}' is compiled for an Ethos-U NPU (operator 'ethos-u') and",
        ),
        (
            classifier("FlexErf"),
            "model.path: '{path}' has the operator 'FlexErf', which only TensorFlow executes and LiteRT has not; ",
        ),
        (
            classifier("Poses"),
            "model.path: '{path}' has the custom operator 'Poses', which LiteRT has not, so it cannot be executed",
        ),
        (
            classifier("SOFTMAX", change=sides(1, -1, -1, 3)),
            OF_THE_INPUT
            + "(1, ?, ?, 3) float32, whose sides are not fixed; convert it again with fixed ones.",
        ),
        (
            classifier("SOFTMAX", shape=(4, 8, 8, 3)),
            OF_THE_INPUT
            + "(4, 8, 8, 3) float32; the first side of an input must be the batch, 1; convert it again",
        ),
        (
            classifier("SOFTMAX", shape=()),
            OF_THE_INPUT + "() float32; the first side of an input must be the batch, 1",
        ),
        (b"", "model.path: {path} is not a TensorFlow Lite file; it cannot be used."),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_sentence(content: bytes, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(RecipeError) as caught:
        TFLITE.check(path)
    assert str(caught.value).startswith(said.format(path=path))
    assert "\n" not in str(caught.value)


def test_what_litert_has_itself_is_not_refused(tmp_path: Path) -> None:
    for content in (
        brightness_detector(),
        classifier("Mfcc"),
        classifier("SOFTMAX", change=sides(-1, 8, 8, 3)),
    ):
        TFLITE.check(written(tmp_path, content))


def test_a_file_for_a_chip_is_described(tmp_path: Path) -> None:
    found = describe(tmp_path, classifier("ethos-u", typed={"image": Typed("int8", 1 / 255, -128)}))
    assert found.task == ""
    assert found.inputs["image"][0] == "image"


def test_a_detector_of_two_inputs_is_none(tmp_path: Path) -> None:
    def more(model: Any) -> None:
        graph, places = model.subgraphs[0], model.signatureDefs[0]
        graph.tensors.append(flatbuffer.unpack(classifier()).subgraphs[0].tensors[0])
        graph.inputs = [*graph.inputs, len(graph.tensors) - 1]
        outputs = {entry.name.decode(): entry.tensorIndex for entry in places.outputs}
        model.signatureDefs = [
            tflite_files.signature("main", {"a": graph.inputs[0], "b": graph.inputs[1]}, outputs)
        ]

    model = flatbuffer.unpack(brightness_detector())
    more(model)
    found = describe(tmp_path, flatbuffer.pack(model))
    assert (found.task, found.head) == ("", {})
    assert said(found, "task")[0][1].endswith("but it has 2 inputs, and a detector takes one picture")


def test_each_of_two_inputs_is_described_by_name(tmp_path: Path) -> None:
    tensors = {"left": (1, 8, 8, 3), "right": (1, 5), "out": (1, 7)}
    content = network(tensors, [step("ADD", ["left", "right"], ["out"])], ["left", "right"], ["out"])
    found = describe(tmp_path, content)
    assert {name: modality for name, (modality, _) in found.inputs.items()} == {
        "left": "image",
        "right": "vector",
    }
    assert [one.what for one in found.recognised] == [
        "task",
        "input left",
        "preprocess of left",
        "input right",
    ]


def test_the_format_is_declared() -> None:
    assert (TFLITE.name, TFLITE.suffixes, TFLITE.kind) == ("tflite", (".tflite",), "TFLiteModel")
    assert TFLITE.recognises(Path("x"), classifier()[:4096])
    assert not TFLITE.recognises(Path("x.tflite"), b"TFL3" + bytes(40))
    assert not TFLITE.recognises(Path("x.tflite"), b"")


def test_a_fingerprint_is_that_of_the_bytes(tmp_path: Path) -> None:
    one, other = (
        written(tmp_path, classifier(), "a.tflite"),
        written(tmp_path, classifier("SOFTMAX"), "b.tflite"),
    )
    assert TFLITE.fingerprint(one) == TFLITE.fingerprint(written(tmp_path, classifier(), "c.tflite"))
    assert TFLITE.fingerprint(one) != TFLITE.fingerprint(other)


def test_a_variable_that_outlives_a_call_is_refused(tmp_path: Path) -> None:
    path = tflite_files.written(tmp_path, stateful_files.counter())
    with pytest.raises(RecipeError) as raised:
        TFLITE.check(path)
    assert str(raised.value) == (
        f"model.path: '{path}' keeps state between calls in a variable (VAR_HANDLE), but samples are run "
        f"one by one, each from a fresh start; convert it again with its state as an input and an output."
    )
