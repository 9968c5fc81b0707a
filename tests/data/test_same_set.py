"""One real set in every form of boxes: each reader gives the same photos, classes and boxes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support import records
from tflbuild.core import digest
from tflbuild.core.dataset import Dataset, FileFacts, Index, Sample
from tflbuild.data.auto import Auto
from tflbuild.data.coco import Coco
from tflbuild.data.csv import Csv
from tflbuild.data.tfrecord import TfRecord
from tflbuild.data.voc import Voc
from tflbuild.data.yolo import Yolo
from tflbuild.modalities.image.files import inspect

CLASSES = ("RBC", "WBC", "Platelets")
WIDTH, HEIGHT = 640, 480
FEW = 6
"""Photos of each split."""


def pixels(sample: Sample, classes: tuple[str, ...]) -> list[tuple[str, int, int, int, int]]:
    """Give the boxes of a sample as BCCD has them: class, xmin, ymin, xmax, ymax."""
    rows = []
    for label, (ymin, xmin, ymax, xmax) in zip(sample.labels, sample.boxes, strict=True):
        edges = (xmin * WIDTH, ymin * HEIGHT, xmax * WIDTH, ymax * HEIGHT)
        rows.append((classes[label], *map(round, edges)))
    return rows  # type: ignore[return-value]


def photo(root: Path, sample: Sample, folder: str) -> Path:
    assert sample.path is not None
    place = root / folder / Path(sample.path).name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(Path(sample.path).read_bytes())
    return place


def as_yolo(root: Path, source: Index) -> None:
    for split in ("train", "val", "test"):
        for sample in source.splits[split][:FEW]:
            stem = photo(root, sample, f"images/{split}").stem
            lines = [
                f"{CLASSES.index(name)} {(xmin + xmax) / 2 / WIDTH} {(ymin + ymax) / 2 / HEIGHT} "
                f"{(xmax - xmin) / WIDTH} {(ymax - ymin) / HEIGHT}\n"
                for name, xmin, ymin, xmax, ymax in pixels(sample, source.classes)
            ]
            (root / f"labels/{split}").mkdir(parents=True, exist_ok=True)
            (root / f"labels/{split}/{stem}.txt").write_text("".join(lines))
    listed = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASSES))
    (root / "data.yaml").write_text(
        f"train: images/train\nval: images/val\ntest: images/test\nnames:\n{listed}"
    )


def as_table(root: Path, source: Index) -> None:
    for split in ("train", "val", "test"):
        rows = ["filename,width,height,class,xmin,ymin,xmax,ymax\n"]
        for sample in source.splits[split][:FEW]:
            name = photo(root, sample, f"images/{split}").name
            for label, *edges in pixels(sample, source.classes):
                rows.append(f"{name},{WIDTH},{HEIGHT},{label},{','.join(map(str, edges))}\n")
        (root / f"{split}_labels.csv").write_text("".join(rows))


def as_coco(root: Path, source: Index) -> None:
    for split in ("train", "val", "test"):
        images: list[Any] = []
        boxes: list[Any] = []
        for sample in source.splits[split][:FEW]:
            name = photo(root, sample, split).name
            images.append({"id": len(images), "file_name": name, "width": WIDTH, "height": HEIGHT})
            for label, xmin, ymin, xmax, ymax in pixels(sample, source.classes):
                box = [xmin, ymin, xmax - xmin, ymax - ymin]
                of = {"image_id": len(images) - 1, "category_id": CLASSES.index(label) + 1}
                boxes.append({"id": len(boxes), "bbox": box, **of})
        categories = [{"id": number, "name": name} for number, name in enumerate(("cells", *CLASSES))]
        content = {"images": images, "annotations": boxes, "categories": categories}
        (root / split / "_annotations.coco.json").write_text(json.dumps(content))


def as_records(root: Path, source: Index) -> None:
    for split in ("train", "val", "test"):
        written = []
        for sample in source.splits[split][:FEW]:
            assert sample.path is not None
            path = Path(sample.path)
            features = records.boxed(
                0,
                *(
                    (CLASSES.index(name) + 1, name, xmin / WIDTH, ymin / HEIGHT, xmax / WIDTH, ymax / HEIGHT)
                    for name, xmin, ymin, xmax, ymax in pixels(sample, source.classes)
                ),
            )
            own: dict[str, Any] = {
                "image/encoded": [path.read_bytes()],
                "image/filename": [path.name.encode()],
            }
            written.append(features | own | {"image/height": [HEIGHT], "image/width": [WIDTH]})
        records.write(root / f"bccd_{split}.record", *written)
    listed = "".join(f"item {{ id: {n} name: '{name}' }}\n" for n, name in enumerate(CLASSES, start=1))
    (root / "label_map.pbtxt").write_text(listed)


FORMS: dict[type[Dataset], Callable[[Path, Index], None]] = {
    Yolo: as_yolo,
    Csv: as_table,
    Coco: as_coco,
    TfRecord: as_records,
}


@pytest.fixture(scope="module")
def bccd(shared_data: Path) -> Index:
    def look(path: Path) -> FileFacts:
        return FileFacts(digest.of_file(path), "", HEIGHT, WIDTH)

    return Voc(root=str(shared_data / "bccd")).index(look)


@pytest.mark.parametrize("kind", FORMS, ids=lambda kind: kind.__name__)
def test_every_form_of_a_real_set_gives_the_same_samples(
    kind: type[Dataset], bccd: Index, tmp_path: Path
) -> None:
    FORMS[kind](tmp_path, bccd)
    data = Auto(root=str(tmp_path)).resolved()[0]
    assert type(data) is kind
    found = data.index(inspect)
    assert found.dropped == ()
    assert set(found.classes) == set(CLASSES)
    assert found.classes == CLASSES or kind is Csv, "a table has names alone, in the order of letters"
    for split, samples in found.splits.items():
        assert len(samples) == FEW
        for sample, original in zip(samples, bccd.splits[split], strict=False):
            assert Path(sample.key).name == Path(original.key).name
            assert [found.classes[n] for n in sample.labels] == [bccd.classes[n] for n in original.labels]
            assert np.allclose(sample.boxes, original.boxes, atol=1e-6)
    first, original = found.splits["test"][0], bccd.splits["test"][0]
    assert np.array_equal(data.read(first).value, Voc().read(original).value)
