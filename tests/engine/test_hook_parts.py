"""What MLflow would be given, as plain values; how it is kept quick and quiet; and builds from Python."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tflbuild import session
from tflbuild.core.errors import RecipeError
from tflbuild.core.recipe import WorkerOptions
from tflbuild.engine.report import Report
from tflbuild.hooks import mlflow as module
from tflbuild.hooks import tracking

REPORT: dict[str, Any] = {
    "seconds": 12.5,
    "description": "small",
    "error": None,
    "status": "built",
    "overrides": ["seed=1", "device=gpu"],
    "base": {"label": "train", "metrics": {"map": {"value": 0.5}}},
    "passes": [{"label": "train", "outcome": "ran"}, {"label": "prune", "outcome": "skipped"}],
    "budget": {"verdicts": [{"text": "map fell"}, {"text": "size rose"}]},
    "toolchain": {"numpy": "1.0", "gone": None},
    "targets": [
        {
            "name": "cpu",
            "path": "cpu/model.tflite",
            "bytes": 7,
            "latency_ms": {"median": 3.5},
            "metrics": {"map": {"value": 0.25, "n": 9, "low": 0.125, "high": 0.375}, "size": {"value": 7}},
        },
        {"name": "npu", "path": "npu/model.tflite", "bytes": 8, "metrics": {}},
    ],
}


def test_figures_of_the_base_and_of_each_target_are_told_apart() -> None:
    assert module._delivered(REPORT) == {
        "seconds": 12.5,
        "base.map": 0.5,
        "cpu.map": 0.25,
        "cpu.map.low": 0.125,
        "cpu.map.high": 0.375,
        "cpu.map.n": 9,
        "cpu.size": 7,
        "cpu.bytes": 7,
        "cpu.latency_ms": 3.5,
        "npu.bytes": 8,
        "npu.latency_ms": None,
    }


def test_tags_say_how_a_build_ended_and_with_what() -> None:
    assert module._ending(REPORT) == {
        "tflbuild.status": "built",
        "tflbuild.overrides": "seed=1 device=gpu",
        "tflbuild.passes": "train ran, prune skipped",
        "mlflow.note.content": "small\n\nmap fell\n\nsize rose",
        "tflbuild.toolchain.numpy": "1.0",
    }
    failed = module._ending(REPORT | {"error": "broken", "status": "failed", "description": ""})
    assert failed["tflbuild.error"] == "broken"
    assert failed["mlflow.note.content"].startswith("broken\n\nmap")


def test_a_recipe_is_flattened_and_what_says_nothing_is_left_out() -> None:
    recipe = {
        "a": {"b": {"c": 1, "d": None}, "e": ""},
        "f": [1, {"g": 2}],
        "h": {},
        "i": [],
        "j": 0,
        "k": False,
        "l": "text",
        5: 0.5,
    }
    assert module._flat(recipe) == {
        "a.b.c": "1",
        "f": '[1, {"g": 2}]',
        "j": "0",
        "k": "false",
        "l": "text",
        "5": "0.5",
    }


@pytest.mark.parametrize(
    ("length", "kept"), [(5000, "x" * 5000), (5001, "x" * 4997 + "..."), (9000, "x" * 4997 + "...")]
)
def test_a_long_value_is_cut_to_5000_characters(length: int, kept: str) -> None:
    assert module._short({"a": "x" * length}) == {"a": kept}


def test_a_name_has_no_odd_characters_and_250_at_most() -> None:
    assert module._name("a/b:c d-e.f_ü") == "a_b_c d-e.f_ü"
    assert module._name("n" * 251) == "n" * 250


def test_the_files_of_a_run_that_are_there_are_artifacts(tmp_path: Path) -> None:
    for name in ("report.json", "recipe.lock.yaml", "cpu/model.tflite", "other.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def found(with_model: bool) -> list[str]:
        files = module._files(REPORT, tmp_path, with_model=with_model)
        return [path.relative_to(tmp_path).as_posix() for path in files]

    assert found(True) == ["cpu/model.tflite", "report.json", "recipe.lock.yaml"]
    assert found(False) == ["report.json", "recipe.lock.yaml"]


def test_what_was_measured_on_a_split_is_an_accuracy() -> None:
    step = {"metrics": {"map": {"value": 1, "split": "val"}, "size": {"value": 2}, "odd": {"split": ""}}}
    assert module._accuracies(step) == {"map": {"value": 1, "split": "val"}}


@pytest.mark.parametrize(
    ("status", "said"),
    [("built", "FINISHED"), ("interrupted", "KILLED"), ("failed", "FAILED"), ("over_budget", "FAILED")],
)
def test_a_run_ends_as_its_build(status: str, said: str) -> None:
    assert module.STATUS.get(status, "FAILED") == said


def test_mlflow_is_given_ten_seconds_and_one_more_try_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_FILE_STORE": "true",
    }
    for name in wanted:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "99")
    with tracking._environment():
        assert {name: os.environ[name] for name in wanted} == wanted | {"MLFLOW_HTTP_REQUEST_TIMEOUT": "99"}
    assert [name for name in wanted if name in os.environ] == ["MLFLOW_HTTP_REQUEST_TIMEOUT"]


def test_loggers_are_silent_for_as_long_as_it_lasts() -> None:
    logger = logging.getLogger("tflbuild.test.silence")
    logger.setLevel(logging.INFO)
    with tracking._silence("tflbuild.test.silence"):
        assert logger.level == logging.CRITICAL
    assert logger.level == logging.INFO


def test_a_local_store_is_locked_by_its_place_and_a_server_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    filelock = pytest.importorskip("filelock")
    made: list[Any] = []
    monkeypatch.setattr(filelock, "FileLock", lambda path, timeout: made.append((path, timeout)))
    for uri in ("http://host", "https://host", "databricks"):
        tracking._one_at_a_time(uri)
    monkeypatch.chdir(tmp_path)
    assert len(made) == 1, "a bare word is a folder"
    made.clear()
    for uri in ("runs", "file:///runs", "sqlite:///a.db", "runs"):
        tracking._one_at_a_time(uri)
    paths = [path for path, _ in made]
    assert len(set(paths)) == 3
    assert paths[0] == paths[3]
    assert {timeout for _, timeout in made} == {60.0}
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    tracking._one_at_a_time("runs")
    assert made[-1][0] != paths[0], "relative to another folder it is another store"


def test_a_pass_is_logged_in_batches_of_a_hundred_with_its_step_and_milliseconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entities: Any = ModuleType("mlflow.entities")
    entities.Metric, entities.Param, entities.RunTag = (lambda *said: said,) * 3
    monkeypatch.setitem(sys.modules, "mlflow", ModuleType("mlflow"))
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    monkeypatch.setattr(module.time, "time", lambda: 12.5)
    sent: list[Any] = []
    hook = module.MlflowRun()
    hook.memory.update(
        client=SimpleNamespace(log_batch=lambda *said: sent.append(said)), run="its run", passes=3
    )
    hook._log(metrics={"a:b": 1, "none": None, "zero": 0}, params={"p": "1"}, tags={"t": "2"})
    assert sent == [
        ("its run", [("a_b", 1.0, 12_500, 3), ("zero", 0.0, 12_500, 3)], [("p", "1")], [("t", "2")]),
    ]
    sent.clear()
    hook._log(metrics={f"m{number}": number for number in range(250)})
    assert [len(points) for _, points, _, _ in sent] == [100, 100, 50]
    assert [name for _, points, _, _ in sent for name, *_ in points] == [
        f"m{number}" for number in range(250)
    ]
    sent.clear()
    hook._log()
    assert sent == []


class Client:
    """Stands for MLflow's client: has experiments, and may lose a race."""

    def __init__(self, *found: Any, error: Exception | None = None) -> None:
        self._found, self._error = list(found), error
        self.made: list[str] = []

    def get_experiment_by_name(self, name: str) -> Any:
        return self._found.pop(0)

    def create_experiment(self, name: str) -> int:
        self.made.append(name)
        if self._error:
            raise self._error
        return 7


