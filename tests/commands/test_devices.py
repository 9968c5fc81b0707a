"""Devices that are named for a replay: options of a runtime named directly are held to what those of a target are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild.commands.devices import device_of
from tflbuild.core.errors import MissingTool, RecipeError


@pytest.mark.parametrize(
    ("name", "word", "said"),
    [
        (
            "ssh",
            "runtime.ssh.host=-oProxyCommand=reboot",
            "is no name; say user, port and options by themselves",
        ),
        ("ssh", "runtime.ssh.options=[ProxyCommand=reboot]", "of an option that a recipe may give"),
        ("ssh", "runtime.ssh.python=python3", "runtime.ssh.host: not given; expected the name or address"),
        (
            "remote",
            "target.remote.python=python3",
            "target.remote.host: not given; expected the name or address",
        ),
        ("adb", "runtime.adb.folder=tmp", "is not the whole path of a folder"),
        ("adb", "runtime.adb.flags=[--graph=other.tflite]", "is set by tflbuild itself"),
    ],
)
def test_options_that_a_device_may_not_have_are_refused(name: str, word: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        device_of(name, [word], {})
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["ssh", "adb", "remote", "android"])
def test_a_program_that_is_missing_is_named_before_anything_is_replayed(name: str, tmp_path: Path) -> None:
    prefix = f"{'runtime' if name in ('ssh', 'adb') else 'target'}.{name}"
    program = "adb" if name in ("adb", "android") else "ssh"
    with pytest.raises(MissingTool, match=f"there is no program '{tmp_path}/none'"):
        device_of(name, [f"{prefix}.{program}={tmp_path}/none"], {})
