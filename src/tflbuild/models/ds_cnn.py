"""DS-CNN: a keyword spotter of depthwise separable convolutions."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt

from tflbuild.core.architecture import architecture
from tflbuild.core.meaning import SOUND
from tflbuild.core.modality import Modality
from tflbuild.models.blocks import convolution, depthwise, width
from tflbuild.models.trainable import Trainable

FILTERS = 64
"""Filters of every layer at alpha 1."""

LEAST = 4
"""Frames, and features of each, that the first layer needs."""


@architecture("ds_cnn")
class DSCNN(Trainable):
    """Classify recordings by their frames: a convolution, then blocks of a depthwise and a 1 x 1 convolution.

    With 49 frames of 10 coefficients and 4 blocks it is the keyword spotter of MLPerf Tiny, and DS-CNN S of the paper.

    References:
        Zhang et al., Hello Edge: Keyword Spotting on Microcontrollers, 2017.
        Banbury et al., MLPerf Tiny Benchmark, 2021.
    """

    task = "classification"
    also = ("regression",)
    modality = "audio"

    frames: Annotated[int, Ge(LEAST), Le(4096)] | None = None
    """Frames of the input. null: as many as the data's front end gives. [frames]"""
    features: Annotated[int, Ge(LEAST), Le(512)] | None = None
    """Numbers of a frame: bands or coefficients. null: as many as the data's front end gives. [numbers]"""
    blocks: Annotated[int, Ge(1), Le(16)] = 4
    """Blocks of a depthwise and a 1 x 1 convolution. More are more accurate and slower. [blocks]"""
    alpha: Annotated[float, Gt(0), Le(8)] = 1.0
    """Multiplies the filters of every layer, rounded to multiples of 8. Larger is more accurate, larger and
    slower. [factor]"""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.2
    """Part of the numbers that are dropped behind the first layer in training, and twice as many before the last one.
    [fraction]"""
    batch_norm_momentum: Annotated[float, Ge(0), Lt(1)] = 0.97
    """Momentum of the running statistics of batch norm. Nearer to 1 averages over more steps; low values are
    fresh after a short training. [fraction]"""

    def check(self) -> None:
        """Refuse a dropout of which twice as much is everything."""
        super().check()
        if self.dropout >= 0.5:
            raise ValueError(
                f"dropout: {self.dropout:g} is not below 0.5; twice as much is dropped at the end"
            )

    def fitted(self, modality: Modality) -> DSCNN:
        """Take the frames and features that the data's front end gives."""
        shape = modality.shape()
        if len(shape) != 3:
            raise ValueError(
                "type: ds_cnn takes frames of features, which a waveform does not have; use preprocess.front_end=mfcc "
                "or log_mel"
            )
        for option, said, given in (("frames", self.frames, shape[0]), ("features", self.features, shape[1])):
            if said not in (None, given):
                raise ValueError(f"{option}: {said}, but the data's front end gives {given}; use null")
            if given < LEAST:
                raise ValueError(f"{option}: the data's front end gives {given}, and ds_cnn needs {LEAST}")
        return replace(self, frames=shape[0], features=shape[1])  # type: ignore[call-arg]

    def resolution(self) -> int:
        """Say that nothing is known in pixels."""
        return 0

    def build(self, classes: int) -> Any:
        """Build the graph: `sound` (1, frames, features, 1) to `logits` (1, classes)."""
        from tflbuild.backends.keras import Model, layers

        filters, momentum = width(FILTERS, self.alpha), self.batch_norm_momentum
        sound = layers.Input((self.frames, self.features, 1), name=SOUND)
        tensor = convolution(sound, "conv_0", filters, (10, 4), (2, 2), "relu", momentum)
        if self.dropout:
            tensor = layers.Dropout(self.dropout, name="drop_0")(tensor)
        for block in range(1, self.blocks + 1):
            tensor = depthwise(tensor, f"block_{block}_depthwise", 1, "relu", momentum)
            tensor = convolution(tensor, f"block_{block}_pointwise", filters, 1, 1, "relu", momentum)
        if self.dropout:
            tensor = layers.Dropout(2 * self.dropout, name="drop_1")(tensor)
        pooled = layers.GlobalAveragePooling2D(name="pool")(tensor)
        logits = layers.Dense(classes, name="logits")(pooled)
        return Model(sound, logits, name="ds_cnn")
