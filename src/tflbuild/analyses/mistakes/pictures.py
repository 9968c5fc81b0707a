"""Pictures: how they become tensors, and the mistakes of apps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tflbuild.analyses.mistakes import candidates, known
from tflbuild.analyses.mistakes.contract import Contract, Trials
from tflbuild.analyses.mistakes.mistake import Mistake
from tflbuild.core.modality import takes_codes
from tflbuild.core.signature import TensorSpec
from tflbuild.evaluation.samples import read_image
from tflbuild.modalities.image.modality import ImageModality


class PictureContract(Contract):
    """How a picture becomes a tensor."""

    noun = "pictures"
    kind: ImageModality

    def read(self, sample: Path) -> Any:
        """Read a picture."""
        return read_image(sample)

    def words(self, spec: TensorSpec) -> str:
        """Say it in one sentence: orientation, geometry, kernel, channels, values, and how they are stored."""
        kind = self.kind
        fitted = {
            "stretch": "stretched to the input",
            "letterbox": "padded evenly to the input's shape (letterbox)",
            "center_crop": f"cut to its centre ({kind.crop:g} of each side)",
        }[kind.aspect]
        averaged = (
            "" if kind.resize == "nearest" else ", averaging" if kind.antialias else ", without averaging"
        )
        scales, offsets = kind.affine
        values = f"value = pixel x {scales[0]:.7g} {offsets[0]:+.7g}"
        if kind.per_channel:
            pairs = ", ".join(
                f"x {scale:.7g} {offset:+.7g}" for scale, offset in zip(scales, offsets, strict=True)
            )
            values = f"value = pixel {pairs} by channel"
        stored = ""
        if spec.scale:
            raw = "the pixel itself" if spec.dtype == "uint8" else "the pixel less 128"
            stored = f"; stored as {raw if takes_codes(spec, kind) else 'round(value / scale) + zero point'}"
        picture = (
            f"EXIF orientation applied; {fitted}; {kind.resize} kernel{averaged}; channels {kind.channels}"
        )
        return f"{picture}; {values}{stored}"

    def trials(self, sample: Path, shape: tuple[int, ...], spec: TensorSpec) -> Trials:
        """Give what cameras, decoders and other values, kernels and layouts make of a picture."""
        from tflbuild.modalities.image.files import inspect

        picture = self.read(sample)
        mistakes = candidates.of_picture(self.kind, spec, inspect(sample).orientation)
        return Trials(mistakes, candidates.Pictures(picture, self.kind, spec).made)

    def readings(self) -> list[Mistake]:
        """Give the other ways that options can say."""
        return known.readings(self.kind)

    def every(self) -> list[Mistake]:
        """Give those, and what is done to a picture before."""
        return known.mistakes(self.kind)

    def cause_of(self, one: Mistake) -> str:
        """Name the cause: of channels, scale, offset, kernel, aspect."""
        return known.cause_of(one, self.kind)
