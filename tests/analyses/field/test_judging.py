"""Verdicts and causes on drawn pictures, whose fault is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tflbuild.analyses.field import causes, judging
from tflbuild.analyses.field.observing import Observed
from tflbuild.analyses.field.pictures import looks_of
from tflbuild.analyses.field.reporting import Report
from tflbuild.modalities.image.modality import ImageModality

SIDE = 48
ALTERED: dict[str, Callable[[Any], Any]] = {
    "same": lambda picture: picture,
    "dark": lambda picture: picture * 0.5,
    "bright": lambda picture: 255 * (picture / 255) ** 0.4,
    "blurred": lambda picture: np.asarray(
        Image.fromarray(picture).filter(ImageFilter.GaussianBlur(2)), np.float64
    ),
    "warm": lambda picture: picture * np.array([1.3, 1.0, 0.7]),
    "noisy": lambda picture: picture + np.random.default_rng(0).normal(0, 12, picture.shape),
    "swapped": lambda picture: picture[..., ::-1],
    "unscaled": lambda picture: picture / 255,
    "boxed": lambda picture: np.pad(picture[12:-12], ((12, 12), (0, 0), (0, 0))),
}


def picture(seed: int) -> Any:
    """Draw coloured patches under fine texture; redder than blue, as most photos are."""
    rng = np.random.default_rng(seed)
    patches = rng.normal(115, 35, (6, 6, 1)) + rng.normal([14, 0, -14], 12, (6, 6, 3))
    scene = np.kron(patches, np.ones((8, 8, 1))) + rng.normal(0, 6, (SIDE, SIDE, 1)) + rng.normal(0, 12)
    return scene.clip(0, 255).astype(np.uint8)


def observed(kind: str, seeds: range) -> Observed:
    """Look at pictures with a fault."""
    rows = []
    for seed in seeds:
        made = np.asarray(ALTERED[kind](picture(seed))).clip(0, 255).astype(np.uint8)
        rows.append(looks_of(np.ascontiguousarray(made), ImageModality(), 32, 32))
    return Observed(looks={name: np.array([row[name] for row in rows]) for name in rows[0]})


@pytest.fixture(scope="module")
def train() -> Observed:
    return observed("same", range(60))


def report(train: Observed, kind: str, count: int = 40) -> Report:
    return Report(train, observed(kind, range(1000, 1000 + count)), _no_ranges(), 0.2, 0)


def _no_ranges() -> Any:
    class NoRanges:
        why = ""

    return NoRanges()


def test_other_pictures_of_the_same_kind_are_fine(train: Observed) -> None:
    found = report(train, "same")
    assert (found.verdict, dict(found.signs)) == (judging.FINE, {})
    assert found.findings("", ())[0]["text"] == "", "which would be told as a warning"


@pytest.mark.parametrize(
    ("kind", "cause", "verdict"),
    [
        ("dark", causes.DARK, judging.RETRAIN),
        ("bright", causes.BRIGHT, judging.RETRAIN),
        ("blurred", causes.BLURRED, judging.RETRAIN),
        ("warm", causes.CAMERA, judging.MEND),
        ("noisy", causes.CAMERA, judging.MEND),
        ("swapped", causes.CAMERA, judging.MEND),
        ("unscaled", causes.CAMERA, judging.MEND),
        ("boxed", causes.CAMERA, judging.MEND),
    ],
)
def test_a_fault_is_named(train: Observed, kind: str, cause: str, verdict: str) -> None:
    found = report(train, kind)
    assert cause in found.signs
    assert found.verdict == verdict
    named = [finding for finding in found.findings("", ()) if finding.get("cause") == cause]
    assert named[0]["stage"] == "field"
    assert named[0]["cures"]


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        ("swapped", "red and blue"),
        ("unscaled", "0..1"),
        ("boxed", "letterbox"),
        ("warm", "warmer"),
        ("noisy", "noise"),
    ],
)
def test_a_camera_is_told_by_what_it_does(train: Observed, kind: str, sign: str) -> None:
    assert any(sign in one for one in report(train, kind).signs[causes.CAMERA])


def test_few_pictures_decide_nothing_and_the_number_that_would_is_said(train: Observed) -> None:
    found = report(train, "same", count=5)
    assert found.verdict == judging.UNDECIDED
    notes = " ".join(found.findings("", ())[0]["notes"])
    assert "5 field samples show only a distance above 0.8" in notes or "hardly any change" in notes
    assert "independent field samples would show 0.4" in notes


def test_a_sure_trifle_does_not_count() -> None:
    """A shift of a fifth of a deviation is beyond chance in 4000 samples, and moves the distribution by 0.08 only."""
    rng = np.random.default_rng(3)
    one, other = (Observed(looks={"mean": rng.normal(shift, 1, 4000)}) for shift in (0.0, 0.2))
    (found,) = judging.tested(one, other, 0.2, 0)
    assert found.adjusted < 1e-6
    assert found.distance < 0.12
    assert not found.beyond


def changed(name: str, kind: str, *, up: bool = True, beyond: bool = True) -> judging.Test:
    values = (0.0, 1.0) if up else (1.0, 0.0)
    return judging.Test(
        name=name,
        kind=kind,
        train=values[0],
        field=values[1],
        distance=0.5,
        chance=0.0,
        beyond=beyond,
        n=50,
        m=50,
    )


LOOK = changed("brightness", judging.LOOKS)
CLIPS = changed(judging.OUTSIDE, judging.RANGES)
SCORE = changed("score", judging.ANSWERS, up=False)
FURTHER = changed(judging.DIFFERENCE, judging.AGREEMENT)
AS_NEAR = changed(judging.DIFFERENCE, judging.AGREEMENT, beyond=False)


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ([LOOK], judging.RETRAIN),
        ([LOOK, SCORE], judging.RETRAIN),
        ([LOOK, CLIPS], judging.RECALIBRATE),
        ([LOOK, CLIPS, AS_NEAR], judging.RECALIBRATE),
        ([LOOK, CLIPS, SCORE, AS_NEAR], judging.RETRAIN),
        ([LOOK, CLIPS, SCORE, FURTHER], judging.RECALIBRATE),
        ([LOOK, FURTHER], judging.RECALIBRATE),
        ([AS_NEAR], judging.FINE),
    ],
)
def test_the_rules_of_the_verdict(tests: list[judging.Test], expected: str) -> None:
    assert judging.verdict(tests, {}, 50) == expected


def test_a_camera_comes_before_all_else() -> None:
    assert judging.verdict([LOOK, CLIPS], {causes.CAMERA: ["warmer"]}, 50) == judging.MEND
