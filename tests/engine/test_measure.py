"""What is measured, by which process, under which name; what is kept and what is waited for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

import fakes
from at_once import COST, AtOnce
from tflbuild.core import digest
from tflbuild.core.artifact import KerasModel, TFLiteModel
from tflbuild.core.errors import PassError
from tflbuild.core.recipe import Recipe
from tflbuild.engine.events import Event
from tflbuild.engine.keys import Keys
from tflbuild.engine.measure import Measurer
from tflbuild.engine.recalling import Result, recall_or_compute
from tflbuild.engine.run_folder import keep_index
from tflbuild.engine.storage.store import Record, Store
from tflbuild.engine.workers.worker import Worker
from tflbuild.runtimes.litert import Litert


@pytest.fixture
def recipe(recipe: Recipe, tmp_path: Path) -> Recipe:
    targets = {"any": fakes.FakeTarget(), "npu": fakes.FakeCompiler(system=tmp_path / "npu.ini")}
    return replace(recipe, targets=targets)


@pytest.fixture
def store(recipe: Recipe) -> Iterator[Store]:
    made = Store(recipe.store)
    made.prepare()
    yield made
    made.close()


@pytest.fixture
def measurer(recipe: Recipe, store: Store, here: AtOnce, events: list[Event]) -> Measurer:
    index = recipe.data.index(cast(Any, None))
    path = keep_index(index, recipe.store)
    keys = Keys(recipe, index, {}, fakes.NAMES)
    return Measurer(recipe, keys, store, cast(Worker, here), path, events.append)


@pytest.fixture
def model(tmp_path: Path) -> TFLiteModel:
    return model_of(tmp_path / "model.tflite", 0.75)


def model_of(path: Path, score: float, kind: Any = TFLiteModel) -> Any:
    path.write_bytes(fakes.content(score))
    sha256 = digest.of_file(path)
    return kind(path=path, digest=sha256, fingerprint=sha256, meta={"facts": fakes.FACTS})


def test_an_accuracy_is_of_its_model_on_its_split_with_what_executed_it(
    measurer: Measurer, model: TFLiteModel, here: AtOnce
) -> None:
    found = measurer.accuracy(model, ["file_bytes", "score"], "val")
    assert list(found) == ["score"]
    assert found["score"].value == 0.75
    assert (found["score"].split, found["score"].kernels, found["score"].n) == ("val", "fake", 4)
    assert (found["score"].low, found["score"].high) == (pytest.approx(0.65), pytest.approx(0.85))
    assert here.asked == [
        ("crew", "predict", "measuring predictions on val"),
        ("crew", "truth", "measuring truth on val"),
        ("crew", "measure", "measuring score on val"),
    ]
    predictions, truth, measured = here.arguments
    assert predictions[:2] == (Litert(), model)
    assert (predictions[4:7], truth[2:5]) == (("val", 0, 4), ("val", 0, 4))
    assert [path.name for path in (predictions[7], truth[5])] == ["predictions.npz", "truth.npz"]
    assert measured[0] == "score"
    assert json.loads(measured[1].read_text()) == {"score": 0.75}
    assert json.loads(measured[2].read_text()) == 4


def test_no_image_is_read_where_no_accuracy_is_asked_for(
    measurer: Measurer, model: TFLiteModel, here: AtOnce
) -> None:
    assert measurer.accuracy(model, ["file_bytes"], "val") == {}
    assert here.asked == []


def test_a_second_measurement_reads_nothing(measurer: Measurer, model: TFLiteModel, here: AtOnce) -> None:
    first = measurer.accuracy(model, ["score"], "val")
    done = len(here.asked)
    assert measurer.computed == done == 3
    assert measurer.accuracy(model, ["score"], "val") == first
    assert len(here.asked) == measurer.computed == done
    measurer.accuracy(model, ["score"], "test")
    assert measurer.computed == done + 2, "what they give is the same bytes, whose score is known"


def test_a_difference_is_of_the_later_model_and_the_earlier_one(
    measurer: Measurer, model: TFLiteModel, tmp_path: Path, here: AtOnce
) -> None:
    worse = model_of(tmp_path / "worse.tflite", 0.5)
    found = measurer.compare("score", model, worse, "val")
    assert (found.value, found.low, found.high, found.n) == (-0.25, -0.251, -0.249, 4)
    assert here.asked[-1] == ("crew", "compare", "measuring score difference on val")
    _, before, after, truth = here.arguments[-1]
    assert [json.loads(path.read_text()) for path in (before, after, truth)] == [
        {"score": 0.75},
        {"score": 0.5},
        4,
    ]
    assert measurer.compare("score", worse, model, "val").value == 0.25


def test_a_keras_model_and_then_its_truth_are_read_beside_tensorflow(
    measurer: Measurer, model: TFLiteModel, tmp_path: Path, here: AtOnce
) -> None:
    keras = model_of(tmp_path / "model.h5", 0.75, KerasModel)
    measurer.accuracy(keras, ["score"], "val")
    measurer.accuracy(model, ["score"], "test")
    assert [(place, name) for place, name, _ in here.asked] == [
        ("tensorflow", "predict"),
        ("tensorflow", "truth"),
        ("crew", "measure"),
        ("crew", "predict"),
        ("crew", "truth"),
    ]


def test_a_fact_of_a_file_is_measured_on_that_file(
    measurer: Measurer, model: TFLiteModel, here: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = measurer.file_metrics(model, ["score", "file_bytes", "fake_latency"])
    assert {name: (fact.value, fact.unit) for name, fact in found.items()} == {
        "file_bytes": (model.path.stat().st_size, "bytes"),
        "fake_latency": (1.0, "ms"),
    }
    assert here.asked == [
        ("crew", "file_metric", "measuring file_bytes"),
        ("crew", "file_metric", "measuring fake_latency"),
    ]
    monkeypatch.setattr(fakes.FileBytes, "kinds", ("KerasModel",))
    assert list(measurer.file_metrics(model, ["file_bytes", "fake_latency"])) == ["fake_latency"]


def test_a_target_that_compiles_gives_a_file_of_its_own(
    measurer: Measurer, model: TFLiteModel, here: AtOnce, recipe: Recipe
) -> None:
    plain, compiled = measurer.deliver("any", model), measurer.deliver("npu", model)
    assert plain.artifact is None
    assert compiled.artifact is not None
    assert compiled.artifact.path.read_bytes() == model.path.read_bytes() + b" "
    assert compiled.artifact.path.parent == recipe.store / "blobs"
    assert here.asked == [
        ("crew", "deliver", "measuring target any"),
        ("crew", "deliver", "measuring target npu"),
    ]
    assert [arguments[0] for arguments in here.arguments] == list(recipe.targets.values())


def test_what_a_measurement_cost_is_kept(measurer: Measurer, model: TFLiteModel) -> None:
    for record in (measurer.predictions(model, "val"), measurer.truth("val"), measurer.deliver("any", model)):
        assert record.cost == COST


@pytest.mark.parametrize(
    ("score", "text"),
    [(0.2, "chance val ['labels.txt']"), (0.4, "order val ['labels.txt']"), (0.9, "")],
)
def test_a_base_is_held_against_chance(
    measurer: Measurer, tmp_path: Path, here: AtOnce, score: float, text: str
) -> None:
    found = measurer.chance(model_of(tmp_path / "base.tflite", score), {"labels.txt": ("a",)}, "val")
    assert found.value.get("text", "") == text
    assert here.asked[-1] == ("crew", "chance", "measuring the base against chance on val")
    assert json.loads(here.arguments[-1][0].read_text()) == {"score": score}
    assert json.loads(here.arguments[-1][1].read_text()) == 4
    assert here.arguments[-1][2:] == ({"labels.txt": ("a",)}, "val")


@pytest.mark.parametrize(
    ("kind", "place", "runtime"), [(TFLiteModel, "crew", "litert"), (KerasModel, "tensorflow", "keras")]
)
def test_other_readings_are_tried_where_the_model_can_be_executed(
    measurer: Measurer, tmp_path: Path, here: AtOnce, events: list[Event], kind: Any, place: str, runtime: str
) -> None:
    base = model_of(tmp_path / f"base{kind.suffix}", 0.2, kind)
    found = measurer.readings(base, {"text": "no better"}, "val")
    assert found.value["text"] == f"no better predict_file by {runtime} True"
    assert here.asked == [(place, "readings", "measuring other readings of the pixels on val")]
    told = [event.fields for event in events if event.kind == "progress"]
    assert told == [{"done": 1, "total": 2, "note": ""}]


def test_who_listens_is_told_what_is_measured(
    measurer: Measurer, model: TFLiteModel, events: list[Event]
) -> None:
    measurer.accuracy(model, ["score"], "val")
    measurer.file_metrics(model, ["file_bytes"])
    assert [(event.kind, event.fields) for event in events] == [
        ("measuring", {"what": "predictions", "split": "val"}),
        ("measuring", {"what": "truth", "split": "val"}),
        ("measuring", {"what": "score", "split": "val"}),
        ("measuring", {"what": "file_bytes", "split": ""}),
    ]


class Shelf:
    """Stands for a store: says in which order it was asked what."""

    def __init__(self, *found: Any) -> None:
        self.said: list[Any] = []
        self._found = list(found)
        self.busy = False

    def recall(self, key: str, *, locked: bool = False) -> Any:
        self.said.append(("recall", key, locked))
        return self._found.pop(0)

    @contextmanager
    def lock(self, key: str, waiting: Any) -> Iterator[None]:
        self.said.append(("lock", key))
        if self.busy:
            waiting()
        yield
        self.said.append("unlock")

    @contextmanager
    def staging(self) -> Iterator[Path]:
        yield Path("staged")
        self.said.append("cleared")

    def commit(self, preimage: Any, **given: Any) -> Any:
        self.said.append(("commit", preimage, given))
        return "kept"


def recalled(shelf: Shelf, compute: Any, events: list[Event], **names: str) -> Record:
    return recall_or_compute(cast(Store, shelf), {"a": 1}, compute, events.append, **names)


# echo -n '{"a":1}' | sha256sum
KEY = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"


def never(staging: Path) -> Result:
    raise AssertionError("computed what is there")


def test_what_is_there_is_not_locked(events: list[Event]) -> None:
    shelf = Shelf("there")
    assert recalled(shelf, never, events) == "there"
    assert shelf.said == [("recall", KEY, False)]


def test_what_another_process_has_just_computed_is_taken(events: list[Event]) -> None:
    shelf = Shelf(None, "theirs")
    shelf.busy = True
    assert recalled(shelf, never, events, what="'prune'") == "theirs"
    assert shelf.said == [("recall", KEY, False), ("lock", KEY), ("recall", KEY, True), "unlock"]
    text = "another process is computing 'prune' (015abd7f5cc5); waiting for it"
    assert [(event.kind, event.fields) for event in events] == [("waiting", {"text": text})]


def test_a_measurement_that_is_waited_for_is_called_one(events: list[Event]) -> None:
    shelf = Shelf(None, "theirs")
    shelf.busy = True
    recalled(shelf, never, events)
    assert events[0].fields["text"].startswith("another process is computing a measurement (")


def test_what_is_not_there_is_computed_and_kept_under_its_lock(events: list[Event]) -> None:
    shelf = Shelf(None, None)
    files, artifact = {"file": Path("f")}, cast(Any, "a model")

    def compute(staging: Path) -> Result:
        shelf.said.append(staging.name)
        return Result({"v": 1}, {"seconds": 2.0}, files, artifact=artifact)

    assert recalled(shelf, compute, events, name="prune") == "kept"
    given = {
        "artifact": artifact,
        "files": files,
        "value": {"v": 1},
        "cost": {"seconds": 2.0},
        "name": "prune",
    }
    assert shelf.said == [
        ("recall", KEY, False),
        ("lock", KEY),
        ("recall", KEY, True),
        "staged",
        ("commit", {"a": 1}, given),
        "cleared",
        "unlock",
    ]
    assert events == []


def test_what_fails_is_not_kept(measurer: Measurer, model: TFLiteModel, recipe: Recipe) -> None:
    broken = replace(model, path=recipe.store / "nowhere")
    with pytest.raises(PassError, match="measuring file_bytes failed: FileNotFoundError"):
        measurer.file_metric("file_bytes", broken)
    assert list((recipe.store / "actions").iterdir()) == []
    assert [path.name for path in (recipe.store / "blobs").iterdir()] == []


def test_what_was_measured_stands_in_the_key_by_its_role(
    measurer: Measurer, model: TFLiteModel, tmp_path: Path, recipe: Recipe
) -> None:
    worse = model_of(tmp_path / "worse.tflite", 0.5)
    measurer.accuracy(worse, ["score"], "val")
    measurer.compare("score", model, worse, "val")
    old, new = (measurer.predictions(each, "val").value["file"] for each in (model, worse))
    truth = measurer.truth("val").value["file"]
    records = [json.loads(path.read_text())["preimage"] for path in (recipe.store / "actions").iterdir()]
    by_measure = {said["measure"]: said for said in records}
    roles = ("before", "predictions", "truth")
    assert [by_measure["accuracy"].get(role) for role in roles] == [None, new, truth]
    assert [by_measure["comparison"].get(role) for role in roles] == [old, new, truth]
