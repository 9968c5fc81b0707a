"""The interpreter of tflite-micro in a process apart: what it computes, and what becomes of files that it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import small_network
import stateful_files
import tflite_files
from tflbuild.backends.micro import session
from tflbuild.backends.micro.session import Loaded, MicroSession, Refused
from tflbuild.core import toolchain
from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.runtimes import interpreter as litert
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.tiny import brightness_detector, dense_classifier

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")
needs_package = pytest.mark.skipif(
    toolchain.version(session.TOOL) is None, reason="tflite-micro is not installed"
)


@needs_package
def test_an_int8_network_gives_the_bytes_of_litert(tmp_path: Path) -> None:
    path = small_network.quantized(tmp_path)
    ours, theirs = Loaded(path), litert.Loaded(path, 1, "reference")
    assert ours.signature == theirs.signature
    rng = np.random.default_rng(0)
    for _ in range(8):
        inputs = {
            name: rng.integers(0, 255, spec.shape).astype(spec.dtype)
            for name, spec in ours.signature.inputs.items()
        }
        made, wanted = ours.run(inputs), theirs.run(inputs)
        assert [*made] == [*wanted]
        assert all(made[name].tobytes() == wanted[name].tobytes() for name in wanted)
        assert all(made[name].shape == wanted[name].shape for name in wanted)


@needs_package
def test_each_run_starts_anew(tmp_path: Path) -> None:
    path = tflite_files.written(tmp_path, stateful_files.counter())
    loaded, given = Loaded(path), {"x": np.array([[1.0, 2.0]], np.float32)}
    first, second = (loaded.run(given)["out"].tolist() for _ in range(2))
    assert first == second == [[1.0, 2.0]]


@needs_package
def test_outputs_are_those_of_their_names(tmp_path: Path) -> None:
    def swap(model: object) -> None:
        graph = model.subgraphs[0]  # type: ignore[attr-defined]
        graph.outputs = graph.outputs[::-1]

    def two(change: object) -> bytes:
        return tflite_files.network(
            {"x": (1, 2), "low": (1, 2), "high": (1, 2)},
            [tflite_files.step("FLOOR", ["x"], ["low"]), tflite_files.step("CEIL", ["x"], ["high"])],
            ["x"],
            ["low", "high"],
            change=change,  # type: ignore[arg-type]
        )

    for change in (None, swap):
        path = tflite_files.written(tmp_path, two(change))
        made = Loaded(path).run({"x": np.array([[0.5, -0.5]], np.float32)})
        assert made["low"].tolist() == [[0.0, -1.0]]
        assert made["high"].tolist() == [[1.0, 0.0]]


@needs_package
def test_an_arena_that_is_too_small_is_a_sentence_and_the_next_one_is_tried(tmp_path: Path) -> None:
    path = tflite_files.written(tmp_path, dense_classifier())
    with MicroSession(path) as opened:
        for size in (1, 600):  # at 1 byte the interpreter crashes
            with pytest.raises(Refused, match="LiteRT for Microcontrollers"):
                opened.load(size)
        assert len(opened.load()["inputs"]) == 1


@needs_package
def test_a_file_that_crashes_the_interpreter_ends_its_process_alone(tmp_path: Path) -> None:
    path = tmp_path / "broken.tflite"
    model = flatbuffer.unpack(dense_classifier())
    model.subgraphs[0].operators[0].inputs = np.array([2**28, 1, 2], np.int32)  # there are a few tensors
    path.write_bytes(flatbuffer.pack(model))
    with (
        MicroSession(path) as opened,
        pytest.raises(Refused, match=r"crashed \(signal \d+\) on .*broken.tflite"),
    ):
        opened.load()
    with pytest.raises(RecipeError):
        Loaded(path)  # is held to be well-formed first


@needs_package
@pytest.mark.parametrize("cut", [4, 40, 400])
def test_a_truncated_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(dense_classifier()[:-cut] if cut < 400 else dense_classifier()[:cut])
    with pytest.raises(RecipeError):
        Loaded(path)


@needs_package
def test_a_custom_operator_is_refused_in_the_interpreters_words(tmp_path: Path) -> None:
    path = tflite_files.written(tmp_path, tflite_files.classifier("MyOperator"))
    with pytest.raises(
        Refused, match="LiteRT for Microcontrollers: Failed to get registration from op code CUSTOM"
    ):
        Loaded(path)


@needs_package
def test_an_open_batch_is_run_with_the_one_of_the_file(tmp_path: Path) -> None:
    def opened(model: object) -> None:
        for tensor in model.subgraphs[0].tensors:  # type: ignore[attr-defined]
            if tensor.name in (b"image", b"scores"):
                tensor.shapeSignature = np.array([-1, *tensor.shape[1:]], np.int32)

    path = tflite_files.written(tmp_path, tflite_files.classifier("SOFTMAX", change=opened))
    loaded = Loaded(path)
    assert loaded.run({"image": np.zeros((1, 8, 8, 3), np.float32)})["scores"].shape == (1, 3)


@needs_package
def test_outputs_without_a_shape_are_refused_before_memory_is_overwritten(tmp_path: Path) -> None:
    model = flatbuffer.unpack(brightness_detector())
    graph = model.subgraphs[0]
    for index in graph.outputs:
        graph.tensors[int(index)].shape = np.zeros(0, np.int32)
    path = tflite_files.written(tmp_path, flatbuffer.pack(model))
    with pytest.raises(Refused, match="'TFLite_Detection_PostProcess' have no shape in the file"):
        Loaded(path)


@needs_package
def test_detections_are_those_of_litert(tmp_path: Path) -> None:
    path = tflite_files.written(tmp_path, brightness_detector())
    given = {"image": np.full((1, 8, 8, 3), 0.3, np.float32)}
    ours, theirs = Loaded(path), litert.Loaded(path)
    (name,) = ours.signature.inputs
    made, wanted = (one.run({name: given["image"]}) for one in (ours, theirs))
    count = int(wanted["num_detections"][0])
    assert count
    for output, value in wanted.items():
        cut = (value, made[output]) if value.ndim < 2 else (value[:, :count], made[output][:, :count])
        np.testing.assert_allclose(*cut, atol=1e-6)  # of a sigmoid in floats


@needs_package
def test_a_process_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = tmp_path / "silent.py"
    silent.write_text("import sys\nsys.stdin.buffer.read()\n")
    monkeypatch.setattr(session.micro_session, "__file__", str(silent))
    with (
        MicroSession(tmp_path / "model.tflite", seconds=0.2) as opened,
        pytest.raises(Refused, match=r"took longer than 0\.2 s"),
    ):
        opened.load()


def test_without_the_package_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "_installed", lambda tool: None)
    with pytest.raises(MissingTool, match=r'pip install "tflbuild\[micro\]"'):
        MicroSession(tmp_path / "model.tflite")


@needs_package
def test_both_interpreters_live_in_one_process_and_neither_brings_tensorflow() -> None:
    program = """
import sys
import numpy as np
from tflite_micro import runtime
from ai_edge_litert.interpreter import Interpreter
from tflbuild.tflite.tiny import dense_classifier
content = dense_classifier()
def micro():
    made = runtime.Interpreter.from_bytes(content, arena_size=100_000)
    made.set_input(image, 0)
    made.invoke()
    return made.get_output(0).tobytes()
def litert():
    made = Interpreter(model_content=content)
    made.allocate_tensors()
    made.set_tensor(made.get_input_details()[0]["index"], image)
    made.invoke()
    return made.get_tensor(made.get_output_details()[0]["index"]).tobytes()
probe = Interpreter(model_content=content)
image = np.full(probe.get_input_details()[0]["shape"], 0.25, np.float32)
found = [micro(), litert(), micro(), litert()]
assert found[0] == found[2] and found[1] == found[3]
assert np.allclose(np.frombuffer(found[0], np.float32), np.frombuffer(found[1], np.float32), atol=1e-6)
assert not {"tensorflow", "tf_keras"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
