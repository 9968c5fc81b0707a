"""State of a worker process that requests share: its folder, its generators, its parent."""

from __future__ import annotations

import fcntl
import gc
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def same_folder() -> Iterator[None]:
    """Come back to the current folder, which relative paths of the recipe start from."""
    folder = os.getcwd()
    try:
        yield
    finally:
        os.chdir(folder)


def reset(seed: int) -> None:
    """Bring generators and Keras's names to a known state, so that a warm worker gives a fresh one's bytes."""
    random.seed(seed)
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % 2**32)
    keras: Any = sys.modules.get("tf_keras")
    if keras is not None:
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
    gc.collect()


def end_with_parent() -> None:
    """End when the parent does, and leave standard input empty for whatever a pass starts.

    The parent never writes to the pipe, so the one thing that can happen to it is its end. A signal says so even
    while C code holds the interpreter; where the signal's default is to be ignored, a thread does.
    """
    pipe = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)

    def wait() -> None:
        os.read(pipe, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
