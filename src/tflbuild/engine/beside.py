"""Companions of a delivered file: whether its runtime computes what its peer does, and files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core import json_text
from tflbuild.core.artifact import Artifact
from tflbuild.core.runtime import Runtime
from tflbuild.engine.measure import Measurer
from tflbuild.engine.storage.disk import replace_file, writing

SAMPLES = 64
"""Samples, spread evenly over the split, on which outputs are held to those of a peer."""


def hold_to_peer(
    measurer: Measurer, model: Artifact, runtime: Runtime | None, split: str
) -> tuple[dict[str, Any], Mapping[str, Any] | None]:
    """Hold the outputs of a runtime to those of its peer, byte for byte.

    Args:
        measurer: measures.
        model: the delivered file.
        runtime: executes it; None for the usual one, which has no peer.
        split: whose samples are run.

    Returns:
        The field `equality` of the target's report, and a sample with its outputs; {} and None without a peer.
    """
    if runtime is None or runtime.peer() is None:
        return {}, None
    found, path = measurer.of_samples(split, SAMPLES).equality(model, split, runtime)
    return {"equality": {"split": split, **found}}, json_text.read_mapping(path)


def put_beside(files: Mapping[str, str], folder: Path) -> None:
    """Write files into the folder of a delivered one."""
    for name, text in files.items():
        path = folder / name
        with writing(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, text)
