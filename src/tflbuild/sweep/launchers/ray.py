"""Build the jobs on a Ray cluster: an existing one, or one that is started on this machine.

Ray's own retries are off: a job whose node or process died is started again here, a limited number of times, and the
user is told. What the dead process had committed are hits on the other node, and training continues from its
checkpoint.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Annotated, Any

from annotated_types import Ge

from tflbuild.core import toolchain
from tflbuild.core.errors import RecipeError
from tflbuild.recipe.validation import typed
from tflbuild.sweep.job import FrozenJob, JobResult
from tflbuild.sweep.launchers import Done
from tflbuild.sweep.launchers.process import (
    build_there,
    current_folder_left_out,
    deciding_environment,
    failed,
    lost,
)
from tflbuild.sweep.show import say

CONNECT_SECONDS = 10.0
"""Seconds that an address may take to answer."""


@dataclass(frozen=True, kw_only=True)
class Init:
    """`hydra.launcher.ray.init.*`: what `ray.init` is given."""

    address: str | None = None
    """The cluster, e.g. `auto` or ray://head:10001. null: a cluster is started on this machine."""
    num_cpus: Annotated[int, Ge(1)] | None = None
    """Cores that a cluster started here offers. null: all of the machine's. [cores]"""
    num_gpus: Annotated[int, Ge(0)] | None = None
    """GPUs that a cluster started here offers. null: all of the machine's. [GPUs]"""
    resources: dict[str, float] | None = None
    """Further resources that a cluster started here offers, by name. null: none. [units of the resource]"""
    object_store_memory: Annotated[int, Ge(80_000_000)] | None = None
    """Memory of the object store of a cluster started here. null: Ray's own choice. [bytes]"""
    include_dashboard: bool = False
    """Whether Ray's dashboard is started."""
    namespace: str | None = None
    """Namespace of the cluster. null: one of its own."""
    runtime_env: dict[str, Any] | None = None
    """Environment of the jobs, as Ray describes it. null: that of the cluster. [as Ray describes it]"""
    log_to_driver: bool = False
    """Whether what the processes print is shown here."""
    temp_dir: str | None = None
    """Folder in which a cluster started here keeps its session, at most about 40 characters; Ray calls it
    `_temp_dir`. null: Ray's own."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """`hydra.launcher.ray.remote.*`: what a job asks of the cluster."""

    num_cpus: Annotated[float, Ge(0)] = 1
    """Cores that a job asks for. [cores]"""
    num_gpus: Annotated[float, Ge(0)] | None = None
    """GPUs that a job asks for. null: none. [GPUs]"""
    memory: Annotated[int, Ge(1)] | None = None
    """Memory that a job asks for. null: nothing is asked for. [bytes]"""
    resources: dict[str, float] | None = None
    """Further resources that a job asks for, by name. null: none. [units of the resource]"""
    accelerator_type: str | None = None
    """Kind of GPU that a job asks for, e.g. A100. null: any."""
    scheduling_strategy: str | None = None
    """How jobs are spread over nodes: DEFAULT or SPREAD. null: Ray's default."""
    runtime_env: dict[str, Any] | None = None
    """Environment of the jobs, as Ray describes it. null: that of the cluster. [as Ray describes it]"""
    max_retries: Annotated[int, Ge(0)] = 3
    """How often a job is started again whose node or process died. [times]"""


@dataclass(frozen=True, kw_only=True)
class Ray:
    """`hydra.launcher.ray.*`."""

    init: Init = field(default_factory=Init)
    """The cluster: options of `ray.init`."""
    remote: Remote = field(default_factory=Remote)
    """Resources that a job asks of the cluster."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`hydra.launcher.*` of Ray."""

    ray: Ray = field(default_factory=Ray)
    """Options of Ray."""


class Launcher:
    """A connection to a cluster; one that was started here ends with it.

    Args:
        options: `hydra.launcher.*`.

    Raises:
        RecipeError: an option is wrong.
        MissingTool: Ray is not installed.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = typed(Options, options, "hydra.launcher").ray
        toolchain.require(["ray"], "hydra/launcher=ray")
        self._connected = False

    @property
    def parallel(self) -> int:
        """How many jobs fit on the cluster at once; before it is connected to, what its options say."""
        import ray

        if ray.is_initialized():
            resources = ray.cluster_resources()  # type: ignore[no-untyped-call] # Ray's own lack
            cpus = float(resources.get("CPU", 1))
        else:
            init = self.options.init
            cpus = float(init.num_cpus or (1 if init.address else os.cpu_count() or 1))
        return max(1, int(cpus // (self.options.remote.num_cpus or 1)))

    def __enter__(self) -> Launcher:
        """Connect.

        Raises:
            RecipeError: there is no cluster at the address, or it refuses an option.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a build tells nobody that it runs
        import ray

        if ray.is_initialized():
            return self
        _check_reachable(self.options.init.address)
        given = {name: value for name, value in asdict(self.options.init).items() if value is not None}
        if "temp_dir" in given:
            given["_temp_dir"] = given.pop("temp_dir")
        try:
            with current_folder_left_out():
                ray.init(**given, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, OSError) as error:
            raise RecipeError(f"hydra.launcher.ray.init: {error}") from error
        self._connected = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import ray

        if self._connected:
            ray.shutdown()

    def launch(self, jobs: Sequence[FrozenJob], done: Done) -> None:
        """Build every job."""
        import ray

        asked = {name: value for name, value in asdict(self.options.remote).items() if value is not None}
        remote = ray.remote(**{**asked, "max_retries": 0})(build_there)
        environment = deciding_environment()
        deaths: Counter[int] = Counter()
        running = {remote.remote(job, environment): position for position, job in enumerate(jobs)}
        try:
            while running:
                ended, _ = ray.wait(list(running), num_returns=1)
                position = running.pop(ended[0])
                job = jobs[position]
                result = self._result(job, ended[0], deaths[position])
                if result is not None:
                    done(position, result)
                    continue
                deaths[position] += 1
                running[remote.remote(job, environment)] = position
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _result(self, job: FrozenJob, reference: Any, deaths: int) -> JobResult | None:
        """Give how a job ended; None where it is to be started again."""
        import ray
        from ray import exceptions

        try:
            result: JobResult = ray.get(reference)
        except exceptions.RayTaskError as error:
            return failed(job, error)
        except (exceptions.RuntimeEnvSetupError, exceptions.TaskUnschedulableError) as error:
            return lost(job, f"Ray cannot start it: {error}")
        except exceptions.RayError as error:
            how = _how(error)
            if deaths >= self.options.remote.max_retries:
                return lost(job, f"{how}; it was started {deaths + 1} times")
            say(f"{job.name}: {how}; it starts again")
            return None
        return result


def _check_reachable(address: str | None) -> None:
    """Refuse an address at which nothing answers; Ray would try it forever.

    Raises:
        RecipeError: nothing answers there.
    """
    host, _, port = (address or "").rpartition("//")[2].rpartition(":")
    if not host or not port.isdecimal():
        return  # "auto", "local"
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise RecipeError(
            f"hydra.launcher.ray.init.address: nothing answers at {address} ({error}); `ray status` says where a "
            f"cluster is."
        ) from error


def _how(error: Exception) -> str:
    from ray import exceptions

    if isinstance(error, exceptions.OutOfMemoryError):
        return "Ray ended its process because memory ran out on its node"
    if isinstance(error, exceptions.NodeDiedError):
        return "its Ray node was lost"
    return f"its Ray process was lost ({type(error).__name__})"
