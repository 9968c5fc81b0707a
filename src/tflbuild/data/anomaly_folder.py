"""Data for the detection of anomalies: recordings that are normal, and others that are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from annotated_types import Ge, Gt, Lt

from tflbuild.core.dataset import Dropped, FileFacts, Index, Look, dataset
from tflbuild.core.errors import DataError, MissingTool
from tflbuild.core.plain_text import plain
from tflbuild.core.split_names import SPLIT_OF, SPLITS
from tflbuild.data.layouts.files import DOCUMENTS, below, looked_at, parted, without_leaks
from tflbuild.data.layouts.labelled import Picture, of_one_class, sample_of
from tflbuild.data.layouts.recording_files import RecordingFiles, fault_of, remarks
from tflbuild.data.layouts.recordings import is_recording_name
from tflbuild.data.layouts.sides import ABNORMAL, NORMAL, SIDES, side_of
from tflbuild.modalities.audio.modality import CURE, Audio

EXPECTED = (
    "folders normal/ and abnormal/ of recordings (.wav, .flac), also in folders train, val and test, or files that are "
    "named normal_... and anomaly_..."
)


class _Heard(NamedTuple):
    """A recording that can be used, with its facts."""

    picture: Picture
    facts: FileFacts


@dataset("anomaly_folder")
class AnomalyFolder(RecordingFiles):
    """Recordings of which some are normal and some are not: `normal/*` and `abnormal/*`, or DCASE's names of files.

    A recording is on the side that a folder above it names, or the beginning of its own name: `normal`, `abnormal`,
    `anomaly` or `anomalous`. Folders `train`, `val` and `test` above or below these are the splits. Train holds normal
    recordings alone; abnormal ones that lie in it are left out, and said. Without a test split, normal recordings are
    parted by seed, and the abnormal ones go to val and test; without a val split, it is made of normal ones of train
    and abnormal ones of test. Files are read, and left out, as by `audio_folder`.
    """

    task = "reconstruction"

    val_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Part of the normal recordings of train that becomes val, where there is no val split; where there is a test
    split, that part of its abnormal ones, too. [fraction of train]"""
    test_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Part of all normal recordings that becomes test, where there is no test split. [fraction of all recordings]"""
    seed: Annotated[int, Ge(0)] = 0
    """Seed of the draws that make splits; independent of the recipe's `seed`. [no unit]"""

    def index(self, look: Look) -> Index:
        """List the splits.

        Raises:
            DataError: the folder is of another form, or a side is missing where it is needed.
            MissingTool: there is FLAC, and no package that reads it.
        """
        root = self.folder(EXPECTED)
        kind = Audio.of(self.preprocess)
        dropped: list[Dropped] = []
        heard = self._heard(str(root), look, kind, dropped)
        facts = {one.picture.path: one.facts for ones in heard.values() for one in ones}
        given = {split: [one.picture for one in ones] for split, ones in heard.items()}
        every = of_one_class([one for ones in given.values() for one in ones], dropped, "recording")
        kept = {one.key for one in every}
        splits = self._splits(
            {split: [one for one in ones if one.key in kept] for split, ones in given.items()}, dropped
        )
        apart, leaks = without_leaks(splits, lambda one: one.digest, lambda one: one.key, "recording")
        dropped += leaks
        self._check(apart, dropped)
        samples = {split: tuple(sample_of(one, SIDES) for one in apart[split]) for split in SPLITS}
        used = [facts[str(one.path)] for split in samples.values() for one in split]
        return Index(classes=(), splits=samples, dropped=tuple(dropped), remarks=tuple(remarks(used, kind)))

    def _heard(
        self, root: str, look: Look, kind: Audio, dropped: list[Dropped]
    ) -> Mapping[str, Sequence[_Heard]]:
        """Look at every recording below the root, by the split that a folder names; "" where none does."""
        found = below(root)
        dropped += [Dropped(name, reason) for name, reason in found.left_out]
        names = []
        for name in sorted([*found.images, *found.others]):
            if not is_recording_name(name):
                if not DOCUMENTS.match(name.rpartition("/")[2]):
                    dropped.append(Dropped(name, "not named like a recording"))
            elif not side_of(name):
                dropped.append(Dropped(name, "neither it nor a folder above it is named normal or abnormal"))
            else:
                names.append(name)
        heard: dict[str, list[_Heard]] = {}
        paths = [f"{root}/{name}" for name in names]
        for name, path, facts in zip(names, paths, looked_at(paths, look), strict=True):
            if CURE in facts.problem:
                raise MissingTool(f"data.root: {plain(name)} {facts.problem}")
            if problem := facts.problem or fault_of(facts, kind):
                dropped.append(Dropped(name, problem))
                continue
            picture = Picture(name, path, side_of(name), facts.digest)
            heard.setdefault(_split_of(name), []).append(_Heard(picture, facts))
        return heard

    def _splits(self, given: Mapping[str, list[Picture]], dropped: list[Dropped]) -> dict[str, list[Picture]]:
        """Give every split: those that folders name, and the missing ones as parts of the others.

        Raises:
            DataError: some recordings lie in folders of splits, and some do not; or no split can be trained on.
        """
        named = {split: list(ones) for split, ones in given.items() if split}
        loose = list(given.get("", []))
        if not loose and not named:
            raise self._refused("has no recording that can be used", dropped)
        if loose and named:
            raise DataError(
                f"data.root: '{plain(loose[0].key)}' in '{plain(self.root)}' lies in no split, and '"
                f"{plain(next(iter(named.values()))[0].key)}' lies in one; expected {EXPECTED}."
            )
        whole = _Sides.of(loose or named.get("train", []))
        if not whole.normal:
            raise self._refused("has no normal recording to train on", dropped)
        salt = {split: f"{split} {self.seed}" for split in SPLITS}
        if "test" not in named:
            train, normal = parted(whole.normal, _key, self.test_fraction, salt["test"])
            share = self.test_fraction / (self.test_fraction + self.val_fraction)
            val = named.get("val")
            rest, abnormal = (
                ([], whole.abnormal) if val else parted(whole.abnormal, _key, share, salt["test"])
            )
            named["test"] = normal + abnormal
            if not val:
                train, normal = parted(train, _key, self.val_fraction, salt["val"])
                named["val"] = normal + rest
            return {**named, "train": train}
        train = whole.normal
        dropped += [
            Dropped(one.key, "abnormal: an autoencoder learns from normal ones alone")
            for one in whole.abnormal
        ]
        if "val" not in named:
            test = _Sides.of(named["test"])
            train, normal = parted(train, _key, self.val_fraction, salt["val"])
            rest, abnormal = parted(test.abnormal, _key, self.val_fraction, salt["val"])
            named |= {"val": normal + abnormal, "test": test.normal + rest}
        return {**named, "train": train}

    def _check(self, splits: Mapping[str, Sequence[Picture]], dropped: Sequence[Dropped]) -> None:
        """Refuse a split that nothing can be learned from, or measured on.

        Raises:
            DataError: it names the split and the side that it lacks.
        """
        if not splits["train"]:
            raise self._refused("has no normal recording to train on", dropped)
        for split in ("val", "test"):
            for side in SIDES:
                if not any(one.label == side for one in splits[split]):
                    raise self._refused(
                        f"leaves the {split} split without any {side} recording, and auc compares both sides",
                        dropped,
                    )

    def _refused(self, what: str, dropped: Sequence[Dropped]) -> DataError:
        first = (
            f"; {len(dropped)} were left out, the first: {plain(': '.join(dropped[0]))}" if dropped else ""
        )
        return DataError(f"data.root: '{plain(self.root)}' {what}; expected {EXPECTED}{first}.")


@dataclass(frozen=True)
class _Sides:
    """Recordings by their side."""

    normal: list[Picture]
    abnormal: list[Picture]

    @classmethod
    def of(cls, pictures: Sequence[Picture]) -> _Sides:
        return cls(*([one for one in pictures if one.label == side] for side in (NORMAL, ABNORMAL)))


def _key(picture: Picture) -> str:
    return picture.key


def _split_of(name: str) -> str:
    """Give the split that a folder above a file names; "" for none."""
    return next((SPLIT_OF[part.lower()] for part in name.split("/")[:-1] if part.lower() in SPLIT_OF), "")
