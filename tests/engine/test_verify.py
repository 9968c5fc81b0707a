"""Every claim of a lock about its delivered files is held to the files, and to nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.metric import Measurement
from tflbuild.core.target import TARGETS, Target
from tflbuild.engine.measure import Measurer
from tflbuild.engine.verify import Claim, verify


class Measures:
    """Measures by table, and says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def accuracy(self, model: TFLiteModel, metrics: list[str], split: str) -> dict[str, Measurement]:
        self.asked.append((model, metrics, split))
        return {name: Measurement(value=0.75, unit="1") for name in metrics}

    def file_metric(self, metric: str, model: TFLiteModel) -> Measurement:
        self.asked.append((metric, model))
        return Measurement(value=5.0, unit="bytes")


METRICS = {
    "score": {"value": 0.75, "unit": "1"},
    "file_bytes": {"value": 5.0, "unit": "bytes"},
    "fake_latency": {"value": 3.0, "unit": "ms"},
    "npu_share": {"value": 0.5, "unit": "1"},
}


SHA256 = hashlib.sha256(b"model").hexdigest()


def claims(**changed: Any) -> dict[str, Any]:
    return {"path": "model.tflite", "sha256": SHA256, "bytes": 5, "metrics": METRICS} | changed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.tflite").write_bytes(b"model")
    return tmp_path / "run"


def held(
    folder: Path,
    measures: Measures | None = None,
    kinds: Mapping[str, str] = MappingProxyType({}),
    **targets: dict[str, Any],
) -> list[Claim]:
    def taken(path: Path) -> TFLiteModel:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return TFLiteModel(
            path=path, digest=sha256, fingerprint=sha256, meta={"facts": {"read from": path.name}}
        )

    resolved = {"target": {name: {"type": kind} for name, kind in kinds.items()}}
    return list(
        verify(
            {"targets": targets, "resolved": resolved}, folder, cast(Measurer, measures or Measures()), taken
        )
    )


def test_each_claim_of_a_file_is_held_to_what_is_there_now(folder: Path) -> None:
    measures = Measures()
    assert held(folder, measures, cpu=claims()) == [
        Claim(what="cpu: sha256", claimed=SHA256, found=SHA256, ok=True),
        Claim(what="cpu: bytes", claimed=5, found=5, ok=True),
        Claim(what="cpu: score", claimed=0.75, found=0.75, ok=True),
        Claim(what="cpu: file_bytes", claimed=5.0, found=5.0, ok=True),
        Claim(
            what="cpu: fake_latency",
            claimed=3.0,
            found=None,
            ok=True,
            note="a time, which varies between runs",
        ),
        Claim(what="cpu: npu_share", claimed=0.5, found=None, ok=True, note="cannot be measured on the file"),
    ]
    (model, metrics, split), (metric, same) = measures.asked
    assert (metrics, split, metric) == (["score"], "test", "file_bytes")
    assert model == same
    assert (model.path, model.digest) == (folder / "model.tflite", SHA256)
    assert model.meta == {"facts": {"read from": "model.tflite"}}


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"sha256": "0" * 64}, ["cpu: sha256"]),
        ({"bytes": 6}, ["cpu: bytes"]),
        ({"metrics": METRICS | {"score": {"value": 0.7500001, "unit": "1"}}}, ["cpu: score"]),
        ({"metrics": METRICS | {"file_bytes": {"value": 6.0, "unit": "bytes"}}}, ["cpu: file_bytes"]),
        ({"metrics": {}}, []),
    ],
)
def test_a_claim_that_is_not_true_is_found(folder: Path, changed: dict[str, Any], wrong: list[str]) -> None:
    assert [claim.what for claim in held(folder, cpu=claims(**changed)) if not claim.ok] == wrong


def test_what_a_device_measured_is_not_held_to_what_this_machine_measures(folder: Path) -> None:
    class Device(Target):
        reaches = True

    TARGETS.declare("fake_device")(Device)
    measures = Measures()
    wrong = METRICS | {"score": {"value": 0.5, "unit": "1"}, "file_bytes": {"value": 6.0, "unit": "bytes"}}
    found = held(folder, measures, {"phone": "fake_device"}, phone=claims(metrics=wrong))
    assert [claim.what for claim in found if not claim.ok] == ["phone: file_bytes"]
    assert [claim.note for claim in found if claim.what == "phone: score"] == [
        "measured on a device; verify RUN --on phone replays samples there"
    ]
    assert [asked[0] for asked in measures.asked] == ["file_bytes"]


def test_every_target_is_looked_at_and_a_missing_file_ends_only_its_own(folder: Path) -> None:
    found = held(folder, npu=claims(path="npu/model.tflite"), cpu=claims(metrics={}))
    assert [(claim.what, claim.ok) for claim in found] == [
        ("npu: file", False),
        ("cpu: sha256", True),
        ("cpu: bytes", True),
    ]
    assert (found[0].claimed, found[0].found) == ("npu/model.tflite", "missing")


def test_a_file_behind_a_link_is_none_of_the_run_s(folder: Path, tmp_path: Path) -> None:
    sibling = folder.with_name(f"{folder.name}-2")
    sibling.mkdir()
    for outside, link in ((tmp_path / "outside.tflite", "link"), (sibling / "model.tflite", "sibling")):
        outside.write_bytes(b"model")
        (folder / f"{link}.tflite").symlink_to(outside)
    (folder / "inside.tflite").symlink_to(folder / "model.tflite")
    for path in ("link.tflite", "sibling.tflite"):
        assert [c.found for c in held(folder, cpu=claims(path=path))] == ["missing"]
    assert all(c.ok for c in held(folder, cpu=claims(path="inside.tflite")))
    assert [c.found for c in held(folder, cpu=claims(path="."))] == ["missing"]


def test_nothing_is_executed_where_no_accuracy_is_claimed(folder: Path) -> None:
    measures = Measures()
    held(folder, measures, cpu=claims(metrics={"fake_latency": METRICS["fake_latency"]}))
    assert measures.asked == []
