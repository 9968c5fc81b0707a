"""Hold delivered files to MediaPipe Tasks: `python benchmarks/mediapipe_tasks.py FILE... --pictures FOLDER`.

MediaPipe's ImageClassifier or ObjectDetector opens each file by its metadata alone and answers for pictures that have
the input's size already, so that no resize plays a part; `tflbuild predict` answers for the same pictures. A row says
how many answers were compared, of how many the label is the same, and the largest difference of a score and of a side
of a box, which Tasks round to pixels. Of classes these are the five surest, of objects those with a score of `--least`.
Of several classes in one box ObjectDetector keeps the surest: the last column counts what it leaves out, and says how
much of that a surer object covers at least (1.00: all of it).

`mediapipe` wants other versions of packages: `--python` or $TFLBUILD_MEDIAPIPE names the Python of an environment with
it, e.g. made by `python -m venv ENV && ENV/bin/pip install mediapipe`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from tflbuild import plugins
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.cache import cache_folder
from tflbuild.core.meaning import Meaning
from tflbuild.show.prediction import predict
from tflbuild.tflite.flatbuffer import read_facts

VARIABLE = "TFLBUILD_MEDIAPIPE"
ANSWERS = Path(__file__).with_name("mediapipe_answers.py")
SUFFIXES = (".jpg", ".jpeg", ".png")
LEAST = 0.1
"""Score of an object that is compared, if nobody says another."""


class Said(NamedTuple):
    """An answer: label, score, and left, top, right, bottom in pixels; () for a class."""

    label: str
    score: float
    box: tuple[float, ...] = ()


class Row(NamedTuple):
    """The comparison of a file: pictures, answers, same labels, the largest differences, and what Tasks leave out.

    Attributes:
        suppressed: see the function.
    """

    pictures: int
    compared: int
    same: int
    score: float
    box: float
    suppressed: list[float]


def main() -> None:
    """Print a row for each file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--count", type=int, default=32)
    parser.add_argument("--least", type=float, default=LEAST)
    parser.add_argument("--python", default=python(), help=f"by default ${VARIABLE}")
    options = parser.parse_args()
    if not options.python:
        sys.exit(f"neither --python nor ${VARIABLE} names a Python that has mediapipe")
    plugins.load(None)
    pictures = sorted(path for path in options.pictures.rglob("*") if path.suffix.lower() in SUFFIXES)
    print(f"{'file':<60} pictures  answers  same label  score differs  box differs  left out")
    for file in options.files:
        row = compared(file, pictures[: options.count], options.python, options.least)
        print(f"{str(file)[-60:]:<60} {row if isinstance(row, str) else told(row)}")


def python() -> str:
    """Find a Python that has mediapipe: $TFLBUILD_MEDIAPIPE, or an environment `mediapipe` in the cache folder."""
    made = sorted(cache_folder("environments").glob("mediapipe-*/bin/python"))
    return os.environ.get(VARIABLE) or (str(made[-1]) if made else "")


def told(row: Row) -> str:
    """Give a row's columns."""
    gone = f"{len(row.suppressed)}, IoU from {min(row.suppressed):.2f}" if row.suppressed else "0"
    numbers = f"{row.pictures:>8} {row.compared:>8} {row.same:>11} {row.score:>14.6f} {row.box:>9.2f} px"
    return f"{numbers}  {gone}"


def compared(file: Path, pictures: Sequence[Path], python: str, least: float = LEAST) -> Row | str:
    """Compare a file's answers; gives the sentence of Tasks where it does not open the file."""
    facts = Meaning.of(TFLiteModel(path=file, digest="", fingerprint="", meta={"facts": read_facts(file)}))
    with tempfile.TemporaryDirectory(prefix="tflbuild-tasks-") as folder:
        made = sized(pictures, facts.only.shape, Path(folder))
        found = answers(facts.task, file, made, python)
        if isinstance(found, str):
            return found
        theirs = [[within(one, facts.only.shape) for one in said] for said in found]
        ours = ours_of(file, made, facts.only.shape, Path(folder, "drawn"))
    pairs = [pair for own, other in zip(ours, theirs, strict=True) for pair in matched(own, other, least)]
    gone = [one for own, other in zip(ours, theirs, strict=True) for one in suppressed(own, other, least)]
    return Row(
        len(made),
        len(pairs),
        sum(own.label == other.label for own, other in pairs),
        max((abs(own.score - other.score) for own, other in pairs), default=0.0),
        max((apart(own.box, other.box) for own, other in pairs), default=0.0),
        gone,
    )


