"""The test of the example plugin; `pytest plugins` runs it."""

from pathlib import Path

import pytest

from tflbuild import plugins
from tflbuild.core.compiler_pass import PASSES
from tflbuild.testing import run_pass, tiny_tflite


@pytest.mark.parametrize("zeros", [0, 16])
def test_padding_keeps_the_model_running(tmp_path: Path, zeros: int) -> None:
    """`run_pass` allocates and invokes the result, and holds it to the promise."""
    plugins.load(Path(__file__).parent)
    given = tiny_tflite(tmp_path)
    result = run_pass(PASSES.get("pad_tail")(zeros=zeros), given, tmp_path)
    assert result.path.stat().st_size == given.path.stat().st_size + zeros
