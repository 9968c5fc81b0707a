"""Turn a recording into a model's input: the one place that does, for training, calibration, evaluation and devices.

Longer than most modules: it is one class, whose options, what contradicts what, and what each does to a recording are
read together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

from annotated_types import Ge, Gt, Le

from tflbuild.core.field_checks import Check, check_fields, mapping, nothing_or, number, one_of, whole
from tflbuild.core.modality import Encoded, Modality, modality
from tflbuild.core.signature import TensorSpec
from tflbuild.core.tensor_description import TensorDescription
from tflbuild.modalities.audio.micro.settings import CHECKS, Micro, contradiction
from tflbuild.modalities.audio.recording import Recording

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    F = TypeVar("F", np.float32, np.float64)

CURE = 'pip install "tflbuild[audio]"'
"""Command that installs the package that reads FLAC."""

MOST_SECONDS = 60
MOST_BANDS = 512
MOST_RATE = 192_000
MOST_FFT = 1 << 16
LONGEST_WINDOW = 1000.0
LONGEST_RECORDING = 3600
MOST_FRAMES = 1 << 16

KINDS = {
    "mfcc": "cepstral coefficients",
    "log_mel": "logarithms of mel bands",
    "micro": "bands of the micro frontend",
}
"""Nouns for the numbers of a frame."""

MICRO_SAMPLES = (16, 1 << 15)
"""Samples of a frame of the micro frontend, whose numbers have 16 bits."""


@modality("audio")
class Audio(Modality):
    """A recording: as it is, or as a picture of its frequencies over time, by the definitions of `tf.signal`.

    The defaults are those of keyword spotting in MLPerf Tiny: 49 frames of 10 coefficients of one second. A recording
    of another rate is resampled; a longer one is cut behind its beginning, a shorter one is followed by silence.

    References:
        Banbury et al., MLPerf Tiny Benchmark, 2021.
    """

    training: ClassVar[str] = "tflbuild.modalities.audio.batches:training_batches"
    varied: ClassVar[str] = "tflbuild.modalities.audio.augment:Augment"
    inspect: ClassVar[str] = "tflbuild.modalities.audio.files:inspect"
    reading: ClassVar[str] = "tflbuild.modalities.audio.files:read"
    file: ClassVar[str] = "recording"
    suffixes: ClassVar[tuple[str, ...]] = (".wav", ".wave", ".flac")
    contract: ClassVar[str] = "tflbuild.analyses.mistakes.recordings:RecordingContract"
    checks: ClassVar[Mapping[str, Check]] = {
        "front_end": one_of("waveform", "log_mel", "mfcc", "micro"),
        "rate": whole(1000, MOST_RATE),
        "duration": number(above=0, most=MOST_SECONDS),
        "level": one_of("recorded", "largest"),
        "window": number(above=0, most=LONGEST_WINDOW),
        "stride": number(above=0, most=LONGEST_WINDOW),
        "window_shape": one_of("hann", "hamming", "rectangle"),
        "fft": nothing_or(whole(2, MOST_FFT)),
        "power": lambda value: type(value) is int and value in (1, 2),
        "bands": whole(1, MOST_BANDS),
        "low": number(least=0, most=MOST_RATE),
        "high": number(above=0, most=MOST_RATE),
        "log_offset": number(above=0, most=1),
        "coefficients": whole(1, MOST_BANDS),
        "mel": one_of("htk", "slaney"),
        "logarithm": one_of("natural", "decibels"),
        "cut": one_of("first", "pieces"),
        "piece_stride": whole(1, MOST_FRAMES),
        "begin": number(least=0, most=LONGEST_RECORDING),
        "end": nothing_or(number(above=0, most=LONGEST_RECORDING)),
        "micro": mapping,
    }

    front_end: Literal["waveform", "log_mel", "mfcc", "micro"] = "mfcc"
    """Numbers that the model is given: the `waveform`; `log_mel`, logarithms of mel bands in each frame; `mfcc`,
    cepstral coefficients of these; or `micro`, what TensorFlow's micro frontend gives on a microcontroller."""
    rate: Annotated[int, Ge(1000), Le(MOST_RATE)] = 16000
    """Samples in a second that the front end works on; recordings of another rate are resampled. [Hz]"""
    duration: Annotated[float, Gt(0), Le(MOST_SECONDS)] = 1.0
    """Length of what the model is given. [seconds]"""
    level: Literal["recorded", "largest"] = "largest"
    """Loudness: as it was `recorded`, where 1 is the loudest that a file can hold; or divided by the `largest` sample,
    as MLPerf Tiny does."""
    window: Annotated[float, Gt(0), Le(LONGEST_WINDOW)] = 30.0
    """Length of a frame. Longer tells frequencies better and times worse. [milliseconds]"""
    stride: Annotated[float, Gt(0), Le(LONGEST_WINDOW)] = 20.0
    """Time from one frame to the next. Smaller gives more frames, and a larger input. [milliseconds]"""
    window_shape: Literal["hann", "hamming", "rectangle"] = "hann"
    """Curve that a frame is multiplied with before it is transformed."""
    fft: Annotated[int, Ge(2), Le(MOST_FFT)] | None = None
    """Samples that are transformed; a frame is followed by zeros. null: the next power of two that holds a frame.
    [samples]"""
    power: Literal[1, 2] = 1
    """Bands are sums of magnitudes (1) or of their squares (2). [exponent]"""
    bands: Annotated[int, Ge(1), Le(MOST_BANDS)] = 40
    """Mel bands of a frame. [bands]"""
    low: Annotated[float, Ge(0), Le(MOST_RATE)] = 20.0
    """Where the lowest band begins. [Hz]"""
    high: Annotated[float, Gt(0), Le(MOST_RATE)] = 4000.0
    """Where the highest band ends; at most half of the rate. [Hz]"""
    log_offset: Annotated[float, Gt(0), Le(1)] = 1e-6
    """Number that is added to a band before its logarithm is taken, so that silence has one. [no unit]"""
    coefficients: Annotated[int, Ge(1), Le(MOST_BANDS)] = 10
    """Cepstral coefficients of a frame, the first ones; with front_end=mfcc. [coefficients]"""
    micro: Micro = field(default_factory=Micro)
    """Noise reduction, gain and logarithm, with front_end=micro."""

    mel: Literal["htk", "slaney"] = "htk"
    """Scale that bands are evenly spaced on: `htk`, as in `tf.signal`; or `slaney`, straight up to 1000 Hz, where each
    band has the area 1, as librosa has it."""
    logarithm: Literal["natural", "decibels"] = "natural"
    """Logarithm of a band: `natural`; or `decibels`, 10 times the one to base 10."""
    cut: Literal["first", "pieces"] = "first"
    """How a recording longer than `duration` is taken: its `first` part alone is given to the model; or all
    of it in `pieces`, each as long as `duration`, whose answers the task joins, as `reconstruction` does."""
    piece_stride: Annotated[int, Ge(1), Le(MOST_FRAMES)] = 1
    """Frames from one piece to the next; with cut=pieces. Larger is quicker. [frames]"""
    begin: Annotated[float, Ge(0), Le(LONGEST_RECORDING)] = 0.0
    """Where the first piece begins; with cut=pieces. [seconds]"""
    end: Annotated[float, Gt(0), Le(LONGEST_RECORDING)] | None = None
    """Where the last piece ends at the latest; with cut=pieces. null: at the end of the recording. [seconds]"""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Audio:
        """Build from options as JSON holds them."""
        settings = options.get("micro", {})
        return cls(**{**options, "micro": settings if isinstance(settings, Micro) else Micro(**settings)})

    @classmethod
    def check_options(cls, prefix: str, options: Mapping[str, Any]) -> None:
        """Hold options that lay in a file to `checks`, and to one another.

        Raises:
            ValueError: one is unknown or wrong, or contradicts another.
        """
        check_fields(prefix, options, cls.checks)
        check_fields(f"{prefix}micro.", options.get("micro", {}), CHECKS)
        super().check_options(prefix, options)

    @property
    def samples(self) -> int:
        """Samples of what the model is given."""
        return round(self.rate * self.duration)

    @property
    def window_samples(self) -> int:
        """Samples of a frame; a part of a sample is left out by the micro frontend, and rounded by the others."""
        return self._samples_in(self.window)

    @property
    def stride_samples(self) -> int:
        """Samples from one frame to the next."""
        return self._samples_in(self.stride)

    @property
    def fft_samples(self) -> int:
        """Samples that are transformed."""
        return self.fft or 1 << (self.window_samples - 1).bit_length()

    @property
    def frames(self) -> int:
        """Frames of what the model is given."""
        return 1 + (self.samples - self.window_samples) // self.stride_samples

    def _samples_in(self, milliseconds: float) -> int:
        count = self.rate * milliseconds / 1000
        return max(1, int(count) if self.front_end == "micro" else round(count))

    def check(self) -> None:
        """Refuse a front end that has no frame, or bands beyond what the rate holds."""
        if self.front_end == "waveform":
            self._check_pieces()
            return
        if self.samples < self.window_samples:
            raise ValueError(
                f"duration: {self.duration:g} s are shorter than a frame of {self.window:g} ms; lengthen it, or "
                f"shorten window"
            )
        if self.fft_samples < self.window_samples:
            raise ValueError(
                f"fft: {self.fft} is below the {self.window_samples} samples of a frame; use null or more"
            )
        if not self.low < self.high <= self.rate / 2:
            raise ValueError(
                f"high: {self.high:g} Hz is not above low, {self.low:g} Hz, and at most half of the rate, "
                f"{self.rate / 2:g} Hz"
            )
        self._check_pieces()
        if self.front_end == "micro":
            self._check_micro()
        if self.front_end == "mfcc" and self.coefficients > self.bands:
            raise ValueError(
                f"coefficients: {self.coefficients} are more than the {self.bands} bands; use at most {self.bands}"
            )

    def _check_pieces(self) -> None:
        if self.cut == "first":
            said = {
                "piece_stride": self.piece_stride != 1,
                "begin": self.begin != 0,
                "end": self.end is not None,
            }
            if any(said.values()):
                name = next(name for name, is_said in said.items() if is_said)
                raise ValueError(f"{name}: it is for cut=pieces; leave it out, or set cut to pieces")
            return
        if self.front_end in ("waveform", "micro"):
            raise ValueError(
                f"cut: pieces are of frames that do not depend on each other, which front_end={self.front_end} does "
                f"not give; use log_mel or mfcc"
            )
        if self.end is not None and self.end - self.begin < self.duration:
            raise ValueError(
                f"end: from {self.begin:g} s to {self.end:g} s there is no piece of {self.duration:g} s; move it, or "
                f"use null"
            )

    def several(self) -> bool:
        """Say whether a recording is several pieces."""
        return self.cut == "pieces"

    def pieces_of(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give (pieces, numbers of a piece) of the features (all frames, numbers, 1) of a recording, as a view."""
        import numpy as np

        numbers = int(np.prod(features.shape[1:]))
        windows = np.lib.stride_tricks.sliding_window_view(features.ravel(), self.frames * numbers)
        return windows[:: self.piece_stride * numbers]

    def _check_micro(self) -> None:
        """Refuse what the micro frontend does not do."""
        wanted = {
            "level": "recorded",
            "window_shape": "hann",
            "fft": None,
            "mel": "htk",
            "logarithm": "natural",
        }
        for option, right in wanted.items():
            given = getattr(self, option)
            if given != right:
                shown = "null" if right is None else right
                raise ValueError(f"{option}: front_end=micro does not do {given}; use {shown}")
        least, most = MICRO_SAMPLES
        if not least <= self.window_samples <= most:
            raise ValueError(
                f"window: a frame of {self.window:g} ms has {self.window_samples} samples, and front_end=micro takes "
                f"{least} to {most}"
            )
        if self.stride_samples > self.window_samples:
            raise ValueError(
                f"stride: {self.stride:g} ms are more than the {self.window:g} ms of a frame, which front_end=micro "
                f"does not do"
            )
        from math import log1p

        # the last band must end below the highest frequency of the transform, beyond the rounding of float32
        if not log1p(self.high / 700) < (1 - 1e-6) * log1p(self.rate / 1400):
            raise ValueError(
                f"high: {self.high:g} Hz is not below half of the rate, {self.rate / 2:g} Hz, as front_end=micro needs"
            )
        if said := contradiction(self.micro, self.fft_samples):
            raise ValueError(said)

    def shape(self) -> tuple[int, ...]:
        """Give the shape of an input that takes everything: (samples, 1), or (frames, bands or coefficients, 1)."""
        if self.front_end == "waveform":
            return (self.samples, 1)
        return (self.frames, self.coefficients if self.front_end == "mfcc" else self.bands, 1)

    def refusal(self, spec: TensorSpec) -> str:
        """Say why a tensor cannot take recordings; "" where it can."""
        return "" if spec.dtype != "string" else f"it is {spec.text}, and numbers are wanted"

    def described(self, shape: tuple[int, ...]) -> TensorDescription:
        """Say what is made of a recording."""
        first = f"One channel of sound, {self.duration:g} s at {self.rate} Hz"
        if self.several():
            first = f"A piece of {self.duration:g} s of one channel of sound at {self.rate} Hz"
        if self.front_end == "waveform":
            if self.level == "recorded":
                return TensorDescription(
                    name="audio", description=f"{first}, from -1 to 1.", content="audio", rate=self.rate
                )
            # no content "audio": tools of others would leave out the division
            return TensorDescription(name="audio", description=f"{first}, divided by its largest sample.")
        what = f"{shape[1] if len(shape) > 1 else shape[0]} "
        what += KINDS[self.front_end]
        frames = f"{self.frames} frames of {self.window:g} ms, one every {self.stride:g} ms"
        return TensorDescription(name="features", description=f"{first}: {frames}, of each {what}.")

    def encode(self, sample: Any, shape: tuple[int, ...]) -> Encoded:
        """Give (*shape) float32.

        Args:
            sample: a `Recording`; or an array (n,) of `rate` samples a second, floats in -1..1 or int16.
            shape: of the input, which has as many numbers as the front end gives.

        Raises:
            ValueError: it is no recording, is shorter than a frame, or the input has another number of numbers.
        """
        import numpy as np

        self._check_fits(shape)
        features = self.features(self.fitted(self.recording(sample)))
        if self.several():
            every = self.pieces_of(features)
            features = every[len(every) // 2]
        return Encoded(np.ascontiguousarray(features, np.float32).reshape(shape))

    def pieces(self, sample: Any, shape: tuple[int, ...]) -> Any:
        """Give the features of every piece, (pieces, *shape) float32.

        Raises:
            ValueError: as for `encode`.
        """
        if not self.several():
            return super().pieces(sample, shape)
        self._check_fits(shape)
        every = self.pieces_of(self.features(self.fitted(self.recording(sample))))
        return every.reshape(len(every), *shape)

    def _check_fits(self, shape: tuple[int, ...]) -> None:
        import math

        if math.prod(shape) != math.prod(self.shape()):
            raise ValueError(f"the front end gives {self.shape()}, and the input takes {shape}")

    def recording(self, sample: Any) -> Recording:
        """Take what is a recording for one, of `rate` where nobody says otherwise.

        Raises:
            ValueError: it is none.
        """
        import numpy as np

        if isinstance(sample, Recording):
            return sample
        given = np.asarray(sample)
        if given.ndim != 1 or not (given.dtype.kind == "f" or given.dtype == np.int16):
            raise ValueError(
                f"a recording is (samples,) of floats in -1..1 or of int16, and this is {super().plain(given)}"
            )
        scale = 1 / 32768 if given.dtype == np.int16 else 1.0
        return Recording(given.astype(np.float32) * np.float32(scale), self.rate)

    def fitted(self, given: Recording) -> NDArray[np.float32]:
        """Give (samples,): resampled, cut behind the beginning or followed by silence.

        Raises:
            ValueError: it is empty, shorter than a frame, or not finite.
        """
        import numpy as np

        from tflbuild.modalities.audio.resampling import resampled

        if not len(given.samples) or not np.isfinite(given.samples).all():
            raise ValueError("it has no sample, or samples that are not finite")
        if self.several():
            return self._span(given)
        if self.front_end != "waveform" and self.shorter_than_a_frame(len(given.samples), given.rate):
            raise ValueError(
                f"it is {len(given.samples) / given.rate:.3g} s long, shorter than a frame of {self.window:g} ms"
            )
        long = (
            self.samples * given.rate // self.rate + given.rate // 10 + 1
        )  # the rest does not reach into it
        taken = resampled(given.samples[:long], given.rate, self.rate, self.samples)
        return np.pad(taken, (0, self.samples - len(taken)))

    def _span(self, given: Recording) -> NDArray[np.float32]:
        """Give (samples,): resampled, from where the first piece begins to where the last one may end."""
        from tflbuild.modalities.audio.resampling import resampled

        if fault := self.without_piece(len(given.samples), given.rate):
            raise ValueError(f"it {fault}")
        most = len(given.samples) * self.rate // given.rate + 1
        if self.end is not None:
            most = min(most, round(self.end * self.rate))
        long = most * given.rate // self.rate + given.rate // 10 + 1
        return resampled(given.samples[:long], given.rate, self.rate, most)[round(self.begin * self.rate) :]

    def without_piece(self, count: int, rate: int) -> str:
        """Say why so many samples of a rate hold no piece; "" where they hold one."""
        begin = round(self.begin * self.rate)
        if count * self.rate // rate >= begin + self.samples:
            return ""
        behind = f" that begins at {self.begin:g} s" if begin else ""
        return f"is {count / rate:.3g} s long, too short for a piece of {self.duration:g} s{behind}"

    def shorter_than_a_frame(self, count: int, rate: int) -> bool:
        """Say whether so many samples of a rate do not fill one frame."""
        return count * self.rate < self.window_samples * rate

    def levelled(self, samples: NDArray[F]) -> NDArray[F]:
        """Give samples as loud as `level` says."""
        largest = float(samples.max(initial=0.0))
        return samples / largest if self.level == "largest" and largest > 0 else samples

    def features(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give what the front end makes of (samples,) at its rate: the shape that `shape` says."""
        import numpy as np

        from tflbuild.modalities.audio import spectrum

        sound = self.levelled(samples.astype(np.float64))
        if self.front_end == "waveform":
            return sound.astype(np.float32)[:, None]
        if self.front_end == "micro":
            from tflbuild.modalities.audio.micro.frontend import features

            whole = np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)
            return (features(whole, self) * np.float32(self.micro.scale))[..., None]
        bins = self.fft_samples // 2 + 1
        weights = spectrum.WEIGHTS[self.mel](self.bands, bins, self.rate, self.low, self.high)
        parts = []
        length, step = self.window_samples, self.stride_samples
        for block in spectrum.blocks(sound, length, step):
            sizes = spectrum.magnitudes(block, length, step, self.fft_samples, self.window_shape)
            found = np.log(sizes**self.power @ weights + self.log_offset)
            if self.logarithm == "decibels":
                found *= 10 / np.log(10)
            if self.front_end == "mfcc":
                found = found @ spectrum.cosines(self.bands, self.coefficients)
            parts.append(found.astype(np.float32))
        return np.concatenate(parts)[..., None]

    def raw_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give the length that the front end takes, (samples,); behind what is left out before the first piece."""
        return (self.samples + (round(self.begin * self.rate) if self.several() else 0),)

    def plain(self, sample: Any) -> str:
        """Say how long a recording is."""
        if isinstance(sample, Recording):
            return f"a recording of {len(sample.samples) / sample.rate:.2f} s at {sample.rate} Hz"
        return super().plain(sample)
