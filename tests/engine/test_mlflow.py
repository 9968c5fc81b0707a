"""The MLflow hook: builds with fake passes, read back from a local file store, and one SQLite file."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import fakes
from building import FakeBuild, steps
from tflbuild.core.budget import Limit
from tflbuild.core.recipe import Recipe
from tflbuild.hooks.mlflow import LARGEST_BATCH, LONGEST_VALUE, MlflowRun
from tflbuild.hooks.tracking import SETTINGS, experiment_id

pytestmark = pytest.mark.skipif(find_spec("mlflow") is None, reason="the extra mlflow is not installed")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return (tmp_path / "runs").as_uri()


def runs(uri: str, experiment: str = "fake") -> list[Any]:
    """Read back every run of an experiment, the newest first."""
    client = client_of(uri)
    found = client.get_experiment_by_name(experiment)
    return list(client.search_runs([found.experiment_id])) if found else []


def client_of(uri: str) -> Any:
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mlflow.tracking import MlflowClient

            return MlflowClient(tracking_uri=uri)
    finally:
        del os.environ["MLFLOW_ALLOW_FILE_STORE"]


def artifacts(uri: str, run: Any, path: str | None = None) -> list[str]:
    return sorted(item.path for item in client_of(uri).list_artifacts(run.info.run_id, path))


def logged(recipe: Recipe, uri: str | None, **options: Any) -> Recipe:
    mapping = {
        "recipe": "fake",
        "description": "what it is for",
        "model": {"type": "fake_model", "width": 1},
        "pipeline": ["train", "prune"],
        "prune": {"pass": "fake_prune", "cost": 0.5, "timeout": None, "budget": {}, "after": []},
        "store": {"path": "elsewhere"},
        "hooks": {"mlflow": {"type": "mlflow"}},
        "locked": False,
        "strict": False,
    }
    hook = MlflowRun(tracking_uri=uri, **options)
    return replace(recipe, mapping=mapping, hooks={"mlflow": hook}, overrides=("prune.cost=0.01",))


def test_a_build_is_a_run(recipe: Recipe, build: FakeBuild, uri: str) -> None:
    limits = (Limit(metric="score", form="max_drop", bound=0.1),)
    outcome = build(logged(replace(recipe, limits=limits), uri, tags={"team": "vision"}))
    assert outcome.report["warnings"] == []
    (run,) = runs(uri)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == outcome.report.folder.name
    assert run.data.params == {
        "recipe": "fake",
        "description": "what it is for",
        "model.type": "fake_model",
        "model.width": "1",
        "pipeline": '["train", "prune"]',
        "train.pass": "fake_train",
        "train.score": "0.9",
        "train.steps": "20",
        "prune.pass": "fake_prune",
        "prune.cost": "0.01",
        "convert.pass": "fake_convert",
        "quantize.pass": "fake_quantize",
        "quantize.cost": "0.0",
        "quantize.size": "50",
        "seed": "0",
        "strict": "false",
    }
    metrics = run.data.metrics
    delivered = outcome.report["targets"][0]
    assert metrics["train.score"] == pytest.approx(0.9)
    assert metrics["prune.score"] == pytest.approx(0.89)
    assert metrics["prune.bytes"] == outcome.report["passes"][1]["bytes"]
    assert metrics["prune.seconds"] == outcome.report["passes"][1]["seconds"]
    assert metrics["base.score"] == pytest.approx(0.9)
    assert metrics["any.score"] == pytest.approx(0.89)
    assert metrics["any.score.low"] == pytest.approx(0.79)
    assert metrics["any.score.high"] == pytest.approx(0.99)
    assert metrics["any.score.n"] == 4
    assert metrics["any.bytes"] == delivered["bytes"]
    assert metrics["seconds"] == outcome.report["seconds"]
    tags = run.data.tags
    assert tags["team"] == "vision"
    assert tags["tflbuild.status"] == "built"
    assert tags["tflbuild.folder"] == str(outcome.report.folder)
    assert tags["tflbuild.overrides"] == "prune.cost=0.01"
    assert tags["tflbuild.passes"] == "train ran, prune ran, convert ran, quantize ran"
    assert tags["tflbuild.toolchain.ai_edge_litert"] == outcome.report["toolchain"]["ai_edge_litert"]
    assert outcome.report["budget"]["verdicts"][0]["text"] in tags["mlflow.note.content"]
    assert "tflbuild.sweep" not in tags


def test_accuracy_along_the_pipeline_is_one_curve(recipe: Recipe, build: FakeBuild, uri: str) -> None:
    build(logged(recipe, uri))
    (run,) = runs(uri)
    curve = client_of(uri).get_metric_history(run.info.run_id, "val.score")
    assert [(point.step, round(point.value, 3)) for point in curve] == [
        (0, 0.9),
        (1, 0.89),
        (2, 0.89),
        (3, 0.89),
    ]


def test_the_model_and_what_proves_it_are_artifacts(
    recipe: Recipe, build: FakeBuild, uri: str, tmp_path: Path
) -> None:
    outcome = build(logged(recipe, uri))
    (run,) = runs(uri)
    assert artifacts(uri, run) == ["model.tflite", "recipe.lock.yaml", "report.json"]
    client = client_of(uri)
    for name in ("model.tflite", "report.json"):
        kept = Path(client.download_artifacts(run.info.run_id, name, str(tmp_path)))
        assert kept.read_bytes() == (outcome.report.folder / name).read_bytes()
    build(logged(recipe, uri, experiment="small", run_name="by hand", log_model=False))
    (run,) = runs(uri, "small")
    assert run.info.run_name == "by hand"
    assert artifacts(uri, run) == ["recipe.lock.yaml", "report.json"]


def test_several_targets_keep_their_folders(recipe: Recipe, build: FakeBuild, uri: str) -> None:
    build(logged(replace(recipe, targets={"a": fakes.FakeTarget(), "b": fakes.FakeTarget()}), uri))
    (run,) = runs(uri)
    assert artifacts(uri, run, "b") == ["b/model.tflite"]
    assert run.data.metrics["a.score"] == run.data.metrics["b.score"]


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_run_ends_as_its_build_did(
    recipe: Recipe, build: FakeBuild, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = {**recipe.steps, **steps(fakes.FakeBad())}
    build(logged(replace(recipe, steps=bad, pipeline=("train", "convert", "bad")), uri, experiment="failed"))
    (run,) = runs(uri, "failed")
    assert run.info.status == "FAILED"
    assert run.data.tags["tflbuild.status"] == "failed"
    assert "seven is right out" in run.data.tags["tflbuild.error"]
    assert artifacts(uri, run) == ["report.json"]
    limits = (Limit(metric="score", form="min", bound=0.99),)
    build(logged(replace(recipe, limits=limits), uri, experiment="over"))
    (run,) = runs(uri, "over")
    assert run.info.status == "FAILED"
    assert run.data.tags["tflbuild.status"] == "over_budget"
    monkeypatch.setattr("tflbuild.engine.measure.Measurer.file_metrics", interrupt)
    build(logged(recipe, uri, experiment="interrupted"))
    (run,) = runs(uri, "interrupted")
    assert run.info.status == "KILLED"
    assert run.data.tags["tflbuild.status"] == "interrupted"


def test_jobs_of_a_sweep_share_a_tag(recipe: Recipe, build: FakeBuild, uri: str, tmp_path: Path) -> None:
    folder = tmp_path / "outputs" / "fake" / "sweep-2026-01-01_00-00-00" / "prune.cost=0.1"
    folder.mkdir(parents=True)
    MlflowRun(tracking_uri=uri).before_build({"recipe": "fake"}, folder)
    (run,) = (run for run in runs(uri) if run.info.run_name == "prune.cost=0.1")
    assert run.data.tags["tflbuild.sweep"] == "sweep-2026-01-01_00-00-00"
    assert run.info.status == "RUNNING"


def test_the_curve_of_a_training_is_logged_by_its_steps_and_once_more_where_it_is_cached(
    recipe: Recipe, build: FakeBuild, uri: str
) -> None:
    for cached in (False, True):
        build(logged(recipe, uri))
        run = runs(uri)[0]
        client = client_of(uri)
        found = {
            name: [
                (one.step, one.value) for one in client.get_metric_history(run.info.run_id, f"train.{name}")
            ]
            for name in ("loss", "learning_rate", "images_per_second")
        }
        assert found == {
            "loss": [(1, 1.0), (21, 1 / 21), (40, 1 / 40)],
            "learning_rate": [(1, 0.1), (21, 0.1), (40, 0.1)],
            "images_per_second": [(21, 100.0), (40, 100.0)],
        }
        timed = [name for name in run.data.metrics if name.endswith((".seconds", ".peak_rss_mib"))]
        assert bool(timed) is not cached, "a pass that is cached took no seconds, not zero"
        assert run.data.metrics["train.bytes"] > 0


def sweep_folder(tmp_path: Path, *names: str) -> list[Path]:
    sweep = tmp_path / "outputs" / "fake" / "sweep-2026-01-01_00-00-00"
    sweep.mkdir(parents=True)
    (sweep / "sweep.json").write_text(json.dumps({"command": ["recipe=fake", "prune.cost=0.1,0.2"]}))
    return [sweep / name for name in names]


ENDED: dict[str, Any] = {
    "status": "built",
    "description": "",
    "error": None,
    "overrides": [],
    "passes": [],
    "seconds": 1.0,
    "base": {"metrics": {}},
    "targets": [],
    "toolchain": {},
    "budget": {"verdicts": []},
}


def test_a_sweep_is_a_parent_run_with_a_nested_run_for_each_job(uri: str, tmp_path: Path) -> None:
    first, second = sweep_folder(tmp_path, "prune.cost=0.1", "prune.cost=0.2")
    hooks = [MlflowRun(tracking_uri=uri), MlflowRun(tracking_uri=uri)]
    for hook, folder in zip(hooks, (first, second), strict=True):
        hook.before_build({"recipe": "fake"}, folder)
    by_name = {run.info.run_name: run for run in runs(uri)}
    parent = by_name.pop("sweep-2026-01-01_00-00-00")
    assert parent.data.tags["mlflow.note.content"] == "tflbuild -m recipe=fake prune.cost=0.1,0.2"
    assert {*by_name} == {"prune.cost=0.1", "prune.cost=0.2"}
    for run in by_name.values():
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id

    def status() -> str:
        return str(client_of(uri).get_run(parent.info.run_id).info.status)

    hooks[0].after_build(ENDED, first)
    assert status() == "RUNNING", "another job goes on"
    hooks[1].after_build(ENDED, second)
    assert status() == "FINISHED"


def test_a_sweep_that_goes_on_goes_on_in_its_parent_run_unless_that_was_deleted(
    uri: str, tmp_path: Path
) -> None:
    folders = sweep_folder(tmp_path, "a", "b", "c")
    parents = []
    for folder in folders:
        hook = MlflowRun(tracking_uri=uri)
        hook.before_build({"recipe": "fake"}, folder)
        hook.after_build({**ENDED, "status": "interrupted"}, folder)
        parents.append(runs(uri)[0].data.tags.get("mlflow.parentRunId") or hook.memory["parent"])
        assert client_of(uri).get_run(parents[-1]).info.status == "KILLED"
        if folder.name == "b":
            client_of(uri).delete_run(parents[-1])
    assert parents[0] == parents[1] != parents[2]


def test_a_run_names_the_commit_of_the_working_folder(uri: str, tmp_path: Path) -> None:
    folder = tmp_path / "outputs" / "fake" / "now"
    MlflowRun(tracking_uri=uri).before_build({"recipe": "fake"}, folder)
    (run,) = runs(uri)
    assert "mlflow.source.git.commit" not in run.data.tags
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", *identity, "commit", "--quiet", "--allow-empty", "-m", "first"], check=True)
    said = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    MlflowRun(tracking_uri=uri, experiment="committed").before_build({"recipe": "fake"}, folder)
    (run,) = runs(uri, "committed")
    assert run.data.tags["mlflow.source.git.commit"] == said.stdout.strip()


def test_long_and_odd_values_are_cut_to_what_mlflow_accepts(uri: str, tmp_path: Path) -> None:
    recipe: dict[str, Any] = {f"key{i}": i for i in range(2 * LARGEST_BATCH + 1)}
    odd = {"recipe": "fake", "long": "x" * 9000, "k" * 300: 1, "nested": {"a/b ∂": [1, "two"]}, "none": None}
    MlflowRun(tracking_uri=uri, tags={"long": "y" * 9000}).before_build(recipe | odd, tmp_path)
    (run,) = runs(uri)
    params: Mapping[str, str] = run.data.params
    assert len(params) == 2 * LARGEST_BATCH + 1 + 4
    assert params["key200"] == "200"
    assert len(params["long"]) == LONGEST_VALUE
    assert params["long"].endswith("...")
    assert params["k" * 250] == "1"
    assert json.loads(params["nested.a_b _"]) == [1, "two"]
    assert len(run.data.tags["long"]) == LONGEST_VALUE


def refusing() -> str:
    """Give an address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_an_unreachable_server_is_a_warning(recipe: Recipe, build: FakeBuild) -> None:
    outcome = build(logged(recipe, refusing()))
    assert outcome.error is None
    (warning,) = outcome.report["warnings"]
    assert warning.startswith("hook 'mlflow' raised MlflowException")
    assert warning.endswith("in before_build and is not called again")


