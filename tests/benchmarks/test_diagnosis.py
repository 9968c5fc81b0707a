"""The faults of `benchmarks/diagnosis.py`, and how it counts; nothing is built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import diagnosis
from planted import calibrating
from planted.faults import NONE, Case, cases
from planted.scoring import cost_of, recovered, right
from planted.subjects import SUBJECTS, Subject
from planted.trying import Outcome

FAULT = Case(subject="people", fault="BGR", right=("pixels.channels", "structure."))
CLEAN = Case(subject="people", fault=NONE)


def outcome(case: Case = FAULT, value: float | None = 0.5, half: float = 0.03, **more: object) -> Outcome:
    return Outcome(case=case, value=value, half=half, n=100, **more)  # type: ignore[arg-type]


def test_there_are_sixty_faults_and_ten_builds_without_one_each_with_a_name_of_its_own() -> None:
    every = list(cases())
    assert len({case.name for case in every}) == len(every)
    assert sum(case.fault != NONE for case in every) >= 60
    assert sum(case.fault == NONE for case in every) >= 10
    assert {case.subject for case in every} <= set(SUBJECTS)
    assert all(case.right for case in every if case.fault != NONE)
    kinds = {(case.subject, case.foreign) for case in every if case.fault == NONE}
    assert {(case.subject, case.foreign) for case in every} <= kinds, "a fault has nothing to be held against"


def test_a_fault_costs_what_the_same_build_without_it_has_more() -> None:
    clean = {("people", False): outcome(CLEAN, 0.8, 0.04)}
    assert cost_of(outcome(), clean) == pytest.approx((0.3, 0.05))  # 3, 4, 5
    assert cost_of(outcome(value=None), clean) is None
    assert cost_of(outcome(), {}) is None


@pytest.mark.parametrize(
    ("causes", "expected"),
    [
        (["pixels.channels"], True),
        (["pixels.channels", "labels.order"], True),
        (["labels.order", "pixels.channels"], False),
        (["structure.softmax"], True),
        (["pixels.channels.more"], False),
        ([], False),
    ],
)
def test_only_the_first_cause_counts(causes: list[str], expected: bool) -> None:
    assert right(outcome(causes=causes)) is expected


def test_what_a_cure_gave_is_told_as_a_share_of_what_was_lost() -> None:
    assert recovered(outcome(gain=0.24), 0.3) == pytest.approx(0.8)
    assert recovered(outcome(), 0.3) is None
    assert recovered(outcome(gain=0.1), -0.1) is None


def test_the_bars_are_held_or_not(capsys: pytest.CaptureFixture[str]) -> None:
    clean = outcome(CLEAN, 0.8, 0.04, adds_up=0.0)
    good = outcome(causes=["pixels.channels"], gain=0.3, adds_up=1e-16)
    assert diagnosis._told([clean, good]) == 0
    printed = capsys.readouterr().out
    assert "| people | BGR |  | +0.3000 +- 0.0500 | pixels.channels | yes | 100% |" in printed
    assert "named first: 1 of 1" in printed
    assert "add up to within 1e-9: 2 of 2" in printed
    assert diagnosis._told([clean, outcome(causes=["labels.order"], gain=0.3)]) == 1
    assert diagnosis._told([clean, outcome(causes=["pixels.channels"], gain=0.2)]) == 1
    assert diagnosis._told([outcome(CLEAN, causes=["weights"]), good]) == 1
    faint = outcome(value=0.79)
    assert diagnosis._told([clean, good, faint]) == 0
    assert (
        "fainter than their interval: 1, 0 of them named first, 0 named otherwise" in capsys.readouterr().out
    )


def test_samples_for_calibration_are_bad_as_they_are_said_to_be(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for number in range(3):
        Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).save(tmp_path / f"{number}.png")
    originals = sorted(tmp_path.glob("*.png"))

    def read(source: str) -> list[np.ndarray]:
        folder = calibrating.pictures(source, originals, originals[:1], tmp_path / source)
        return [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]

    first = np.asarray(Image.open(originals[0]))
    assert [np.array_equal(each, first[:, ::-1]) for each in read("ten copies")] == [True] * 10
    assert [each.max() for each in read("0..1")] == [1, 1, 1]
    assert len(read("one class")) == 1
    assert 8 < np.std(read("faint noise")) < 16
    np.savez(tmp_path / "good.npz", rng.uniform(-1, 1, (12, 4)).astype(np.float32))
    values = {
        source: np.load(calibrating.arrays(source, tmp_path / "good.npz", tmp_path / "made.npz"))["x"]
        for source in calibrating.ARRAYS
    }
    assert (values["0..255"].min(), values["0..255"].max()) == (0, 255)
    assert np.ptp(values["ten copies"], axis=0).max() == 0
    assert len(values["one picture"]) == 1
    assert values["a tenth"] == pytest.approx(values["good"] / 10)


def test_words_of_a_subject_are_typed_otherwise_where_a_fault_says_so() -> None:
    subject = Subject(
        name="x", base="b", data=("data.root=d",), reading={"preprocess.scale": "1"}, metric="top1"
    )
    assert subject.words() == ["data.root=d", "preprocess.scale=1"]
    assert subject.words(preprocess__scale="2", preprocess__channels="bgr") == [
        "data.root=d",
        "preprocess.scale=2",
        "preprocess.channels=bgr",
    ]
