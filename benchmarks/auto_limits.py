"""Say what the error of `quantize.method=auto` is made of: `python benchmarks/auto_limits.py`.

For each file the error of the int8 file, scores in int8, and the errors with only a part of the rounding put into the
float model: weights alone, activations alone, inputs, outputs, the costliest tensors. Then what each step of the
quantization gave. All on the val split, of which nothing is calibrated on and nothing is chosen by; in units of each
output's own mean absolute deviation. Parts do not add up: noise that is independent adds by its squares. Needs the
files of `../shared`, as `benchmarks/files.py` does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import files

CASES = [(name, file, data, words) for name, file, data, words, _ in files.CASES if file.endswith(".tflite")]
CASES += [("MobileNet v2 0.35, ONNX", "onnx/mobilenet_v2_0.35_128.onnx", "photos", [])]
WORDS = ["quantize.method=fixed", "quantize.budget=null", "budget=null", "analyses={error_parts: {}}"]


def main() -> None:
    """Print a table for each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a part of the names of the files to take")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tflbuild-auto-limits-") as name:
        folder = Path(name)
        files.prepare(folder)
        for title, file, data, words in CASES:
            if options.only in title:
                table(folder, title, [f"model.path={files.MODELS / file}", f"data.root={data}", *words])


def table(folder: Path, title: str, words: list[str]) -> None:
    """Build one file and print its parts."""
    report = files.build(folder, [*words, *WORDS])
    (found,) = (one["findings"] for one in report["analyses"] if one["name"] == "error_parts")
    if not found:
        sys.exit(f"{title}: nothing was measured")
    print(f"\n{title}, {found[0]['samples']} samples\n\n| part | error | of all |\n|---|---|---|")
    for row in found:
        print(f"| {row['part']} | {row['error']:.4g} | {row['error'] / found[0]['error']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
