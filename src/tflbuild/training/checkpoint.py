"""The state of a training in one file."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tflbuild.training.pace import Row

DIGEST = hashlib.sha256().digest_size


class Checkpoint:
    """The state of a training in one file, replaced as a whole and ending with its own digest.

    It holds every variable of the model and of the optimizer, the running means, the state of what Dropout draws, the
    step and the curve.

    It stays when the training ends: until the store has the result, a kill would cost the training. The store
    removes it with the commit.

    Args:
        path: of the file; None for none.
        variables: all that a training changes.
        log: is given a line.

    Attributes:
        curve: points of the training so far; kept with the rest.
    """

    def __init__(
        self, path: Path | None, variables: Sequence[Any], log: Callable[[str], object] = lambda text: None
    ) -> None:
        self._path = path
        self._variables = variables
        self._log = log
        self.curve: list[Row] = []

    def restore(self) -> tuple[int, float]:
        """Take up a kept state; gives the step to go on from, and the last loss. A damaged one is said and left."""
        if self._path is None or not self._path.is_file():
            return 0, float("nan")
        try:
            content = self._path.read_bytes()
        except OSError as error:  # e.g. another user's, in a store of several
            self._log(f"{self._path} cannot be read ({error.strerror}): the training starts again")
            return 0, float("nan")
        if hashlib.sha256(content[:-DIGEST]).digest() != content[-DIGEST:]:
            self._log(f"{self._path} is damaged: it is not used, the training starts again")
            return 0, float("nan")
        with np.load(io.BytesIO(content[:-DIGEST])) as kept:
            arrays = [kept[str(number)] for number in range(len(self._variables))]
            step, loss = int(kept["step"]), float(kept["loss"])
            self.curve[:] = map(tuple, kept["curve"].tolist())
        for variable, array in zip(self._variables, arrays, strict=True):
            variable.assign(array)
        return step, loss

    def save(self, step: int, loss: float) -> None:
        """Keep the state before `step`."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # The worker of a killed build may still be writing its last state while the next build writes its first.
        staged = self._path.with_suffix(f".{os.getpid()}.partial")
        arrays = {str(number): variable.numpy() for number, variable in enumerate(self._variables)}
        with staged.open("w+b") as file:
            curve = np.array(self.curve, np.float64).reshape(len(self.curve), -1 if self.curve else 0)
            np.savez(
                file, allow_pickle=False, step=np.int64(step), loss=np.float64(loss), curve=curve, **arrays
            )
            file.seek(0)
            file.write(hashlib.file_digest(file, "sha256").digest())
            file.flush()
            os.fsync(file.fileno())
        staged.replace(self._path)
