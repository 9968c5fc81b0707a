"""The user's float `.tflite` taken in: what is kept, what is written beside it, and what it is held to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflite_files
from foreign_networks import NETWORKS, noise, samples_of, shared_heads, two_inputs, unsigned, vector
from on_bytes import observe, quantize, with_signature
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Dataset, Example, Index, Sample
from tflbuild.core.errors import BrokenPromise, DataError, RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.core.model_format import Description
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.formats.tflite import brought
from tflbuild.formats.tflite.metadata import NAME
from tflbuild.formats.tflite.metadata_form import AssociatedFile, Metadata, TensorMetadata
from tflbuild.formats.tflite.metadata_writing import written
from tflbuild.models.file import File
from tflbuild.passes.load_tflite import LoadTflite, labels_of, looks_alike
from tflbuild.testing import run_pass
from tflbuild.tflite import entries, flatbuffer
from tflbuild.tflite.graph import Graph

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


@dataclass(frozen=True, kw_only=True)
class Rows(Dataset):
    """Random rows of twelve numbers, of one class after the other."""

    task = "classification"
    modality = "vector"

    def read(self, sample: Sample) -> Example:
        values = np.random.default_rng(int(sample.key)).normal(size=12).astype(np.float32)
        return Example(values, np.zeros((0, 4), np.float32), np.array(sample.labels, np.int32))


def labelled(*classes: str, count: int = 24) -> Index:
    samples = tuple(Sample(key=str(k), digest=str(k), labels=(k % len(classes),)) for k in range(count))
    return Index(classes=classes, splits={"train": samples, "val": samples[:4], "test": samples[:4]})


def loaded(
    folder: Path, content: bytes, data: Dataset | None = None, index: Index | None = None
) -> tuple[TFLiteModel, dict[str, Any]]:
    plugins.load(None)
    path = folder / "user.tflite"
    path.write_bytes(content)
    notes: dict[str, Any] = {}
    if data is None:
        data, index = noise(content)
    spec = File(path=str(path))
    made: TFLiteModel = run_pass(
        LoadTflite(), None, folder, model_spec=spec, data=data, index=index, notes=notes
    )
    return made, notes


@pytest.mark.parametrize("network", NETWORKS)
def test_any_float_file_is_kept_with_its_graph_and_its_weights(network: str, tmp_path: Path) -> None:
    content = NETWORKS[network]()
    made, notes = loaded(tmp_path, content)
    before, after = (flatbuffer.unpack(one) for one in (content, made.path.read_bytes()))
    for kind in ("operators", "tensors"):
        assert len(getattr(before.subgraphs[0], kind)) == len(getattr(after.subgraphs[0], kind))
    for place, tensor in enumerate(before.subgraphs[0].tensors):
        same = after.subgraphs[0].tensors[place]
        assert (tensor.name, tensor.type) == (same.name, same.type)
        old, new = (model.buffers[one.buffer].data for model, one in ((before, tensor), (after, same)))
        assert (old is None) == (new is None)
        assert old is None or bytes(old) == bytes(new)
    assert (tmp_path / "user.tflite").read_bytes() == content, "the user's file stays as it is"
    assert {found["difference"] for found in notes["parity"]["outputs"].values()} == {0.0}
    assert notes["parity"]["of"] == f"'{tmp_path / 'user.tflite'}'"
    assert {found["images"] for found in notes["parity"]["outputs"].values()} == {24}
    assert notes["recognised"][0]["what"] == "task"


def test_the_meaning_is_written_into_the_file_and_beside_it(tmp_path: Path) -> None:
    made, _ = loaded(tmp_path, unsigned())
    meaning = Meaning.of(made)
    assert flatbuffer.read_facts(made.path) == meaning.to_json() == made.meta["facts"]
    assert meaning.task == "classification", "it ends in a softmax, though the data have no labels"
    assert meaning.labels == ()
    assert meaning.head == {"outputs": {"scores": "StatefulPartitionedCall:0"}, "scores": "softmax"}
    assert {name: (given.modality, given.shape) for name, given in meaning.inputs.items()} == {
        "dense_input:0": ("vector", (12,))
    }
    assert [entry["name"] for entry in made.meta["signature"]["outputs"]] == ["StatefulPartitionedCall:0"]
    assert made.meta["census"]["operators"] == {"FULLY_CONNECTED": 2, "SOFTMAX": 1}
    assert "quantized" not in made.meta


def test_metadata_that_the_file_brought_travel_beside_it_and_are_no_longer_in_it(tmp_path: Path) -> None:
    said = Metadata(author="somebody", outputs=(TensorMetadata(files=(AssociatedFile("names.txt", 2),)),))
    content = tflite_files.with_metadata(unsigned(), written(said), {"names.txt": b"a\nb\nc\n"})
    made, _ = loaded(tmp_path, content)
    assert brought.of_meta(made.meta) == (said, {"names.txt": b"a\nb\nc\n"})
    assert entries.entry(made.path.read_bytes(), NAME) is None
    assert Meaning.of(made).labels == ("a", "b", "c")
    bare, _ = loaded(tmp_path, unsigned())
    assert brought.of_meta(bare.meta) == (Metadata(), {})


def test_outputs_of_which_nothing_is_known_have_no_head(tmp_path: Path) -> None:
    made, _ = loaded(tmp_path, vector())
    assert (Meaning.of(made).task, Meaning.of(made).head) == ("unlabelled", {})


def test_classes_are_those_of_the_data_where_the_file_names_none(tmp_path: Path) -> None:
    made, _ = loaded(tmp_path, unsigned(), Rows(), labelled("a", "b", "c"))
    assert Meaning.of(made).labels == ("a", "b", "c")
    (tmp_path / "labels.txt").write_text("c\nb\na\n")
    named, _ = loaded(tmp_path, unsigned(), Rows(), labelled("a", "b"))
    assert Meaning.of(named).labels == ("c", "b", "a"), "the file knows both, in its own order"


def test_a_quantized_file_says_its_scheme(tmp_path: Path) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(with_signature(unsigned()))
    ranges = {
        flatbuffer.unpack(path.read_bytes()).subgraphs[0].tensors[index].name.decode(): (-3.0, 3.0)
        for index in range(len(flatbuffer.unpack(path.read_bytes()).subgraphs[0].tensors))
    }
    content = quantize(path, "int8", ranges, float_input=False, float_output=False)
    made, _ = loaded(tmp_path, content)
    assert made.meta["quantized"] == "int8"


# Refused


def refusal(tmp_path: Path, content: bytes, data: Dataset | None = None, index: Index | None = None) -> str:
    with pytest.raises((RecipeError, BrokenPromise)) as caught:
        loaded(tmp_path, content, data, index)
    return str(caught.value)


def test_data_of_other_classes_or_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "user.tflite"
    assert refusal(tmp_path, unsigned(), Rows(), labelled("a", "b")) == (
        f"model.path: '{path}' has 3 classes, but the data have 2 (a, b)."
    )

    class Pictures(Rows):
        modality = "image"

    assert refusal(tmp_path, unsigned(), Pictures(), labelled("a", "b", "c")).startswith(
        f"model.path: '{path}' cannot take the data, whose samples are of the modality 'image': its input "
        "'dense_input:0' is (1, 12) float32"
    )


def test_samples_of_another_shape_are_refused_with_both(tmp_path: Path) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Short(Rows):
        def read(self, sample: Sample) -> Example:
            return Example(np.zeros(7, np.float32), np.zeros((0, 4)), np.zeros(0, np.int32))

    with pytest.raises(DataError) as caught:
        loaded(tmp_path, unsigned(), Short(), labelled("a", "b", "c"))
    assert str(caught.value) == (
        "data: sample 0 does not fit the input 'dense_input:0': it has the shape (7,), and the input takes (12,)."
    )
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, two_inputs(), Short(), labelled("a"))
    assert str(caught.value) == (
        "data: sample 0 is one array, and the model's inputs are 'numbers', 'map'; give an array for each, by its name."
    )


def meaning(kind: str, name: str = "y") -> Meaning:
    return Meaning(task="classification", inputs={}, head={"outputs": {"scores": name}, "scores": kind})


ROWS: dict[str, Any] = {
    "probabilities": [[0.25, 0.75], [0.5, 0.5]],
    "nearly": [[0.2509, 0.7491], [0.5, 0.5]],
    "not summing": [[0.25, 0.5], [0.5, 0.5]],
    "negative": [[-0.25, 1.25], [0.5, 0.5]],
    "large": [[3.0, 0.5], [0.5, 0.5]],
}
ALIKE = [
    # kind of scores, rows, and what is said of those that are none
    ("softmax", "probabilities", ""),
    ("softmax", "nearly", ""),
    ("softmax", "not summing", "one row adds up to 0.75, where 1 would be right"),
    ("softmax", "negative", "they lie in -0.25..1.25, where 0..1 would be right"),
    ("sigmoid", "not summing", ""),
    ("sigmoid", "negative", "they lie in -0.25..1.25, where 0..1 would be right"),
    ("sigmoid", "large", "they lie in 0.5..3, where 0..1 would be right"),
    ("logits", "large", ""),
    ("logits", "negative", ""),
]


@pytest.mark.parametrize(("kind", "rows", "said"), ALIKE)
def test_scores_are_held_to_what_they_are_taken_for(kind: str, rows: str, said: str) -> None:
    outputs = {"y": np.array(ROWS[rows], np.float32)}
    if not said:
        looks_alike(meaning(kind), outputs, Path("m.tflite"))
        return
    with pytest.raises(RecipeError) as caught:
        looks_alike(meaning(kind), outputs, Path("m.tflite"))
    assert str(caught.value) == (
        f"model.path: the scores 'y' of 'm.tflite' are taken for those of a {kind}, but on 2 samples {said}."
    )


def test_other_outputs_are_held_to_nothing() -> None:
    looks_alike(Meaning(task="unlabelled", inputs={}), {"y": np.array([[7.0]])}, Path("m.tflite"))
    looks_alike(meaning("softmax", "z"), {"y": np.array([[7.0]])}, Path("m.tflite"))


def test_a_file_that_would_compute_something_else_is_a_broken_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(model: Any) -> None:
        bias = next(one for one in model.buffers if one.data is not None and len(one.data) == 3 * 4)
        bias.data = np.frombuffer(np.array([1, 2, 3], np.float32).tobytes(), np.uint8)

    monkeypatch.setattr(flatbuffer, "add_signature", other)
    content = flatbuffer.pack(flatbuffer.unpack(unsigned()))
    said = refusal(tmp_path, content)
    path = tmp_path / "user.tflite"
    assert said.startswith(
        f"the file does not compute what '{path}' does: StatefulPartitionedCall:0 differ by up to "
    )


# Labels


def described(count: int, labels: tuple[str, ...] = (), head: Any = None) -> Description:
    outputs = {"y": TensorSpec((1, count), "float32")}
    return Description(
        signature=Signature(inputs={}, outputs=outputs),
        labels={"labels.txt": labels} if labels else {},
        head={"outputs": {"scores": "y"}} if head is None else head,
    )


LABELS = [
    # the file's own names, the data's classes, and the model's
    ((), (), ()),
    (("x", "y", "z"), (), ("x", "y", "z")),
    ((), ("a", "b", "c"), ("a", "b", "c")),
    (("x", "y", "z"), ("z", "x"), ("x", "y", "z")),
    (("x", "y", "z"), ("a", "b", "c"), ("a", "b", "c")),
]


@pytest.mark.parametrize(("own", "classes", "labels"), LABELS)
def test_labels_are_the_files_own_where_they_hold_the_datas(own: Any, classes: Any, labels: Any) -> None:
    assert labels_of(described(3, own), classes) == labels


def test_a_detector_keeps_its_own_names() -> None:
    head = {"outputs": {"detection_boxes": "y"}}
    assert labels_of(described(4, ("x", "y"), head), ("a", "b")) == ("x", "y")
    assert labels_of(described(4, (), head), ("a", "b")) == ("a", "b")


def test_a_bias_in_the_scale_of_another_layer_is_said_and_the_file_taken_as_it_is(tmp_path: Path) -> None:
    """As TensorFlow's converter writes layers that share a bias, with int16 activations."""
    content = shared_heads()
    observed = observe(content, samples_of(content, 8))
    path = tmp_path / "float.tflite"
    path.write_bytes(content)
    ranges = {name: (one.low, one.high) for name, one in observed.items()}
    made = quantize(path, "int16x8", ranges, float_input=True, float_output=True)
    _, notes = loaded(tmp_path, made)
    assert "wrong_biases" not in notes
    graph = Graph.unpacked(made)
    first, second = (one for one in graph.weighted() if graph.name(int(one.outputs[0])) in ("first", "third"))
    second.inputs = np.array([*second.inputs[:2], first.inputs[2]], np.int32)
    _, notes = loaded(tmp_path, graph.packed())
    assert notes["wrong_biases"] == 1
