"""A program of torch.export taken in, from the file to the kept `.tflite`.

In the place of PyTorch and litert-torch is a function that computes the linear layer of `torch_files` in NumPy, and
writes a `.tflite` of it by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import torch_files
from taken_in import Taken, softmax, stand_in, taken
from tflbuild.backends import torch_conversion
from tflbuild.backends.programs import torch_to_tflite
from tflbuild.core.errors import BrokenPromise, PassError, RecipeError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.load_torch_export import LoadTorchExport
from tflbuild.passes.taking_in import converted
from tflbuild.tflite import flatbuffer
from tflite_files import network, step

WEIGHTS = np.random.default_rng(0).normal(size=(3, 192)).astype(np.float32)
"""Those that `torch_files` writes."""


def tflite(
    inputs: str = "args_0", outputs: str = "output_0", end: str = "SOFTMAX", bias: float = 0.0
) -> bytes:
    """Write the classifier with channels last: its weights are turned as its pictures are."""
    turned = WEIGHTS.reshape(3, 3, 8, 8).transpose(0, 2, 3, 1).reshape(3, 192)
    tensors = {
        inputs: (1, 8, 8, 3),
        "weights": np.ascontiguousarray(turned),
        "bias": np.array([0, 0, bias], np.float32),
        "row": (1, 3),
        outputs: (1, 3),
    }
    steps = [step("FULLY_CONNECTED", [inputs, "weights", "bias"], ["row"]), step(end, ["row"], [outputs])]
    return network(tensors, steps, [inputs], [outputs])


class Torch:
    """The environment's program: what it was asked, and how it answers."""

    def __init__(self, content: bytes = tflite(), off: float = 0.0) -> None:
        self.content, self.off = content, off
        self.asked: dict[str, Any] = {}

    def __call__(
        self, made: Any, program: ModuleType, request: Mapping[str, Any], folder: Path, seconds: int
    ) -> dict[str, Any]:
        assert program is torch_to_tflite
        assert seconds == 900
        self.asked = dict(request)
        with np.load(request["values"]) as values, np.load(request["samples"]) as samples:
            self.values = {name: values[name] for name in values.files}
            self.samples = {name: samples[name] for name in samples.files}
        rows = self.samples["x"].reshape(len(self.samples["x"]), -1) @ self.values["p_w"].T
        out = Path(request["out"])
        assert list(out.iterdir()) == []
        np.savez(out / "outputs.npz", scores=softmax(rows + self.values["p_b"]) + self.off)
        (out / "model.tflite").write_bytes(self.content)
        return {"tflite": str(out / "model.tflite"), "outputs": str(out / "outputs.npz")}


Load = Callable[..., Taken]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Take a file in, with a program in the place of PyTorch's."""

    def loaded(torch: Any, *, found: Any = None, **options: Any) -> Taken:
        required = stand_in(monkeypatch, tmp_path, litert_torch="0.10.0")
        monkeypatch.setattr(torch_conversion.running, "run", torch)
        path = torch_files.written(tmp_path / "net.pt2", found)
        try:
            return taken(LoadTorchExport(), path, tmp_path, **options)
        finally:
            assert required == [("environment:torch", "a .pt2 file")]

    return loaded


def test_it_is_converted_with_channels_last_and_held_to_what_pytorch_computes(
    load: Load, tmp_path: Path
) -> None:
    torch = Torch()
    made, notes = load(torch)
    signature = flatbuffer.signature(made.path)
    assert [(one["name"], one["shape"]) for one in signature["inputs"]] == [("x", [1, 8, 8, 3])]
    assert [(one["name"], one["shape"]) for one in signature["outputs"]] == [("scores", [1, 3])]
    assert Meaning.of(made).head == {"outputs": {"scores": "scores"}, "scores": "softmax"}
    assert notes["parity"]["of"] == f"'{tmp_path / 'net.pt2'}' in PyTorch"
    found = notes["parity"]["outputs"]["scores"]
    assert found["images"] == 32
    assert 0.4 < found["size"] <= 1
    assert found["difference"] <= 1e-5
    assert any("torch.export" in str(one) for one in notes["recognised"])


def test_the_program_is_asked_in_the_files_own_order_of_axes(load: Load) -> None:
    torch = Torch()
    load(torch)
    asked = {key: torch.asked[key] for key in ("inputs", "outputs", "turned")}
    assert asked == {
        "inputs": [{"name": "x", "shape": [1, 3, 8, 8], "dtype": "float32", "first": True}],
        "outputs": ["scores"],
        "turned": [],
    }
    assert [one["target"] for one in torch.asked["nodes"]] == [
        "torch.ops.aten.flatten.using_ints",
        "torch.ops.aten.linear.default",
        "torch.ops.aten.softmax.int",
    ]
    assert (torch.samples["x"].shape, torch.samples["x"].dtype.name) == ((32, 3, 8, 8), "float32")
    assert np.array_equal(torch.values["p_w"], WEIGHTS)
    assert np.array_equal(torch.values["p_b"], np.zeros(3))


