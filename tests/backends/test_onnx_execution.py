"""Both ends of a session with onnxruntime, over a real pipe: in the place of onnxruntime is a class of a few lines.

It doubles `x`, adds `n` to it, and refuses what is too long; its file says how many sides `x` has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fake_environments import here
from tflbuild.backends import onnx_execution
from tflbuild.backends.onnx_execution import Loaded, OnnxSession
from tflbuild.backends.programs import onnx_session
from tflbuild.core import environment
from tflbuild.core.artifact import Artifact
from tflbuild.core.errors import PassError
from tflbuild.environments.running import program

STANDING_IN = f"""
import os, runpy, sys, types

class Session:
    def __init__(self, model, options, providers):
        if "refused" in open(model).read():
            raise ValueError("no such operator\\nin line 2")
        self.options, self.providers, self.runs = options, providers, 0
        print("a library says something")
    def get_inputs(self):
        def one(name, kind, shape):
            return types.SimpleNamespace(name=name, type=kind, shape=shape)
        return [one("x", "tensor(float)", ["N", 3]), one("n", "tensor(int64)", [1]), one("odd", "seq(x)", [])]
    def get_outputs(self):
        return [types.SimpleNamespace(name=name, type="tensor(float)", shape=[None, 3]) for name in ("sum", "told")]
    def run(self, names, inputs):
        import numpy
        if inputs["x"].shape[-1] > 3:
            raise ValueError("Got: 4 Expected: 3\\nPlease fix it")
        if inputs["x"][0, 0] == 99:
            os._exit(1)
        self.runs += 1
        told = [self.options.intra_op_num_threads, self.options.inter_op_num_threads, self.runs]
        kinds = [float(inputs[name].dtype == kind) for name, kind in (("x", "float32"), ("n", "int64"))]
        return [2 * inputs["x"] + inputs["n"], numpy.array([*told, *kinds])]

