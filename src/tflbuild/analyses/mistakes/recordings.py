"""Recordings: how they become tensors, and the mistakes of apps: rate, channels, loudness, frames, bands, logarithm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.analyses.mistakes import candidates
from tflbuild.analyses.mistakes.candidates import LAYOUT, NUMBERS, Candidate
from tflbuild.analyses.mistakes.contract import Contract, Trials
from tflbuild.analyses.mistakes.mistake import Mistake
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.signature import TensorSpec
from tflbuild.modalities.audio.modality import Audio
from tflbuild.modalities.audio.recording import Recording

ALTERED = "altered_audio"
"""The modality that prepares a recording as no option of `audio` says."""

RATE, CHANNELS, LOUDNESS, SILENCE, EMPHASIS = "rate", "channels", "loudness", "silence", "emphasis"
FRAMES, HOP, CURVE, SPECTRUM, POWER = "frames", "hop", "curve", "spectrum", "power"
BANDS, RANGE, MEL, LOGARITHM, OFFSET = "bands", "range", "mel", "logarithm", "offset"
CEPSTRA, NORMALISATION = "cepstra", "normalisation"
"""Kinds of mistakes; two of one kind exclude one another."""

LOUD: Sequence[str] = ("waveform", "log_mel", "mfcc")
"""Front ends that take sound of any loudness as floats."""

CHANNEL = "channel"
"""Option that only a tensor shows: which channel of a file is taken. A data set gives recordings of one."""

RATES = (8000, 16000, 22050, 44100, 48000)
WINDOWS = (20.0, 25.0, 30.0, 32.0, 40.0, 64.0)
HOPS = (8.0, 10.0, 12.5, 16.0, 20.0, 32.0)
COUNTS = (13, 20, 26, 32, 40, 64, 80, 128)
FFTS = (256, 512, 1024, 2048)
OFFSETS = (1e-12, 1e-10, 1e-8, 1e-6, 1e-3, 1.0)
ENDS = ((20.0, 4000.0), (80.0, 7600.0), (125.0, 7500.0), (300.0, 8000.0))

NAMES: Mapping[str, str] = {"htk": "HTK", "slaney": "Slaney"}
LOGS: Mapping[str, str] = {"natural": "ln", "decibels": "10 log10"}
"""Words for scales and logarithms that options of `audio` can say."""

LOGARITHMS: Mapping[str, str] = {
    "natural": "with natural logarithms",
    "log10": "with logarithms to the base 10",
    "log2": "with logarithms to the base 2",
    "decibels": "in decibels, 10 x log10",
    "decibels_20": "in decibels, 20 x log10",
    "none": "without a logarithm",
}
NORMALISATIONS: Mapping[str, str] = {
    "standardised": "normalised to mean 0 and deviation 1",
    "standardised_each": "with each band normalised to mean 0 and deviation 1",
    "mean_removed": "with the mean of each band taken off",
    "scaled_0_1": "scaled to 0..1",
    "scaled_minus1_1": "scaled to -1..1",
}
SCALES: Mapping[str, str] = {
    "htk": "with HTK's mel scale",
    "slaney": "with Slaney's mel scale and bands of equal area, as librosa's are",
    "slaney_unscaled": "with Slaney's mel scale and bands of equal height",
}
CEPSTRAL: Mapping[str, str] = {
    "orthonormal": "with an orthonormal cosine transform",
    "unscaled": "with a cosine transform that is not scaled",
    "without_first": "without the first cepstral coefficient",
    "liftered": "with liftered cepstral coefficients",
}


class RecordingContract(Contract):
    """How a recording becomes a tensor."""

    noun = "recordings"
    kind: Audio

    def read(self, sample: Path) -> Any:
        """Read a file of sound as one channel, or an array of samples."""
        return _mixed(*_sound(sample, self.kind))

    def words(self, spec: TensorSpec) -> str:
        """Say it in one sentence: channels, rate, loudness, frames, bands, logarithm, coefficients."""
        kind = self.kind
        said = [
            f"channels averaged; resampled to {kind.rate} Hz; the first {kind.duration:g} s, with silence behind",
            "divided by the largest sample" if kind.level == "largest" else "samples in -1..1",
        ]
        if kind.front_end != "waveform":
            said += [
                f"{kind.frames} frames of {kind.window:g} ms ({kind.window_samples} samples, {kind.window_shape}), one "
                f"every {kind.stride:g} ms",
            ]
        if kind.front_end in ("log_mel", "mfcc"):
            sizes = "magnitudes" if kind.power == 1 else "squared magnitudes"
            said += [
                f"{sizes} of {kind.fft_samples} samples; {kind.bands} mel bands ({NAMES[kind.mel]}) of {kind.low:g} to "
                f"{kind.high:g} Hz; {LOGS[kind.logarithm]}(band + {kind.log_offset:g})"
            ]
        if kind.front_end == "mfcc":
            said.append(f"{kind.coefficients} cepstral coefficients as tf.signal scales them")
        stored = ["stored as round(value / scale) + zero point"] if spec.scale else []
        return "; ".join([*said, *stored])

    def trials(self, sample: Path, shape: tuple[int, ...], spec: TensorSpec) -> Trials:
        """Give what apps make of a recording, of one channel of it, or of another rate."""
        channels, rate = _sound(sample, self.kind)
        found = [*self._of_file(channels, rate), *self.every(), *candidates.of_numbers(self.kind, spec)]
        if sum(side > 1 for side in shape) == 2:
            found.append(Mistake("transposed", LAYOUT, "with bands before frames in memory", {}))
        return Trials(found, Sounds(channels, rate, self.kind, shape, spec).made)

    def readings(self) -> list[Mistake]:
        """Give the other ways that options of `audio` can say, unlike the present one."""
        return [one for one in (*_loudness(self.kind), *_optional(self.kind)) if not one.by]

    def every(self) -> list[Mistake]:
        """Give those, and what other code does."""
        kind = self.kind
        return [*_taken(kind), *_loudness(kind), *_optional(kind), *_otherwise(kind)]

    def _of_file(self, channels: npt.NDArray[np.float32], rate: int) -> Iterator[Mistake]:
        """Give what only a file can be mistaken for."""
        if rate != self.kind.rate:
            how = f"with its {rate} Hz taken for {self.kind.rate} Hz: not resampled"
            yield Mistake("as_recorded", RATE, how, {"misread": rate}, ALTERED)
        if channels.shape[1] > 1:
            words = {"left": "the left channel alone", "right": "the right channel alone"}
            words["interleaved"] = "with the samples of all channels taken for one, so that it is slower"
            words["sum"] = "with channels added, not averaged"
            for name, how in words.items():
                yield Mistake(name, CHANNELS, how, {CHANNEL: name}, ALTERED)


def _taken(kind: Audio) -> Iterator[Mistake]:
    """Give mistakes in taking the sound."""
    for rate in RATES:
        if rate != kind.rate:
            how = f"recorded at {rate} Hz and taken for {kind.rate} Hz"
            yield Mistake(f"rate_{rate}", RATE, how, {"misread": rate}, ALTERED)
    for name, how in {"before": "with silence before it", "around": "with silence around it"}.items():
        yield Mistake(f"silence_{name}", SILENCE, how, {"silence": name}, ALTERED)
    yield Mistake("emphasis", EMPHASIS, "with pre-emphasis of 0.97", {"emphasis": 0.97}, ALTERED)


def _loudness(kind: Audio) -> Iterator[Mistake]:
    if kind.front_end not in LOUD:
        return
    other, how = ("largest", "divided by its largest sample")
    if kind.level == "largest":
        other, how = "recorded", "not divided by its largest sample"
    yield Mistake(f"level_{other}", LOUDNESS, how, {"level": other})
    options = {"level": "recorded", "loudness": "integers"}
    yield Mistake("integers", LOUDNESS, "in integers of 16 bits, not scaled to -1..1", options, ALTERED)


def _optional(kind: Audio) -> Iterator[Mistake]:
    """Give other settings of frames and bands; those of another shape are cut or filled."""
    if kind.front_end not in ("log_mel", "mfcc"):
        return
    for shape in ("hann", "hamming", "rectangle"):
        if shape != kind.window_shape:
            how = "without a window" if shape == "rectangle" else f"with a {shape} window"
            yield Mistake(shape, CURVE, how, {"window_shape": shape})
    for window in WINDOWS:
        if window != kind.window and window <= 1000 * kind.duration:
            options: dict[str, Any] = {"window": window, "fft": None}
            yield Mistake(f"window_{window:g}", FRAMES, f"in frames of {window:g} ms", options, ALTERED)
    for hop in HOPS:
        if hop != kind.stride:
            yield Mistake(f"hop_{hop:g}", HOP, f"with a frame every {hop:g} ms", {"stride": hop}, ALTERED)
    for fft in (*FFTS, kind.window_samples):
        if kind.window_samples <= fft != kind.fft_samples:
            yield Mistake(f"fft_{fft}", SPECTRUM, f"transformed over {fft} samples", {"fft": fft})
    power = 3 - kind.power
    sizes = "squared magnitudes" if power == 2 else "magnitudes"
    yield Mistake(f"power_{power}", POWER, f"with {sizes}", {"power": power})
    for bands in COUNTS:
        if bands != kind.bands and (kind.front_end == "log_mel" or bands >= kind.coefficients):
            by = ALTERED if kind.front_end == "log_mel" else ""
            yield Mistake(f"bands_{bands}", BANDS, f"with {bands} mel bands", {"bands": bands}, by)
    for low, high in ((0.0, kind.rate / 2), (20.0, kind.rate / 2), *ENDS):
        if (low, high) != (kind.low, kind.high) and high <= kind.rate / 2:
            name, how = f"range_{low:g}_{high:g}", f"with bands of {low:g} to {high:g} Hz"
            yield Mistake(name, RANGE, how, {"low": low, "high": high})
    for offset in OFFSETS:
        if offset != kind.log_offset:
            how = f"with {offset:g} added before the logarithm"
            yield Mistake(f"offset_{offset:g}", OFFSET, how, {"log_offset": offset})


def _otherwise(kind: Audio) -> Iterator[Mistake]:
    """Give what no option of `audio` says."""
    if kind.front_end in ("log_mel", "mfcc"):
        centred = "with centred frames, the first around its beginning"
        yield Mistake("centred", SILENCE, centred, {"framing": "centred"}, ALTERED)
        symmetric = {"curve": "symmetric"}
        yield Mistake("symmetric", CURVE, "with a window that is symmetric, not periodic", symmetric, ALTERED)
        for name, how in SCALES.items():
            if name != kind.mel:
                yield Mistake(name, MEL, how, {"mel": name}, ALTERED)
        for name, how in LOGARITHMS.items():
            if name != kind.logarithm:
                yield Mistake(f"log_{name}", LOGARITHM, how, {"logarithm": name}, ALTERED)
    if kind.front_end == "mfcc":
        bands = {"front_end": "log_mel"}
        yield Mistake("log_mel", CEPSTRA, "in mel bands, without the cosine transform", bands, ALTERED)
        for name, how in CEPSTRAL.items():
            yield Mistake(name, CEPSTRA, how, {"cepstra": name}, ALTERED)
    for name, how in NORMALISATIONS.items():
        if kind.front_end != "waveform" or "each" not in name:
            yield Mistake(name, NORMALISATION, how, {"normalisation": name}, ALTERED)


class Sounds:
    """Make the tensors of one recording.

    Args:
        channels: (n, channels) float32.
        rate: samples in a second.
        kind: how it is prepared.
        shape: of the input, without the batch axis.
        spec: of the tensor.
    """

    def __init__(
        self,
        channels: npt.NDArray[np.float32],
        rate: int,
        kind: Audio,
        shape: tuple[int, ...],
        spec: TensorSpec,
    ) -> None:
        self._channels, self._rate, self._kind, self._shape, self._spec = channels, rate, kind, shape, spec

    def made(self, *mistakes: Mistake) -> Candidate:
        """Give the tensor with some mistakes."""
        options = {key: item for one in mistakes for key, item in one.options.items()}
        taken = _mixed(self._channels, self._rate, str(options.pop(CHANNEL, "")))
        kind = Mistake("", "", "", options, ALTERED).applied(self._kind) if options else self._kind
        codes = kind.encode(taken, self._shape).codes
        names = {one.name for one in mistakes if one.kind == NUMBERS}
        numbers, dtype, unit = candidates.stored(codes, kind, self._spec, names, twice=False)
        if any(one.name == "transposed" and one.kind == LAYOUT for one in mistakes):
            numbers = numbers.squeeze().T.reshape(numbers.shape)
        spread = float(np.abs(codes - codes.mean()).mean()) / SPREAD or 1.0
        return Candidate(mistakes, numbers.astype(np.float64), dtype, spread if dtype == "float32" else unit)


SPREAD = 34
"""Steps of a code in the mean deviation of numbers that are spread as a normal variable over 256 codes, 3 deviations to
each side."""


def _sound(sample: Path, kind: Audio) -> tuple[npt.NDArray[np.float32], int]:
    """Read (n, channels) and the rate; an `.npy` is one channel at the rate of the front end.

    Raises:
        RecipeError: it cannot be read.
    """
    from tflbuild.evaluation.samples import array_of
    from tflbuild.modalities.audio.files import channels

    try:
        if sample.suffix == ".npy":
            found = kind.recording(array_of(sample, "recording"))
            return found.samples[:, None], found.rate
        return channels(sample)
    except OSError as error:
        raise RecipeError(f"{plain(sample)}: {plain(error.strerror or error)}.") from error
    except ValueError as error:
        raise RecipeError(f"{plain(sample)} {error}.") from error


def _mixed(channels: npt.NDArray[np.float32], rate: int, how: str = "") -> Recording:
    """Make one channel of all, as it is right or otherwise."""
    if how in ("left", "right"):
        return Recording(np.ascontiguousarray(channels[:, int(how == "right")]), rate)
    if how == "interleaved":
        return Recording(channels.reshape(-1), rate)
    mixed = channels.sum(axis=1) if how == "sum" else channels.mean(axis=1, dtype=np.float32)
    return Recording(np.ascontiguousarray(mixed, np.float32), rate)
