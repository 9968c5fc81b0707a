"""Which options of a launcher are taken out of a sweep's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.sweep.launchers import check_harmless

FILE = Path("sweep.json")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_jobs": 2, "name": "word", "x": None, "y": True, "z": 1.5},
        {"ray": {"init": {"num_cpus": 3}, "remote": {"accelerator_type": "A100", "resources": {"x": 1.0}}}},
        {"partition": "a.b,c:d+e-f_g", "long": "x" * 100},
    ],
)
def test_numbers_switches_and_words_are_taken_from_a_file(options: dict[str, Any]) -> None:
    check_harmless(options, FILE)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"x": "two words"}, "x"),
        ({"x": "a/b"}, "x"),
        ({"x": ""}, "x"),
        ({"x": "x" * 101}, "x"),
        ({"x": "wörd"}, "x"),
        ({"x": ["a"]}, "x"),
        ({"ray": {"init": {"address": "auto"}}}, "ray.init.address"),
        ({"ray": {"remote": {"runtime_env": {}}}}, "ray.remote.runtime_env"),
        ({"ray": {"init": {"temp_dir": None}}}, "ray.init.temp_dir"),
        ({"submitit_folder": "x"}, "submitit_folder"),
        *(
            ({f"{prefix}{name}": 1}, f"{prefix}{name}")
            for prefix in ("", "slurm_")
            for name in ("setup", "srun_args", "additional_parameters")
        ),
    ],
)
def test_what_could_run_or_reach_something_is_typed_again(options: dict[str, Any], named: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check_harmless({"n_jobs": 1, **options}, FILE)
    assert str(caught.value).startswith(f"sweep.json: launcher_options.{named} is not read from a file")
