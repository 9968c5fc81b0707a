"""The parent run of a sweep in MLflow: made by whichever job comes first, ended by each that leaves none running."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.core import digest

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

LOCK_SECONDS = 60.0
"""Seconds that another job may take to make the run."""


def sweep_of(folder: Path) -> Path | None:
    """Give the folder of the sweep that a run's folder belongs to; None where it belongs to none."""
    return folder.parent if folder.parent.name.startswith("sweep-") else None


def parent_run(client: MlflowClient, experiment: str, sweep: Path) -> str:
    """Give the run that the jobs of a sweep are nested in, made where there is none.

    Jobs run in several processes, perhaps on several machines; what they share is the sweep's folder.

    Args:
        client: of the server.
        experiment: identifier of the experiment; a sweep over recipes has a parent in each.
        sweep: the sweep's folder.

    Raises:
        MlflowException: the server refuses.
        filelock.Timeout: another job holds the sweep's file.
    """
    from filelock import FileLock

    name = digest.of_json([str(client.tracking_uri), experiment])[:12]
    path = sweep / f".mlflow-{name}.json"
    with FileLock(path.with_suffix(".lock"), timeout=LOCK_SECONDS):
        run = _known(client, path)
        if run is None:
            run = client.create_run(experiment, run_name=sweep.name, tags=_tags(sweep)).info.run_id
            path.write_text(json.dumps({"run": run}), encoding="utf-8")
        client.update_run(run, status="RUNNING")
    return run


def end_parent(client: MlflowClient, experiment: str, parent: str, status: str) -> None:
    """End the parent run, unless another job of the sweep is running."""
    running = client.search_runs(
        [experiment],
        f"tags.`mlflow.parentRunId` = '{parent}' and attributes.status = 'RUNNING'",
        max_results=1,
    )
    if not running:
        client.set_terminated(parent, status)


def _known(client: MlflowClient, path: Path) -> str | None:
    """Give the run that an earlier job made; None where there is none, or where it was deleted since."""
    from mlflow.exceptions import MlflowException

    try:
        run = str(json.loads(path.read_text(encoding="utf-8"))["run"])
        return run if client.get_run(run).info.lifecycle_stage == "active" else None
    except (OSError, ValueError, KeyError, TypeError, MlflowException):
        return None


def _tags(sweep: Path) -> dict[str, Any]:
    tags = {"tflbuild.sweep": sweep.name, "mlflow.source.name": "tflbuild", "tflbuild.folder": str(sweep)}
    try:
        command = json.loads((sweep / "sweep.json").read_text(encoding="utf-8"))["command"]
    except (OSError, ValueError, KeyError, TypeError):
        return tags
    return {**tags, "mlflow.note.content": f"tflbuild -m {shlex.join(map(str, command))}"[:5000]}
