"""The proof of a delivered file: what is stored, by which kernels, and what a replay may differ by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import proven
from pictures import Greys, meaning_of, split_of
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import BrokenPromise, PassError, RecipeError
from tflbuild.core.form import check
from tflbuild.core.runtime import Runtime
from tflbuild.core.samples import FORM
from tflbuild.core.signature import Signature, TensorSpec
from tflbuild.evaluation import replaying
from tflbuild.evaluation.replaying import Allowed, replay
from tflbuild.runtimes.litert import Litert
from tflbuild.tflite.tiny import brightness_detector


@pytest.fixture
def model(integer_classifier: Path, tmp_path: Path) -> TFLiteModel:
    return proven.classifier(integer_classifier, tmp_path)


@dataclass(frozen=True, kw_only=True)
class Fake(Runtime):
    """Gives an output by table, a row a sample; other kernels are `off` from it."""

    off: tuple[float, ...] = ()
    rows: tuple[tuple[float, ...], ...] = ((0.0, 4.0), (1.0, 2.0))
    dtype: str = "float32"
    scale: float = 0.0
    shift: float = 0.0
    output: str = "scores"

    def others(self) -> Mapping[str, Runtime]:
        return {f"k{n}": replace(self, shift=off, off=()) for n, off in enumerate(self.off)}

    def open(self, model: Any) -> Any:
        rows = iter(self.rows)
        spec = TensorSpec((1, len(self.rows[0])), self.dtype, self.scale)
        outer = self

        class Execution:
            signature = Signature({"image": TensorSpec((1, 8, 8, 3), "float32")}, {outer.output: spec})
            kernels = "fake"

            def run(self, inputs: Any) -> dict[str, Any]:
                row = np.array([next(rows)]) + outer.shift
                return {outer.output: row.astype(outer.dtype)}

        return Execution()


def proof_by(runtime: Runtime, tmp_path: Path, **export: Any) -> dict[str, Any]:
    facts = meaning_of("classification").to_json()
    model = TFLiteModel(
        path=tmp_path / "model.tflite", digest="a" * 64, fingerprint="", meta={"facts": facts}
    )
    proven.proof(model, tmp_path, runtime=runtime, split=proven.greys(2), **export)
    return proven.index_of(tmp_path)


def test_the_stored_tensors_are_those_of_litert_itself(model: TFLiteModel, tmp_path: Path) -> None:
    said, whole = proven.proof(model, tmp_path)
    index = proven.index_of(tmp_path)
    check(index, FORM)
    assert (whole, said["n"], said["kernels"]) == (None, 5, "xnnpack")
    assert index["chosen"] == "5 of 50 samples of test, spread evenly over it"
    assert (index["computed_on"], index["model"]) == (
        "delivered",
        {"kind": "TFLiteModel", "sha256": model.digest},
    )
    assert index["labels"] == ["bright", "dark"]
    interpreter = Interpreter(model_path=str(model.path))
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    for grey, sample in zip(proven.GREYS, index["samples"], strict=True):
        image = np.full((1, 8, 8, 3), grey - 128, np.int8)  # the input takes bytes, less 128
        interpreter.set_tensor(given["index"], image)
        interpreter.invoke()
        for one, wanted in (
            (sample["inputs"][0], image),
            (sample["outputs"][0], interpreter.get_tensor(made["index"])),
        ):
            content = (tmp_path / "samples" / one["file"]).read_bytes()
            assert content == wanted.tobytes()
            assert (one["bytes"], one["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert [sample["key"] for sample in index["samples"]] == ["0", "1", "2", "3", "4"]
    (output,) = index["outputs"]
    assert (output["dtype"], output["scale"], output["zero_point"]) == ("int8", 1 / 256, -128)
    assert set(output["apart"]) == {"builtin", "reference"}


def test_the_table_says_the_same_without_json(model: TFLiteModel, tmp_path: Path) -> None:
    proven.proof(model, tmp_path)
    index = proven.index_of(tmp_path)
    head, *rows = [line.split("\t") for line in (tmp_path / "samples/samples.tsv").read_text().splitlines()]
    assert head == ["sample", "direction", "place", "dtype", "numbers", "tolerance", "file", "name"]
    steps = repr(index["outputs"][0]["tolerance_steps"])
    assert rows[:2] == [
        ["000", "input", "0", "int8", "192", "0.0", "000/input_0.bin", "image"],
        ["000", "output", "0", "int8", "2", steps, "000/output_0.bin", "scores"],
    ]
    assert len(rows) == 10


@pytest.mark.parametrize(
    ("off", "tolerance", "basis"),
    [
        ((0.25,), 0.5, "twice the distance of k0"),
        ((0.25, -0.375), 0.75, "twice the distance of k0, k1"),
        ((0.0,), 0.0, "twice the distance of k0"),
        ((), 0.0, "no other kernels are here"),
        # the largest value is 4, so that 0.5 is more than a tenth of it
        ((0.25, 0.5), 0.5, "twice the distance of k0; not of k1, which are apart by more than rounding"),
        ((0.5,), 0.0, "no other kernels compute alike; not of k0, which are apart by more than rounding"),
        ((np.nan,), 0.0, "no other kernels compute alike; not of k0, which are apart by more than rounding"),
    ],
)
def test_a_tolerance_is_twice_what_kernels_differ_by(
    off: tuple[float, ...], tolerance: float, basis: str, tmp_path: Path
) -> None:
    (output,) = proof_by(Fake(off=off), tmp_path)["outputs"]
    assert (output["size"], output["tolerance"], output["basis"]) == (4.0, tolerance, basis)


def test_a_recipe_may_say_the_tolerance(tmp_path: Path) -> None:
    (output,) = proof_by(Fake(off=(0.25,)), tmp_path, relative=0.01, steps=3.0)["outputs"]
    assert (output["tolerance"], output["basis"]) == (pytest.approx(0.04), "export.relative")
    integers = Fake(off=(1.0,), dtype="int8", scale=0.5, rows=((40, 2), (9, 9)))
    (output,) = proof_by(integers, tmp_path)["outputs"]
    assert (output["tolerance_steps"], output["tolerance"]) == (2.0, 1.0)
    assert output["apart"] == {"k0": {"largest": 0.5, "steps": 1.0, "equal": False}}
    (output,) = proof_by(integers, tmp_path, steps=3.0)["outputs"]
    assert (output["tolerance_steps"], output["tolerance"], output["basis"]) == (3.0, 1.5, "export.steps")


def test_a_dtype_that_no_file_holds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PassError, match="a tensor of complex64 cannot be stored"):
        proof_by(Fake(dtype="complex64"), tmp_path)


def test_behind_the_last_object_there_are_zeros_that_nobody_compares(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(brightness_detector())
    model = proven.taken(path, meaning_of("detection").to_json())
    proven.proof(model, tmp_path, split=split_of(Greys(grey=(255, 0))))
    index = proven.index_of(tmp_path)
    names = [output["name"] for output in index["outputs"]]
    for sample in index["samples"]:
        stored = dict(zip(names, sample["outputs"], strict=True))
        count = stored["num_detections"]
        objects = int(np.frombuffer((tmp_path / "samples" / count["file"]).read_bytes(), np.float32)[0])
        assert count["numbers"] == 1
        assert stored["detection_boxes"]["numbers"] == 4 * objects
        boxes = np.frombuffer(
            (tmp_path / "samples" / stored["detection_boxes"]["file"]).read_bytes(), np.float32
        )
        assert not boxes[4 * objects :].any()
    made = replay(Litert(), model, tmp_path / "samples", Allowed())
    assert all(output["within"] and output["equal"] == 2 for output in made["outputs"])
    assert {one["name"]: one["first_same"] for one in made["outputs"]}["detection_classes"] in (None, 1, 2)


def test_a_file_with_samples_in_it_computes_the_same(model: TFLiteModel, tmp_path: Path) -> None:
    _, whole = proven.proof(model, tmp_path, embed=True)
    assert whole is not None
    assert whole.digest != model.digest
    made = replay(Litert(), whole, tmp_path / "samples", Allowed())
    assert [output["equal"] for output in made["outputs"]] == [5]


def test_a_file_that_computes_another_thing_with_samples_in_it_is_a_broken_promise(
    model: TFLiteModel, tmp_path: Path
) -> None:
    class Wavering(Fake):
        def open(self, model: Any) -> Any:
            again = Fake(rows=self.rows, shift=0.0 if model.digest == whole.digest else 1.0)
            return again.open(model)

    whole = model
    runtime = Wavering(rows=((1.0, 4.0),) * 5)
    with pytest.raises(BrokenPromise, match="with the samples in it the file gives another 'scores'"):
        proven.proof(model, tmp_path, runtime=runtime, embed=True)


def test_a_replay_says_how_far_it_is_off(model: TFLiteModel, tmp_path: Path) -> None:
    proof_by(Fake(off=(0.25,)), tmp_path)
    facts = meaning_of("classification").to_json()
    file = TFLiteModel(path=tmp_path / "model.tflite", digest="a" * 64, fingerprint="", meta={"facts": facts})

    def replayed(runtime: Runtime, **allowed: float) -> dict[str, Any]:
        return replay(runtime, file, tmp_path / "samples", Allowed(**allowed))

    near = replayed(Fake(rows=((0.0, 4.5), (1.0, 2.0))))
    assert [sample["outputs"] for sample in near["samples"]] == [
        [{"equal": False, "largest": 0.5, "first": True, "within": True}],
        [{"equal": True, "largest": 0.0, "first": True, "within": True}],
    ]
    assert near["outputs"] == [
        {
            "name": "scores",
            "equal": 1,
            "largest": 0.5,
            "first_same": 2,
            "tolerance": 0.5,
            "basis": "twice the distance of k0",
            "within": True,
        }
    ]
    far = replayed(Fake(rows=((4.0, 0.0), (1.0, 2.0))))["outputs"][0]
    assert (far["largest"], far["first_same"], far["within"]) == (4.0, 1, False)
    allowed = replayed(Fake(rows=((4.0, 0.0), (1.0, 2.0))), relative=1.0)["outputs"][0]
    assert (allowed["tolerance"], allowed["basis"], allowed["within"]) == (4.0, "--relative", True)
    lost = replayed(Fake(rows=((np.nan, 4.0), (1.0, 2.0))))["outputs"][0]
    assert (lost["largest"], lost["within"]) == (None, False)
    other = replayed(Fake(dtype="int8"))
    assert other["samples"][0]["outputs"][0]["text"] == "gives (1, 2) int8, expected is (1, 2) float32"
    assert (other["outputs"][0]["within"], other["outputs"][0]["largest"]) == (False, None)
    renamed = replayed(Fake(output="probability"))["outputs"][0]
    assert (renamed["name"], renamed["equal"]) == ("scores", 2)


def test_steps_are_allowed_where_an_output_is_quantized(tmp_path: Path) -> None:
    integers = Fake(dtype="int8", scale=0.5, rows=((40, 2), (9, 9)))
    proof_by(integers, tmp_path)
    file = TFLiteModel(path=tmp_path / "model.tflite", digest="a" * 64, fingerprint="", meta={})
    off = replace(integers, rows=((41, 2), (9, 9)))
    for allowed, within in ((Allowed(), False), (Allowed(steps=1.0), True), (Allowed(steps=0.5), False)):
        (output,) = replay(off, file, tmp_path / "samples", allowed)["outputs"]
        assert (output["steps"], output["largest"], output["within"]) == (1.0, 0.5, within)


def test_samples_that_were_changed_are_named(model: TFLiteModel, tmp_path: Path) -> None:
    proven.proof(model, tmp_path)
    folder = tmp_path / "samples"
    tensor, index = folder / "000/input_0.bin", folder / "samples.json"
    kept, said = tensor.read_bytes(), json.loads(index.read_text())

    def message() -> str:
        with pytest.raises(RecipeError) as caught:
            replay(Litert(), model, folder, Allowed())
        return str(caught.value).replace(str(folder), "F")

    tensor.write_bytes(b"x" + kept[1:])
    assert (
        message()
        == "F/000/input_0.bin was changed: its SHA-256 is not the one that the index of the samples names."
    )
    tensor.unlink()
    assert message() == "F/000/input_0.bin cannot be read as a sample: No such file or directory."
    tensor.write_bytes(kept)
    said["inputs"][0]["shape"] = [1, 8, 8, 1]
    index.write_text(json.dumps(said))
    assert message() == "F/000/input_0.bin has 192 bytes, which are no int8 of shape (1, 8, 8, 1)."
    said["samples"][0]["outputs"] = []
    index.write_text(json.dumps(said))
    assert message() == "F/samples.json is not an index of samples: 000 has 0 outputs, and the file has 1."
    said["samples"][0]["outputs"] = [{"file": "../../secret", "bytes": 1, "sha256": "a" * 64, "numbers": 1}]
    index.write_text(json.dumps(said))
    assert message().startswith(
        "F/samples.json is not an index of samples: samples.0.outputs.0.file is '../../secret'"
    )
    index.write_text("[")
    assert message().startswith("F/samples.json is not an index of samples: ")
    index.unlink()
    assert message() == "F has no samples: samples.json is missing."


def test_samples_of_another_file_are_refused(model: TFLiteModel, tmp_path: Path) -> None:
    proven.proof(model, tmp_path)
    index = proven.index_of(tmp_path)
    ends = [*index["inputs"], {**index["inputs"][0], "name": "second"}]
    with pytest.raises(
        RecipeError, match="has the inputs image, and the samples are of image, second: they are of"
    ):
        replaying._names(ends, {"image": TensorSpec((1,), "int8")}, "input", model)


@dataclass(frozen=True, kw_only=True)
class Detector(Runtime):
    """Finds one object; behind it lies whatever the memory held."""

    garbage: float = 7.0

    def open(self, model: Any) -> Any:
        boxes = np.full((1, 3, 4), self.garbage, np.float32)
        boxes[0, 0] = (0.25, 0.25, 0.5, 0.5)
        made = {"detection_boxes": boxes, "num_detections": np.array([1.0], np.float32)}

        class Execution:
            signature = Signature(
                {"image": TensorSpec((1, 8, 8, 3), "float32")},
                {name: TensorSpec(value.shape, "float32") for name, value in made.items()},
            )
            kernels = "fake"

            def run(self, inputs: Any) -> dict[str, Any]:
                return {name: value.copy() for name, value in made.items()}

        return Execution()


def test_what_nobody_wrote_is_neither_stored_nor_compared(tmp_path: Path) -> None:
    facts = meaning_of("detection").to_json()
    model = TFLiteModel(
        path=tmp_path / "model.tflite", digest="a" * 64, fingerprint="", meta={"facts": facts}
    )
    proven.proof(model, tmp_path, runtime=Detector(), split=split_of(Greys(grey=(255,))))
    boxes, count = proven.index_of(tmp_path)["outputs"]
    assert boxes["size"] == 0.5, "of the object alone"
    (sample,) = proven.index_of(tmp_path)["samples"]
    assert [one["numbers"] for one in sample["outputs"]] == [4, 1]
    stored = np.frombuffer((tmp_path / "samples/000/output_0.bin").read_bytes(), np.float32)
    assert stored.tolist() == [0.25, 0.25, 0.5, 0.5, *[0.0] * 8]
    made = replay(Detector(garbage=-3.0), model, tmp_path / "samples", Allowed())
    assert [output["equal"] for output in made["outputs"]] == [1, 1]
    assert count["name"] == "num_detections"
