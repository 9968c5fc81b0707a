"""Keypoints in COCO form, one object a picture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from annotated_types import Ge, Gt, Le

from tflbuild.core import digest
from tflbuild.core.dataset import Dropped, Example, FileFacts, Index, Look, Sample, dataset
from tflbuild.core.errors import DataError
from tflbuild.core.plain_text import plain
from tflbuild.core.points import mirrored
from tflbuild.core.split_names import SPLITS
from tflbuild.data.coco import CROWDS, Annotations, id_of
from tflbuild.data.layouts.boxed import Annotated as Listed
from tflbuild.data.layouts.boxed import fitted, misfit
from tflbuild.data.layouts.coco_files import annotation_files, load
from tflbuild.data.layouts.coco_points import Pointed, Skeleton, cut_out, fault_of, pointed, skeletons
from tflbuild.data.layouts.files import FileDataset, looked_at, without_leaks
from tflbuild.tasks.keypoints.sigmas import COCO, sigmas_of

OTHERS = re.compile(
    r"^(captions|instances|panoptic|stuff|image_info|deepfashion)_|createml\.json$", re.IGNORECASE
)
"""Annotations that hold no points, by the names that COCO and others give them."""

Sigma = Annotated[float, Gt(0), Le(1)]


class _Object(NamedTuple):
    """One object of a photo, to be cut out."""

    key: str
    path: str
    digest: str
    size: tuple[int, int]
    found: Pointed


@dataset("coco_keypoints")
class CocoKeypoints(FileDataset):
    """COCO's keypoint annotations, as `annotations/person_keypoints_{train,val}2017.json` has them.

    Each annotated object is a sample: the part of the photo around its box. Files and images are found as `coco`
    finds them. A point of visibility 0 is neither trained on nor measured. Crowds, objects without a marked point, with
    another number of points than their category, a visibility other than 0, 1 and 2, or a point outside their image
    are left out and reported by annotation.
    """

    task = "keypoints"

    margin: Annotated[float, Ge(0), Le(2)] = 0.125
    """Part of the photo that is kept around an object's box. Larger shows more of what is beside it.
    [fraction of the box's longer side]"""
    sigmas: tuple[Sigma, ...] | None = None
    """How far annotators differ about each point, in the order of the points; larger forgives more. null: COCO's where
    all points have names of COCO's, otherwise 0.05. [roots of the object's area]"""

    def index(self, look: Look) -> Index:
        """List the objects of every split.

        Raises:
            DataError: there is none, there are several kinds of objects with points, or `sigmas` are too few.
        """
        expected = "a COCO folder with annotations/person_keypoints_train*.json and its images"
        root = self.folder(expected)
        dropped: list[Dropped] = []
        files = annotation_files(root, self.root, dropped, OTHERS)
        skeleton = self._skeleton(root, files)
        given = {
            split: self._objects(root, split, path, skeleton, look, dropped) for split, path in files.items()
        }
        by_photo = {split: sorted({one.path for one in objects}) for split, objects in given.items()}
        photos = self.completed(by_photo, key=lambda path: path)
        parted = {
            split: [one for one in given.get(split, given["train"]) if one.path in set(photos[split])]
            for split in SPLITS
        }
        apart, leaks = without_leaks(parted, lambda one: one.digest, lambda one: one.key, "photo")
        dropped += leaks
        sigmas = self._sigmas(skeleton)
        splits = {split: tuple(self._sample(one, sigmas) for one in apart[split]) for split in SPLITS}
        for split in SPLITS:
            if not splits[split]:
                first = (
                    f"; the first that was left out: {plain(': '.join(dropped[0]), 400)}" if dropped else ""
                )
                raise DataError(
                    f"data.root: the {split} split of '{self.root}' has no object with points that can be used{first}."
                )
        return Index(
            classes=skeleton.names,
            splits=splits,
            dropped=tuple(dropped),
            remarks=self._remarks(skeleton, sigmas),
        )

    def read(self, sample: Sample) -> Example:
        """Read one object: its part of the photo."""
        import numpy as np

        whole = super().read(sample)
        rows, columns = whole.value.shape[:2]
        edges = np.rint(whole.labels[-1] * (rows, columns, rows, columns)).astype(int).tolist()
        top, left, bottom, right = edges
        return whole._replace(value=np.ascontiguousarray(whole.value[top:bottom, left:right]))

    def _skeleton(self, root: Path, files: Mapping[str, Path]) -> Skeleton:
        """Give the one kind of object that has points.

        Raises:
            DataError: there is none, or there are several, or files differ.
        """
        found = {
            one
            for path in files.values()
            for one in skeletons(load(path, root)["categories"]).values()
            if self.classes is None or one.label in self.classes
        }
        if not found:
            wanted = f" called {', '.join(map(plain, self.classes))}" if self.classes else ""
            raise DataError(
                f"data.root: no category of '{self.root}'{wanted} has a list 'keypoints' of names; expected COCO's "
                f"keypoint annotations."
            )
        if len({one.label for one in found}) > 1:
            names = ", ".join(sorted(plain(one.label) for one in found))
            raise DataError(
                f"data.classes: '{self.root}' has points of {names}; choose one, e.g. data.classes=[person]."
            )
        if len(found) > 1:
            raise DataError(
                f"data.root: files of '{self.root}' name the points of '{next(iter(found)).label}' differently."
            )
        return found.pop()

    def _sigmas(self, skeleton: Skeleton) -> tuple[float, ...]:
        try:
            sigmas = sigmas_of(skeleton.names, self.sigmas)
        except ValueError as error:
            raise DataError(f"data.sigmas: {error}; name one for each point.") from error
        if self.augment.get("flip") and self.augment.get("enabled", True):
            try:
                mirrored(skeleton.names)
            except ValueError as error:
                raise DataError(
                    f"data.augment.flip: {error}, so that a mirror cannot exchange them; set data.augment.flip=false."
                ) from error
        return sigmas

    def _remarks(self, skeleton: Skeleton, sigmas: tuple[float, ...]) -> tuple[str, ...]:
        said = [
            f"data: each object '{plain(skeleton.label)}' is a sample, cut out with a margin of {self.margin:g}"
        ]
        if self.sigmas is None and not all(name.lower() in COCO for name in skeleton.names):
            said.append(
                f"data: not all points are COCO's, so that oks takes a sigma of {sigmas[0]:g} for each"
            )
        if self.augment.get("flip") and self.augment.get("enabled", True):
            twins = mirrored(skeleton.names)
            pairs = [
                f"{skeleton.names[k]} with {skeleton.names[twin]}" for k, twin in enumerate(twins) if k < twin
            ]
            what = (
                f"exchanges {', '.join(map(plain, pairs))}"
                if pairs
                else "exchanges no points, since none has a side"
            )
            said.append(f"data: a mirrored picture {what}")
        return tuple(said)

    def _objects(
        self, root: Path, split: str, path: Path, skeleton: Skeleton, look: Look, dropped: list[Dropped]
    ) -> list[_Object]:
        """Give the objects of a file, in its order of photos."""
        left_out: list[Dropped] = []
        annotations = Annotations(root, split, path, left_out)
        listed = annotations.images({})
        content = load(path, root)
        ids = {id_of(one) for one, kind in skeletons(content["categories"]).items() if kind == skeleton}
        by_number: dict[str, Any] = {}
        for place, one in enumerate(content["annotations"]):
            if (
                isinstance(one, dict)
                and id_of(one.get("category_id")) in ids
                and one.get("iscrowd") not in CROWDS
            ):
                number = str(one.get("id", place))
                if number in by_number:
                    raise DataError(
                        f"data.root: {plain(annotations.source)} has two annotations of the id {plain(number, 40)}; "
                        f"ids must differ, or points would go to the wrong object."
                    )
                by_number[number] = one
        dropped += left_out
        facts = looked_at([image.path for image in listed], look)
        return [
            one
            for image, known in zip(listed, facts, strict=True)
            for one in self._of_photo(image, known, by_number, skeleton, dropped)
        ]

    def _of_photo(
        self,
        image: Listed,
        facts: FileFacts,
        by_number: Mapping[str, Any],
        skeleton: Skeleton,
        dropped: list[Dropped],
    ) -> list[_Object]:
        problem = facts.problem or misfit(image, facts, False)
        if problem:
            dropped.append(Dropped(image.key, problem))
            return []
        height, width = image.height or facts.height, image.width or facts.width
        found, unmarked = [], 0
        for raw in image.objects:
            number = raw.number.partition(" of ")[0]
            annotation = by_number.get(number)
            if annotation is None:
                continue
            box, reason = fitted(raw, height, width)
            fault = reason if box is None else fault_of(annotation, skeleton.names, height, width)
            if box is None or fault:
                dropped.append(Dropped(image.source, f"annotation {raw.number} {fault}: not used"))
            elif not any(annotation["keypoints"][2::3]):
                unmarked += 1
            else:
                one = pointed(annotation, box, height, width)
                size = (facts.height, facts.width)
                found.append(_Object(f"{image.key}#{number}", image.path, facts.digest, size, one))
        if unmarked:
            said = f"{unmarked} object{'s' * (unmarked > 1)} without a marked point: not used"
            dropped.append(Dropped(image.key, said))
        return found

    def _sample(self, one: _Object, sigmas: tuple[float, ...]) -> Sample:
        part, cut, size = cut_out(one.found, self.margin, one.size)
        rows = [(*point[:2], float(point[2]), sigma) for point, sigma in zip(cut.points, sigmas, strict=True)]
        numbers = (*rows, (float(size[0]), float(size[1]), cut.area, 0.0), part)
        content = digest.of_json([one.digest, cut.box, numbers])
        return Sample(key=one.key, digest=content, path=one.path, boxes=(cut.box,), numbers=numbers)

    def code(self) -> tuple[str, ...]:
        """Name what cuts objects out."""
        return ("tflbuild.data.layouts.coco_points",)