def test_what_computes_something_else_breaks_the_promise(load: Load) -> None:
    with pytest.raises(
        BrokenPromise,
        match=r"^the \.tflite does not compute what '.*net\.pt2' in PyTorch computes: scores differ by up ",
    ):
        load(Torch(off=0.001))


def test_scores_of_another_kind_break_it_too(load: Load) -> None:
    with pytest.raises(
        BrokenPromise, match=r"^the scores of '.*net\.pt2' are softmax, but the \.tflite .* shows sigmoid\.$"
    ):
        load(Torch(tflite(end="LOGISTIC")))


def test_what_is_appended_is_held_to_the_file_before_it(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    alike = converted.parity.finished_alike

    def otherwise(*given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        wanted, found = alike(*given)
        return wanted, {name: values + 0.01 for name, values in found.items()}

    monkeypatch.setattr(converted.parity, "finished_alike", otherwise)
    with pytest.raises(
        BrokenPromise,
        match=r"^the finished \.tflite does not compute what it is made of: scores differ by up to 0\.01,",
    ):
        load(Torch())


def test_scores_that_are_none_are_refused(load: Load) -> None:
    class Doubled(Torch):
        def __call__(self, *given: Any) -> dict[str, Any]:
            answer = super().__call__(*given)
            with np.load(answer["outputs"]) as found:
                doubled = 2 * found["scores"]
            np.savez(answer["outputs"], scores=doubled)
            return answer

    with pytest.raises(RecipeError, match="are taken for those of a softmax, but on 32 samples"):
        load(Doubled())


def test_what_litert_torch_cannot_convert_is_one_sentence(load: Load, tmp_path: Path) -> None:
    def fails(*given: Any) -> Any:
        raise PassError("RuntimeError: no lowering")

    with pytest.raises(PassError) as caught:
        load(fails)
    assert str(caught.value) == (
        f"litert-torch 0.10.0 cannot convert '{tmp_path / 'net.pt2'}': RuntimeError: no lowering"
    )


def test_a_tflite_that_is_none_or_has_other_ends_is_refused(load: Load) -> None:
    with pytest.raises(
        PassError, match=r"^litert-torch 0\.10\.0 made a \.tflite of .* that is not well-formed: "
    ):
        load(Torch(tflite()[:100]))


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ({"inputs": "args_1"}, "litert-torch wrote a .tflite with the args args_1, not x."),
        (
            {"outputs": "args_0", "inputs": "input"},
            "litert-torch wrote a .tflite with the args input, not x.",
        ),
        ({"outputs": "scores"}, "litert-torch wrote a .tflite with the output scores, not scores."),
    ],
)
def test_names_that_litert_torch_does_not_give_are_said(ends: dict[str, str], said: str, load: Load) -> None:
    with pytest.raises(PassError) as caught:
        load(Torch(tflite(**ends)))
    assert str(caught.value) == said


def test_a_file_without_a_signature_has_no_names(load: Load) -> None:
    def without(model: Any) -> None:
        model.signatureDefs = None

    content = network({"args_0": (1, 8, 8, 3), "r": (1, 8, 8, 3)}, [step("RELU", ["args_0"], ["r"])], ["args_0"], ["r"],
                      change=without)  # fmt: skip
    with pytest.raises(PassError, match=r"with the args none, not x\.$"):
        load(Torch(content))


def test_several_inputs_and_outputs_are_named_by_their_places() -> None:
    """The program's names in order, whichever order the signature of the file has."""
    tensors = {f"{prefix}_{k}": (1, 2 + k) for prefix in ("args", "output") for k in range(3)}
    steps = [step("RELU", [f"args_{k}"], [f"output_{k}"]) for k in range(3)]
    ends = [[f"{prefix}_{k}" for k in (2, 0, 1)] for prefix in ("args", "output")]
    graph = torch_conversion.Graph.unpacked(network(tensors, steps, *ends))
    named = torch_conversion._named(graph, ["p", "q", "r"], ["u", "v", "w"])
    found = flatbuffer.signature_of(named.model)
    assert {one["name"]: one["shape"] for one in found["inputs"]} == {"p": [1, 2], "q": [1, 3], "r": [1, 4]}
    assert {one["name"]: one["shape"] for one in found["outputs"]} == {"u": [1, 2], "v": [1, 3], "w": [1, 4]}
