"""Launchers and sweepers by their names in Hydra; nothing of them is imported here."""

from __future__ import annotations

GRID = "basic"
"""Hydra's name for the sweeper that builds every combination."""

SWEEPERS = (GRID, "optuna")

LAUNCHERS = {
    "serial": "tflbuild.sweep.launchers.serial",
    "basic": "tflbuild.sweep.launchers.serial",
    "joblib": "tflbuild.sweep.launchers.joblib",
    "ray": "tflbuild.sweep.launchers.ray",
    "submitit": "tflbuild.sweep.launchers.submitit",
    "submitit_local": "tflbuild.sweep.launchers.submitit",
    "submitit_slurm": "tflbuild.sweep.launchers.submitit",
}
"""The module of every launcher by its name; its class is `Launcher`. `basic` is Hydra's default."""
