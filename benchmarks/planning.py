"""Time planning with large data sets: `python benchmarks/planning.py`.

Makes 100,000 small files of distinct content in a temporary folder, as a folder of images a class, as Pascal VOC (half
of them annotations) and as COCO; plans a recipe on each, first with every file unknown, then unchanged; prints seconds,
and whether the bar is held. Takes two minutes, nearly all of it for making the files and reading them first.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

CLASSES = 10
BAR = 3.0
"""Seconds that a plan of 100,000 unchanged files may take, start-up included."""


def main() -> None:
    """Print two lines a layout; end with 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("layouts", nargs="*", default=list(LAYOUTS), help=f"of {', '.join(LAYOUTS)}")
    options = parser.parse_args()
    held = True
    for layout in options.layouts:
        with tempfile.TemporaryDirectory(prefix="tflbuild-planning-") as name:
            held &= measure(layout, Path(name), options.files, options.runs)
    sys.exit(not held)


def measure(layout: str, folder: Path, files: int, runs: int) -> bool:
    """Make a data set and time plans on it; say whether the bar is held."""
    recipe, make = LAYOUTS[layout]
    make(folder / "data", files)
    time.sleep(2.5)  # what changed a moment ago is not trusted
    words = [f"recipe={recipe}", f"data={layout}", f"data.root={folder / 'data'}"]
    command = [sys.executable, "-m", "tflbuild", "plan", *words]
    print(
        f"{layout}: first plan of {files:,} files, each read: {timed(command, folder)[0]:.1f} s", flush=True
    )
    times = [timed(command, folder) for _ in range(runs)]
    seconds, processor = (statistics.median(column) for column in zip(*times, strict=True))
    spread = f"[{min(wall for wall, _ in times):.2f}, {max(wall for wall, _ in times):.2f}]"
    verdict = f"bar {BAR:g} s {'held' if seconds <= BAR else 'MISSED'}"
    print(
        f"{layout}: plan, unchanged: {seconds:.2f} s {spread}, {processor:.2f} s of processor; {verdict}",
        flush=True,
    )
    return bool(seconds <= BAR)


def make_folder(root: Path, files: int) -> None:
    """Write images in folders by class."""
    for label in range(CLASSES):
        (root / f"class_{label}").mkdir(parents=True)
    for number in range(files):
        (root / f"class_{number % CLASSES}" / f"{number:06d}.png").write_bytes(png(number))


def make_voc(root: Path, files: int) -> None:
    """Write as many images as annotations, with two objects each."""
    for name in ("Annotations", "JPEGImages"):
        (root / name).mkdir(parents=True)
    for number in range(files // 2):
        (root / "JPEGImages" / f"{number:06d}.png").write_bytes(png(number))
        (root / "Annotations" / f"{number:06d}.xml").write_text(annotation(number), encoding="utf-8")


def make_coco(root: Path, files: int) -> None:
    """Write images and one file of annotations, with two objects an image."""
    (root / "images").mkdir(parents=True)
    for number in range(files):
        (root / "images" / f"{number:06d}.png").write_bytes(png(number))
    content = {
        "images": [{"id": n, "file_name": f"{n:06d}.png", "width": 8, "height": 8} for n in range(files)],
        "categories": [{"id": label, "name": f"class_{label}"} for label in range(CLASSES)],
        "annotations": [
            {"id": n, "image_id": n // 2, "category_id": n % CLASSES, "bbox": [1, 1, 5, 6], "iscrowd": 0}
            for n in range(2 * files)
        ],
    }
    (root / "train.json").write_text(json.dumps(content), encoding="utf-8")


LAYOUTS: dict[str, tuple[str, Callable[[Path, int], None]]] = {
    "image_folder": ("mobilenet_v1_int8", make_folder),
    "voc": ("ssd_mobilenet_int8", make_voc),
    "coco": ("ssd_mobilenet_int8", make_coco),
}


def png(number: int) -> bytes:
    """Give an 8 x 8 picture whose colour and comment say a number."""
    row = b"\0" + bytes((number >> shift) & 255 for shift in (0, 8, 16)) * 8
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)),
        (b"tEXt", b"Comment\0%d" % number),
        (b"IDAT", zlib.compress(row * 8, 1)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def annotation(number: int) -> str:
    """Give a VOC annotation with two objects."""
    objects = "".join(
        f"<object><name>class_{(number + shift) % CLASSES}</name><difficult>0</difficult><bndbox><xmin>1</xmin>"
        "<ymin>1</ymin><xmax>6</xmax><ymax>7</ymax></bndbox></object>"
        for shift in (0, 1)
    )
    size = "<size><width>8</width><height>8</height><depth>3</depth></size>"
    return f"<annotation><filename>{number:06d}.png</filename>{size}{objects}</annotation>"


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Give wall and processor seconds of a command in a shell like a user's, with a cache folder of its own."""
    unwanted = ("TFLBUILD_STORE", "PYTHONDONTWRITEBYTECODE")
    environment = {key: value for key, value in os.environ.items() if key not in unwanted}
    environment |= {"XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=environment)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
