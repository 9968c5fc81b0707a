"""A recording that an app took, or made features of, in another way than a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, Lt

from tflbuild.core.field_checks import Check, number, one_of, whole
from tflbuild.core.modality import Encoded, modality
from tflbuild.modalities.audio.modality import MOST_RATE, Audio
from tflbuild.modalities.audio.recording import Recording

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Loudness = Literal["none", "integers"]
Silence = Literal["behind", "before", "around"]
Framing = Literal["whole", "centred"]
Curve = Literal["periodic", "symmetric"]
Scale = Literal["htk", "slaney", "slaney_unscaled"]
Logarithm = Literal["natural", "log10", "log2", "decibels", "decibels_20", "none"]
Cepstra = Literal["tf", "orthonormal", "unscaled", "without_first", "liftered"]
Normalisation = Literal[
    "none", "standardised", "standardised_each", "mean_removed", "scaled_0_1", "scaled_minus1_1"
]


def _one_of(choices: Any) -> Check:
    return one_of(*choices.__args__)


@modality("altered_audio")
class AlteredAudio(Audio):
    """A recording as `audio` takes it, but for one thing or several: what the analysis `preprocessing` measures.

    Features of another shape than the input's are cut, or followed by zeros, in time and in bands, as an app's would
    be. For diagnosis.
    """

    checks: ClassVar[Mapping[str, Check]] = {
        **Audio.checks,
        "misread": whole(0, MOST_RATE),
        "emphasis": number(least=0, most=1),
        "loudness": _one_of(Loudness),
        "silence": _one_of(Silence),
        "framing": _one_of(Framing),
        "curve": _one_of(Curve),
        "mel": _one_of(Scale),
        "logarithm": _one_of(Logarithm),
        "cepstra": _one_of(Cepstra),
        "normalisation": _one_of(Normalisation),
    }

    misread: Annotated[int, Ge(0), Le(MOST_RATE)] = 0
    """Rate at which the sound was recorded, and which is taken for `rate`; 0 where the rate is read. For diagnosis.
    [Hz]"""
    emphasis: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Pre-emphasis: share of the sample before that is taken off each sample; 0.97 is usual. For diagnosis.
    [fraction]"""
    loudness: Loudness = "none"
    """Numbers of the sound: `none` as `level` says, or `integers` of -32,768..32,767. For diagnosis."""
    silence: Silence = "behind"
    """Place of the silence that fills a short recording: `behind` it, `before` it or `around` it. For diagnosis."""
    framing: Framing = "whole"
    """First frame: `whole` begins with the sound, `centred` has its middle there, with the sound mirrored before. For
    diagnosis."""
    curve: Curve = "periodic"
    """The window's curve: a period (`periodic`), or from end to end (`symmetric`). For diagnosis."""
    mel: Scale = "htk"  # type: ignore[assignment]
    """Mel scale of the bands: `htk`; `slaney`, with bands of equal area; or `slaney_unscaled`, with bands of equal
    height. For diagnosis."""
    logarithm: Logarithm = "natural"  # type: ignore[assignment]
    """Logarithm of the bands: `natural`, `log10`, `log2`, `decibels` (10 x log10), `decibels_20` (20 x log10) or
    `none`. For diagnosis."""
    cepstra: Cepstra = "tf"
    """Cepstral coefficients: as TensorFlow scales them (`tf`), `orthonormal`, `unscaled`, `without_first`, or
    `liftered` by 22. For diagnosis."""
    normalisation: Normalisation = "none"
    """Change of the whole input at the end: `standardised` to mean 0 and deviation 1, the same of each band
    (`standardised_each`), the mean of each band taken off (`mean_removed`), or scaled to its own range. For
    diagnosis."""

    def check(self) -> None:
        """Refuse nothing: an app may do what is wrong."""

    def encode(self, sample: Any, shape: tuple[int, ...]) -> Encoded:
        """Give (*shape) float32, of features that are cut or followed by zeros where theirs is another shape.

        Raises:
            ValueError: it is no recording, or shorter than a frame.
        """
        import math

        import numpy as np

        found = self.features(self.fitted(self.recording(sample)))
        sides = [side for side in shape if side > 1]
        if found.ndim == 3 and len(sides) == 2:
            wanted: tuple[int, ...] = (*sides, 1)
        else:
            found, wanted = found.reshape(-1), (math.prod(shape),)
        taken = found[tuple(slice(side) for side in wanted)]
        whole = np.pad(taken, [(0, side - had) for side, had in zip(wanted, taken.shape, strict=True)])
        return Encoded(np.ascontiguousarray(whole, np.float32).reshape(shape))

    def recording(self, sample: Any) -> Recording:
        """Take what is a recording for one, of another rate than it has where that is misread."""
        from tflbuild.modalities.audio.resampling import resampled

        given = super().recording(sample)
        if not self.misread:
            return given
        most = self.samples + 1
        return Recording(resampled(given.samples, given.rate, self.misread, most), self.rate)

    def fitted(self, given: Recording) -> NDArray[np.float32]:
        """Give (samples,) at the rate, altered."""
        from tflbuild.modalities.audio import alterations

        made = super().fitted(given)
        if self.silence != "behind":
            length = min(self.samples, len(given.samples) * self.rate // given.rate)
            made = alterations.silence(made, length, self.silence)
        made = alterations.emphasised(made, self.emphasis) if self.emphasis else made
        return made * made.dtype.type(32768) if self.loudness == "integers" else made

    def features(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give what an app's front end makes of (samples,)."""
        from tflbuild.modalities.audio import alterations

        bands = self.front_end in ("log_mel", "mfcc")
        found = alterations.features(self, samples) if bands else super().features(samples)
        return alterations.normalised(found, self.normalisation)
