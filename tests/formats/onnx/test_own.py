"""What tflbuild wrote into an ONNX file is read back, and a file of somebody else is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from onnx_files import Given, end, model, node, written
from tflbuild import plugins
from tflbuild.core.errors import RecipeError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.formats.onnx import own
from tflbuild.formats.onnx.graph import Read, read

SIGNATURE = {
    "inputs": [{"name": "x", "shape": [1, 4, 6, 3], "dtype": "int8", "scale": 0.5, "zero_point": -3}],
    "outputs": [{"name": "y", "shape": [1, 2], "dtype": "float32"}],
}


@pytest.fixture
def facts() -> Meaning:
    plugins.load(None)
    given = Input(modality="image", shape=(4, 6, 3), preprocess={"scale": 1.0, "offset": 0.0})
    return Meaning(
        task="classification", labels=("a", "b"), inputs={"x": given}, head={"outputs": {"scores": "y"}}
    )


def content(properties: Mapping[str, str]) -> bytes:
    given = Given([node("Relu", ["x"], ["y"])], [end("x", (1, 2))], [end("y", (1, 2))])
    return model(given, properties=properties)


def properties(facts: Meaning) -> dict[str, str]:
    return {"tflbuild.facts": json.dumps(facts.to_json()), "tflbuild_signature": json.dumps(SIGNATURE)}


def found(properties: Mapping[str, str]) -> Read:
    return read(content(properties))


def test_the_facts_of_a_file_are_its_meaning(facts: Meaning, tmp_path: Path) -> None:
    assert own.facts_of(found(properties(facts)), tmp_path) == facts
    assert own.facts_of(found({"names": "['a', 'b']"}), tmp_path) is None


def test_damaged_facts_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"file says of itself what cannot be true: in its tflbuild\.facts, "
    ):
        own.facts_of(found({"tflbuild.facts": '{"task": 7}'}), tmp_path / "file")


def test_a_delivered_file_says_its_facts_and_the_signature_of_the_tflite(
    facts: Meaning, tmp_path: Path
) -> None:
    meta = own.meta_of(written(tmp_path, content(properties(facts))))
    assert meta == {"facts": facts.to_json(), "signature": SIGNATURE}


NONE: dict[str, bytes] = {
    "of somebody else": content({"names": "[]"}),
    "no model": b"\x0b",
    "no graph": b"\x08\x08",
    "a signature that is not JSON": content({"tflbuild_signature": "{"}),
    "a signature that is a list": content({"tflbuild_signature": "[1]"}),
}


@pytest.mark.parametrize("case", NONE)
def test_what_was_not_delivered_is_said_to_be_none(case: str, tmp_path: Path) -> None:
    path = written(tmp_path, NONE[case])
    with pytest.raises(RecipeError) as caught:
        own.meta_of(path)
    assert str(caught.value) == f"{path} is not an ONNX file that tflbuild delivered; it cannot be used."


def test_a_delivered_file_without_facts_is_damaged(tmp_path: Path) -> None:
    path = written(tmp_path, content({"tflbuild_signature": json.dumps(SIGNATURE)}))
    with pytest.raises(RecipeError, match=r"in its tflbuild\.facts, 'task' is missing\.$"):
        own.meta_of(path)


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is not an ONNX file that tflbuild delivered"):
        own.meta_of(tmp_path / "absent.onnx")
