"""What evaluates a TensorFlow Lite file imports no TensorFlow, and gives the same bytes in any number of processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.meaning import Meaning
from tflbuild.core.recipe import WorkerOptions
from tflbuild.data.signs import Signs
from tflbuild.engine.workers.crew import SplitWork
from tflbuild.engine.workers.worker import Worker
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.runtimes.litert import Litert
from tflbuild.tflite.tiny import brightness_detector
from tflbuild.wiring import NAMES

IMAGES = 150
DATA = Signs(image_size=32, train=1, val=1, test=IMAGES)


@pytest.fixture
def detector(tmp_path: Path) -> TFLiteModel:
    path = tmp_path / "detector.tflite"
    path.write_bytes(brightness_detector())
    facts = Meaning.of_image(
        task="detection", height=8, width=8, labels=("stop", "yield"), preprocess=ImageModality().to_json()
    )
    return TFLiteModel(path=path, digest="d", fingerprint="d", meta={"facts": facts.to_json()})


@pytest.fixture
def index(tmp_path: Path) -> Path:
    path = tmp_path / "index.json"
    path.write_text(json.dumps(DATA.index(lambda name: None).to_json()))  # type: ignore[arg-type, return-value]
    return path


@pytest.fixture
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    made = Worker(WorkerOptions(evaluators=request.param), "cpu", (plugins.LOADER, None), NAMES)
    yield made
    made.stop()


def written(worker: Worker, model: TFLiteModel, index: Path, name: str) -> Path:
    out = index.with_name(f"{name}-{worker.options.evaluators}.npz")
    arguments: tuple[Any, ...] = (DATA, index, "test")
    if name == "predict":
        arguments = (Litert(), model, *arguments)
    worker.crew.share(SplitWork(name, arguments, IMAGES, out, "measuring"))
    return out


@pytest.mark.parametrize(
    "worker",
    [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)],
    indirect=True,
)
def test_real_predictions_have_the_bytes_of_one_plain_loop(
    worker: Worker, detector: TFLiteModel, index: Path, tmp_path: Path
) -> None:
    from tflbuild.core.dataset import Index, Split
    from tflbuild.evaluation.predictions import predict_file
    from tflbuild.evaluation.truth import truth_file

    split = Split("test", DATA, Index.from_json(json.loads(index.read_text())))
    predict_file(Litert(), detector, split, tmp_path / "plain.npz")
    truth_file(split, tmp_path / "truth.npz")
    assert written(worker, detector, index, "predict").read_bytes() == (tmp_path / "plain.npz").read_bytes()
    assert written(worker, detector, index, "truth").read_bytes() == (tmp_path / "truth.npz").read_bytes()


CODE = """
import pickle, sys
from pathlib import Path
from tflbuild.core.recipe import WorkerOptions
from tflbuild.engine.workers.worker_process import Server
from tflbuild.runtimes.litert import Litert
from tflbuild.wiring import NAMES
from tflbuild.targets.cpu import Cpu

class Channel:
    def send(self, message):
        pass

model, data, index = pickle.loads(Path(sys.argv[1]).read_bytes())
folder = Path(sys.argv[2])
server = Server(Channel())
server.load("tflbuild.plugins:load", None, NAMES)
one, two, joined, truth = (folder / name for name in ("one", "two", "joined", "truth"))
print(server.predict(Litert(), model, data, index, "test", 0, 10, one))
server.predict(Litert(), model, data, index, "test", 10, 20, two)
server.merge([one, two], joined)
server.truth(data, index, "test", 0, 20, truth)
assert server.measure("map", joined, truth)["n"] == 20
assert server.compare("map", joined, joined, truth)["value"] == 0.0
assert server.file_metric("size", model)["value"] > 0
assert server.file_metric("latency", model)["value"] > 0
assert server.deliver(Cpu(runs=1), model, folder)[1]["delegate"]["name"] == "xnnpack"
print([name for name in ("tensorflow", "tf_keras", "h5py", "keras") if name in sys.modules])
"""


def test_nothing_of_an_evaluation_imports_tensorflow(
    detector: TFLiteModel, index: Path, tmp_path: Path
) -> None:
    import pickle

    (tmp_path / "given").write_bytes(pickle.dumps((detector, DATA, index)))
    command = [sys.executable, "-c", CODE, str(tmp_path / "given"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["xnnpack", "[]"], done.stderr
