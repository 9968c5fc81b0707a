"""Files of data that others made, altered byte by byte: one sentence or an index, and never anything else."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from support.records import boxed, classed, png, write
from tflbuild.core.dataset import Dataset, Index
from tflbuild.core.errors import DataError
from tflbuild.data.auto import Auto
from tflbuild.data.csv import Csv
from tflbuild.data.tfrecord import TfRecord
from tflbuild.data.yolo import Yolo
from tflbuild.modalities.image.files import inspect

MAP = "item { id: 1 name: 'cat' display_name: \"Cat\" }\nitem {\n  name: 'dog'\n  id: 2 }\n"


def photos(root: Path, folder: str, count: int = 6) -> None:
    (root / folder).mkdir(parents=True)
    for number in range(count):
        (root / folder / f"{number}.png").write_bytes(png(number))


def yolo(root: Path) -> None:
    photos(root, "images")
    (root / "labels").mkdir()
    for number in range(6):
        (root / f"labels/{number}.txt").write_text("0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.3 0.1 0.2 0.4\n")
    (root / "data.yaml").write_text("path: .\ntrain: images\nnc: 2\nnames:\n  0: cat\n  1: dog\n")


def darknet(root: Path) -> None:
    photos(root, "data")
    for number in range(6):
        (root / f"data/{number}.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (root / "obj.names").write_text("cat\ndog\n")
    (root / "obj.data").write_text("classes = 2\ntrain = train.txt\nnames = obj.names\n")
    (root / "train.txt").write_text("".join(f"data/{number}.png\n" for number in range(6)))


def records(root: Path) -> None:
    write(root / "all.record", *(boxed(n, (1, "cat", 0.25, 0.5, 0.75, 1.0)) for n in range(6)))
    (root / "label_map.pbtxt").write_text(MAP)


def classes(root: Path) -> None:
    write(root / "all.record", *(classed(n, 1 + n % 2, ("cat", "dog")[n % 2]) for n in range(8)))
    (root / "label_map.pbtxt").write_text(MAP)


def table(root: Path) -> None:
    photos(root, "images")
    rows = "".join(f"{n}.png,40,20,cat,4,5,20,15,train\n" for n in range(6))
    (root / "a.csv").write_text("filename,width,height,class,xmin,ymin,xmax,ymax,split\n" + rows)


SETS: dict[str, tuple[Callable[[Path], None], type[Dataset]]] = {
    "yolo": (yolo, Yolo),
    "darknet": (darknet, Yolo),
    "records": (records, TfRecord),
    "records of classes": (classes, TfRecord),
    "table": (table, Csv),
}

BYTES = b"\0\n\r\t \"'\\{}[]<>:;,|#-+.0129eEnx\xff\xc3"


def altered(content: bytes, chance: random.Random) -> bytes:
    """Change, take out, put in, repeat or cut off something."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5))):
        start = chance.randrange(len(changed) + 1)
        stop = min(len(changed), start + chance.choice((0, 1, 1, 4, 30)))
        way = chance.randrange(4)
        if way == 0:
            changed[start:stop] = bytes(chance.choice(BYTES) for _ in range(chance.choice((0, 1, 3))))
        elif way == 1:
            changed[start:stop] = changed[start:stop] * chance.choice((0, 2, 3))
        elif way == 2:
            changed[start:start] = str(chance.choice((-1, 0, 1, 2, 10**30, 1.5, "nan", "1e999"))).encode()
        elif chance.random() < 0.2:
            del changed[start:]
    return bytes(changed)


@pytest.mark.parametrize("what", SETS)
def test_altered_files_are_one_sentence_or_an_index(what: str, tmp_path: Path) -> None:
    make, kind = SETS[what]
    make(tmp_path)
    root = str(tmp_path)
    assert isinstance(kind(root=root).index(inspect), Index)  # type: ignore[call-arg]
    files = [path for path in sorted(tmp_path.rglob("*")) if path.is_file() and path.suffix != ".png"]
    chance = random.Random(what)
    refusals = []
    for _ in range(250):
        path = chance.choice(files)
        sound = path.read_bytes()
        path.write_bytes(altered(sound, chance))
        refusals.append(refusal(kind(root=root)) or refusal(Auto(root=root)))  # type: ignore[call-arg]
        path.write_bytes(sound)
    said = [text for text in refusals if text]
    assert len(said) > 10, "altering does something"
    assert [text for text in said if not text.startswith("data.") or "\n" in text] == []


def refusal(data: Dataset) -> str:
    """Give the sentence with which data are refused; "" where they are not."""
    try:
        data.resolved()[0].index(inspect)
    except DataError as error:
        return str(error)
    return ""
