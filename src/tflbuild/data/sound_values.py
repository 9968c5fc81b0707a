"""Recordings with a table of numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from tflbuild.core.dataset import Example, FileFacts, Index, Look, Sample, dataset
from tflbuild.core.errors import MissingTool
from tflbuild.data.csv_values import TabledValues
from tflbuild.data.layouts.files import looked_at
from tflbuild.data.layouts.recording_files import fault_of, heard, remarks
from tflbuild.modalities.audio.modality import CURE, Audio


@dataset("sound_values")
class SoundValues(TabledValues):
    """Recordings with a table of numbers: a file and its values a line, for regression.

    Tables are read as by `csv_values`, recordings as by `audio_folder`.
    """

    task = "regression"
    modality: ClassVar[str] = "audio"
    noun: ClassVar[str] = "recording"

    def index(self, look: Look) -> Index:
        """List the splits, and say what is done to recordings."""
        index = super().index(look)
        paths = [str(sample.path) for samples in index.splits.values() for sample in samples]
        found = looked_at(paths, look)
        return replace(index, remarks=tuple(remarks(found, Audio.of(self.preprocess))))

    def fault(self, facts: FileFacts) -> str:
        """Say why a recording cannot be used; "" where it can.

        Raises:
            MissingTool: it is FLAC, and no package reads it.
        """
        if CURE in facts.problem:
            raise MissingTool(f"data.root: a recording {facts.problem}")
        return facts.problem or fault_of(facts, Audio.of(self.preprocess))

    def read(self, sample: Sample) -> Example:
        """Read one recording."""
        return heard(sample)

    def code(self) -> tuple[str, ...]:
        """Name what reads files."""
        return ("tflbuild.modalities.audio.files", "tflbuild.modalities.audio.wav")
