"""Each noun that a plugin may add is one file: the blocks of docs/extending.md, written to `./plugins/` and used."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from jsonschema import Draft202012Validator

from plugin_folder import forget_plugins
from tflbuild import plugins
from tflbuild.commands.listing import REGISTRIES
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.metric import METRICS
from tflbuild.core.modality import MODALITIES, Batch
from tflbuild.core.task import TASKS
from tflbuild.tflite.assemble import Step, Tensors, assemble

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
LONGEST = 15
"""Lines of code that a block of the page may have, imports apart."""

DECLARED = {
    "tasks": "count",
    "modalities": "dates",
    "formats": "packed",
    "runtimes": "by_child",
    "analyses": "far_weights",
    "commands": "hello",
    "targets": "board",
    "metrics": "flash_share",
}
"""The name that the page declares, by the kind of what it is."""

MINE = '''
import numpy as np
from tflbuild import Meaning, Pass, PassContext, TFLiteModel, compiler_pass
from tflbuild.core.compiler_pass import Architecture, architecture
from tflbuild.core.dataset import Dataset, Example, Index, Sample, dataset
from tflbuild.core.target import Target, target


@architecture("toy_net")
class ToyNet(Architecture):
    """Nothing that is built."""

    task = "count"

    def resolution(self):
        return 8


@dataset("dots")
class Dots(Dataset):
    """Black pictures with as many white pixels as they have objects."""

    task = "count"

    def index(self, look):
        def split(name, first):
            keys = [f"{name}{k}" for k in range(first, first + 12)]
            return tuple(Sample(key=key, digest=key, labels=(0,) * (1 + k % 3)) for k, key in enumerate(keys))
        return Index(classes=("dot",), splits={name: split(name, k) for k, name in enumerate(("train", "val", "test"))})

    def read(self, sample):
        pixels = np.zeros((8, 8, 3), np.uint8)
        pixels[0, : len(sample.labels)] = 255
        boxes = np.zeros((len(sample.labels), 4), np.float32)
        return Example(pixels, boxes, np.array(sample.labels, np.int32))


@dataset("days")
class Days(Dataset):
    """Every seventh day of a year, without labels."""

    task = "unlabelled"
    modality = "dates"

    def index(self, look):
        import datetime
        days = [str(datetime.date(2026, 1, 1) + datetime.timedelta(days=7 * k)) for k in range(48)]
        samples = [Sample(key=day, digest=day) for day in days]
        parts = {"train": samples[:24], "val": samples[24:36], "test": samples[36:]}
        return Index(classes=(), splits={name: tuple(part) for name, part in parts.items()})

    def read(self, sample):
        return Example(sample.key, np.zeros((0, 4)), np.zeros((0,)))


@compiler_pass("counting")
class Counting(Pass):
    """A file that sums pixels: with values in [-1, 1), 96 of a white pixel's 192 numbers."""

    def run(self, model: None, ctx: PassContext) -> TFLiteModel:
        from pathlib import Path
        facts = Meaning.of_image(task="count", height=8, width=8, labels=("dot",), preprocess=dict(ctx.preprocess))
        from tflbuild.tflite import flatbuffer
        file = flatbuffer.unpack(Path("count.tflite").read_bytes())
        flatbuffer.write_facts(file, facts.to_json())
        return ctx.emit(TFLiteModel, flatbuffer.pack(file), facts=facts.to_json())


@compiler_pass("load_packed")
class LoadPacked(Pass):
    """Take a packed file in."""

    def reads(self):
        return ("data.train",)

    def run(self, model: None, ctx: PassContext) -> TFLiteModel:
        import gzip
        from tflbuild.passes.load_tflite import meaning_of
        (path,) = ctx.model_spec.files()
        facts = meaning_of(ctx.model_spec.description, ctx, path)
        return ctx.emit(TFLiteModel, gzip.open(path).read(), facts=facts.to_json())


@target("far_away")
class FarAway(Target):
    """A device whose files a child process executes."""

    runtime = "by_child"
