"""A board behind ssh, which is this machine behind an ssh server of the test's own: outputs, failures, what is left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from foreign_networks import two_inputs, two_outputs
from held_to_litert import check_alike, samples
from loopback import MISSING, Loopback
from stateful_files import lstm
from tflbuild.backends.board import execution
from tflbuild.backends.board.execution import Loaded, device
from tflbuild.backends.board.failures import failure
from tflbuild.backends.board.setup import Setup
from tflbuild.core.errors import MissingTool, PassError, RecipeError, TflbuildError
from tflbuild.core.toolchain import version
from tflbuild.runtimes import interpreter as litert
from tflbuild.runtimes import profiler
from tflbuild.runtimes.delegation import delegation_of, taken
from tflbuild.tflite.tiny import brightness_detector

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    server = Loopback(tmp_path_factory.mktemp("loopback") / "server")
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "_ASKED", {})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return written(tmp_path, brightness_detector())


def written(folder: Path, content: bytes) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(content)
    return path


def setup(board: Loopback, **changed: Any) -> Setup:
    given: dict[str, Any] = {
        "ssh": "ssh",
        "delegate": "",
        "delegate_options": (),
        "resolver": "default",
        "threads": 1,
        "timeout": 30,
        **board.options(),
    }
    return replace(Setup(**given), **changed)


@pytest.mark.parametrize(
    "make", [brightness_detector, two_inputs, two_outputs, partial(lstm, 3, clip=0.0, peepholes=False)]
)
def test_the_board_gives_what_litert_gives(board: Loopback, tmp_path: Path, make: Any) -> None:
    path = written(tmp_path, make())
    loaded = Loaded(setup(board), path)
    check_alike(loaded, path, 3)
    check_alike(loaded, path, 3)  # a second batch in the same session
    assert loaded.signature == litert.Loaded(path).signature


def test_kernels_are_those_that_were_asked_for(board: Loopback, model: Path) -> None:
    assert Loaded(setup(board), model).kernels == "xnnpack"
    assert Loaded(setup(board, resolver="reference"), model).kernels == "reference"
    builtin = Loaded(setup(board, resolver="builtin", threads=2), model)
    assert builtin.kernels == "builtin"
    assert not [op for op in builtin.plan if op["op_name"] == "DELEGATE"]


def test_latency_memory_and_operators_are_measured_there(board: Loopback, model: Path) -> None:
    loaded = Loaded(setup(board), model)
    found = loaded.latency(7)
    assert (found["latency_ms"]["runs"], found["latency_ms"]["threads"]) == (7, 1)
    assert 0 < found["latency_ms"]["median"] <= found["latency_ms"]["p90"] * 1.0001
    assert found["latency_ms"]["cpu"] == execution.name_of(loaded.facts)
    assert found["memory"]["peak_mib"] > 5
    assert delegation_of(loaded.plan, loaded.ends, "xnnpack") == taken(model).told("xnnpack")
    runs = loaded.profiled(Path(profiler.__file__), 3)
    assert len(runs) == 3
    names = [event[0] for event in runs[0][0]]
    with profiler.Profiler(model) as here:
        assert names == [event.name for event in here.run()[0]]


def test_the_board_says_what_it_is_and_is_asked_once_in_a_while(
    board: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = board.sessions()
    facts = device(setup(board))
    assert facts["litert"] == f"ai-edge-litert {version('ai_edge_litert')}"
    assert facts["numpy"] == np.__version__
    assert facts["machine"] == os.uname().machine
    assert facts["name"] == setup(board).name
    assert device(setup(board)) == facts
    assert board.sessions() == before + 1
    monkeypatch.setattr(execution, "FRESH", -1.0)
    assert device(setup(board)) == facts
    assert board.sessions() == before + 2


def test_what_a_shell_prints_before_is_not_taken_for_an_answer(board: Loopback, model: Path) -> None:
    loud = board.python('echo "Welcome to this board"; exec $PYTHON "$@"')
    check_alike(Loaded(setup(board, python=loud), model), model, 1)


def test_a_session_that_ended_between_two_batches_is_opened_again(board: Loopback, model: Path) -> None:
    loaded, before = Loaded(setup(board), model), board.sessions()
    loaded._session._process.kill()
    loaded._session._process.wait()
    check_alike(loaded, model, 1)
    assert board.sessions() == before + 1


def test_a_connection_that_ends_twice_is_one_sentence(board: Loopback, model: Path) -> None:
    dying = board.python('exec $PYTHON -c "' + DYING + '" "$@"')
    loaded = Loaded(setup(board, python=dying), model)
    with pytest.raises(PassError) as found:
        loaded.run(samples(model, 1))
    assert str(found.value) == (
        f"The connection to {setup(board).name} ended while it measured: nothing was said; nothing of it was kept."
    )


# runs the runner, which then dies when it is asked to run samples
DYING = (
    "import sys, os; f = sys.stdin.buffer; code = f.read(int(f.readline())).decode(); "
    "code = code.replace('self.interpreter.reset_all_variables()', 'os._exit(1)'); "
    "exec(compile(code, 'runner', 'exec'), {'__name__': '__main__'})"
)


def test_another_board_behind_the_name_is_not_gone_on_with(
    board: Loopback, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = Loaded(setup(board), model)
    loaded._session._process.kill()
    loaded._session._process.wait()
    loaded.facts = {**loaded.facts, "litert": "ai-edge-litert 1.0"}
    with pytest.raises(PassError, match=r"became another board while it measured; nothing of it was kept"):
        loaded.run(samples(model, 1))


def test_an_answer_that_comes_too_late_is_not_taken_for_another_one(board: Loopback, model: Path) -> None:
    late = board.python('exec $PYTHON -c "' + DYING.replace("os._exit(1)", "time.sleep(3)") + '" "$@"')
    loaded = Loaded(setup(board, python=late), model)
    loaded._session._setup = setup(board, timeout=1)
    with pytest.raises(PassError, match=r"took longer than target.remote.timeout=1 s"):
        loaded.run(samples(model, 1))
    loaded._setup = setup(board)
    check_alike(loaded, model, 1)


def said(made: Setup) -> tuple[type[TflbuildError], str]:
    """Give the error of asking a board what it is."""
    with pytest.raises(TflbuildError) as found:
        device(made)
    return type(found.value), str(found.value)


def test_a_host_that_nobody_knows(board: Loopback) -> None:
    assert said(setup(board, host="board.invalid")) == (
        RecipeError,
        "target.remote.host: no machine is called 'board.invalid'.",
    )


def test_a_port_where_nobody_listens(board: Loopback) -> None:
    kind, sentence = said(setup(board, port=1))
    assert kind is MissingTool
    assert sentence == (
        f"{setup(board).name} refuses connections on port 1: start its ssh server, or see target.remote.port."
    )


def test_a_host_key_that_is_not_known(board: Loopback) -> None:
    unknown = setup(board, options=("UserKnownHostsFile=/dev/null", "GlobalKnownHostsFile=/dev/null"))
    kind, sentence = said(unknown)
    assert kind is MissingTool
    assert sentence.startswith(f"The host key of {unknown.name} is not known yet: connect once by hand")
    assert sentence.endswith(f": ssh -p {board.port} {unknown.name}.")


def test_a_host_key_that_changed(board: Loopback, tmp_path: Path) -> None:
    key = (board.folder / "stranger.pub").read_text().split()
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{board.port} {key[0]} {key[1]}\n")
    kind, sentence = said(
        setup(board, options=(f"UserKnownHostsFile={known}", "GlobalKnownHostsFile=/dev/null"))
    )
    assert kind is MissingTool
    assert (
        f"has another host key than it had: if it was set up anew, ssh-keygen -R [127.0.0.1]:{board.port}"
        in (sentence)
    )


def test_a_key_that_the_board_does_not_let_in(board: Loopback) -> None:
    kind, sentence = said(setup(board, identity=str(board.folder / "stranger")))
    assert kind is MissingTool
    assert "does not let this user in by a key, and passwords are not asked for: ssh-copy-id" in sentence


def test_no_python(board: Loopback) -> None:
    assert said(setup(board, python="python-of-nobody")) == (
        MissingTool,
        f"{setup(board).name} has no 'python-of-nobody'; install Python 3.8 or later there, or give its path: "
        f"target.remote.python.",
    )


def test_no_litert(board: Loopback) -> None:
    bare = board.python('exec $PYTHON -S "$@"')
    kind, sentence = said(setup(board, python=bare))
    assert kind is MissingTool
    assert sentence.startswith(
        f"{setup(board).name} has no LiteRT for its '{bare}': install it there (pip install "
    )


def test_a_numpy_that_litert_cannot_work_with(board: Loopback, model: Path, tmp_path: Path) -> None:
    """NumPy 2 under a LiteRT that was built for 1: importing its interpreter says so."""
    text = "A module that was compiled using NumPy 1.x cannot be run in NumPy 2.4.6 as it may crash."
    shadow = tmp_path / "site" / "ai_edge_litert"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text("")
    (shadow / "interpreter.py").write_text(f"raise ImportError({text!r})\n")
    python = board.python(f'PYTHONPATH={tmp_path}/site exec $PYTHON "$@"')
    with pytest.raises(PassError) as found:
        Loaded(setup(board, python=python), model)
    assert str(found.value) == (f"{setup(board).name}: ImportError: {text}; it was to load {model}.")


def test_a_delegate_that_is_not_there(board: Loopback, model: Path) -> None:
    with pytest.raises(PassError, match=r"it was to load .* with the delegate 'libedgetpu.so.1'\.$"):
        Loaded(setup(board, delegate="libedgetpu.so.1", delegate_options=("device=usb",)), model)


def test_a_model_that_the_board_refuses_is_one_sentence(board: Loopback, tmp_path: Path) -> None:
    """Its LiteRT may be older than ours; here one that lacks an operator stands for it."""
    path = written(
        tmp_path,
        brightness_detector().replace(b"TFLite_Detection_PostProcess", b"TFLite_Detection_PostProcesX"),
    )
    with pytest.raises(PassError, match=r"127.0.0.1: RuntimeError: .*TFLite_Detection_PostProcesX"):
        Loaded(setup(board), path)


def test_a_board_that_takes_too_long(board: Loopback) -> None:
    slow = board.python("sleep 20")
    kind, sentence = said(setup(board, python=slow, timeout=1))
    assert (kind, sentence) == (
        PassError,
        f"{setup(board).name} took longer than target.remote.timeout=1 s.",
    )


def test_a_board_that_talks_and_is_no_runner(board: Loopback) -> None:
    chatting = board.python("yes | head -c 100000")
    kind, sentence = said(setup(board, python=chatting))
    assert kind is MissingTool
    assert "did not start" in sentence


def test_a_machine_without_ssh(board: Loopback) -> None:
    assert said(setup(board, ssh="ssh-of-nobody")) == (
        MissingTool,
        "target.remote.ssh: there is no program 'ssh-of-nobody'; install it: apt-get install openssh-client.",
    )


@pytest.mark.parametrize(
    ("text", "kind", "part"),
    [
        (
            "ssh: connect to host pi port 22: Connection timed out",
            MissingTool,
            "pi does not answer on ssh's port",
        ),
        ("ssh: connect to host pi port 22: No route to host", MissingTool, "does not answer"),
        (
            "@  WARNING: UNPROTECTED PRIVATE KEY FILE!  @\nThis private key will be ignored.",
            RecipeError,
            "target.remote.identity: others may read 'key'",
        ),
        (
            "kex_exchange_identification: read: reset",
            MissingTool,
            "pi cannot be reached: kex_exchange_identification",
        ),
        (
            "Warning: Permanently added 'pi' (ED25519)\n",
            MissingTool,
            "pi cannot be reached: nothing was said",
        ),
    ],
)
def test_what_ssh_says_is_understood(text: str, kind: type[TflbuildError], part: str) -> None:
    made = Setup(
        host="pi",
        user="",
        port=0,
        identity="key",
        options=(),
        ssh="ssh",
        python="python3",
        delegate="",
        delegate_options=(),
        resolver="default",
        threads=1,
        timeout=5,
    )
    found = failure(made, 255, text)
    assert type(found) is kind
    assert part in str(found)


def test_options_of_the_user_come_before_ours(board: Loopback) -> None:
    command = setup(board, options=("ConnectTimeout=9", "ProxyJump=gate")).command
    given = [command[place + 1] for place, word in enumerate(command) if word == "-o"]
    assert given[:3] == ["ConnectTimeout=9", "ProxyJump=gate", "BatchMode=yes"]
    assert command[-3] == "--"
