"""Reach MLflow: in seconds or not at all, without a word on the terminal."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
}
"""MLflow's environment while it is called, unless the user's own says otherwise.

A server that does not answer costs seconds, where MLflow by itself tries for minutes; a folder may hold runs; the
terminal belongs to the build, and nobody else is told of it.
"""

LOCK_SECONDS = 60.0
"""Seconds that another process may take to make the tables of a local store; MLflow needs two."""


@contextmanager
def quietly() -> Iterator[None]:
    """Import MLflow, and keep it quick and quiet; leaves environment, warnings and loggers as they were."""
    with ExitStack() as stack:
        stack.enter_context(_environment())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401 - it sets up its own logger

        stack.enter_context(_silence("mlflow", "alembic"))
        yield


def connect(tracking_uri: str | None, experiment: str) -> tuple[MlflowClient, str]:
    """Give a client and the identifier of an experiment, which is made if there is none.

    Args:
        tracking_uri: a server, a database or a folder; None for MLflow's own default.
        experiment: its name.

    Raises:
        MlflowException: the server cannot be reached or refuses.
        filelock.Timeout: another process holds the local store.
    """
    from mlflow.tracking import MlflowClient, get_tracking_uri

    uri = tracking_uri or get_tracking_uri()
    with _one_at_a_time(uri):
        client = MlflowClient(tracking_uri=uri)
        return client, experiment_id(client, experiment)


def experiment_id(client: MlflowClient, name: str) -> str:
    """Find or make an experiment; on a server another machine may make it at the same time."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


def _one_at_a_time(uri: str) -> AbstractContextManager[object]:
    """Lock a store on this machine: two processes that make its tables at once spoil them."""
    from filelock import FileLock

    if urlsplit(uri).scheme not in ("", "file", "sqlite"):
        return nullcontext()
    store = hashlib.sha256(f"{os.getuid()} {os.getcwd()} {uri}".encode()).hexdigest()[:20]
    return FileLock(Path(tempfile.gettempdir()) / f"tflbuild-mlflow-{store}.lock", timeout=LOCK_SECONDS)


@contextmanager
def _environment() -> Iterator[None]:
    added = {name: value for name, value in SETTINGS.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _silence(*names: str) -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
