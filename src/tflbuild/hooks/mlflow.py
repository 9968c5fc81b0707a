"""MLflow: every build is a run of an experiment."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.core.curve import points_of
from tflbuild.core.hook import Hook, hook
from tflbuild.core.recipe import RUN_KEYS
from tflbuild.hooks.parent_run import end_parent, parent_run, sweep_of
from tflbuild.hooks.tracking import connect, quietly

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

STATUS = {"built": "FINISHED", "interrupted": "KILLED"}
FILES = ("report.json", "report.html", "recipe.lock.yaml")
LONGEST_NAME = 250
LONGEST_VALUE = 5000
LARGEST_BATCH = 100
LARGEST_BATCH_OF_METRICS = 1000
"""MLflow's limits: characters of a name and of a value, and entries in one request."""

CURVES = ("loss", "learning_rate", "images_per_second")

SEND_EVERY = 10.0
"""Seconds between two requests with points of a training curve: the build waits for each."""


@hook("mlflow")
class MlflowRun(Hook):
    """Log each build as a run of MLflow: parameters, training curves, metrics after every pass, and what was delivered.

    Parameters are the resolved recipe, as dotted keys. While pass LABEL trains: `LABEL.loss`, `LABEL.learning_rate` and
    `LABEL.images_per_second` by step of the training; of a pass that is answered from the store, the curve that was
    kept with it. After pass LABEL: the metrics `LABEL.map`, `LABEL.bytes` and, if it ran, `LABEL.seconds`; and one more
    point of `val.map`, which shows along the pipeline where accuracy was lost. At the end: `base.map`, `TARGET.map`
    with `.low`, `.high` and `.n`, sizes and latency; model, report and lock as artifacts; status, tools and git commit
    as tags. A sweep is a parent run, its jobs are nested runs; all share the tag `tflbuild.sweep`.

    A server is given ten seconds to answer, and one more try; raise MLFLOW_HTTP_REQUEST_TIMEOUT for a slow one. Its
    credentials belong into MLFLOW_TRACKING_USERNAME and _PASSWORD: a recipe is kept in the run folder.
    `tracking_uri` is a server, `sqlite:///FILE` or a folder. Where it is not set, MLflow's own default holds;
    `experiment` is then $MLFLOW_EXPERIMENT_NAME or the recipe's name, `run_name` that of the run folder.
    """

    needs = ("mlflow",)

    tracking_uri: str | None = None
    """Where MLflow keeps runs: a server's URL, `sqlite:///FILE` or a folder. null: MLflow's own default."""
    experiment: str | None = None
    """Name of the experiment. null: $MLFLOW_EXPERIMENT_NAME, or the recipe's name."""
    run_name: str | None = None
    """Name of the run. null: that of the run folder."""
    log_model: bool = True
    """Whether the delivered files are uploaded."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Further tags of the run, by name."""

    def before_build(self, recipe: Mapping[str, Any], folder: Path) -> None:
        """Begin a run with the recipe as its parameters."""
        name = self.experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or recipe["recipe"]
        tags = {"tflbuild.recipe": recipe["recipe"], **self.tags}
        decisive = {key: value for key, value in recipe.items() if key not in (*RUN_KEYS, "seeds")}
        with quietly():
            client, experiment = connect(self.tracking_uri, name)
            sweep = sweep_of(folder)
            parent = parent_run(client, experiment, sweep) if sweep else ""
            nested = {"mlflow.parentRunId": parent} if parent else {}
            run = client.create_run(
                experiment,
                tags=_short(_origin(folder) | nested | tags),
                run_name=self.run_name or folder.name,
            )
            self.memory.update(client=client, run=run.info.run_id, passes=0, points=[], sent=time.monotonic())
            self.memory.update(experiment=experiment, parent=parent)
            self._log(params=_flat(decisive))

    def on_training(self, point: Mapping[str, Any]) -> None:
        """Log points of a training curve, some seconds' worth in one request."""
        self.memory["points"].append((point["label"], point["step"], time.time(), point))
        if time.monotonic() - self.memory["sent"] > SEND_EVERY:
            self._send()

    def after_pass(self, step: Mapping[str, Any]) -> None:
        """Log what the pass gave."""
        label = step["label"]
        if step["cached"]:
            now = time.time()
            curve = points_of(step.get("curve"))
            self.memory["points"] += [(label, point.step, now, point._asdict()) for point in curve]
        self._send()
        figures = {f"{label}.{name}": found["value"] for name, found in step["metrics"].items()}
        figures |= {f"{found['split']}.{name}": found["value"] for name, found in _accuracies(step).items()}
        ran = () if step["cached"] else ("seconds", "peak_rss_mib")
        figures |= {f"{label}.{name}": step[name] for name in ("bytes", *ran)}
        with quietly():
            self._log(metrics=figures)
        self.memory["passes"] += 1

    def after_build(self, report: Mapping[str, Any], folder: Path) -> None:
        """Log what was delivered, and end the run."""
        client: MlflowClient = self.memory["client"]
        self._send()
        with quietly():
            self._log(metrics=_delivered(report), tags=_ending(report))
            for path in _files(report, folder, with_model=self.log_model):
                inner = path.parent.relative_to(folder).as_posix()
                client.log_artifact(self.memory["run"], str(path), None if inner == "." else inner)
            status = STATUS.get(report["status"], "FAILED")
            client.set_terminated(self.memory["run"], status)
            if self.memory["parent"]:
                whole = "KILLED" if status == "KILLED" else "FINISHED"
                end_parent(client, self.memory["experiment"], self.memory["parent"], whole)

    def _send(self) -> None:
        """Log the points of training curves that were not logged yet."""
        from mlflow.entities import Metric

        points, self.memory["points"] = self.memory["points"], []
        self.memory["sent"] = time.monotonic()
        found = [
            Metric(_name(f"{label}.{name}"), float(point[name]), int(when * 1000), step)
            for label, step, when, point in points
            for name in CURVES
            if point[name] is not None
        ]
        client: MlflowClient = self.memory["client"]
        with quietly():
            for start in range(0, len(found), LARGEST_BATCH_OF_METRICS):
                client.log_batch(self.memory["run"], found[start : start + LARGEST_BATCH_OF_METRICS])

    def _log(
        self,
        *,
        params: Mapping[str, str] | None = None,
        metrics: Mapping[str, float | None] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log in batches, so that a pass costs one request."""
        from mlflow.entities import Metric, Param, RunTag

        client: MlflowClient = self.memory["client"]
        now, step = int(time.time() * 1000), self.memory["passes"]
        found = {_name(name): value for name, value in (metrics or {}).items() if value is not None}
        points = [Metric(name, float(value), now, step) for name, value in found.items()]
        words = [Param(name, value) for name, value in _short(params or {}).items()]
        notes = [RunTag(name, value) for name, value in _short(tags or {}).items()]
        for start in range(0, max(len(points), len(words), len(notes)), LARGEST_BATCH):
            batch = slice(start, start + LARGEST_BATCH)
            client.log_batch(self.memory["run"], points[batch], words[batch], notes[batch])


def _origin(folder: Path) -> dict[str, str]:
    """Say where a run comes from: who, which commit of the working folder, which sweep."""
    from mlflow.tracking.context.registry import resolve_tags
    from mlflow.utils.git_utils import get_git_commit

    tags = {name: value for name, value in resolve_tags().items() if ".git." not in name}
    commit = get_git_commit(os.getcwd())
    sweep = sweep_of(folder)
    known = {"mlflow.source.git.commit": commit, "tflbuild.sweep": sweep.name if sweep else None}
    known |= {"mlflow.source.name": "tflbuild", "tflbuild.folder": str(folder)}
    return tags | {name: value for name, value in known.items() if value}


def _accuracies(step: Mapping[str, Any]) -> dict[str, Any]:
    """Give those metrics of a step that were measured on a split."""
    return {name: found for name, found in step["metrics"].items() if found.get("split")}


def _delivered(report: Mapping[str, Any]) -> dict[str, float | None]:
    """Give the figures of the base and of each delivered file."""
    figures: dict[str, float | None] = {"seconds": report["seconds"]}
    figures |= {f"base.{name}": found["value"] for name, found in report["base"]["metrics"].items()}
    for target in report["targets"]:
        for name, found in target["metrics"].items():
            figures[f"{target['name']}.{name}"] = found["value"]
            if found.get("n"):
                figures |= {
                    f"{target['name']}.{name}.{part}": found.get(part) for part in ("low", "high", "n")
                }
        figures[f"{target['name']}.bytes"] = target["bytes"]
        figures[f"{target['name']}.latency_ms"] = (target.get("latency_ms") or {}).get("median")
    return figures


def _ending(report: Mapping[str, Any]) -> dict[str, str]:
    """Say in tags how a build ended, and with which tools it was made."""
    gates = [verdict["text"] for verdict in report["budget"]["verdicts"]]
    note = "\n\n".join(part for part in (report["description"], report["error"], *gates) if part)
    tags = {
        "tflbuild.status": report["status"],
        "tflbuild.error": report["error"],
        "tflbuild.overrides": " ".join(report["overrides"]),
        "tflbuild.passes": ", ".join(f"{step['label']} {step['outcome']}" for step in report["passes"]),
        "mlflow.note.content": note,
    }
    tags |= {f"tflbuild.toolchain.{tool}": version for tool, version in report["toolchain"].items()}
    return {name: value for name, value in tags.items() if value}


def _files(report: Mapping[str, Any], folder: Path, *, with_model: bool) -> list[Path]:
    models = [target["path"] for target in report["targets"]] if with_model else []
    return [folder / name for name in (*models, *FILES) if (folder / name).is_file()]


def _flat(value: Any, key: str = "") -> dict[str, str]:
    """Flatten a recipe to dotted keys; what says nothing is left out, a list is one value."""
    if value is None or value in ("", {}, []):
        return {}
    if isinstance(value, Mapping):
        flat: dict[str, str] = {}
        for name, item in value.items():
            flat |= _flat(item, f"{key}.{name}" if key else str(name))
        return flat
    return {key: value if isinstance(value, str) else json.dumps(value)}


def _short(words: Mapping[str, str]) -> dict[str, str]:
    """Cut names and values to what MLflow accepts; the whole recipe lies among the artifacts."""
    cut = {
        name: value if len(value) <= LONGEST_VALUE else f"{value[: LONGEST_VALUE - 3]}..."
        for name, value in words.items()
    }
    return {_name(name): value for name, value in cut.items()}


def _name(name: str) -> str:
    return re.sub(r"[^\w\-. ]", "_", name)[:LONGEST_NAME]
