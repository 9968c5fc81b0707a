"""Signatures, variables and shapes of a SavedModel: what is taken, and what is refused in which words."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from saved_model_files import (
    INT32,
    STRING,
    UINT8,
    classifier,
    node,
    saved_model,
    signature,
    tensor,
    written,
)
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Asked, Description
from tflbuild.formats.recognition import recognised_format
from tflbuild.formats.saved_model.reading import read
from tflbuild.models.file import File


def described(folder: Path, content: bytes, asked: Asked = Asked(), variables: bool = False) -> Description:  # noqa: B008
    path = written(folder, content, variables)
    return recognised_format(path).describe_as(path, asked)


def test_the_only_signature_is_taken_and_its_batch_is_one(tmp_path: Path) -> None:
    found = described(tmp_path, classifier())
    assert {name: spec.text for name, spec in found.signature.inputs.items()} == {
        "image": "(1, 8, 8, 3) float32"
    }
    assert {name: spec.text for name, spec in found.signature.outputs.items()} == {"scores": "(1, 3) float32"}
    assert (found.task, found.head) == (
        "classification",
        {"outputs": {"scores": "scores"}, "scores": "softmax"},
    )
    assert found.inputs == {"image": ("image", {"scale": 1.0, "offset": 0.0})}
    said = {one.what: (one.value, one.evidence) for one in found.recognised}
    assert said["outputs"] == ("softmax of 3 classes", "it ends in SOFTMAX")
    assert said["preprocess"] == ("raw pixels, 0..255", "the graph begins with MUL by 0.00392157")


@pytest.mark.parametrize("dtype", [1, 2, 14, 19])
def test_floats_of_every_width_become_float32(dtype: int, tmp_path: Path) -> None:
    """By types.proto of TensorFlow: float32, float64, bfloat16, float16."""
    assert described(tmp_path, classifier((-1, 8, 8, 3), dtype)).task == "classification"


def test_of_many_signatures_eight_are_listed(tmp_path: Path) -> None:
    content = classifier(signatures=tuple(f"s{number}" for number in range(10)))
    with pytest.raises(
        RecipeError,
        match=r"has 10 signatures, 's0', .*, 's7' and 2 more; choose one, e\.g\. model\.signature=s0",
    ):
        described(tmp_path, content)


def test_of_several_signatures_one_is_said(tmp_path: Path) -> None:
    content = classifier(signatures=("small", "large", "__saved_model_init_op"))
    with pytest.raises(RecipeError) as caught:
        described(tmp_path, content)
    assert str(caught.value) == (
        f"model.signature: '{tmp_path}' has 2 signatures, 'small', 'large'; choose one, e.g. model.signature=small."
    )
    found = described(tmp_path, content, Asked(signature="large"))
    assert ("signature", "large", "model.signature says so") in found.recognised
    with pytest.raises(RecipeError, match=r"has no signature 'larger'; it has "):
        described(tmp_path, content, Asked(signature="larger"))


def ended(outputs: dict[str, bytes], inputs: dict[str, bytes] | None = None) -> bytes:
    given = {"image": tensor("image:0", (1, 8))} if inputs is None else inputs
    nodes = [node("image", "Placeholder"), node("scores", "Softmax", "image")]
    return saved_model(nodes, {"serving_default": signature(given, outputs)})


SCORES = {"scores": tensor("scores:0", (1, 8))}
REFUSED: dict[str, tuple[bytes, Asked, str]] = {
    "open sides": (
        classifier((-1, -1, -1, 3)),
        Asked(),
        "model.shape: the input 'image' of FOLDER is (?, ?, ?, 3) float32, whose sides are not fixed; set them, e.g. "
        "model.shape=[1,192,192,3].",
    ),
    "any number of axes": (
        classifier(None),
        Asked(),
        "model.shape: the input 'image' of FOLDER has any number of axes; set its shape, e.g. "
        "model.shape=[1,192,192,3].",
    ),
    "another shape": (
        classifier((-1, 8, 8, 3)),
        Asked(shape=(1, 9, 8, 3)),
        "model.shape: [1, 9, 8, 3] does not fit the input 'image' of FOLDER, which is (?, 8, 8, 3) float32.",
    ),
    "another number of axes": (
        classifier((-1, 8, 8, 3)),
        Asked(shape=(1, 8)),
        "model.shape: [1, 8] does not fit the input 'image' of FOLDER, which is (?, 8, 8, 3) float32.",
    ),
    "two at a time": (
        classifier((2, 8, 8, 3)),
        Asked(),
        "model.path: the input 'image' of FOLDER is (2, 8, 8, 3) float32; the first side of an input must "
        "be the batch, 1.",
    ),
    "texts": (
        classifier((-1,), STRING),
        Asked(),
        "model.path: the input 'image' of FOLDER takes strings, such as encoded pictures, but a .tflite "
        "takes numbers; export "
        "a signature that takes decoded pictures.",
    ),
    "whole numbers": (
        classifier((-1, 20), INT32),
        Asked(),
        "model.path: the input 'image' of FOLDER takes int32, but samples are float32; export a signature that "
        "takes floats.",
    ),
    "bytes": (
        classifier((-1, 8, 8, 3), UINT8),
        Asked(),
        "model.path: the input 'image' of FOLDER takes uint8, but samples are float32; export a signature that "
        "takes floats.",
    ),
    "texts as outputs": (
        ended({"names": tensor("scores:0", (1, 8), STRING)}),
        Asked(),
        "model.path: the output 'names' of FOLDER is string, but a .tflite can only output numbers; export "
        "a signature without it.",
    ),
    "no inputs": (
        ended(SCORES, {}),
        Asked(),
        "model.path: the signature 'serving_default' of FOLDER has no inputs.",
    ),
    "no signature": (
        saved_model([node("image", "Placeholder")], {}),
        Asked(),
        "model.path: FOLDER has no signature; save it with one, by tf.saved_model.save(model, folder, "
        "signatures=function).",
    ),
    "a tensor of nobody": (
        ended({"scores": tensor("gone:0", (1, 8))}),
        Asked(),
        "model.path: the graph of FOLDER has a tensor 'gone:0' that no node makes.",
    ),
    "no graph": (b"", Asked(), "model.path: the graph of FOLDER is empty."),
    "no protocol buffer": (
        b"\x12\x7f\x00",
        Asked(),
        "model.path: the graph of FOLDER points outside of itself, as a file that was cut short does.",
    ),
    "no variables": (
        classifier(more=[node("w", "VarHandleOp"), node("v", "VarHandleOp")]),
        Asked(),
        "model.path: FOLDER has 2 variables, but no variables/ folder with their values; copy the whole folder.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_taken_is_one_sentence(name: str, tmp_path: Path) -> None:
    content, asked, said = REFUSED[name]
    with pytest.raises(RecipeError) as caught:
        described(tmp_path, content, asked)
    assert str(caught.value) == said.replace("FOLDER", f"'{tmp_path}'")


def test_open_sides_are_those_that_are_asked(tmp_path: Path) -> None:
    found = described(tmp_path, classifier((-1, -1, -1, 3)), Asked(shape=(1, 24, 16, 3)))
    assert found.signature.inputs["image"].shape == (1, 24, 16, 3)
    found = described(tmp_path, classifier(None), Asked(shape=(1, 24, 16, 3)))
    assert found.signature.inputs["image"].shape == (1, 24, 16, 3)


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (2, 8, 8, 3), (1, -1, 8, 3), (1,) * 9])
def test_a_shape_that_is_none_is_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    file = File(path=str(written(tmp_path, classifier((-1, -1, -1, 3)))), shape=shape)
    with pytest.raises(ValueError, match=r"^shape: \[.*\] is not a shape of one sample"):
        file.check()


def test_variables_beside_the_graph_are_enough(tmp_path: Path) -> None:
    content = classifier(more=[node("w", "VarHandleOp")])
    assert described(tmp_path, content, variables=True).task == "classification"
    (tmp_path / "variables/variables.data-00000-of-00001").unlink()
    with pytest.raises(RecipeError, match="has 1 variables, but no variables/"):
        described(tmp_path, content)


def packed(folder: Path, members: dict[str, bytes], **fields: Any) -> Path:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            one = zipfile.ZipInfo(name)
            for key, value in fields.get(name, {}).items():
                setattr(one, key, value)
            archive.writestr(one, content, zipfile.ZIP_DEFLATED)
    path = folder / "model.zip"
    path.write_bytes(target.getvalue())
    return path


@pytest.mark.parametrize("prefix", ["", "export/", "export/saved_model/"])
def test_an_archive_is_read_as_it_is(prefix: str, tmp_path: Path) -> None:
    path = packed(
        tmp_path, {f"{prefix}saved_model.pb": classifier(), f"{prefix}variables/variables.index": b""}
    )
    found = File(path=str(path))
    found.check()
    assert (found.task, found.files()) == ("classification", (path,))


UNSAFE: dict[str, tuple[dict[str, bytes], dict[str, Any], str]] = {
    "above": ({"../x": b""}, {}, "has a member '../x', whose path leads outside"),
    "absolute": ({"/etc/x": b""}, {}, "has a member '/etc/x', whose path leads outside"),
    "link": (
        {"x": b"/etc/passwd"},
        {"x": {"external_attr": 0o120777 << 16}},
        "has a member 'x' that is a link, or no",
    ),
    "bomb": ({"x": bytes(1 << 24)}, {}, "has a member 'x' that unpacks to 16777216 bytes"),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_an_archive_that_is_not_to_be_unpacked_is_refused(name: str, tmp_path: Path) -> None:
    members, fields, said = UNSAFE[name]
    path = packed(tmp_path, {"saved_model.pb": classifier(), **members}, **fields)
    with pytest.raises(RecipeError) as caught:
        File(path=str(path)).check()
    assert str(caught.value).startswith(f"model.path: the archive '{path}' {said}")
    assert str(caught.value).endswith("; nothing of it is unpacked.")


def test_no_framework_is_imported_to_plan(tmp_path: Path) -> None:
    import subprocess
    import sys

    folder = written(tmp_path, classifier())
    code = (
        "import sys; from tflbuild.models.file import File\n"
        f"File(path={str(folder)!r}).check()\nassert not {{'tensorflow', 'google.protobuf'}} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_only_what_was_looked_at_is_laid_out_to_be_loaded(tmp_path: Path) -> None:
    """TensorFlow takes `saved_model.cpb` or `.pbtxt` where it lies beside, and runs what lies in `assets.extra`."""
    folder = written(tmp_path / "given", classifier(), variables=True)
    (folder / "assets").mkdir()
    for name in ("saved_model.cpb", "saved_model.pbtxt", "keras_metadata.pb", "assets/words.txt"):
        (folder / name).write_bytes(b"x")
    found = read(folder, Asked())
    place = found.source.folder(tmp_path / "laid", found.graph.content)
    names = sorted(one.relative_to(place).as_posix() for one in place.rglob("*") if not one.is_dir())
    assert names == [
        "assets/words.txt",
        "saved_model.pb",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    ]
    assert (place / "saved_model.pb").read_bytes() == classifier()
    assert (place / "variables/variables.index").read_bytes() == b"x"


def test_an_archive_is_laid_out_alike(tmp_path: Path) -> None:
    members = {"m/saved_model.pb": classifier(), "m/variables/variables.index": b"i", "m/other": b"x"}
    found = read(packed(tmp_path, members), Asked())
    place = found.source.folder(tmp_path / "laid", found.graph.content)
    assert place == tmp_path / "laid/m"
    assert sorted(one.name for one in place.rglob("*") if one.is_file()) == [
        "saved_model.pb",
        "variables.index",
    ]
