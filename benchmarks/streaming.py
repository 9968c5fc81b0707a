"""Measure the memory of every process of a build on many photos: `python benchmarks/streaming.py`.

Makes 10,000 photos of 640 x 480 pixels in a temporary folder, of two classes, as folders of classes and as TFRecords;
builds `recipe=int8` from a file of a classifier, with an empty store and a cold cache; prints the peak of every process
(VmHWM of /proc), and whether the bar is held. Takes about ten minutes a layout on 2 cores.
"""

from __future__ import annotations

import argparse
import io
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from tflbuild.data.layouts.record_files import masked_crc

BAR = 1.5
"""GB of memory that a process may take at its peak."""

MODEL = Path(__file__).resolve().parents[2] / "shared/models/mlperf_tiny/vww_96_float.tflite"
HEIGHT, WIDTH = 480, 640


def main() -> None:
    """Print a line for each process; end with 1 where one is over the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--model", type=Path, default=MODEL, help="a float .tflite of two classes")
    parser.add_argument("layouts", nargs="*", default=list(LAYOUTS), help=f"of {', '.join(LAYOUTS)}")
    options = parser.parse_args()
    held = True
    for layout in options.layouts:
        with tempfile.TemporaryDirectory(prefix="tflbuild-streaming-") as name:
            held &= measure(layout, Path(name), options.photos, options.model)
    sys.exit(not held)


def measure(layout: str, folder: Path, photos: int, model: Path) -> bool:
    """Make a data set, build on it and watch; say whether the bar is held."""
    make, words = LAYOUTS[layout]
    make(folder / "data", photos)
    size = sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())
    print(f"{layout}: {photos:,} photos of {WIDTH} x {HEIGHT}, {size / 1e6:,.0f} MB", flush=True)
    given = [f"model.path={model}", f"data.root={folder / 'data'}", *words]
    command = [sys.executable, "-m", "tflbuild", "recipe=int8", *given]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    started = time.monotonic()
    with (folder / "log").open("w") as log:
        build = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        peaks = watched(build)
    print(f"{layout}: ended with {build.returncode} after {time.monotonic() - started:.0f} s", flush=True)
    if build.returncode not in (0, 5):  # a classifier of something else may well be over budget on noise
        print((folder / "log").read_text()[-2000:])
        return False
    for number, (what, peak) in enumerate(peaks.values()):
        print(f"{layout}: process {number}, {what}: peak {peak / 1e9:.2f} GB", flush=True)
    worst = max(peak for _, peak in peaks.values()) / 1e9
    print(
        f"{layout}: worst {worst:.2f} GB, bar {BAR:g} GB {'held' if worst <= BAR else 'MISSED'}", flush=True
    )
    return worst <= BAR


def watched(build: subprocess.Popen[bytes]) -> dict[int, tuple[str, int]]:
    """Give the peak of every process of a build in bytes, looked at 20 times a second until it ends."""
    peaks: dict[int, tuple[str, int]] = {}
    top = psutil.Process(build.pid)
    while build.poll() is None:
        try:
            family = [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            break
        for process in family:
            peak = peak_of(process.pid)
            if peak:
                kept = peaks.get(process.pid)
                peaks[process.pid] = (
                    kept[0] if kept else name_of(process),
                    max(peak, kept[1] if kept else 0),
                )
        time.sleep(0.05)
    build.wait()
    return peaks


def peak_of(pid: int) -> int:
    """Give the largest resident memory that a process ever had, in bytes; 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(line.split()[1]) * 1024


def name_of(process: psutil.Process) -> str:
    """Give the end of a process's command."""
    try:
        return " ".join(process.cmdline())[-60:].replace("\n", " ")
    except psutil.Error:
        return "ended"


def photo(number: int) -> bytes:
    """Give a photo-like JPEG of some 40 kB, another for each number."""
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    pixels = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)).astype(np.int16)
    pixels += rng.integers(-8, 9, (HEIGHT // 2, WIDTH // 2, 1), dtype=np.int16).repeat(2, 0).repeat(2, 1)
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "jpeg", quality=85)
    return out.getvalue()


def make_classes(root: Path, photos: int) -> None:
    """Write photos in folders by class."""
    for label in range(2):
        (root / f"class_{label}").mkdir(parents=True)
    for number in range(photos):
        (root / f"class_{number % 2}" / f"{number:06d}.jpg").write_bytes(photo(number))


def make_records(root: Path, photos: int) -> None:
    """Write photos in ten shards, with a class each."""
    root.mkdir(parents=True)
    (root / "label_map.pbtxt").write_text('item { id: 1 name: "class_0" } item { id: 2 name: "class_1" }')
    for shard in range(10):
        with (root / f"all.record-{shard:05d}-of-00010").open("wb") as file:
            for number in range(shard, photos, 10):
                for part in framed(example(photo(number), number % 2 + 1)):
                    file.write(part)


def example(encoded: bytes, label: int) -> bytes:
    """Write a tf.train.Example with an image and its class."""
    image = entry("image/encoded", field(1, field(1, encoded)))
    return field(1, image + entry("image/class/label", field(3, field(1, bytes([label])))))


def entry(key: str, feature: bytes) -> bytes:
    """Write a feature with its key."""
    return field(1, field(1, key.encode()) + field(2, feature))


def field(number: int, content: bytes) -> bytes:
    """Write a field of bytes of a protocol buffer."""
    length, size = bytearray(), len(content)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + content


def framed(content: bytes) -> Iterator[bytes]:
    """Give a record's length, content and checksums."""
    head = struct.pack("<Q", len(content))
    yield head + struct.pack("<I", masked_crc(head))
    yield content
    yield struct.pack("<I", masked_crc(content))


LAYOUTS: dict[str, tuple[Callable[[Path, int], None], list[str]]] = {
    "image_folder": (make_classes, []),
    "tfrecord": (make_records, []),
}
"""How each layout is written, and further words of the command."""


if __name__ == "__main__":
    main()
