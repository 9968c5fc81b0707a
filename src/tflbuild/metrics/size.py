"""Size of a model file."""

from __future__ import annotations

import zlib
from typing import Any

from tflbuild.core.artifact import Artifact
from tflbuild.core.metric import FileMetric, Measurement, metric


@metric("size")
class Size(FileMetric):
    """Bytes of the file."""

    unit = "bytes"
    needs = ()
    higher_is_better = False

    def measure(self, model: Artifact) -> Measurement:
        """Count the bytes of the file."""
        return Measurement(value=model.path.stat().st_size, unit=self.unit)


@metric("compressed_size")
class CompressedSize(FileMetric):
    """Bytes of the file compressed with zlib at level 9: what a download takes, and what pruning saves."""

    unit = "bytes"
    figure = "compressed_bytes"
    needs = ()
    higher_is_better = False

    def measure(self, model: Artifact) -> Measurement:
        """Compress the file and count the bytes."""
        return Measurement(value=len(zlib.compress(model.path.read_bytes(), 9)), unit=self.unit)

    def from_figure(self, figure: Any) -> Measurement:
        """Take the bytes that a target's report holds."""
        return Measurement(value=figure, unit=self.unit)