'''

TOY = """\
# @package _global_
defaults:
  - /model: toy_net
  - /data: dots
  - /target: [cpu, board, far_away]
  - /passes@counting: counting
  - _self_
pipeline: [counting]
budget: {flash_share: {max: 1}, count_error: {max: 0.01}}
"""


def blocks() -> dict[str, list[str]]:
    """Give the code blocks of the page by the file that their first line names."""
    found: dict[str, list[str]] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        first, _, rest = block.partition("\n")
        found.setdefault(first.removeprefix("# plugins/"), []).append(rest)
    return found


def dense(given: str, shape: tuple[int, ...], weights: Any, bias: Any, name: str) -> bytes:
    """Give a `.tflite` of one dense layer."""
    kind, options = schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT()
    tensors: Tensors = {
        given: shape,
        "weights": np.asarray(weights, np.float32),
        "bias": np.asarray(bias, np.float32),
        name: (1, len(bias)),
    }
    step = Step(schema.BuiltinOperator.FULLY_CONNECTED, [given, "weights", "bias"], [name], kind, options)
    return assemble(tensors, [step], [given], [name])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with the plugins of the page, and with data and models for them."""
    monkeypatch.chdir(tmp_path)
    for folder in ("plugins", "recipes", "recipes/data", "recipes/model", "recipes/target"):
        Path(folder).mkdir()
    for name, parts in blocks().items():
        Path("plugins", name).write_text("\n\n".join(parts))
    Path("plugins", "mine.py").write_text(MINE)
    for kind, name in (("data", "dots"), ("data", "days"), ("model", "toy_net")):
        Path("recipes", kind, f"{name}.yaml").write_text(f"type: {name}\n")
    for name in ("board", "far_away"):
        Path("recipes/target", f"{name}.yaml").write_text(f"# @package target.{name}\ntype: {name}\n")
    Path("recipes/toy.yaml").write_text(TOY)
    # A white pixel is three numbers of 127/128 instead of -1: 3 * 255 / 128 more than black.
    weights = np.full((1, 192), 128 / (3 * 255))
    content = dense("image", (1, 8, 8, 3), weights, [192 * 128 / (3 * 255)], "count")
    Path("count.tflite").write_bytes(content)
    return tmp_path


def tflbuild(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tflbuild", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_page_shows_each_kind_in_few_lines() -> None:
    assert len(blocks()) == 7
    for name, parts in blocks().items():
        for part in parts:
            lines = [
                line for line in part.splitlines() if line.strip() and not line.startswith(("from", "import"))
            ]
            assert len(lines) <= LONGEST, name


@pytest.mark.usefixtures("here")
def test_what_a_plugin_declares_is_listed_and_described() -> None:
    loaded = plugins.load(Path("plugins").resolve())
    try:
        assert loaded.broken == {}
        for kind, name in DECLARED.items():
            assert name in REGISTRIES[kind], kind
            assert REGISTRIES[kind].get(name).__module__.startswith(plugins.LOCAL_PACKAGE)
    finally:
        forget_plugins()


@pytest.mark.usefixtures("here")
def test_the_toy_task_has_targets_a_loss_and_a_metric_of_its_own() -> None:
    plugins.load(Path("plugins").resolve())
    try:
        task = TASKS.get("count")()
        meaning = Meaning(task="count", inputs={"x": Input(modality="dates", shape=(2,))})
        batch = Batch(np.zeros((2, 2)), [], [np.zeros(3), np.zeros(1)])
        _, counts = task.targeting(meaning)(batch)
        assert counts.tolist() == [3.0, 1.0]
        # By hand: |2.5 - 3| and |1 - 1|.
        assert task.loss(None, None)(np.array([[2.5], [1.0]]), (counts,)).tolist() == [0.5, 0.0]
        found = METRICS.get("count_error")().measure(  # type: ignore[attr-defined]
            {"count": np.array([2.0, 4.0])}, {"count": np.array([1.0, 4.0])}
        )
        assert (found.value, found.n) == (0.5, 2)
        # The 1st of January is one day of 365.25 along the circle.
        code = MODALITIES.get("dates")().encode("2026-01-01", (2,)).codes
        assert code == pytest.approx([0.01720, 0.99985], abs=1e-5)
    finally:
        forget_plugins()


@pytest.mark.slow
def test_a_build_uses_a_task_a_runtime_an_analysis_and_targets_of_plugins(here: Path) -> None:
    built = tflbuild("recipe=toy", "analyses=[far_weights]")
    assert built.returncode == 0, built.stdout + built.stderr
    run = here / "outputs" / "toy" / "latest"
    report = json.loads((run / "report.json").read_text())
    by_target = {target["name"]: target for target in report["targets"]}
    assert by_target["board"]["metrics"]["flash_share"]["value"] == by_target["board"]["bytes"] / 262144
    assert by_target["far_away"]["metrics"]["count_error"]["kernels"] == "child"
    assert by_target["cpu"]["metrics"]["count_error"]["kernels"] == "xnnpack"
    assert by_target["cpu"]["metrics"]["count_error"]["value"] < 1e-4
    entry, times = report["analyses"]
    assert times["name"] == "operator_times"
    assert entry["name"] == "far_weights"
    declared = json.loads(tflbuild("schema", "analyses.far_weights").stdout)
    assert declared["items"]["properties"]["bytes"] == {"type": "integer", "minimum": 0}
    assert list(Draft202012Validator(declared).iter_errors(entry["findings"])) == []
    assert entry["findings"][0]["text"].endswith("looked at beside 12 samples")
    assert "looked at beside 12 samples" in built.stdout
    assert "looked at beside 12 samples" in (run / "report.html").read_text()
    picture = here / "dots.png"
    from PIL import Image

    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[0, :2] = 255
    Image.fromarray(pixels).save(picture)
    said = tflbuild("predict", str(run / "cpu" / "model.tflite"), str(picture))
    assert "2.0 objects" in said.stdout, said.stdout + said.stderr


@pytest.mark.slow
def test_a_build_uses_a_modality_and_a_format_of_plugins(here: Path) -> None:
    import gzip

    rng = np.random.default_rng(0)
    made = dense("day", (1, 2), rng.normal(size=(3, 2)), [0.1, 0.2, 0.3], "season")
    with gzip.open("year.tflite.gz", "wb") as file:
        file.write(made)
    built = tflbuild("recipe=int8", "model.path=year.tflite.gz", "data=days", "quantize.method=fixed")
    assert built.returncode == 0, built.stdout + built.stderr
    report = json.loads((here / "outputs/int8/latest/report.json").read_text())
    assert report["targets"][0]["metrics"]["fidelity"]["value"] > 0.99
    facts = report["passes"][-1]
    assert facts["outcome"] == "ran"


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_a_command_of_a_plugin_is_run_listed_and_helped_with() -> None:
    assert tflbuild("hello", "Ada").stdout == "hello, Ada\n"
    assert "hello NAME" in tflbuild("--help").stdout
    assert "greet somebody" in tflbuild("list", "commands").stdout
    assert "tflbuild hello NAME" in tflbuild("describe", "hello").stdout
