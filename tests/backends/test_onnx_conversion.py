"""What becomes of a file that onnx2tf wrote: names of ONNX, channels last, and what nobody can use is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taken_in import stand_in
from tflbuild.backends import onnx_conversion
from tflbuild.backends.onnx_conversion import Converted, convert
from tflbuild.backends.programs import onnx_to_tflite
from tflbuild.core.errors import PassError
from tflbuild.tflite import flatbuffer
from tflite_files import network, step


def made(kinds: tuple[str, str] = ("RELU", "TANH"), turned: bool = False) -> bytes:
    """Write a file of two inputs of other sides, each with its output; the first may be turned to channels first."""
    tensors: dict[str, Any] = {
        "input_1_of_onnx": (1, 5),
        "input_0_of_onnx": (1, 4, 6, 3),
        "Identity_1": (1, 5),
        "seen": (1, 4, 6, 3),
        "order": np.array([0, 3, 1, 2], np.int32),
        "Identity": (1, 3, 4, 6) if turned else (1, 4, 6, 3),
        "unread": np.ones(7, np.float32),
    }
    first = [step(kinds[0], ["input_0_of_onnx"], ["seen" if turned else "Identity"])]
    if turned:
        first.append(step("TRANSPOSE", ["seen", "order"], ["Identity"]))
    steps = [*first, step(kinds[1], ["input_1_of_onnx"], ["Identity_1"])]
    return network(tensors, steps, ["input_1_of_onnx", "input_0_of_onnx"], ["Identity_1", "Identity"])


NAMES: dict[str, dict[str, str]] = {
    "inputs": {"pic/0": "input_0_of_onnx", "row": "input_1_of_onnx"},
    "outputs": {"out:map": "Identity", "7": "Identity_1"},
}


class OnnxToTflite:
    """The environment's program: writes a file, and answers."""

    def __init__(self, content: bytes, names: Mapping[str, Any], simplified: Any = True) -> None:
        self.content, self.names, self.simplified = content, names, simplified

    def __call__(
        self, environment: Any, program: Any, request: Mapping[str, Any], folder: Path, seconds: int
    ) -> dict[str, Any]:
        assert (program, seconds) == (onnx_to_tflite, 600)
        self.asked, self.folder = request, folder
        assert list(Path(request["out"]).iterdir()) == []
        (Path(request["out"]) / "made.tflite").write_bytes(self.content)
        return {"tflite": f"{request['out']}/made.tflite", "simplified": self.simplified, **self.names}


def converted(
    folder: Path,
    patch: pytest.MonkeyPatch,
    content: bytes,
    names: Mapping[str, Any] = NAMES,
    kept: tuple[str, ...] = (),
    simplified: bool = True,
) -> tuple[Converted, OnnxToTflite]:
    stand_in(patch, folder, onnx2tf="2.6.9")
    program = OnnxToTflite(content, names, simplified)
    patch.setattr(onnx_conversion.program, "run", program)
    shapes = {"pic/0": (1, 3, 4, 6), "row": (1, 5)}
    return convert(folder / "net.onnx", shapes, kept, folder), program


def described(found: Converted) -> dict[str, dict[str, list[int]]]:
    return {
        role: {one["name"]: one["shape"] for one in ends}
        for role, ends in flatbuffer.signature_of(found.graph.model).items()
    }


def test_inputs_and_outputs_have_the_names_of_the_onnx_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, program = converted(tmp_path, monkeypatch, made(), simplified=False)
    assert described(found) == {
        "inputs": {"pic/0": [1, 4, 6, 3], "row": [1, 5]},
        "outputs": {"out:map": [1, 4, 6, 3], "7": [1, 5]},
    }
    assert found.simplified is False
    assert {one.name for one in found.graph.tensors} == {b"pic/0", b"row", b"out:map", b"7"}, (
        "nothing unread stays"
    )
    (signature,) = found.graph.model.signatureDefs
    assert (signature.signatureKey, signature.subgraphIndex) == (b"serving_default", 0)
    assert program.asked == {
        "model": str(tmp_path / "net.onnx"),
        "shapes": {"pic/0": [1, 3, 4, 6], "row": [1, 5]},
        "kept": [],
        "out": str(tmp_path / "converted"),
    }
    assert program.folder == tmp_path


