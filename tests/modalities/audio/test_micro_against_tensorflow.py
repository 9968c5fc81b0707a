"""The micro frontend beside TensorFlow's op, on sounds by rule, extremes and recorded words.

The numbers in `micro.json` are those that the op gives here. This file, run as a program with
`PYTHONPATH=tests/support`, writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from micro_sounds import KINDS, LOUD, SPEECH, sound
from tflbuild.modalities.audio.files import read
from tflbuild.modalities.audio.micro.frontend import features
from tflbuild.modalities.audio.micro.settings import Micro
from tflbuild.modalities.audio.modality import Audio

pytestmark = pytest.mark.slow

KEPT = Path(__file__).parent / "micro.json"


def theirs(samples: np.ndarray, kind: Audio) -> np.ndarray:
    import tensorflow as tf
    from tensorflow.lite.experimental.microfrontend.python.ops import audio_microfrontend_op

    settings = kind.micro
    found: np.ndarray = audio_microfrontend_op.audio_microfrontend(
        tf.constant(samples),
        sample_rate=kind.rate,
        window_size=int(kind.window),
        window_step=int(kind.stride),
        num_channels=kind.bands,
        upper_band_limit=kind.high,
        lower_band_limit=kind.low,
        smoothing_bits=settings.noise_bits,
        even_smoothing=settings.noise_even,
        odd_smoothing=settings.noise_odd,
        min_signal_remaining=settings.noise_least,
        enable_pcan=settings.gain,
        pcan_strength=settings.gain_strength,
        pcan_offset=settings.gain_offset,
        gain_bits=settings.gain_bits,
        enable_log=settings.log,
        scale_shift=settings.log_shift,
    ).numpy()
    return found


def answers() -> dict[str, dict[str, list[list[int]]]]:
    return {
        name: {str(loud): theirs(sound(kind, loud), kind).tolist() for loud in LOUD}
        for name, kind in KINDS.items()
    }


def extremes(count: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    yield np.clip(rng.normal(0, 30000, count), -32768, 32767).astype(np.int16)
    yield np.where(np.arange(count) // 20 % 2, 32767, -32768).astype(np.int16)
    yield np.full(count, -32768, np.int16)
    yield rng.integers(-2, 3, count).astype(np.int16)
    yield np.zeros(count, np.int16)


def test_the_kept_numbers_are_those_of_the_op() -> None:
    assert answers() == json.loads(KEPT.read_text())


@pytest.mark.parametrize(
    "micro", [Micro(), Micro(gain=False), Micro(log=False), Micro(noise_bits=16, gain_bits=30)]
)
def test_extremes_give_what_the_op_gives(micro: Micro) -> None:
    for options in (
        {},
        {"window": 64, "stride": 32, "bands": 128},
        {"rate": 48000, "window": 600, "stride": 300},
    ):
        kind = Audio(**SPEECH, micro=micro, **options)  # type: ignore[arg-type]
        kind.check()
        for samples in extremes(kind.samples):
            assert np.array_equal(features(samples, kind), theirs(samples, kind))


def test_words_give_what_the_op_gives(shared_data: Path) -> None:
    kind = Audio(**SPEECH)
    for path in sorted((shared_data / "spoken_digits" / "test").glob("*/*.wav"))[::4]:
        samples = np.rint(kind.fitted(read(path)) * 32768).clip(-32768, 32767).astype(np.int16)
        assert np.array_equal(features(samples, kind), theirs(samples, kind))


if __name__ == "__main__":
    KEPT.write_text(json.dumps(answers(), separators=(",", ":")) + "\n")
