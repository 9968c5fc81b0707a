from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from tflbuild.core import machine

CPUINFO = """processor\t: 0
vendor_id\t: GenuineIntel
cpu model name\t: not this
model name\t:  Some CPU: 3.0 GHz\x20
model name\t: Another
"""


def named(opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, processor: str = "") -> str:
    monkeypatch.setattr(machine, "open", opened, raising=False)
    monkeypatch.setattr(machine.platform, "processor", lambda: processor)
    monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")
    return machine.cpu_name.__wrapped__()


def missing(*given: Any, **options: Any) -> Any:
    raise FileNotFoundError


def test_the_first_processor_is_named_as_the_system_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def opened(path: str, encoding: str) -> io.StringIO:
        asked.append((path, encoding))
        return io.StringIO(CPUINFO)

    assert named(opened, monkeypatch, "other") == "Some CPU: 3.0 GHz"
    assert asked == [("/proc/cpuinfo", "utf-8")]


def test_a_machine_that_does_not_say_is_named_by_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    assert named(lambda *given, **options: io.StringIO("processor: 0\n"), monkeypatch) == "aarch64"
    assert named(missing, monkeypatch, "arm") == "arm"
    assert named(missing, monkeypatch) == "aarch64"
