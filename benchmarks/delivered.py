"""Print the SHA-256 of what small builds deliver: `python benchmarks/delivered.py --fashion-mnist FOLDER`.

Two commits that print the same first digest of a recipe deliver the same bytes. The second is of what the last pass
gave, but for the facts that tflbuild writes into it: a delivery adds metadata to that. Four recipes are built with few
steps and images, in a temporary folder with a store of its own; ResNet's images are Fashion-MNIST
(`apt-get install dataset-fashion-mnist`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

GATES = ["convert.budget=null", "quantize.budget=null", "budget=null", "train.steps=40"]
PRUNED = ["prune.budget=null", "prune.steps=20"]
SIGNS = ["data.train=200", "data.val=40", "data.test=60", *PRUNED]
BUILDS = {
    "ssd_mobilenet_int8": [*SIGNS, *GATES],
    "ssd_mobilenet_qat": [*SIGNS, "qat.steps=20", "qat.budget=null", "convert.budget=null", *GATES[2:]],
    "mobilenet_v1_int8": [*SIGNS, *GATES],
    "resnet_int8": ["data.train=400", "data.val=100", "data.test=200", *GATES],
}


def main() -> None:
    """Print a line for each recipe: its digest, and the digest of what each pass gave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fashion-mnist", default="/usr/share/datasets/fashion-mnist")
    options = parser.parse_args()
    data = Path(options.fashion_mnist).resolve()
    with tempfile.TemporaryDirectory(prefix="tflbuild-delivered-") as folder:
        for recipe, words in BUILDS.items():
            more = [f"data.root={data}"] if recipe == "resnet_int8" else []
            print(f"{recipe:<20} {digests(Path(folder), recipe, [*words, *more])}", flush=True)


def digests(folder: Path, recipe: str, words: list[str]) -> str:
    """Build a recipe; give the SHA-256 of its file, and of each pass's."""
    command = [sys.executable, "-m", "tflbuild", f"recipe={recipe}", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"exit code {done.returncode}: {done.stderr or done.stdout}"
    run = folder / "outputs" / recipe / "latest"
    passes = json.loads((run / "report.json").read_text())["passes"]
    (last,) = (folder / "outputs").rglob(f"blobs/{passes[-1]['output']}")
    contents = ((run / "model.tflite").read_bytes(), without_facts(last.read_bytes()))
    sha256, bare = (hashlib.sha256(each).hexdigest() for each in contents)
    return " ".join([sha256, f"bare={bare}", *(f"{one['label']}={one['output'][:12]}" for one in passes)])


def without_facts(content: bytes) -> bytes:
    """Give a file with empty facts in the place of its own."""
    try:
        from tflbuild.tflite import flatbuffer
    except ImportError:  # a commit from before the rooms
        from tflbuild.backends import flatbuffer
    if hasattr(flatbuffer, "with_facts"):  # one from before algorithms took graphs
        bare: bytes = flatbuffer.with_facts(content, {})
        return bare
    model = flatbuffer.unpack(content)
    flatbuffer.write_facts(model, {})
    return flatbuffer.pack(model)


if __name__ == "__main__":
    main()