@pytest.mark.slow
def test_a_server_that_never_answers_is_a_warning(
    recipe: Recipe, build: FakeBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outcome = build(logged(recipe, f"http://127.0.0.1:{silent.getsockname()[1]}"))
    assert outcome.error is None
    (warning,) = outcome.report["warnings"]
    assert "imed out" in warning


def test_mlflow_tries_once_more_and_waits_ten_seconds() -> None:
    """Its own defaults are 7 more tries and 120 seconds."""
    assert SETTINGS["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "1"
    assert SETTINGS["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "10"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import environment_variables
    for name in SETTINGS:
        assert getattr(environment_variables, name).name == name, "MLflow knows it by this name"


def test_the_environment_and_the_loggers_are_given_back(recipe: Recipe, build: FakeBuild, uri: str) -> None:
    import logging

    before, level = dict(os.environ), logging.getLogger("mlflow").level
    build(logged(recipe, uri))
    build(logged(recipe, refusing()))
    assert dict(os.environ) == before
    assert logging.getLogger("mlflow").level in (level, logging.INFO)


SCRIPT = """
import os, sys
from dataclasses import replace
from pathlib import Path
from tflbuild.hooks.mlflow import MlflowRun

assert "mlflow" not in sys.modules
hook = MlflowRun(tracking_uri={uri!r})
hook.before_build({{"recipe": "fake"}}, Path({run!r}))
Path({run!r}).mkdir()
Path({run!r}, "report.json").write_text("{{}}")
report = {{"status": "built", "description": "", "error": None, "overrides": [], "passes": [], "seconds": 1.0}}
report |= {{"base": {{"metrics": {{}}}}, "targets": [], "toolchain": {{}}, "budget": {{"verdicts": []}}}}
hook.after_build(report, Path({run!r}))
assert not [name for name in os.environ if name.startswith("MLFLOW")]
"""


@pytest.mark.slow
@pytest.mark.parametrize("given", ["sqlite:///runs.db", "folder", None])
def test_mlflow_prints_nothing_into_the_terminal(tmp_path: Path, given: str | None) -> None:
    """In a process of its own, where making the tables of a database is what MLflow talks about most."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(uri=given, run="run")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    where = {"sqlite:///runs.db": f"sqlite:///{tmp_path}/runs.db", None: f"sqlite:///{tmp_path}/mlflow.db"}
    (run,) = runs(where.get(given, str(tmp_path / "folder")))
    assert run.info.status == "FINISHED"


@pytest.mark.slow
@pytest.mark.parametrize("given", ["sqlite:///runs.db", "folder"])
def test_processes_that_begin_at_once_share_one_new_store(tmp_path: Path, given: str) -> None:
    """MLflow by itself spoils the tables of a new SQLite file."""
    uri = f"sqlite:///{tmp_path}/runs.db" if given.startswith("sqlite") else str(tmp_path / given)
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT.format(uri=uri, run=f"run{position}")],
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for position in range(4)
    ]
    assert [process.communicate()[1] for process in processes] == [""] * 4
    assert [run.info.status for run in runs(uri)] == ["FINISHED"] * 4


def test_an_experiment_that_another_machine_has_just_made_is_found() -> None:
    from mlflow.exceptions import MlflowException

    class Racing:
        """Another process makes the experiment between looking and making."""

        looked = 0

        def get_experiment_by_name(self, name: str) -> Any:
            self.looked += 1
            return None if self.looked == 1 else type("Found", (), {"experiment_id": "7"})()

        def create_experiment(self, name: str) -> str:
            raise MlflowException("RESOURCE_ALREADY_EXISTS")

    assert experiment_id(Racing(), "fake") == "7"  # type: ignore[arg-type]
