"""The memory of other processes."""

from __future__ import annotations


def rss_mib(pid: int) -> float:
    """Give the memory a process holds; 0 where it is gone."""
    import psutil

    try:
        return float(psutil.Process(pid).memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0