made = types.ModuleType("onnxruntime")
made.SessionOptions, made.InferenceSession = types.SimpleNamespace, Session
sys.modules["onnxruntime"] = made
runpy.run_path({str(onnx_session.__file__)!r}, run_name="__main__")
"""

X, N = np.array([[1.0, 2.0, 4.0]]), np.array([7.0])


@pytest.fixture(scope="module")
def standing_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("standing_in")
    module = ModuleType("onnx_session")
    module.__file__ = str(folder / "onnx_session.py")
    Path(module.__file__).write_text(STANDING_IN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_execution, "onnx_session", module)
        patch.setattr(environment, "require", required(folder))
        yield


def required(folder: Path) -> Callable[[str, str], Any]:
    def require(tool: str, wanted_by: str) -> Any:
        assert (tool, wanted_by) == ("environment:onnx", "an ONNX file")
        made = here(folder)
        made.packages["onnxruntime"] = "1.2"
        return made

    return require


@pytest.fixture(scope="module")
def session(standing_in: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnnxSession]:
    path = tmp_path_factory.mktemp("session") / "net.onnx"
    path.write_text("anything")
    with OnnxSession(path, threads=3) as made:
        yield made


def test_it_says_what_it_takes_and_gives(session: OnnxSession) -> None:
    assert session.inputs == {
        "x": ([None, 3], "float32"),
        "n": ([1], "int64"),
        "odd": ([], "float32"),
    }
    assert session.outputs == ["sum", "told"]


def test_arrays_arrive_in_the_dtypes_of_the_file_and_come_back_by_name(session: OnnxSession) -> None:
    found = session.run({"x": X, "n": N})
    assert found["sum"].tolist() == [[9.0, 11.0, 15.0]]
    threads, between, _, floats, integers = found["told"].tolist()
    assert (threads, between) == (3, 1), "it is given the threads of a run, and one operator at a time"
    assert (floats, integers) == (1.0, 1.0)


def test_fifty_runs_are_timed_after_five_that_are_not(session: OnnxSession) -> None:
    before = session.run({"x": X, "n": N})["told"][2]
    times = session.times({"x": X, "n": N})
    assert times.shape == (50,)
    assert (times > 0).all()
    assert session.run({"x": X, "n": N})["told"][2] == before + 56


def test_what_it_refuses_is_its_first_line_and_it_goes_on(session: OnnxSession) -> None:
    with pytest.raises(PassError) as caught:
        session.run({"x": np.zeros((1, 4)), "n": N})
    assert str(caught.value) == (f"onnxruntime 1.2 cannot execute '{session._path}': Got: 4 Expected: 3")
    assert session.run({"x": X, "n": N})["sum"].tolist() == [[9.0, 11.0, 15.0]]


def test_a_process_that_dies_is_said_and_leaves_nothing_behind(standing_in: None, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_text("anything")
    with OnnxSession(path) as one:
        folder = Path(one._folder.name)
        assert folder.is_dir()
        with pytest.raises(PassError, match=r"^onnxruntime 1\.2 cannot execute '.*net\.onnx': it died$"):
            one.run({"x": np.full((1, 3), 99.0), "n": N})
        with pytest.raises(PassError, match="it died"):
            one.run({"x": X, "n": N})
    assert one._process.returncode == 1
    assert not folder.exists()


def test_a_file_that_cannot_be_loaded_is_refused(standing_in: None, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_text("refused")
    with pytest.raises(PassError, match=r"^onnxruntime 1\.2 cannot execute '.*net\.onnx': no such operator$"):
        OnnxSession(path)


def test_a_process_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("endless")
    module.__file__ = str(tmp_path / "endless.py")
    Path(module.__file__).write_text("import time\ntime.sleep(60)\n")
    process = program.started(here(tmp_path), module, [], tmp_path)
    folder = SimpleNamespace(cleanup=lambda: gone.append(process.poll()))
    gone: list[int | None] = []
    wait = process.wait
    monkeypatch.setattr(process, "wait", lambda timeout=None: wait(timeout and timeout / 50))
    onnx_execution._end(process, folder)  # type: ignore[arg-type]
    assert gone == [-9], "it was killed before its folder was removed"
    assert process.stdin is not None
    assert process.stdin.closed
    assert process.stdout is not None
    assert process.stdout.closed


class Recorded:
    """A session that notes what it is given, and took 1, 2, ... 10 ms."""

    def __init__(self, path: Path, threads: int) -> None:
        self.made = (path, threads)
        made.append(self)

    def run(self, inputs: Any) -> dict[str, Any]:
        return {"given": inputs}

    def times(self, inputs: Any) -> Any:
        self.given = inputs
        return np.arange(1.0, 11.0)


made: list[Recorded] = []


def test_a_delivered_file_is_timed_on_noise_of_each_inputs_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_execution, "OnnxSession", Recorded)
    inputs = [
        {"name": "f", "shape": [1, 40, 30], "dtype": "float32"},
        {"name": "i", "shape": [1, 1200], "dtype": "int8", "scale": 0.5, "zero_point": 3},
        {"name": "u", "shape": [1, 1200], "dtype": "uint8"},
    ]
    artifact = Artifact(
        path=Path("/net.onnx"),
        digest="",
        fingerprint="",
        meta={"signature": {"inputs": inputs, "outputs": []}},
    )
    loaded = Loaded(artifact, threads=2)
    assert loaded.signature.inputs["i"].scale == 0.5
    found = loaded.latency()
    assert {key: found[key] for key in ("median", "p90", "threads", "runs", "kernels")} == {
        "median": 5.5,
        "p90": 9.1,  # numpy's documentation: linear between the 9th and the 10th of ten
        "threads": 2,
        "runs": 10,
        "kernels": "onnxruntime",
    }
    assert found["cpu"]
    session = made[-1]
    assert session.made == (Path("/net.onnx"), 2)
    noise = session.given
    assert {name: (value.shape, value.dtype.name) for name, value in noise.items()} == {
        "f": ((1, 40, 30), "float32"),
        "i": ((1, 1200), "int8"),
        "u": ((1, 1200), "uint8"),
    }
    assert -1 <= noise["f"].min() < -0.9 < 0.9 < noise["f"].max() <= 1
    assert (noise["i"].min(), noise["i"].max()) == (-128, 127)
    assert (noise["u"].min(), noise["u"].max()) == (0, 255)
    again = Loaded(artifact)
    again.latency()
    assert made[-1].made == (Path("/net.onnx"), 1)
    assert (made[-1].given["f"] == noise["f"]).all(), "the noise is seeded"
    assert loaded.run({"f": 1}) == {"given": {"f": 1}}


def test_every_dtype_of_onnxruntime_is_one_of_numpy() -> None:
    names = {"float": np.float32, "float16": np.float16, "double": np.float64, "bool": np.bool_}
    names |= {kind: np.dtype(kind).type for kind in ("uint8", "int8", "int32", "int64")}
    assert {name: np.dtype(kind).name for name, kind in names.items()} == {
        name.removeprefix("tensor(").removesuffix(")"): kind for name, kind in onnx_execution.DTYPES.items()
    }
