"""A guilty operator as a bug report, whose own command repeats what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysing import context, tflite
from tflbuild.analyses.nan import NotFinite
from tflbuild.analyses.operators import Operators
from tflite_files import network, step

SHAPE = (1, 6)
ROWS = [[-1.0, 2.0, 3.0, 4.0, -5.0, 6.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]


def model(folder: Path, *kinds: str) -> Any:
    names = ["image", *(f"net/layer<{place}>/{kind}" for place, kind in enumerate(kinds))]
    steps = [
        step(kind, [given], [made]) for kind, given, made in zip(kinds, names[:-1], names[1:], strict=True)
    ]
    return tflite(folder, "m", network(dict.fromkeys(names, SHAPE), steps, ["image"], names[-1:]))


def looked(folder: Path, analysis: Any, made: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = analysis.run({"base": made, "model": made}, context(analysis, folder, ROWS))
    return found


def test_a_guilty_operator_is_cut_out_with_a_command_that_repeats_it(tmp_path: Path) -> None:
    """XNNPACK gives NaN for 1 / sqrt(0), the reference infinity."""
    analysis = Operators()
    (finding,) = looked(tmp_path, analysis, model(tmp_path, "RELU", "RSQRT", "NEG"))
    assert [row["guilty"] for row in finding["rows"]] == [False, True, False]
    assert finding["rows"][1]["reset"] is None, "JSON has no infinity"
    assert finding["cut"]["kernels"] == ["default"]
    assert "3 of 3 operators" in finding["summary"]
    assert (
        "1 computes otherwise, the first RSQRT 'layer<1>': one kernel alone gives a NaN or an infinity"
        in finding["summary"]
    )
    kept = tmp_path / "staging/kept"
    files = sorted(path.relative_to(kept).as_posix() for path in kept.rglob("*.*"))
    name = "model_layer_1"
    assert files == [
        f"{name}/README.txt",
        f"{name}/input.npz",
        f"{name}/{name}.tflite",
        f"{name}/outputs.npz",
    ]
    assert finding["cut"]["file"] == f"{name}/{name}.tflite"
    given, gave = np.load(kept / name / "input.npz"), np.load(kept / name / "outputs.npz")
    assert given["input_0"].tolist() == [[0.0, 2.0, 3.0, 4.0, 0.0, 6.0]]
    assert np.isposinf(gave["reference_0"][0, 0])
    assert np.isnan(gave["default_0"][0, 0])
    text = (kept / name / "README.txt").read_text()
    command = text.split("python - <<'END'\n")[1].split("END\n")[0]
    done = subprocess.run(
        [sys.executable, "-c", command],
        cwd=kept / name,
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ, PYTHONWARNINGS="ignore"),
    )
    assert done.stdout.splitlines() == [
        "default output 0 differs from the reference by at most nan",
        "builtin output 0 differs from the reference by at most 0.0",
    ]
    assert "cut out: " in analysis.lines([finding])[-1]
    (exhibit,) = analysis.exhibits([finding])
    assert "XNNPACK differs from the reference" in exhibit.text[1]


def test_kernels_that_agree_keep_nothing(tmp_path: Path) -> None:
    (finding,) = looked(tmp_path, Operators(), model(tmp_path, "RELU", "LOGISTIC"))
    assert "cut" not in finding
    assert not (tmp_path / "staging/kept").exists()
    assert "no difference is larger than rounding explains: the largest difference is" in finding["summary"]


def test_there_may_be_no_float_file(tmp_path: Path) -> None:
    made = tflite(tmp_path, "q", model(tmp_path, "RELU").path.read_bytes(), quantized="int8")
    assert (
        Operators(on="float").fits({"base": made, "model": made})
        == "there is no float file that is a .tflite"
    )
    assert Operators().fits({"base": made, "model": made}) == ""


def test_what_is_no_number_is_a_cause_by_its_operator_and_layer(tmp_path: Path) -> None:
    (finding,) = looked(tmp_path, NotFinite(), model(tmp_path, "RELU", "LOG", "NEG"))
    assert (finding["cause"], finding["stage"], finding["layer"]) == ("nan.operator", "base", "layer<1>")
    assert finding["text"] == (
        "in the base, LOG of the layer 'layer<1>' makes the first infinity on 1 of 2 samples (logarithm of zero); the "
        "outputs are not finite on 1 of them"
    )
    assert finding["cures"][0]["text"] == "add a small number to what the layer 'layer<1>' reads"


@pytest.mark.parametrize("kinds", [("RELU", "LOGISTIC"), ("RELU", "LOG", "LOGISTIC")])
def test_an_infinity_that_nobody_sees_is_no_cause(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    found = looked(tmp_path, NotFinite(), model(tmp_path, *kinds))
    assert [finding.get("cause") for finding in found] == [None] * (len(kinds) - 2)