def sized(pictures: Sequence[Path], shape: Sequence[int], folder: Path) -> list[Path]:
    """Write pictures at the input's size, without loss."""
    made = []
    for number, picture in enumerate(pictures):
        path = folder / f"{number:03}.png"
        Image.open(picture).convert("RGB").resize((shape[1], shape[0]), Image.Resampling.BILINEAR).save(path)
        made.append(path)
    return made


def answers(task: str, file: Path, pictures: Sequence[Path], python: str) -> list[list[Said]] | str:
    """Ask MediaPipe Tasks, in its own Python."""
    command = [python, str(ANSWERS), task, str(file), *map(str, pictures)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return [[_said(*one) for one in json.loads(line)] for line in done.stdout.splitlines()]


def _said(label: str, score: float, box: Any) -> Said:
    left, top, width, height = box or (0, 0, 0, 0)
    return Said(label, score, (left, top, left + width, top + height) if box else ())


def within(one: Said, shape: Sequence[int]) -> Said:
    """Cut a box off at the picture's sides, as `predict` does and Tasks do not."""
    height, width = shape[:2]
    return one._replace(
        box=tuple(min(max(side, 0), most) for side, most in zip(one.box, (width, height) * 2, strict=False))
    )


def ours_of(file: Path, pictures: Sequence[Path], shape: Sequence[int], folder: Path) -> list[list[Said]]:
    """Give what `tflbuild predict` says, boxes in pixels."""
    height, width = shape[:2]
    found = []
    for one in predict(file, pictures, folder, least_score=0.0):
        boxes = [answer.box for answer in one.found]
        sides = [(x0 * width, y0 * height, x1 * width, y1 * height) for y0, x0, y1, x1 in filter(None, boxes)]
        found.append(
            [
                Said(a.label, a.score, box)
                for a, box in zip(one.found, sides or [()] * len(boxes), strict=True)
            ]
        )
    return found


def matched(ours: Sequence[Said], theirs: Sequence[Said], least: float = LEAST) -> list[tuple[Said, Said]]:
    """Pair each class of ours with that of theirs by its label, and each object of theirs with the nearest of ours."""
    if not any(one.box for one in (*ours, *theirs)):
        left: dict[str, list[Said]] = {}
        for one in theirs:  # two classes may have one name, as ImageNet's two cranes
            left.setdefault(one.label, []).append(one)
        return [(one, left[one.label].pop(0) if left.get(one.label) else Said("", 0.0)) for one in ours]
    sure = [one for one in theirs if one.score >= least]
    return [(min(ours, key=lambda own: _distance(own, one), default=Said("", 0.0)), one) for one in sure]


def _distance(one: Said, other: Said) -> tuple[bool, float]:
    return one.label != other.label, apart(one.box, other.box) + abs(one.score - other.score)


def suppressed(ours: Sequence[Said], theirs: Sequence[Said], least: float = LEAST) -> list[float]:
    """Give for each object of ours that Tasks leave out how much of it a surer one of theirs covers, as IoU.

    Of several classes in one box Tasks keep the surest.
    """
    kept = [own for own, _ in matched(ours, theirs, 0.0)]
    gone = [one for one in ours if one.box and one.score >= least and one not in kept]
    return [
        max((overlap(one.box, other.box) for other in kept if other.score >= one.score), default=0.0)
        for one in gone
    ]


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Give the intersection of two boxes over their union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def apart(one: Sequence[float], other: Sequence[float]) -> float:
    """Give how far two boxes are apart at most, in pixels; a missing one is far."""
    if len(one) != len(other):
        return 1e6
    return max((abs(a - b) for a, b in zip(one, other, strict=True)), default=0.0)


if __name__ == "__main__":
    main()
