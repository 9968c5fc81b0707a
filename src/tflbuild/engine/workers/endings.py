"""Describe in words how a worker's request or its process ended badly."""

from __future__ import annotations

import signal

from tflbuild.core.errors import BrokenPromise, OtherWay, PassError, TflbuildError


def death(code: int) -> tuple[str, str]:
    """Say how a process died.

    Args:
        code: its exit code, negative for a signal.

    Returns:
        For who asked for something, "its worker process ...", and for who gave a file, "the runtime ... on this file".
    """
    if code >= 0:
        return f"ended with exit code {code}", f"ended its process (exit code {code})"
    how = f"was ended by signal {-code} ({_signal_name(-code)})"
    if code != -signal.SIGKILL:
        return how, f"crashed (signal {-code})"
    return (
        f"{how}; the system does this when memory runs out",
        "was killed (signal 9), probably because memory ran out,",
    )


def named(value: tuple[TflbuildError, str], who: str) -> TflbuildError:
    """Put the pass's name before the message of its error, so that neither passes nor their callees have to.

    Args:
        value: the error, and its traceback in the worker.
        who: what asked, e.g. "pass 'prune'".
    """
    error, text = value
    says_who = str(error).startswith(who)
    if type(error) is PassError and not says_who:
        error = PassError(f"{who} failed: {error}")
    elif isinstance(error, BrokenPromise) and not says_who:
        said = f"{who} broke its promise: {error}"
        error = OtherWay(said, error.model) if isinstance(error, OtherWay) else BrokenPromise(said)
    error.__cause__ = RuntimeError(f"in the worker process:\n{text}")
    return error


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return "no name"
