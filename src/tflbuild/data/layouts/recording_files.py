"""The common ground of data sets of recorded files: their options, reading one, and what is said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from tflbuild.core.dataset import Dataset, Example, FileFacts, Sample
from tflbuild.core.errors import DataError
from tflbuild.core.options import to_json
from tflbuild.core.plain_text import plain
from tflbuild.data.layouts.files import RootedDataset
from tflbuild.data.layouts.usual_pictures import USUAL, changed
from tflbuild.modalities.audio.modality import Audio


class RecordingFiles(RootedDataset):
    """Base of data sets whose samples are files of recordings."""

    modality: ClassVar[str] = "audio"

    def resolved(self) -> tuple[Dataset, tuple[Mapping[str, str], ...]]:
        """Leave out the options of pictures, which `data=auto` brings.

        Raises:
            DataError: one of them is set.
        """
        kept: dict[str, Any] = {}
        own = {"preprocess": to_json(Audio()), "augment": ("enabled", "shift", "noise", "masks")}
        for block, known in own.items():
            given = getattr(self, block) or {}
            foreign = {key: item for key, item in given.items() if key not in known and key in USUAL[block]}
            if said := changed(foreign, USUAL[block], f"data.{block}"):
                raise DataError(
                    f"{said}: this option is for pictures, but '{plain(self.root)}' contains recordings."
                )
            kept[block] = {key: item for key, item in given.items() if key not in foreign}
        return replace(self, **kept), ()

    def read(self, sample: Sample) -> Example:
        """Read one recording."""
        return heard(sample)

    def code(self) -> tuple[str, ...]:
        """Name what reads files."""
        return ("tflbuild.modalities.audio.files", "tflbuild.modalities.audio.wav")


def heard(sample: Sample) -> Example:
    """Read the recording of a sample.

    Raises:
        DataError: it is not what it was when the build started.
    """
    import numpy as np

    from tflbuild.modalities.audio.files import read
    from tflbuild.tasks.labels import said_of

    try:
        value = read(str(sample.path))
    except (OSError, ValueError) as error:
        raise DataError(
            f"data.root: {sample.key} was readable when the build started, but is not now: {error}"
        ) from error
    return Example(value, np.zeros((0, 4), np.float32), said_of(sample))


def fault_of(facts: FileFacts, kind: Audio) -> str:
    """Say why a recording cannot be used by a front end; "" where it can."""
    if kind.several():
        return kind.without_piece(facts.frames, facts.rate)
    if kind.front_end == "waveform" or not kind.shorter_than_a_frame(facts.frames, facts.rate):
        return ""
    return f"is {facts.frames / facts.rate:.3g} s long, shorter than a frame of {kind.window:g} ms"


def remarks(recordings: Sequence[FileFacts], kind: Audio) -> list[str]:
    """Say what is done to recordings before a model is given them.

    Args:
        recordings: facts of all that are used.
        kind: the front end.
    """
    said = []
    rates = Counter(facts.rate for facts in recordings if facts.rate != kind.rate)
    for rate, count in sorted(rates.items()):
        said.append(f"data: {_counted(count)} of {rate} Hz resampled to {kind.rate} Hz")
    if several := sum(facts.channels > 1 for facts in recordings):
        said.append(f"data: {_counted(several)} of several channels averaged to one")
    if kind.several():
        return said
    long = sum(facts.frames * kind.rate > kind.samples * facts.rate for facts in recordings)
    short = sum(facts.frames * kind.rate < kind.samples * facts.rate for facts in recordings)
    if long:
        said.append(f"data: {_counted(long)} cut to the first {kind.duration:g} s")
    if short:
        said.append(f"data: {_counted(short)} shorter than {kind.duration:g} s, followed by silence")
    return said


def _counted(count: int) -> str:
    return f"{count} recording{'s' * (count != 1)}"
