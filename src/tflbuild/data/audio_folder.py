"""Classification data: a folder of recordings for each class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tflbuild.core.dataset import Dropped, FileFacts, Index, Look, dataset
from tflbuild.core.errors import DataError, MissingTool
from tflbuild.core.image_files import fault_of_name
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLITS
from tflbuild.data.layouts.files import (
    DOCUMENTS,
    FileDataset,
    below,
    entries_in,
    looked_at,
    split_folders,
)
from tflbuild.data.layouts.groups import group_of, pattern_of, whole_groups
from tflbuild.data.layouts.labelled import Labelled, assemble
from tflbuild.data.layouts.recording_files import RecordingFiles, fault_of, remarks
from tflbuild.data.layouts.recordings import is_recording_name
from tflbuild.modalities.audio.modality import CURE, Audio

T = TypeVar("T")

EXPECTED = (
    "a folder of recordings (.wav, .flac) for each class, root/CLASS/* or root/{train,val,test}/CLASS/*"
)


SHOWN = 4
"""Speakers of a split that are named."""


@dataclass(frozen=True)
class _Heard:
    """A recording that can be used, with its facts."""

    labelled: Labelled
    facts: FileFacts


@dataset("audio_folder")
class AudioFolder(RecordingFiles, FileDataset):
    """Recordings sorted into one sub-folder a class: `root/CLASS/*` or `root/{train,val,test}/CLASS/*`.

    WAV (PCM of 8 to 32 bits, floats) and FLAC (`pip install "tflbuild[audio]"`) of any rate and number of channels:
    channels are averaged, other rates resampled, longer ones cut and shorter ones followed by silence, which is said.
    Recordings that are silent, empty, broken, cut off or shorter than a frame are left out and reported by file name.
    Splits are as for `image_folder`. Seeded parts do not know who speaks: say `speaker`, or give splits yourself, where
    speakers or machines must not be in two of them.
    """

    task = "classification"

    speaker: str | None = None
    """Regular expression for the beginning of a file's name, with brackets around what names the speaker, e.g.
    `([^_]+)_` for `anna_3.wav`. Every speaker is then in one split alone, drawn by `seed`, and splits that the folder
    has do not count. null: nobody knows who speaks."""

    def completed(self, splits: Mapping[str, list[T]], key: Callable[[T], str]) -> dict[str, list[T]]:
        """Give every split, missing ones as seeded parts of train; with `speaker`, each speaker to one.

        Raises:
            DataError: `speaker` does not fit the names, or there are too few speakers.
        """
        if self.speaker is None:
            return super().completed(splits, key)
        every = [item for split in SPLITS for item in splits.get(split, [])]
        fractions = {"test": self.test_fraction, "val": self.val_fraction}
        return whole_groups(every, lambda item: self._speaker(key(item)), fractions, self.seed, "speakers")

    def _speaker(self, key: str) -> str:
        pattern = pattern_of("data.speaker", self.speaker or "")
        return group_of("data.speaker", pattern, key.rpartition("/")[2])

    def _voices(self, index: Index) -> list[str]:
        """Say who is heard in which split."""
        if self.speaker is None:
            return []
        heard = {
            split: sorted({self._speaker(sample.key) for sample in index.splits[split]}) for split in SPLITS
        }
        said = "; ".join(
            f"{split} {', '.join(map(plain, names[:SHOWN]))}"
            + f" and {len(names) - SHOWN} more" * (len(names) > SHOWN)
            for split, names in heard.items()
        )
        return [f"data: every speaker is in one split: {said}"]

    def index(self, look: Look) -> Index:
        """List the splits.

        Raises:
            DataError: the folder is of another form, or a split would end empty.
            MissingTool: there is FLAC, and no package that reads it.
        """
        root = self.folder(EXPECTED)
        dropped: list[Dropped] = []
        kind = Audio.of(self.preprocess)
        heard: dict[str, FileFacts] = {}
        splits = {}
        for split, folder in self._split_folders(root).items():
            found = self._recordings(root, folder, look, kind, dropped)
            heard |= {one.labelled.path: one.facts for one in found}
            splits[split] = [one.labelled for one in found]
        if not any(splits.values()):
            first = f"; left out: {plain(': '.join(dropped[0]))}" if dropped else ""
            raise DataError(
                f"data.root: '{self.root}' has no recording that can be used; expected {EXPECTED}{first}."
            )
        index = assemble(self, splits, look, dropped, noun="recording")
        taken = [heard[str(sample.path)] for samples in index.splits.values() for sample in samples]
        return replace(index, remarks=(*remarks(taken, kind), *self._voices(index)))

    def _split_folders(self, root: Path) -> Mapping[str, Path]:
        """Give the folder of every split; the root itself where there are none.

        Raises:
            DataError: folders of splits and of classes lie side by side.
        """
        chosen = set(self.classes or ())
        found = {split: path for split, path in split_folders(root).items() if path.name not in chosen}
        if not found:
            return {"train": root}
        named = {path.name for path in found.values()}
        beside = [
            entry.name
            for entry in entries_in(root)
            if entry.is_dir() and entry.name[0] != "." and entry.name not in named
            if any(map(is_recording_name, below(entry.path).others))
        ]
        if beside or "train" not in found:
            first = next(iter(found.values())).name
            why = f"next to it is {plain(beside[0])}" if beside else "there is no train folder"
            raise DataError(
                f"data.root: '{plain(first)}' in '{self.root}' is named like a split, but {why}; expected "
                f"{EXPECTED}. If these are classes, name all of them in data.classes."
            )
        return found

    def _recordings(
        self, root: Path, folder: Path, look: Look, kind: Audio, dropped: list[Dropped]
    ) -> list[_Heard]:
        """Look at every recording of a split, class by class in alphabetical order."""
        prefix = "" if folder == root else f"{folder.name}/"
        named: list[tuple[str, str]] = []
        for entry in entries_in(folder):
            if entry.name[0] == "." or not entry.is_dir():
                if not DOCUMENTS.match(entry.name):
                    dropped.append(Dropped(prefix + entry.name, "a file outside the folders of classes"))
                continue
            if fault := fault_of_name(entry.name):
                raise DataError(f"data.root: the class folder '{plain(entry.name)}' cannot be used: {fault}.")
            named += self._of_class(entry.path, f"{prefix}{entry.name}", entry.name, dropped)
        paths = [f"{root}/{name}" for name, _ in named]
        heard = []
        for (name, label), path, facts in zip(named, paths, looked_at(paths, look), strict=True):
            if CURE in facts.problem:
                raise MissingTool(f"data.root: {plain(name)} {facts.problem}")
            problem = facts.problem or fault_of(facts, kind)
            if problem:
                dropped.append(Dropped(name, problem))
            else:
                heard.append(_Heard(Labelled(name, name, path, label, facts), facts))
        return heard

    def _of_class(
        self, path: str, shown: str, label: str, dropped: list[Dropped]
    ) -> Sequence[tuple[str, str]]:
        """Name the recordings below a class folder, each with its class."""
        found = below(path)
        dropped += [Dropped(f"{shown}/{name}", reason) for name, reason in found.left_out]
        every = sorted([*found.images, *found.others])
        other = [name for name in every if not is_recording_name(name)]
        dropped += [Dropped(f"{shown}/{name}", "not named like a recording") for name in other]
        return [(f"{shown}/{name}", label) for name in every if is_recording_name(name)]
