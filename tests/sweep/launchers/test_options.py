"""What is said of a launcher before anything is started."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core import toolchain
from tflbuild.core.errors import MissingTool, RecipeError
from tflbuild.sweep.launchers import LAUNCHERS, session

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("jobib", {}, "hydra/launcher: there is no launcher 'jobib'.*Did you mean 'joblib'"),
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
        session(name, options)


@pytest.mark.parametrize("extra", ["joblib", "ray", "submitit"])
def test_a_missing_extra_is_said_with_its_installation(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "version", lambda tool: None)
    with pytest.raises(MissingTool, match=rf'hydra/launcher={extra} .* pip install "tflbuild\[{extra}\]"'):
        session(extra, {})


def test_slurm_is_missed_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit", reason="the extra submitit is not installed")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingTool, match="there is no srun on this machine"):
        session("submitit_slurm", {})


def test_slurm_options_go_by_their_own_name_or_with_the_prefix() -> None:
    pytest.importorskip("submitit", reason="the extra submitit is not installed")
    made: Any = session("submitit_local", {"partition": "gpu", "slurm_qos": "low"})
    assert made.options.slurm_partition == "gpu"
    assert made.options.slurm_qos == "low"


def test_options_of_every_launcher_are_checked_without_starting_one() -> None:
    for name in LAUNCHERS:
        with pytest.raises(RecipeError, match=r"hydra\.launcher\.nonsense"):
            session(name, {"nonsense": 1})
