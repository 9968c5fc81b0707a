from __future__ import annotations

import numpy as np
import pytest

from tflbuild.core.dataset import Index
from tflbuild.data.machines import FAULTS, Machines
from tflbuild.data.sounds import machine_renderer
from tflbuild.data.sounds.machine_renderer import LENGTH, RATE, SPEED, recording


def index(**options: int | float) -> Index:
    return Machines(train=12, val=8, test=16, **options).index(lambda path: None)  # type: ignore[arg-type, return-value]


def test_train_is_normal_alone_and_half_of_the_others_is_not() -> None:
    labels = {name: [sample.labels[0] for sample in samples] for name, samples in index().splits.items()}
    assert labels["train"] == [0] * 12
    assert sum(labels["val"]) == 4
    assert sum(labels["test"]) == 8


def test_what_is_drawn_follows_from_seed_and_number() -> None:
    data, samples = Machines(), index().splits["test"]
    first, again, other = data.read(samples[0]), Machines().read(samples[0]), data.read(samples[2])
    assert np.array_equal(first.value.samples, again.value.samples)
    assert not np.array_equal(first.value.samples, other.value.samples)
    assert (first.labels.tolist(), data.read(samples[1]).labels.tolist()) == ([0], [1])
    assert not np.array_equal(Machines(seed=1).read(samples[0]).value.samples, first.value.samples)
    assert index().digest("test") != index(seed=1).digest("test") != index(strength=2.0).digest("test")


def test_every_fault_is_drawn_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    plain = machine_renderer.recording
    monkeypatch.setattr(
        machine_renderer,
        "recording",
        lambda seeds, fault, strength: drawn.append(fault) or plain(seeds, "", 1),
    )
    for sample in index().splits["test"]:
        Machines().read(sample)
    assert {fault: drawn.count(fault) for fault in drawn} == {"": 8, **dict.fromkeys(FAULTS, 2)}


@pytest.mark.parametrize("fault", ["", *FAULTS])
def test_a_recording_is_16_bits_of_two_seconds(fault: str) -> None:
    samples, rate = recording((0, fault), fault, 1.0)
    assert (samples.shape, rate) == ((LENGTH,), RATE)
    assert np.array_equal(samples * 32768, np.rint(samples * 32768))
    assert 0.2 < np.abs(samples).max() < 0.99


def loudness(fault: str, seed: int = 3) -> np.ndarray:
    samples, _ = recording((seed, "heard"), fault, 2.0)
    return np.asarray(np.abs(np.fft.rfft(samples * np.hanning(LENGTH))))


def near(sizes: np.ndarray, hertz: float) -> float:
    place = hertz * LENGTH / RATE
    return float(sizes[round(place * 0.975) : round(place * 1.025) + 1].max())


def test_faults_change_what_their_names_say() -> None:
    well = loudness("")
    assert near(loudness("missing"), 3 * SPEED) < near(well, 3 * SPEED) / 2
    high = slice(round(2000 * LENGTH / RATE), round(4500 * LENGTH / RATE))
    assert np.square(loudness("click")[high]).sum() > 2 * np.square(well[high]).sum()
    higher = slice(round(5000 * LENGTH / RATE), None)
    assert np.square(loudness("rattle")[higher]).sum() > 1.3 * np.square(well[higher]).sum()
    turns = loudness("speed")[: round(130 * LENGTH / RATE)].argmax() * RATE / LENGTH
    assert abs(turns / SPEED - 1) > 0.025


def test_every_fault_has_a_function() -> None:
    assert tuple(machine_renderer.FAULTS) == FAULTS
