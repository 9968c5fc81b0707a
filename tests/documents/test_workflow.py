"""The workflow of docs/ci.md is well-formed, and its steps do what the page says when a shell runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from documents import ROOT, blocks
from own_files import classifier, write_photos

BLOCK = next(block for block in blocks(ROOT / "docs" / "ci.md") if block.language == "yaml")
GITHUB = '#!/bin/sh\necho "$@" > said.txt\ncp comment.md commented.md\n'
"""Stands in for GitHub's `gh`."""


def steps() -> list[dict[str, Any]]:
    made = yaml.safe_load(BLOCK.text)
    assert made[True] == "pull_request", "YAML 1.1 reads the key 'on' as true"
    (job,) = made["jobs"].values()
    assert job["runs-on"]
    return list(job["steps"])


def test_every_step_uses_an_action_of_a_version_or_runs_something() -> None:
    for step in steps():
        assert ("uses" in step) != ("run" in step), step
        assert "run" in step or "@v" in step["uses"], step


@pytest.mark.slow
def test_its_steps_build_verify_compare_and_comment(tmp_path: Path) -> None:
    for name in ("best.tflite", "old.tflite"):
        (tmp_path / name).write_bytes(classifier())
    write_photos(tmp_path / "photos", count=24)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "gh").write_text(GITHUB)
    (programs / "gh").chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    for step in steps():
        if "run" in step and not step["run"].startswith("pip "):
            done = subprocess.run(
                ["bash", "-e", "-c", step["run"]],
                cwd=tmp_path,
                env={**os.environ, "PATH": path, "PULL_REQUEST": "7"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "said.txt").read_text() == "pr comment 7 --body-file comment.md\n"
    comment = (tmp_path / "commented.md").read_text()
    assert "fidelity" in comment
    assert "95 % interval" in comment
