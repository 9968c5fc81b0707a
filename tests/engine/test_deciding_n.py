"""The sample size that a gate says would decide, against larger samples of the same kind."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from tflbuild.core.budget import Limit
from tflbuild.core.metric import METRICS, Difference, Measurement
from tflbuild.engine.gate import judge
from tflbuild.metrics.classification import Top1
from tflbuild.metrics.statistics.resampling import paired_difference


@pytest.fixture(autouse=True)
def top1(only_fakes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare the real metric beside the fakes."""
    monkeypatch.setitem(METRICS._classes, "top1", Top1)


def pairs(n: int, both: float, lost: float, won: float) -> tuple[np.ndarray, np.ndarray]:
    """Give which of `n` images are right before and after, by the shares right in both, lost and won."""
    ends = np.round(np.cumsum([both, lost, won]) * n).astype(int)
    place = np.arange(n)
    return place < ends[1], (place < ends[0]) | ((place >= ends[1]) & (place < ends[2]))


def arrays(right: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Give predictions and truth of two classes."""
    scores = np.where(right[:, None], [1.0, 0.0], [0.0, 1.0])
    return {"scores": scores}, {"labels": np.zeros(len(right), int), "names": np.array(["a", "b"])}


def verdict(before: np.ndarray, after: np.ndarray, bound: float, form: str = "max_drop") -> tuple[bool, str]:
    (first, truth), (second, _) = arrays(before), arrays(after)
    limit = Limit(metric="top1", form=form, bound=bound)
    paired = Top1().compare(first, second, truth)
    found = judge(limit, Top1().measure(second, truth), Top1().measure(first, truth), paired)
    return found.decided, found.text


def said(text: str) -> int:
    found = re.search(r"about ([\d,]+) would decide", text)
    assert found, text
    return int(found[1].replace(",", ""))


# images, shares right in both, lost, won, the bound
DROPS = [
    (26, 0.9615, 0.0, 0.0, 0.001),  # no pair differs
    (48, 0.3958, 0.0, 0.0, 0.02),
    (60, 0.0, 0.0, 0.0, 0.03),  # nothing is ever right
    (26, 1.0, 0.0, 0.0, 0.001),  # everything is
    (200, 0.80, 0.02, 0.01, 0.02),
    (100, 0.70, 0.03, 0.03, 0.01),
    (500, 0.90, 0.01, 0.002, 0.005),
]


@pytest.mark.parametrize("form", ["max_drop", "max_relative_drop"])
@pytest.mark.parametrize(("n", "both", "lost", "won", "bound"), DROPS)
def test_so_many_images_decide_a_drop_and_fewer_do_not(
    n: int, both: float, lost: float, won: float, bound: float, form: str
) -> None:
    if form == "max_relative_drop":
        if not both:
            pytest.skip("a relative drop since 0 is undefined")
        bound /= both + lost
    decided, text = verdict(*pairs(n, both, lost, won), bound, form)
    assert not decided
    wanted = said(text)
    more, fewer = n * math.ceil(1.15 * wanted / n), n * int(0.8 * wanted / n)  # multiples keep the shares
    assert verdict(*pairs(more, both, lost, won), bound, form)[0]
    assert not verdict(*pairs(fewer, both, lost, won), bound, form)[0]


def test_the_case_that_was_said_wrongly() -> None:
    decided, text = verdict(*pairs(26, 0.9615, 0.0, 0.0), 0.001)
    assert not decided
    assert 3_000 < said(text) < 4_500  # half a million was said


@pytest.mark.parametrize(("n", "share", "bound"), [(26, 1.0, 0.99), (100, 0.9, 0.87), (40, 0.5, 0.45)])
def test_so_many_images_decide_a_floor_and_fewer_do_not(n: int, share: float, bound: float) -> None:
    def judged(images: int) -> tuple[bool, str]:
        predictions, truth = arrays(np.arange(images) < round(share * images))
        measured = Top1().measure(predictions, truth)
        found = judge(Limit(metric="top1", form="min", bound=bound), measured)
        return found.decided, found.text

    decided, text = judged(n)
    assert not decided
    wanted = said(text)
    assert judged(round(wanted * 1.2))[0]
    assert not judged(round(wanted * 0.75))[0]


def test_drawn_samples_of_that_size_are_decided_and_of_half_are_not() -> None:
    """Draw images with the shares that were measured: half of the samples at n would be decided, by its meaning."""
    generator = np.random.default_rng(9)
    shares = [0.80, 0.02, 0.01, 0.17]
    _, text = verdict(*pairs(200, *shares[:3]), 0.02)
    wanted = said(text)

    def decided(n: int) -> float:
        count = 0
        for _ in range(200):
            kind = generator.choice(4, n, p=shares)
            before, after = np.isin(kind, (0, 1)), np.isin(kind, (0, 2))
            _, low, high = paired_difference(before, after)
            count += not -high < 0.02 < -low
        return count / 200

    assert decided(2 * wanted) > 0.7
    assert decided(wanted // 2) < 0.4


def test_an_interval_of_unknown_kind_shrinks_with_the_root() -> None:
    difference = Difference(value=-0.01, low=-0.03, high=0.01, n=100)
    values = [Measurement(value=value, unit="1", n=100) for value in (0.59, 0.60)]
    text = judge(Limit(metric="top1", form="max_drop", bound=0.02), *values, difference).text
    assert said(text) == 400
