"""Delivered files with their proof: an int8 classifier of 8 x 8 pixels, on pictures of one grey, in a run's folder."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_up
from on_bytes import with_facts, with_signature
from pictures import GreyClasses, meaning_of, split_of
from tflbuild.core import digest
from tflbuild.core.artifact import Artifact, TFLiteModel
from tflbuild.core.dataset import Split
from tflbuild.core.export import Export, Proof
from tflbuild.core.runtime import Runtime
from tflbuild.evaluation.proof import write
from tflbuild.formats.tflite.describing import described
from tflbuild.runtimes.litert import Litert

GREYS = (255, 0, 250, 5, 128)


def classifier(path: Path, folder: Path) -> TFLiteModel:
    """Give a file as it is delivered: with a signature, our facts, and metadata."""
    facts = meaning_of("classification").to_json()
    made = folder / "model.tflite"
    made.write_bytes(with_facts(with_signature(path.read_bytes()), facts))
    model = taken(made, facts)
    made.write_bytes(described(made.read_bytes(), model)[0])
    return taken(made, facts)


def taken(path: Path, facts: Any) -> TFLiteModel:
    sha256 = digest.of_file(path)
    return TFLiteModel(path=path, digest=sha256, fingerprint=sha256, meta={"facts": facts})


def greys(count: int = len(GREYS)) -> Split:
    return split_of(GreyClasses(grey=GREYS[:count]))


def proof(
    model: Artifact,
    folder: Path,
    *,
    runtime: Runtime | None = None,
    split: Split | None = None,
    delivered: Artifact | None = None,
    **export: Any,
) -> tuple[dict[str, Any], Artifact | None]:
    """Write a proof, and unpack it into `samples` of a folder."""
    samples = split or greys()
    wanted = Proof(
        runtime=runtime or Litert(),
        model=model,
        delivered=delivered or model,
        of=50,
        export=Export(samples=len(samples), **export),
    )
    staging = folder / "staging"
    staging.mkdir(exist_ok=True)
    said, whole = write(wanted, samples, staging)
    with zipfile.ZipFile(staging / "samples.zip") as archive:
        archive.extractall(folder / "samples")
    return {**said, "sha256": digest.of_file(staging / "samples.zip")}, whole


def index_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "samples" / "samples.json").read_text())
    return found


def run(
    path: Path, folder: Path, *, embed: bool = False, targets: Sequence[str] = ("cpu",), **export: Any
) -> Path:
    """Give the folder of a run that delivered a classifier with its proof for each of some targets."""
    folder.mkdir()
    report = made_up.report()
    entry, resolved = made_up.targets()[0], {}
    delivered = []
    for name in targets:
        inner = folder / name if len(targets) > 1 else folder
        inner.mkdir(exist_ok=True)
        model = classifier(path, inner)
        said, whole = proof(model, inner, embed=embed, **export)
        if whole is not None:
            model = replace(model, digest=whole.digest)
            model.path.write_bytes(whole.path.read_bytes())
        prefix = f"{name}/" if len(targets) > 1 else ""
        samples = {"path": f"{prefix}samples", "embedded": embed, **said}
        delivered.append(
            {
                **entry,
                "name": name,
                "path": f"{prefix}model.tflite",
                "sha256": model.digest,
                "samples": samples,
            }
        )
        resolved[name] = {"type": "cpu"}
    report |= {"passes": [], "targets": delivered, "resolved": {**report["resolved"], "target": resolved}}
    (folder / "report.json").write_text(json.dumps(report))
    return folder
