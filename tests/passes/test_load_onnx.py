"""An ONNX file taken in: converted in its environment, and held to onnxruntime on real samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onnx_files
from onnx_files import Given, end, model, node, tensor
from taken_in import Taken, softmax, stand_in, taken
from tflbuild.backends import onnx_conversion, onnx_execution
from tflbuild.backends.onnx_execution import OnnxSession
from tflbuild.backends.programs import onnx_to_tflite
from tflbuild.core.errors import BrokenPromise, PassError, RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.load_onnx import LoadOnnx
from tflbuild.passes.taking_in.converted import laid_out
from tflbuild.tflite import flatbuffer
from tflite_files import network, step


def loaded(folder: Path, content: bytes, **options: Any) -> Taken:
    return taken(LoadOnnx(), onnx_files.written(folder, content), folder, **options)


def small(outputs: Sequence[str], *nodes: bytes, shape: Sequence[int | str] = ("N", 3, 12, 12)) -> bytes:
    """Give a convolution of a picture and operators behind it."""
    rng = np.random.default_rng(3)
    kernel = tensor("kernel", rng.normal(size=(4, 3, 3, 3)).astype(np.float32))
    seen = node("Conv", ["image", "kernel"], ["seen"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    ends = [end(name, None) for name in outputs]
    return model(Given([seen, *nodes], [end("image", shape)], ends, [kernel]))


@pytest.mark.slow
def test_a_classifier_computes_what_it_computes_in_onnxruntime(
    tmp_path: Path, onnx_environment: Path
) -> None:
    made, notes = loaded(tmp_path, onnx_files.classifier())
    assert flatbuffer.signature(made.path)["inputs"][0] | {"dtype": "float32"} == {
        "name": "image",
        "shape": [1, 12, 12, 3],
        "dtype": "float32",
    }
    (found,) = notes["parity"]["outputs"].values()
    assert found["images"] == 32
    assert 0 < found["size"] <= 1
    assert found["difference"] <= 1e-5
    assert Meaning.of(made).head == {"outputs": {"scores": "scores"}, "scores": "softmax"}


@pytest.mark.slow
def test_names_that_no_tflite_has_are_kept_and_outputs_of_four_axes_have_channels_last(
    tmp_path: Path, onnx_environment: Path
) -> None:
    content = small(
        ["out/0:map", "758"],
        node("Sigmoid", ["seen"], ["out/0:map"]),
        node("Relu", ["seen"], ["758"]),
    )
    made, notes = loaded(tmp_path, content)
    outputs = {one["name"]: one["shape"] for one in flatbuffer.signature(made.path)["outputs"]}
    assert outputs == {"out/0:map": [1, 12, 12, 4], "758": [1, 12, 12, 4]}
    assert set(notes["parity"]["outputs"]) == {"out/0:map", "758"}


@pytest.mark.slow
def test_channels_that_come_last_in_the_file_stay_there(tmp_path: Path, onnx_environment: Path) -> None:
    kernel = tensor("kernel", np.random.default_rng(1).normal(size=(5, 3, 3, 3)).astype(np.float32))
    nodes = [
        node("Transpose", ["image"], ["turned"], perm=[0, 3, 1, 2]),
        node("Conv", ["turned", "kernel"], ["seen"], kernel_shape=[3, 3]),
        node("GlobalAveragePool", ["seen"], ["mean"]),
        node("Flatten", ["mean"], ["row"]),
        node("Softmax", ["row"], ["scores"]),
    ]
    content = model(Given(nodes, [end("image", ("N", 12, 16, 3))], [end("scores", ("N", 5))], [kernel]))
    made, _ = loaded(tmp_path, content)
    assert flatbuffer.signature(made.path)["inputs"][0]["shape"] == [1, 12, 16, 3]


@pytest.mark.slow
def test_open_sides_become_those_of_the_recipe(tmp_path: Path, onnx_environment: Path) -> None:
    made, _ = loaded(tmp_path, onnx_files.classifier(shape=("N", 3, "H", "W")), shape=(1, 3, 16, 24))
    assert flatbuffer.signature(made.path)["inputs"][0]["shape"] == [1, 16, 24, 3]


@pytest.mark.slow
def test_weights_beside_the_file_are_read(tmp_path: Path, onnx_environment: Path) -> None:
    kernel = np.random.default_rng(5).normal(size=(4, 3, 3, 3)).astype(np.float32)
    (tmp_path / "weights.bin").write_bytes(bytes(64) + kernel.tobytes())
    place = {"location": "weights.bin", "offset": "64", "length": str(kernel.nbytes)}
    content = onnx_files.classifier(external=place)
    _, notes = loaded(tmp_path, content)
    assert notes["parity"]["outputs"]["scores"]["difference"] <= 1e-5


@pytest.mark.slow
def test_what_onnx2tf_gets_wrong_is_a_broken_promise_with_the_numbers(
    tmp_path: Path, onnx_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert = onnx_conversion.convert

    def wrongly(*given: Any) -> onnx_conversion.Converted:
        right = convert(*given)
        changed = right.graph.model
        for one in changed.subgraphs[0].tensors:
            data = changed.buffers[one.buffer].data
            if data is not None and one.type == 0:
                changed.buffers[one.buffer].data = np.frombuffer(
                    (np.frombuffer(bytes(data), np.float32) * 1.01).astype(np.float32).tobytes(), np.uint8
                )
        return right

    monkeypatch.setattr(onnx_conversion, "convert", wrongly)
    with pytest.raises(
        BrokenPromise, match=r"in onnxruntime computes: scores differ by up to 0\.\d+, where they reach 0\.\d"
    ):
        loaded(tmp_path, onnx_files.classifier())


@pytest.mark.slow
def test_what_onnx2tf_cannot_convert_is_one_sentence(tmp_path: Path, onnx_environment: Path) -> None:
    content = small(["y"], node("Det", ["seen"], ["y"]))
    with pytest.raises(PassError) as caught:
        loaded(tmp_path, content)
    assert str(caught.value).startswith(f"onnx2tf 2.6.9 cannot convert '{tmp_path / 'model.onnx'}': ")
    assert str(caught.value).endswith(": a .tflite has no operator for 'ONNX_DET'.")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_scores_that_are_none_are_refused(tmp_path: Path, onnx_environment: Path) -> None:
    with pytest.raises(RecipeError, match="are taken for those of a softmax, but on 32 samples"):
        loaded(tmp_path, onnx_files.classifier(""), outputs="softmax")


@pytest.mark.slow
def test_a_session_runs_times_and_says_what_it_refuses(tmp_path: Path, onnx_environment: Path) -> None:
    path = onnx_files.written(tmp_path, onnx_files.classifier())
    values = np.random.default_rng(0).normal(size=(1, 3, 12, 12))
    with OnnxSession(path) as session:
        assert session.inputs == {"image": ([None, 3, 12, 12], "float32")}
        scores = session.run({"image": values})["scores"]
        assert scores.shape == (1, 3)
        assert scores.sum() == pytest.approx(1)
        assert (session.run({"image": values})["scores"] == scores).all()
        assert len(session.times({"image": values})) == 50
        with pytest.raises(
            PassError, match=r"^onnxruntime 1\.26\.0 cannot execute '.*model\.onnx': .*dimension"
        ):
            session.run({"image": values[:, :1]})
        assert (session.run({"image": values})["scores"] == scores).all(), "it goes on after an error"
    path.write_bytes(onnx_files.classifier()[:200])
    with pytest.raises(PassError, match="cannot execute"):
        OnnxSession(path)


def test_an_output_is_compared_in_the_order_of_axes_that_the_tflite_has() -> None:
    first = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    last = np.moveaxis(first, 1, -1)
    assert laid_out("y", first, last) is not first
    assert (laid_out("y", first, last) == last).all()
    assert laid_out("y", first, first) is first
    cube = np.arange(2 * 3 * 3 * 3.0).reshape(2, 3, 3, 3)
    assert (laid_out("y", cube, np.moveaxis(cube, 1, -1)) == np.moveaxis(cube, 1, -1)).all()
    with pytest.raises(
        BrokenPromise, match=r"'y' is \(3, 4, 5\) in the user's file, but \(7,\) in the \.tflite"
    ):
        laid_out("y", first, np.zeros((2, 7)))


WEIGHTS = np.random.default_rng(9).normal(size=(3, 5)).astype(np.float32)
"""Of each channel, for each class."""


def means(end_of: str = "Softmax", first: bool = True) -> bytes:
    """Write a classifier of pictures of 6 x 8: the mean of each channel, a dense layer, and what makes scores."""
    sides = (3, 6, 8) if first else (6, 8, 3)
    turning = [] if first else [node("Transpose", ["image"], ["turned"], perm=[0, 3, 1, 2])]
    nodes = [
        *turning,
        node("GlobalAveragePool", ["image" if first else "turned"], ["mean"]),
        node("Flatten", ["mean"], ["flat"]),
        node("Gemm", ["flat", "weights"], ["row"]),
        node(end_of, ["row"], ["scores"]),
    ]
    ends = [end("image", ("N", *sides))], [end("scores", ("N", 5))]
    return model(Given(nodes, *ends, [tensor("weights", WEIGHTS)]))


def as_tflite() -> bytes:
    tensors = {
        "input_0_of_onnx": (1, 6, 8, 3),
        "axes": np.array([1, 2], np.int32),
        "mean": (1, 3),
        "weights": np.ascontiguousarray(WEIGHTS.T),
        "bias": np.zeros(5, np.float32),
        "row": (1, 5),
        "Identity": (1, 5),
    }
    steps = [
        step("MEAN", ["input_0_of_onnx", "axes"], ["mean"]),
        step("FULLY_CONNECTED", ["mean", "weights", "bias"], ["row"]),
        step("SOFTMAX", ["row"], ["Identity"]),
    ]
    return network(tensors, steps, ["input_0_of_onnx"], ["Identity"])


class Environment:
    """In the places of onnx2tf and of onnxruntime: the same classifier by hand, and in NumPy."""

    def __init__(self, first: bool = True, off: float = 0.0, batched: bool = True) -> None:
        self.first, self.off, self.batched = first, off, batched
        self.asked: dict[str, Any] = {}
        self.shapes: set[tuple[int, ...]] = set()

    def convert(self, made: Any, program: Any, request: Any, folder: Path, seconds: int) -> dict[str, Any]:
        assert (program, seconds) == (onnx_to_tflite, 600)
        self.asked = request
        found = Path(request["out"]) / "made.tflite"
        found.write_bytes(as_tflite())
        names = {"inputs": {"image": "input_0_of_onnx"}, "outputs": {"scores": "Identity"}}
        return {"tflite": str(found), "simplified": True, **names}

    def session(self, path: Path) -> Environment:
        return self

    def __enter__(self) -> Environment:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        self.shapes.add(inputs["image"].shape)
        rows = softmax(inputs["image"].mean((2, 3) if self.first else (1, 2)) @ WEIGHTS) + self.off
        return {"scores": rows if self.batched else rows[0]}

    def load(self, patch: pytest.MonkeyPatch, folder: Path, content: bytes, **options: Any) -> Taken:
        required = stand_in(patch, folder, onnx2tf="2.6.9")
        patch.setattr(onnx_conversion.program, "run", self.convert)
        patch.setattr(onnx_execution, "OnnxSession", self.session)
        found = loaded(folder, content, **options)
        assert required == [("environment:onnx", "an ONNX file")]
        return found


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_samples_go_in_as_the_file_has_its_axes_and_outputs_are_held_to_the_tflite(
    first: bool, batched: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = Environment(first, batched=batched)
    made, notes = environment.load(monkeypatch, tmp_path, means(first=first))
    sides = [1, 3, 6, 8] if first else [1, 6, 8, 3]
    assert environment.asked["shapes"] == {"image": sides}
    assert environment.asked["kept"] == ([] if first else ["image"])
    assert environment.asked["model"] == str(tmp_path / "model.onnx")
    assert environment.shapes == {tuple(sides)}
    assert notes["parity"]["of"] == f"'{tmp_path / 'model.onnx'}' in onnxruntime"
    (found,) = notes["parity"]["outputs"].values()
    assert found["images"] == 32
    assert 0.2 < found["size"] <= 1
    assert found["difference"] <= 1e-6
    signature = flatbuffer.signature(made.path)
    assert [(one["name"], one["shape"]) for one in signature["inputs"]] == [("image", [1, 6, 8, 3])]
    assert [(one["name"], one["shape"]) for one in signature["outputs"]] == [("scores", [1, 5])]
    assert Meaning.of(made).head == {"outputs": {"scores": "scores"}, "scores": "softmax"}


def test_what_onnxruntime_computes_otherwise_breaks_the_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        BrokenPromise, match=r"in onnxruntime computes: scores differ by up to 0\.001, where they"
    ):
        Environment(off=0.001).load(monkeypatch, tmp_path, means())


def test_scores_of_another_kind_than_the_file_shows_break_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        BrokenPromise, match=r"are sigmoid, but the \.tflite that was made of it shows softmax\.$"
    ):
        Environment().load(monkeypatch, tmp_path, means("Sigmoid"))
