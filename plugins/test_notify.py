"""The test of the example hook: a hook is tested by calling it."""

from pathlib import Path

from tflbuild import plugins
from tflbuild.core.hook import HOOKS


def test_a_failure_is_one_line(tmp_path: Path) -> None:
    """Each build has a hook of its own, so that `memory` begins empty."""
    plugins.load(Path(__file__).parent)
    path = tmp_path / "failures.txt"
    for run in ("first", "second"):
        hook = HOOKS.get("notify")(path=str(path))
        hook.before_build({}, Path(run))
        hook.on_failure({"label": "prune", "error": f"prune: over budget in {run}", "exit_code": 5})
    assert path.read_text() == "first: prune: over budget in first\nsecond: prune: over budget in second\n"
