"""This machine, as reports and keys name it."""

from __future__ import annotations

import platform
from functools import cache


@cache
def cpu_name() -> str:
    """Name this machine's processor; the machine's kind where the system does not say."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except FileNotFoundError:
        pass
    return platform.processor() or platform.machine()
