"""The runtime of TensorFlow Lite files, on files put together operator by operator."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import BrokenPromise
from tflbuild.core.runtime import usual_runtime
from tflbuild.core.signature import TensorSpec
from tflbuild.runtimes import interpreter
from tflbuild.runtimes.litert import Litert
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble

PAIR = TensorSpec((1, 2), "float32")


def difference_and_product() -> bytes:
    """Give a file of two inputs, `z` before `a`, and two outputs: z - a and z x a."""
    shapes = dict.fromkeys(("z", "a", "difference", "product"), (1, 2))
    steps = [
        Step(
            schema.BuiltinOperator.SUB,
            ["z", "a"],
            ["difference"],
            schema.BuiltinOptions.SubOptions,
            schema.SubOptionsT(),
        ),
        Step(
            schema.BuiltinOperator.MUL,
            ["z", "a"],
            ["product"],
            schema.BuiltinOptions.MulOptions,
            schema.MulOptionsT(),
        ),
    ]
    return assemble(shapes, steps, ["z", "a"], ["product", "difference"])


def model_of(path: Path, content: bytes) -> TFLiteModel:
    path.write_bytes(content)
    return TFLiteModel(path=path, digest="", fingerprint="")


def changed(change: Callable[[Any], None]) -> bytes:
    model = flatbuffer.unpack(difference_and_product())
    change(model)
    return flatbuffer.pack(model)


def unsigned(model: Any) -> None:
    model.signatureDefs = []


def signed_the_other_way_round(model: Any) -> None:
    """Let the signature name the inputs in another order than the graph, and by other names than its tensors."""
    signature = model.signatureDefs[0]
    signature.inputs = signature.inputs[::-1]
    for entry in (*signature.inputs, *signature.outputs):
        entry.name = b"my_" + entry.name


@pytest.mark.parametrize(
    ("content", "prefix"),
    [
        (difference_and_product(), ""),
        (changed(unsigned), ""),
        (changed(signed_the_other_way_round), "my_"),
    ],
    ids=["signature", "no signature", "other names and order"],
)
def test_inputs_and_outputs_are_told_apart_by_their_names(
    content: bytes, prefix: str, tmp_path: Path
) -> None:
    execution = Litert().open(model_of(tmp_path / "two.tflite", content))
    signature = execution.signature
    assert list(signature.inputs.items()) == [(f"{prefix}z", PAIR), (f"{prefix}a", PAIR)]
    assert list(signature.outputs.items()) == [(f"{prefix}product", PAIR), (f"{prefix}difference", PAIR)]
    z, a = np.array([[5.0, 3.0]], np.float32), np.array([[2.0, -1.0]], np.float32)
    found = execution.run({f"{prefix}a": a, f"{prefix}z": z})
    assert {name: value.tolist() for name, value in found.items()} == {
        f"{prefix}difference": [[3.0, 4.0]],
        f"{prefix}product": [[10.0, -3.0]],
    }
    assert {value.dtype for value in found.values()} == {np.dtype(np.float32)}


def test_a_signature_with_another_name_is_run(tmp_path: Path) -> None:
    def renamed(model: Any) -> None:
        model.signatureDefs[0].signatureKey = b"embed"

    execution = Litert().open(model_of(tmp_path / "named.tflite", changed(renamed)))
    ones = np.ones((1, 2), np.float32)
    assert execution.run({"z": 3 * ones, "a": ones})["difference"].tolist() == [[2.0, 2.0]]


def test_of_several_signatures_the_first_one_is_described_and_run(tmp_path: Path) -> None:
    def signed_twice(model: Any) -> None:
        second = copy.deepcopy(model.signatureDefs[0])
        second.signatureKey = b"a_first_one_by_its_name"
        second.outputs = second.outputs[:1]
        second.outputs[0].name = b"renamed"
        model.signatureDefs.append(second)

    execution = Litert().open(model_of(tmp_path / "twice.tflite", changed(signed_twice)))
    ones = np.ones((1, 2), np.float32)
    assert execution.run({"z": ones, "a": ones}).keys() == execution.signature.outputs.keys()


def test_a_model_says_which_kernels_execute_it(tmp_path: Path) -> None:
    assert Litert().open(model_of(tmp_path / "two.tflite", difference_and_product())).kernels == "xnnpack"


def test_options_reach_the_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(interpreter, "Loaded", lambda *given: asked.append(given))
    monkeypatch.setattr(
        interpreter, "latency", lambda path, threads: asked.append((path, threads)) or {"median": 1.0}
    )
    model = model_of(tmp_path / "two.tflite", difference_and_product())
    Litert(threads=3).open(model)
    Litert(kernels="reference").open(model)
    assert Litert(threads=2).latency(model) == {"median": 1.0}
    assert asked == [(model.path, 3, "default"), (model.path, 1, "reference"), (model.path, 2)]


def test_each_choice_of_kernels_executes_a_file(tmp_path: Path) -> None:
    model = model_of(tmp_path / "two.tflite", difference_and_product())
    given = {"z": np.array([[3, 5]], np.float32), "a": np.array([[1, 2]], np.float32)}
    for wanted, said in (("default", "xnnpack"), ("builtin", "builtin"), ("reference", "reference")):
        execution = Litert(kernels=wanted).open(model)  # type: ignore[arg-type]
        assert execution.kernels == said
        np.testing.assert_array_equal(execution.run(given)["product"], [[3, 10]])


def test_every_input_is_filled_to_prove_and_to_time_a_file(tmp_path: Path) -> None:
    model = model_of(tmp_path / "two.tflite", difference_and_product())
    Litert().prove(model)
    assert Litert().latency(model)["runs"] == 50
    with pytest.raises(BrokenPromise, match="does not run in LiteRT"):
        Litert().prove(model_of(tmp_path / "broken.tflite", b"no flatbuffer"))


def test_it_executes_tensorflow_lite_files_where_no_target_names_another() -> None:
    assert usual_runtime("TFLiteModel") is Litert
    assert (Litert.light, Litert.batch) == (True, 1)
