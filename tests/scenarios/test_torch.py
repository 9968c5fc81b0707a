"""Programs of torch.export, as a user runs them: exported by PyTorch, built, and held to what PyTorch computes."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest

import torch_files
from own_files import write_photos
from tflbuild.core.environment import ENVIRONMENTS
from workspace import Workspace

pytestmark = pytest.mark.slow

EXPORT = """
import torch
from torch.nn import functional as F

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.seen = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = torch.nn.BatchNorm2d(8)
        self.deep = torch.nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.last = torch.nn.Linear(8, 4)

    def forward(self, image):
        seen = F.hardswish(self.norm(self.seen(image)))
        kept, passed = F.relu6(self.deep(seen)).split([4, 4], 1)
        scores = self.last(torch.cat([passed, kept], 1).mean((2, 3))).softmax(1)
        return {"scores": scores, "map": seen}

torch.manual_seed(0)
batch = {"image": {0: torch.export.Dim("batch")}}
program = torch.export.export(Net().eval(), (torch.zeros(2, 3, 32, 32),), dynamic_shapes=batch)
torch.export.save(program, "net.pt2")
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Give a folder with photos."""
    folder = tmp_path_factory.mktemp("torch")
    write_photos(folder / "photos")
    return Workspace(folder)


def test_a_program_with_an_open_batch_and_two_outputs_is_built(
    here: Workspace, torch_environment: Path
) -> None:
    made = ENVIRONMENTS.get("torch")().made()
    assert made is not None
    subprocess.run([str(made.python), "-c", EXPORT], cwd=here.folder, check=True, capture_output=True)
    printed = here.run_apart("recipe=int8", "model.path=net.pt2", "data.root=photos", "quantize.method=fixed")
    assert "convert" not in printed
    report = here.report("int8")
    load, quantize = report["passes"]
    parity = load["notes"]["parity"]
    assert parity["of"].endswith("in PyTorch")
    assert parity["outputs"].keys() == {"scores", "map"}, "the keys of the mapping that the network gives"
    assert all(found["difference"] <= 1e-5 * found["size"] for found in parity["outputs"].values())
    assert report["targets"][0]["inputs"][0]["shape"] == [1, 32, 32, 3]
    assert quantize["outcome"] == "ran"
    assert "litert-torch 0.10.0, " in (
        here.folder / "outputs" / "int8" / "latest" / "recipe.lock.yaml"
    ).read_text(encoding="utf-8")


def test_what_is_computed_is_what_numpy_computes(here: Workspace, torch_environment: Path) -> None:
    """A program that no PyTorch wrote: softmax of a matrix times the pixels, channels first."""
    from ai_edge_litert.interpreter import Interpreter

    path = torch_files.written(here.folder / "linear.pt2")
    here.run_apart(
        "recipe=float16", "model.path=linear.pt2", "data.root=photos", "budget=null", "stop_after=load"
    )
    report = here.report("float16")
    assert report["passes"][0]["notes"]["parity"]["outputs"]["scores"]["images"] == 24
    blob = report["passes"][0]["output"]
    content = next((here.folder / "outputs" / "store" / "blobs").rglob(f"{blob}*"))
    runner = Interpreter(model_path=str(content)).get_signature_runner()
    image = np.random.default_rng(1).normal(size=(1, 8, 8, 3)).astype(np.float32)
    weights = np.frombuffer(zipfile.ZipFile(path).read("net/data/weights/weight_0"), "<f4").reshape(3, 192)
    logits = weights @ image[0].transpose(2, 0, 1).ravel()
    wanted = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    np.testing.assert_allclose(runner(x=image)["scores"][0], wanted, atol=1e-5)


def test_without_the_environment_a_build_ends_with_the_command_that_makes_it(
    here: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    torch_files.written(here.folder / "other.pt2")
    printed = here.run_apart("plan", "recipe=int8", "model.path=other.pt2", "data.root=photos", code=6)
    assert printed.splitlines()[-1] == (
        "error: pass 'load' needs the environment 'torch', which is not there; make it once: tflbuild setup torch"
    )
