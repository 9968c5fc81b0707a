"""What is said of a launcher before anything is started."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from tflbuild.core import toolchain
from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.recipe.validation import typed
from tflbuild.sweep.launchers import LAUNCHERS, joblib, launcher, ray, submitit

WRONG: list[tuple[str, dict[str, Any], str]] = [
    (
        "jobib",
        {},
        "hydra/launcher: there is no launcher 'jobib'; there are basic, joblib, ray, serial, submitit, "
        "submitit_local, submitit_slurm. "
        "Did you mean 'joblib'",
    ),
    ("serial", {"n_jobs": 2}, "hydra.launcher.n_jobs: the serial launcher has no options"),
    ("joblib", {"n_job": 2}, "hydra.launcher.n_job: there is no such option.*Did you mean 'n_jobs'"),
    ("joblib", {"n_jobs": 0}, "hydra.launcher.n_jobs: 0 processes"),
    ("joblib", {"n_jobs": "two"}, "hydra.launcher.n_jobs: 'two'"),
    (
        "ray",
        {"ray": {"init": {"num_cpu": 2}}},
        "hydra.launcher.ray.init.num_cpu: .*Did you mean 'num_cpus'",
    ),
    ("ray", {"ray": {"remote": {"num_cpus": -1}}}, "hydra.launcher.ray.remote.num_cpus: -1"),
    ("ray", {"init": {"num_cpus": 2}}, "hydra.launcher.init: there is no such option; there are ray"),
    ("submitit", {"cluster": "slrm"}, "hydra.launcher.cluster: 'slrm' is not one of slurm, local, debug"),
    (
        "submitit_local",
        {"timeout_mins": 3},
        "hydra.launcher.timeout_mins: .*Did you mean 'timeout_min'",
    ),
]


@pytest.mark.parametrize(("name", "options", "message"), WRONG)
def test_a_wrong_option_is_named_with_the_right_one(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        launcher(name, options)


@pytest.mark.parametrize("extra", ["joblib", "ray", "submitit"])
def test_a_missing_extra_is_said_with_its_installation(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "version", lambda tool: None)
    with pytest.raises(MissingTool, match=rf'hydra/launcher={extra} .* pip install "tflbuild\[{extra}\]"'):
        launcher(extra, {})


def test_slurm_is_missed_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit", reason="the extra submitit is not installed")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingTool, match="there is no srun on this machine"):
        launcher("submitit_slurm", {})


def test_slurm_options_go_by_their_own_name_or_with_the_prefix() -> None:
    pytest.importorskip("submitit", reason="the extra submitit is not installed")
    made: Any = launcher("submitit_local", {"partition": "gpu", "slurm_qos": "low"})
    assert made.options.slurm_partition == "gpu"
    assert made.options.slurm_qos == "low"


def test_options_of_every_launcher_are_checked_without_starting_one() -> None:
    for name in LAUNCHERS:
        with pytest.raises(RecipeError, match=r"hydra\.launcher\.nonsense"):
            launcher(name, {"nonsense": 1})


ENDS: list[tuple[Any, str, list[float], list[float]]] = [
    (ray.Init, "num_cpus", [1], [0]),
    (ray.Init, "num_gpus", [0], [-1]),
    (ray.Init, "object_store_memory", [80_000_000], [79_999_999]),
    (ray.Remote, "num_cpus", [0, 0.5], [-0.5]),
    (ray.Remote, "num_gpus", [0, 0.5], [-0.5]),
    (ray.Remote, "memory", [1], [0]),
    (ray.Remote, "max_retries", [0], [-1]),
    (submitit.Options, "timeout_min", [1], [0]),
    (submitit.Options, "cpus_per_task", [1], [0]),
    (submitit.Options, "gpus_per_node", [0], [-1]),
    (submitit.Options, "mem_gb", [0.5], [0]),
    (submitit.Options, "parallel", [1], [0]),
    (submitit.Options, "max_num_timeout", [0], [-1]),
    (submitit.Options, "slurm_cpus_per_gpu", [1], [0]),
    (submitit.Options, "slurm_gpus_per_task", [1], [0]),
    (submitit.Options, "slurm_signal_delay_s", [0], [-1]),
    (submitit.Options, "slurm_array_parallelism", [1], [0]),
]


@pytest.mark.parametrize(("options", "name", "right", "wrong"), ENDS)
def test_numbers_that_make_no_sense_are_refused(
    options: Any, name: str, right: list[float], wrong: list[float]
) -> None:
    for value in right:
        assert getattr(typed(options, {name: value}, "x"), name) == value
    for value in wrong:
        with pytest.raises(RecipeError, match=rf"x\.{name}: {value}"):
            typed(options, {name: value}, "x")


def test_what_a_launcher_does_that_is_told_nothing() -> None:
    """As the docstrings say; another default would run an old command differently."""
    given = {
        joblib.Options: {"n_jobs": -1},
        ray.Init: {"include_dashboard": False, "log_to_driver": False},
        ray.Remote: {"num_cpus": 1, "max_retries": 3},
        submitit.Options: {
            "cluster": "slurm",
            "name": "tflbuild",
            "timeout_min": 1440,
            "cpus_per_task": 2,
            "stderr_to_stdout": False,
            "max_num_timeout": 3,
            "slurm_array_parallelism": 256,
        },
    }
    for options, wanted in given.items():
        assert {name: value for name, value in asdict(options()).items() if value is not None} == wanted
