"""A detector of somebody else, not suppressed yet: taken in with its head, quantized, delivered in both ways."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numpy_suppression
from raw_detectors import CELLS, HEAD, SIDE, Pictures, pictures, yolov8
from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Split
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.core.runtime import usual_runtime
from tflbuild.evaluation.predictions import predict
from tflbuild.models.file import File
from tflbuild.passes.load_tflite import LoadTflite
from tflbuild.passes.quantize import Quantize
from tflbuild.runtimes.interpreter import Loaded
from tflbuild.tasks.detection.detector import Postprocess
from tflbuild.testing import run_pass
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.graph import Graph

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

DATA, INDEX = Pictures(), pictures("left", "right")
OUTPUTS = ["detection_boxes", "detection_classes", "detection_scores", "num_detections"]


def loaded(
    folder: Path, content: bytes, head: dict[str, Any], index: Any = INDEX
) -> tuple[TFLiteModel, dict[str, Any]]:
    plugins.load(None)
    path = folder / "user.tflite"
    path.write_bytes(content)
    notes: dict[str, Any] = {}
    spec = File(path=str(path), head=head)
    spec.check()
    made: TFLiteModel = run_pass(
        LoadTflite(), None, folder, model_spec=spec, data=DATA, index=index, notes=notes
    )
    return made, notes


@pytest.fixture
def whole(tmp_path: Path) -> TFLiteModel:
    return loaded(tmp_path, yolov8(), HEAD)[0]


def test_suppression_is_appended_and_gives_what_numpy_gives(tmp_path: Path) -> None:
    made, notes = loaded(tmp_path, yolov8(), HEAD)
    running = Loaded(made.path)
    assert list(running.signature.outputs) == OUTPUTS
    raw = Loaded(tmp_path / "user.tflite")
    picture = DATA.read(INDEX.splits["train"][3]).value[None].astype(np.float32) / 128 - 1
    (rows,) = raw.run({"image": picture}).values()
    x, y, width, height, *scores = rows[0]
    code = np.stack(
        [10 * y / SIDE, 10 * x / SIDE, 5 * np.log(height / SIDE), 5 * np.log(width / SIDE)], axis=1
    )
    unit = np.tile(np.array([0, 0, 1, 1], np.float32), (CELLS, 1))
    wanted = numpy_suppression.detections(code, np.stack(scores, axis=1), unit, Postprocess())
    found = running.run({"image": picture})
    count = int(found["num_detections"][0])
    assert count == len(wanted.scores) > 3
    assert found["detection_classes"][0, :count].tolist() == wanted.classes.tolist()
    np.testing.assert_allclose(found["detection_scores"][0, :count], wanted.scores, rtol=1e-5)
    np.testing.assert_allclose(found["detection_boxes"][0, :count], wanted.boxes, atol=1e-5)
    assert notes["settled"] == [
        f"boxes reach {notes['settled'][0].split()[2]} on 24 pictures, so their units are pixels"
    ]
    assert {one["difference"] for one in notes["parity"]["outputs"].values()} == {0.0}
    assert {one["images"] for one in notes["parity"]["outputs"].values()} == {24}


def test_the_meaning_says_the_head_and_is_read_again(whole: TFLiteModel) -> None:
    head = Meaning.of(whole).head
    assert (head["name"], head["classes"], head["suppression"]) == ("yolo", 2, "file")
    assert head["options"]["units"] == "pixels"
    assert head["picture"] == [SIDE, SIDE]
    assert list(head["raw"].values()) == [[1, 6, CELLS]]
    assert flatbuffer.read_facts(whole.path)["head"] == head
    again = File(path=str(whole.path))
    again.check()
    assert (again.task, again.description.head["name"]) == ("detection", "yolo")
    with pytest.raises(ValueError, match=r"^head.suppression: 'caller' contradicts the file"):
        File(path=str(whole.path), head={"suppression": "caller"}).check()
    with pytest.raises(ValueError, match=r"^head: 'ssd' contradicts the file, whose head is 'yolo'"):
        File(path=str(whole.path), head="ssd").check()


def predictions(model: TFLiteModel) -> dict[str, Any]:
    found, _ = predict(usual_runtime("TFLiteModel")(), model, Split("val", DATA, INDEX))
    return dict(found)


def test_both_ways_of_delivery_are_measured_alike(tmp_path: Path, whole: TFLiteModel) -> None:
    (tmp_path / "raw").mkdir()
    caller, _ = loaded(tmp_path / "raw", yolov8(), {**HEAD, "suppression": "caller"})
    ends = flatbuffer.signature(caller.path)["outputs"]
    assert [tuple(one["shape"]) for one in ends] == [(1, 6, CELLS)]
    one, other = predictions(whole), predictions(caller)
    assert one.keys() == other.keys()
    for name in one:
        assert np.array_equal(one[name], other[name]), name
    assert len(one["scores"]) > 20


@pytest.mark.parametrize("suppression", ["file", "caller"])
def test_int8_keeps_scores_that_shared_the_scale_of_boxes(suppression: str, tmp_path: Path) -> None:
    model, _ = loaded(tmp_path, yolov8(), {**HEAD, "suppression": suppression})
    notes: dict[str, Any] = {}
    quantizing = Quantize(method="fixed")
    made = run_pass(quantizing, model, tmp_path, data=DATA, index=INDEX, notes=notes)
    (found,) = notes["shared_scales"]
    assert found["mended"] is True
    assert [part["side"] for part in found["parts"]] == [4, 2]
    reasons = {one["reason"] for one in notes["islands"]}
    assert "it joins or decodes outputs" in reasons
    before, after = predictions(model), predictions(made)
    for wanted, given in zip(best(before), best(after), strict=True):
        assert abs(wanted - given) < 0.02  # a shared scale has steps of 32 / 255 = 0.13


def best(found: dict[str, Any]) -> list[float]:
    """Give the highest score in each picture."""
    return [float(found["scores"][start:stop].max()) for start, stop in pairwise(found["offsets"].tolist())]


def test_outputs_that_are_not_what_they_are_taken_for_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"model.head.style: v8 gives scores in 0..1, and on 24 pictures they lie in"
    ):
        loaded(tmp_path, yolov8(scale=3.0), HEAD)


def test_data_of_another_number_of_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="has 2 classes, but the data have 3"):
        loaded(tmp_path, yolov8(), HEAD, pictures("a", "b", "c"))


ALTERED: list[tuple[str, Any]] = [
    ("name", "yolo9000"),
    ("name", None),
    ("options", {"style": "v8"}),
    ("options", {"style": "v8", "strides": [4], "outputs": ["x"]}),
    ("options", {"colour": 1}),
    ("classes", 3),
    ("classes", 0),
    ("raw", {}),
    ("raw", {"o": [1, 6, 0]}),
    ("raw", {"o": [1, 6, 17]}),
    ("raw", {"o": 7}),
    ("picture", [32]),
    ("picture", [0, 32]),
    ("suppression", "both"),
    ("postprocess", {"nms": "soft"}),
    ("colour", 1),
]


@pytest.mark.parametrize(("key", "value"), ALTERED)
def test_a_head_in_a_file_of_somebody_else_is_held_to_what_it_can_be(
    key: str, value: Any, whole: TFLiteModel, tmp_path: Path
) -> None:
    facts = Meaning.of(whole).to_json()
    assert Meaning.from_json(facts).to_json() == facts
    with pytest.raises(ValueError, match="head"):
        Meaning.from_json({**facts, "head": {**facts["head"], key: value}})
    path = tmp_path / "altered.tflite"
    changed = replace(Meaning.of(whole), head={**facts["head"], key: value}).to_json()
    graph = Graph(flatbuffer.load(whole.path))
    flatbuffer.write_facts(graph.model, changed)
    path.write_bytes(graph.packed())
    with pytest.raises(RecipeError):
        File(path=str(path)).check()