def test_an_experiment_is_found_or_made_or_made_by_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    exceptions: Any = ModuleType("mlflow.exceptions")
    exceptions.MlflowException = type("MlflowException", (Exception,), {})
    monkeypatch.setitem(sys.modules, "mlflow", ModuleType("mlflow"))
    monkeypatch.setitem(sys.modules, "mlflow.exceptions", exceptions)
    known: Any = Client(SimpleNamespace(experiment_id=5))
    assert (tracking.experiment_id(known, "fake"), known.made) == ("5", [])
    fresh: Any = Client(None)
    assert (tracking.experiment_id(fresh, "fake"), fresh.made) == ("7", ["fake"])
    taken = exceptions.MlflowException("it is there")
    raced: Any = Client(None, SimpleNamespace(experiment_id=6), error=taken)
    assert tracking.experiment_id(raced, "fake") == "6"
    refused: Any = Client(None, None, error=taken)
    with pytest.raises(exceptions.MlflowException, match="it is there"):
        tracking.experiment_id(refused, "fake")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let a build end at once; gives what was asked for."""
    asked: list[Any] = []
    outcome = SimpleNamespace(error=None, report=Report(folder=Path("run"), content={"status": "built"}))

    def load(words: list[str]) -> Any:
        asked.append(words)
        return SimpleNamespace(seeds=(3, 4) if "seeds=[3,4]" in words else ())

    def once(recipe: Any, listeners: Any) -> Any:
        asked.append(len(listeners))
        outcome.error = RecipeError("wrong") if "fail=true" in asked[-2] else None
        return outcome

    monkeypatch.setattr(session, "load_recipe", load)
    monkeypatch.setattr(session, "build_once", once)
    return asked


def test_a_build_from_python_is_that_of_the_command_line(built: list[Any]) -> None:
    report: Any = session.build("small", overrides=["seed=1"])
    assert report == {"status": "built"}
    assert report.folder == Path("run")
    session.build("small", show=False)
    assert built == [["recipe=small", "seed=1"], 1, ["recipe=small"], 0]
    with pytest.raises(RecipeError, match="wrong") as caught:
        session.build("small", ["fail=true"])
    assert (caught.value.folder, caught.value.report) == (Path("run"), {"status": "built"})


def test_several_seeds_are_several_builds(built: list[Any]) -> None:
    with pytest.raises(RecipeError) as caught:
        session.build("small", ["seeds=[3,4]"])
    assert str(caught.value) == (
        "seeds: [3, 4] make 2 builds, and build() gives one report; call tflbuild.sweep, or build() once for each "
        'seed, with overrides=["seeds=[]", "seed=3"].'
    )
    assert len(built) == 1


def test_a_worker_of_a_build_is_stopped_however_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[str] = []
    worker = SimpleNamespace(stop=lambda: stopped.append("stopped"))
    monkeypatch.setattr(session, "worker_for", lambda recipe: worker)

    class Failing:
        def __init__(self, *given: Any) -> None: ...
        def run(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(session, "Build", Failing)
    recipe: Any = None
    with pytest.raises(KeyboardInterrupt):
        session.build_once(recipe, ())
    assert stopped == ["stopped"]


def test_a_worker_is_started_as_the_recipe_says() -> None:
    recipe: Any = SimpleNamespace(worker=WorkerOptions(threads=3), device="gpu", plugins=Path("plugins"))
    made = session.worker_for(recipe)
    assert (made.options.threads, made.device) == (3, "gpu")
    inner: Any = made
    assert inner._process._start.loader == ("tflbuild.plugins:load", Path("plugins"))


def test_the_page_lies_beside_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tflbuild.show.pages.publishing.render", lambda content, *more: f"page of {content['recipe']} ü"
    )
    monkeypatch.setattr("tflbuild.show.outcome.keep_outcome", lambda report: None)
    session.publish(Report(folder=tmp_path, content={"recipe": "small", "targets": []}))
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "page of small ü"
