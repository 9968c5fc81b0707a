"""The target `remote`: its options, what is asked while planning, and what a board measures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loopback import MISSING, Loopback
from tflbuild.backends.board import execution
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import MissingTool, PassError, RecipeError
from tflbuild.core.runtime import RUNTIMES
from tflbuild.core.target import TARGETS
from tflbuild.metrics.latency import Latency
from tflbuild.recipe.validation import typed
from tflbuild.runtimes.ssh import Ssh
from tflbuild.targets.remote import Remote
from tflbuild.tflite.tiny import brightness_detector

there = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setattr(execution, "_ASKED", {})
    server = Loopback(tmp_path / "server")
    yield server
    server.stop()


@there
def test_the_board_measures_what_a_budget_judges(
    board: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(brightness_detector())
    model, target = TFLiteModel(path=path, digest="", fingerprint=""), Remote(**board.options(runs=7))
    found = target.inspect(model)
    assert set(found) == {"latency_ms", "delegate", "memory", "operator_times", "device"}
    measured = Latency().from_figure(found[Latency.figure])
    assert (measured.value, measured.kernels) == (found["latency_ms"]["median"], "xnnpack")
    assert found["delegate"]["left"] == ["TFLite_Detection_PostProcess"]
    assert found["device"] == target.device()
    timed = found["operator_times"]
    assert (timed["runs"], timed["threads"], timed["cpu"]) == (7, 1, found["latency_ms"]["cpu"])
    assert timed["operators"][-1]["name"] == "TFLite_Detection_PostProcess"

    def refuse(self: Any, profiler: Path, runs: int) -> Any:
        raise PassError("board: CannotProfile: this LiteRT has no LiteRtCreateEnvironment")

    monkeypatch.setattr(execution.Loaded, "profiled", refuse)
    assert "operator_times" not in target.inspect(model)
    made = RUNTIMES.get(target.runtime)(**target.runtime_options())
    assert made == Ssh(**board.options())
    assert made.key() == {"device": target.device()}
    assert hash(made) == hash(Ssh(**board.options()))


def test_batches_are_of_any_size_and_one_process_has_the_board() -> None:
    assert (Ssh.light, Ssh.alone, Ssh.whole_batches) == (True, True, False)


def test_planning_says_what_is_missing() -> None:
    with pytest.raises(RecipeError, match=r"target.remote.host: not given"):
        Remote(ssh="true").check()
    with pytest.raises(MissingTool, match=r"target.remote.ssh: there is no program 'nothing'; install"):
        Remote(host="pi", ssh="nothing").check()
    Remote(host="pi", ssh="true").check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": "-oProxyCommand=reboot"}, "is no name"),
        ({"user": "-l root"}, "is no name"),
        ({"host": "pi@pi"}, "is no name"),
        ({"port": 65_536}, "port: 65536"),
        ({"threads": 0}, "threads: 0"),
        ({"timeout": 0}, "timeout: 0"),
        ({"resolver": "fast"}, "'fast' is not one of default, builtin, reference"),
        (
            {"options": ["ProxyCommand=reboot"]},
            "'ProxyCommand=reboot' is not KEY=VALUE of an option that a recipe may give",
        ),
        ({"options": ["LocalCommand=reboot"]}, "put others into your ssh configuration"),
        ({"options": ["StrictHostKeyChecking=no"]}, "is not KEY=VALUE of an option that a recipe may give"),
        ({"options": ["Compression"]}, "'Compression' is not KEY=VALUE"),
        ({"delegate_options": ["device"]}, "'device' is not KEY=VALUE"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as found:
        typed(Remote, options, "target.remote")
    assert message in str(found.value)


def test_a_name_of_a_board_may_be_an_address() -> None:
    for host in ("pi", "pi.local", "192.168.1.7", "fe80::1%eth0", "rack_3-pi"):
        assert typed(Remote, {"host": host, "options": ["ProxyJump=gate"]}, "target.remote").host == host


def test_remote_is_a_target_whose_file_runs_on_a_board() -> None:
    assert TARGETS.get("remote") is Remote
    assert (Remote.compiles, Remote.executes, Remote.runtime) == (False, True, "ssh")