def test_outputs_stay_channels_last_unless_every_input_keeps_its_axes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, (kept, sides) in enumerate(((("row",), [1, 4, 6, 3]), (("pic/0", "row"), [1, 3, 4, 6]))):
        folder = tmp_path / str(number)
        folder.mkdir()
        found, program = converted(folder, monkeypatch, made(turned=True), kept=kept)
        assert described(found)["outputs"]["out:map"] == sides
        assert program.asked["kept"] == list(kept)


def test_a_chain_keeps_its_activation_within_the_layer_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors: dict[str, Any] = {
        "input_0_of_onnx": (1, 4, 6, 3),
        "k": np.ones((2, 1, 1, 3), np.float32),
        "b": np.zeros(2, np.float32),
        "seen": (1, 4, 6, 2),
        "positive": (1, 4, 6, 2),
        "Identity": (1, 4, 6, 2),
        "input_1_of_onnx": (1, 5),
        "Identity_1": (1, 5),
    }
    steps = [
        step("CONV_2D", ["input_0_of_onnx", "k", "b"], ["seen"]),
        step("RELU", ["seen"], ["positive"]),
        step("LOGISTIC", ["positive"], ["Identity"]),
        step("TANH", ["input_1_of_onnx"], ["Identity_1"]),
    ]
    content = network(tensors, steps, ["input_0_of_onnx", "input_1_of_onnx"], ["Identity", "Identity_1"])
    found, _ = converted(tmp_path, monkeypatch, content)
    assert [found.graph.kind(one) for one in found.graph.operators] == ["CONV_2D", "LOGISTIC", "TANH"]


MISSING: list[tuple[dict[str, dict[str, str]], str]] = [
    ({**NAMES, "outputs": {"out:map": "gone", "7": "Identity_1"}}, "'out:map'"),
    ({"inputs": {"pic/0": "gone", "row": "away"}, "outputs": {}}, "'pic/0', 'row'"),
    ({**NAMES, "inputs": {"pic/0": "input_0_of_onnx"}}, "an input"),
]


@pytest.mark.parametrize(("names", "said"), MISSING)
def test_what_is_not_found_again_is_named(
    names: dict[str, dict[str, str]], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PassError) as caught:
        converted(tmp_path, monkeypatch, made(), names)
    assert str(caught.value) == (
        f"onnx2tf wrote a .tflite in which {said} of the ONNX file cannot be found again."
    )


def test_operators_that_litert_lacks_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PassError) as caught:
        converted(tmp_path, monkeypatch, made(("ONNX_DET", "FlexErf")))
    assert str(caught.value) == (
        f"onnx2tf 2.6.9 cannot convert '{tmp_path / 'net.onnx'}': a .tflite has no operator for 'ONNX_DET', 'FlexErf'."
    )


def test_other_custom_operators_are_let_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = converted(tmp_path, monkeypatch, made(("Fancy", "TANH")))
    assert "Fancy" in [found.graph.kind(one) for one in found.graph.operators]


def test_a_file_that_is_none_is_refused_as_onnx2tfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PassError) as caught:
        converted(tmp_path, monkeypatch, made()[:60])
    assert str(caught.value).startswith(
        f"onnx2tf 2.6.9 made a .tflite of '{tmp_path / 'net.onnx'}' that cannot be used: it "
    )
    assert "made.tflite" not in str(caught.value), "nobody knows that file"


def test_why_onnx2tf_gave_up_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: Any) -> Any:
        raise PassError("ValueError: no such axis")

    stand_in(monkeypatch, tmp_path, onnx2tf="2.6.9")
    monkeypatch.setattr(onnx_conversion.program, "run", fails)
    with pytest.raises(PassError) as caught:
        convert(tmp_path / "net.onnx", {"x": (1, 2)}, [], tmp_path)
    assert str(caught.value) == (
        f"onnx2tf 2.6.9 cannot convert '{tmp_path / 'net.onnx'}': ValueError: no such axis"
    )
