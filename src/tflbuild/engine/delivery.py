"""The delivered file of one target, with all that is known of it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from tflbuild.core.artifact import Artifact
from tflbuild.core.budget import Verdict
from tflbuild.core.meaning import Meaning
from tflbuild.core.metric import METRICS, Difference, Measurement
from tflbuild.engine.proof import Samples
from tflbuild.engine.report import differences, measurements

COMPRESSED = "compressed_bytes"
"""Field of a target's report that holds the file's compressed size, which one metric measures, too."""


@dataclass(kw_only=True)
class Delivery:
    """The delivered file of one target, with its figures, measurements and verdicts.

    Attributes:
        target: the target's name in the recipe.
        model: the delivered file.
        figures: what the target reports.
        metrics: measured on the delivered file.
        verdicts: of the total budget.
        differences: from the base, paired by sample.
        step: label of the step whose result it is.
        same: a model that computes the same, and that gates have measured: the last step's where the target compiles
            nothing, so that the two files differ in what they say of themselves alone; else the delivered file.
        beside: files that lie beside it, by their paths from its folder.
        samples: with the file's outputs; None where the recipe wants none.
    """

    target: str
    model: Artifact
    figures: Mapping[str, Any]
    metrics: dict[str, Measurement]
    verdicts: list[Verdict] = field(default_factory=list)
    differences: dict[str, Difference] = field(default_factory=dict)
    same: Artifact | None = None
    beside: Mapping[str, str] = field(default_factory=dict)
    samples: Samples | None = None
    step: str = ""

    def to_json(self, path: str) -> dict[str, Any]:
        """Give the form that report.json holds."""
        signature, meaning = self.model.meta.get("signature", {}), Meaning.of(self.model)
        return {
            "name": self.target,
            "path": path,
            "sha256": self.model.digest,
            "bytes": self.model.path.stat().st_size,
            COMPRESSED: self._compressed_bytes(),
            "labels": list(meaning.labels),
            "metrics": measurements(self.metrics),
            "differences": differences(self.differences),
            "inputs": [_input(entry, meaning) for entry in signature.get("inputs", [])],
            "outputs": [_output(entry, meaning) for entry in signature.get("outputs", [])],
            **(
                {"beside": [str(PurePosixPath(path).parent / name) for name in self.beside]}
                if self.beside
                else {}
            ),
            **({"samples": self.samples.to_json(path)} if self.samples else {}),
            **({"step": self.step} if self.step else {}),
            **self.figures,
        }

    def _compressed_bytes(self) -> int:
        """Give the stored measurement, if any: compressing takes longer than the rest of a cached build."""
        for name, measured in self.metrics.items():
            if getattr(METRICS.get(name), "figure", "") == COMPRESSED:
                return int(measured.value)
        return len(zlib.compress(self.model.path.read_bytes(), 9))


def _input(entry: Mapping[str, Any], meaning: Meaning) -> dict[str, Any]:
    """Say of an input what it is made of, too."""
    given = meaning.inputs.get(entry["name"])
    return {**entry, **({"modality": given.modality, "preprocess": dict(given.preprocess)} if given else {})}


def _output(entry: Mapping[str, Any], meaning: Meaning) -> dict[str, Any]:
    """Say of an output what the task takes it for, too, where a file of others names it otherwise."""
    roles = {name: role for role, name in (meaning.head.get("outputs") or {}).items()}
    return {**entry, **({"role": roles[entry["name"]]} if entry["name"] in roles else {})}
