"""Keras files that are malformed, prepared or cut short: one sentence, whatever byte is wrong."""

from __future__ import annotations

import contextlib
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import keras_files
from keras_files import dense, functional, layer
from tflbuild.core.errors import BrokenPromise, RecipeError
from tflbuild.formats.keras import graph as keras_graph
from tflbuild.formats.keras import hdf5
from tflbuild.formats.keras import header as keras_header
from tflbuild.formats.keras.keras3.file import Origin

FACTS = {"task": "classification", "height": 8, "width": 8, "labels": ["a", "b"], "preprocess": {}}


def refusal(path: Path) -> str:
    """Give the sentence that a plan ends with."""
    with pytest.raises(RecipeError) as caught:
        keras_header.check(keras_header.read(path), path)
    said = str(caught.value)
    assert said.startswith("model.path: ")
    assert "\n" not in said
    return said


def refused(path: Path) -> str:
    """Give the sentence that a plan ends with, "" where it goes on; anything but a sentence is raised."""
    try:
        keras_header.check(keras_header.read(path), path)
    except RecipeError as error:
        return str(error)
    return ""


def test_a_right_file_is_read(tmp_path: Path) -> None:
    for path in (
        keras_files.h5(tmp_path / "my.h5", dense()),
        keras_files.keras(tmp_path / "my.keras", dense()),
    ):
        header = keras_header.read(path)
        keras_header.check(header, path)
        assert header.inputs() == [(8, 8, 3)]
        assert header.outputs() == ["softmax"]
        assert header.elements == 386


def test_layers_are_given_at_any_depth(tmp_path: Path) -> None:
    cell = {"class_name": "LSTMCell", "config": {"name": "cell"}}
    inner = [layer("InputLayer", "i"), layer("RNN", "rnn", "i", cell=cell)]
    model = functional(
        layer("TimeDistributed", "outer", "image", layer=layer("Sequential", "net", layers=inner))
    )
    header = keras_header.read(keras_files.h5(tmp_path / "my.h5", model))
    names = [one["config"]["name"] for one in header.every_layer()]
    assert names == ["image", "outer", "net", "i", "rnn", "cell"]


def test_several_outputs_are_found_however_they_are_written(tmp_path: Path) -> None:
    ends = (["scores", 0, 0], [["scores", 0, 0], ["flat", 0, 0]], {"a": ["scores", 0, 0]})
    for number, end in enumerate(ends):
        model = dense()
        model["config"]["output_layers"] = end
        header = keras_header.read(keras_files.h5(tmp_path / f"{number}.h5", model))
        assert header.outputs()[0] == "softmax"
        assert len(header.outputs()) == (2 if number == 1 else 1)


def externally_stored(file: Any) -> None:
    secret = Path(file.filename).with_name("secret")
    secret.write_bytes(b"s" * 64)
    file["model_weights"].create_dataset("more", (16,), "f4", external=[(str(secret), 0, 64)])


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((2,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (2,))
    file.create_virtual_dataset("model_weights/more", layout)


def linked(link: Any) -> Callable[[Any], None]:
    def change(file: Any) -> None:
        file["model_weights/scores/more"] = link

    return change


def referring(file: Any) -> None:
    file["model_weights"].create_dataset("more", (1,), h5py.ref_dtype)


def filtered(file: Any) -> None:
    file["model_weights"].create_dataset("more", data=np.zeros(8, "f4"), chunks=(8,), compression="lzf")


def endless(file: Any) -> None:
    file["model_weights/scores/loop"] = file["model_weights"]


def huge(file: Any) -> None:
    file["model_weights"].create_dataset("more", (1 << 40,), "f4", chunks=(1 << 10,))


def never_written(file: Any) -> None:
    file["model_weights"].create_dataset("more", (1 << 20,), "f4")


def texts(file: Any) -> None:
    file["model_weights/more"] = np.array([b"a", b"b"])


PREPARED = {
    "external storage": (externally_stored, "takes '/model_weights/more' from another file"),
    "virtual data": (virtual, "takes '/model_weights/more' from other data"),
    "external link": (linked(h5py.ExternalLink("other.h5", "/x")), "a link to somewhere else"),
    "soft link": (linked(h5py.SoftLink("/model_weights")), "a link to somewhere else"),
    "references": (referring, "values are not numbers"),
    "filter of a plugin": (filtered, "with filter 32000"),
    "group in itself": (endless, "which also has another name"),
    "declared and not there": (huge, "declares"),
    "never written": (never_written, "declares"),
    "text as weights": (texts, "values are not numbers"),
}


@pytest.mark.parametrize("case", PREPARED)
def test_hdf5_that_reaches_out_is_refused(case: str, tmp_path: Path) -> None:
    change, said = PREPARED[case]
    assert said in refusal(keras_files.h5(tmp_path / "my.h5", dense(), change))
    content = (tmp_path / "my.h5").read_bytes()
    inside = keras_files.keras(tmp_path / "my.keras", dense(), {"model.weights.h5": content})
    assert said in refusal(inside)


def at(path: str, value: Any) -> Any:
    """Give the configuration of a right model with one value in it exchanged."""
    model = json.loads(json.dumps(dense()))
    place, *rest = path.split("/")
    target: Any = model
    for step in rest:
        target, place = target[int(place) if isinstance(target, list) else place], step
    target[int(place) if isinstance(target, list) else place] = value
    return model


CONFIGS = {
    "no json": ("{", "cannot be read as JSON"),
    "list": ("[]", "is a list, not a mapping"),
    "deep": ("[" * 100_000, "nested more than"),
    "infinite": ('{"a": Infinity}', "not a number of JSON"),
    "empty": ("{}", "without the class of a model"),
    "class is a list": (at("class_name", []), "without the class of a model"),
    "config is null": (at("config", None), "without the class of a model"),
    "layers are text": (at("config/layers", "abc"), "are not a list of at most"),
    "a layer is null": (at("config/layers/1", None), "a layer without a class"),
    "a layer has no name": (at("config/layers/1/config", {}), "without a configuration that names it"),
    "input shape is text": (
        at("config/layers/0/config/batch_input_shape", "abc"),
        "whose input has the shape",
    ),
    "input side is text": (
        at("config/layers/0/config/batch_input_shape", [None, "a"]),
        "whose input has the shape",
    ),
    "input side is negative": (
        at("config/layers/0/config/batch_input_shape", [1, -5]),
        "whose input has the shape",
    ),
    "input side is huge": (
        at("config/layers/0/config/batch_input_shape", [1, 10**30]),
        "whose input has the shape",
    ),
    "output of nobody": (at("config/output_layers", [["nobody", 0, 0]]), "'nobody' in output_layers"),
    "input from nobody": (
        at("config/layers/1/inbound_nodes", [[["nobody", 0, 0, {}]]]),
        "'nobody', which is not",
    ),
    "circle": (at("config/layers/1/inbound_nodes", [[["scores", 0, 0, {}]]]), "can never be there"),
    "no such call": (at("config/layers/2/inbound_nodes", [[["flat", 7, 0, {}]]]), "can never be there"),
    "nodes are text": (at("config/layers/1/inbound_nodes", "abc"), "inbound_nodes are not a list"),
    "more weights than there are": (at("config/layers/2/config/units", 10**9), "units=1000000000"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_wrong_configuration_is_one_sentence(case: str, tmp_path: Path) -> None:
    config, said = CONFIGS[case]
    assert said in refusal(keras_files.h5(tmp_path / "my.h5", config))


def test_a_file_that_is_cut_short_is_said_so(tmp_path: Path) -> None:
    path = keras_files.h5(tmp_path / "my.h5", dense())
    path.write_bytes(path.read_bytes()[:3000])
    assert "it is a damaged or incomplete HDF5 file" in refusal(path)


def test_text_that_is_not_utf_8_is_one_sentence(tmp_path: Path) -> None:
    assert "not UTF-8" in refusal(keras_files.h5(tmp_path / "my.h5", b'{"class_name": "\xff"}'))


@pytest.mark.parametrize("version", ["3.0.0", "abc", "9" * 500, "2.\x1b[2J"])
def test_another_version_is_one_sentence(version: str, tmp_path: Path) -> None:
    said = refusal(keras_files.h5(tmp_path / "my.h5", dense(), version=version))
    assert ("whose calls are not those of Keras 3" in said) or ("which is not a version" in said)
    assert "\x1b" not in said


@pytest.mark.parametrize(
    "facts",
    ["[]", "{", json.dumps({**FACTS, "height": "8"}), json.dumps({**FACTS, "labels": [1]}), '{"x": 1}'],
)
def test_facts_that_are_not_ours_are_refused(facts: str, tmp_path: Path) -> None:
    def change(file: Any) -> None:
        file.attrs["tflbuild.facts"] = facts

    assert "facts of tflbuild" in refusal(keras_files.h5(tmp_path / "my.h5", dense(), change))


def test_facts_of_ours_are_given(tmp_path: Path) -> None:
    def change(file: Any) -> None:
        file.attrs["tflbuild.facts"] = json.dumps(FACTS)

    found = keras_header.read(keras_files.h5(tmp_path / "my.h5", dense(), change)).facts
    assert found["labels"] == ["a", "b"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named_while_planning(value: float, tmp_path: Path) -> None:
    kernel = np.zeros((192, 2), np.float32)
    kernel[5, 1] = value
    said = refusal(keras_files.h5(tmp_path / "my.h5", dense(), kernel=kernel))
    assert "not finite, in scores/scores/kernel:0" in said


ARCHIVES: dict[str, tuple[dict[str, Any], str]] = {
    "another member": ({"members": {"../evil": b"x"}}, "holds ../evil"),
    "assets": ({"members": {"assets/x.txt": b"x"}}, "holds assets/x.txt"),
    "no json": ({"members": {"config.json": b"\xff"}}, "config.json, which cannot be read as JSON"),
    "deep json": ({"members": {"config.json": b"[" * 100_000}}, "nested more than"),
    "metadata is a list": ({"members": {"metadata.json": b"[]"}}, "metadata.json, which is a list"),
    "no hdf5": ({"members": {"model.weights.h5": b"abc"}}, "a damaged or incomplete HDF5 file"),
    "bomb": (
        {"members": {"model.weights.h5": bytes(1 << 26)}, "compression": zipfile.ZIP_DEFLATED},
        "holds more in model.weights.h5",
    ),
    "packed otherwise": ({"compression": zipfile.ZIP_LZMA}, "packed in a way that is not read"),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_a_prepared_archive_is_refused(case: str, tmp_path: Path) -> None:
    options, said = ARCHIVES[case]
    assert said in refusal(keras_files.keras(tmp_path / "my.keras", dense(), **options))


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = keras_files.keras(tmp_path / "my.keras", dense())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("config.json", b"{}")
    assert "once each" in refusal(path)


def test_the_first_bytes_decide_what_a_file_is(tmp_path: Path) -> None:
    inner = keras_files.keras(
        tmp_path / "my.keras", functional(layer("Lambda", "evil", "image"))
    ).read_bytes()
    both = keras_files.h5(tmp_path / "both.h5", dense())
    both.write_bytes(both.read_bytes() + inner)
    assert zipfile.is_zipfile(both)
    assert keras_header.read(both).outputs() == ["softmax"]
    behind = tmp_path / "behind.h5"
    behind.write_bytes(bytes(512) + keras_files.h5(tmp_path / "my.h5", dense()).read_bytes())
    assert h5py.is_hdf5(behind)
    assert "neither HDF5 nor a zip archive" in refusal(behind)


def test_what_is_no_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.h5")
    assert "not a regular file" in refusal(tmp_path / "fifo.h5")
    assert "cannot be read" in refusal(tmp_path)
    assert "there is no file" in refusal(tmp_path / "missing.h5")
    assert "there is no file" in refusal(Path(f"{tmp_path}/a\0b"))


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_flipped_bits_and_cuts_are_one_sentence_or_nothing(suffix: str, tmp_path: Path) -> None:
    content = getattr(keras_files, suffix)(tmp_path / f"my.{suffix}", dense()).read_bytes()
    rng = random.Random(9)
    path = tmp_path / f"wrong.{suffix}"
    for number in range(60):
        wrong = bytearray(content)
        for _ in range(rng.choice((1, 1, 4))):
            wrong[rng.randrange(len(wrong))] ^= 1 << rng.randrange(8)
        path.write_bytes(wrong[: rng.randrange(len(wrong))] if number % 6 == 0 else wrong)
        said = refused(path)
        assert "\n" not in said


def test_exchanged_values_of_a_header_are_one_sentence_or_nothing(tmp_path: Path) -> None:
    rng = random.Random(9)
    for _ in range(300):
        model = json.loads(json.dumps(dense(kernel_initializer={"class_name": "Zeros", "config": {}})))
        places = list(_places(model))
        target, key = rng.choice(places)
        target[key] = rng.choice([None, True, -1, 10**30, 1.5, "x", "", [], {}, [[]], {"class_name": 1}])
        with contextlib.suppress(ValueError, RecipeError):
            checked = keras_graph.checked(model)
            header = keras_header.Header(config=checked, version="2.21.0", elements=386)
            header.outputs()
            keras_header.check(header, tmp_path / "my.h5")


def _places(value: Any) -> Any:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def test_a_library_that_dies_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "dies.py"
    program.write_text("import os\nos.abort()\n")
    monkeypatch.setattr(hdf5, "_PROGRAM", program)
    monkeypatch.setattr(hdf5, "_SURVEYOR", hdf5._Surveyor())
    with pytest.raises(ValueError, match="is damaged so that libhdf5 crashes"):
        hdf5.survey(b"\x89HDF\r\n\x1a\n first")


def test_a_library_that_loops_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "loops.py"
    program.write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr(hdf5, "_PROGRAM", program)
    monkeypatch.setattr(hdf5, "_SURVEYOR", hdf5._Surveyor())
    monkeypatch.setattr(hdf5, "SECONDS", 0.2)
    with pytest.raises(ValueError, match="takes too long to read"):
        hdf5.survey(b"\x89HDF\r\n\x1a\n second")


def header(config: Any = None, **fields: Any) -> keras_header.Header:
    return keras_header.Header(config=config or dense(), **{"version": "2.21.0", "elements": 386, **fields})


def said_of(found: keras_header.Header, **options: Any) -> str:
    try:
        keras_header.check(found, Path("my.h5"), **options)
    except RecipeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("", ""),
        ("2.0", ""),
        ("2", ""),
        ("2.16.0-tf", ""),
        ("3.0.0", ""),
        ("2.", ""),
        ("x2", "model.path: 'my.h5' says that Keras 'x2' saved it, which is not a version."),
    ],
)
def test_versions_at_the_edge(version: str, said: str) -> None:
    found = said_of(header(version=version))
    assert found.startswith(said) if said else found == ""


def shaped(*shape: Any) -> dict[str, Any]:
    model = json.loads(json.dumps(dense()))
    model["config"]["layers"][0]["config"]["batch_input_shape"] = [None, *shape]
    return dict(model)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((8, 8, 3), ""),
        ((8, 8, 1), "has shape (8, 8, 1); expected (height, width, 3)."),
        ((192,), "has shape (192,); expected (height, width, 3)."),
        ((2, 8, 8, 3), "has shape (2, 8, 8, 3); expected (height, width, 3)."),
        (
            (None, 8, 3),
            "has shape (None, 8, 3); height and width must be fixed numbers, e.g. Input((96, 96, 3)).",
        ),
    ],
)
def test_one_image_of_a_fixed_size_is_taken(shape: Any, said: str) -> None:
    found = said_of(header(shaped(*shape)))
    assert found == (f"model.path: the input of 'my.h5' {said}" if said else "")


def test_inputs_are_those_of_input_layers_or_of_the_first() -> None:
    first = {
        "class_name": "Sequential",
        "config": {"layers": [layer("Dense", "a", batch_input_shape=[None, 4])]},
    }
    first["config"]["layers"].append(
        layer("Dense", "b", batch_input_shape=[None, 9])
    )  # tf_keras writes it anywhere
    assert header(first).inputs() == [(4,)]
    two = functional(layer("InputLayer", "more", batch_input_shape=[None, 5]))
    assert header(two).inputs() == [(8, 8, 3), (5,)]
    assert said_of(header(two)) == "model.path: 'my.h5' has 2 inputs; expected one image."


@pytest.mark.parametrize(
    ("end", "activation"),
    [
        (layer("Softmax", "scores", "flat"), "softmax"),
        (layer("Dense", "scores", "flat", activation="relu"), "relu"),
        (layer("Dense", "scores", "flat", activation={"class_name": "ReLU"}), ""),
        (layer("Add", "scores", "flat"), ""),
    ],
)
def test_the_activation_of_an_output(end: dict[str, Any], activation: str) -> None:
    assert header(functional(layer("Flatten", "flat", "image"), end)).outputs() == [activation]


def test_a_model_that_is_no_graph_is_said_so() -> None:
    for kind, layers in (("Mine", dense()["config"]["layers"]), ("Functional", [])):
        config = {"class_name": kind, "config": {"layers": layers}}
        said = f"model.path: 'my.h5' holds a subclassed model ('{kind}'), whose graph is Python code; rebuild it as "
        assert said_of(header(config)).startswith(said)


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (("a/kernel",), "in a/kernel; train it again."),
        (("a/kernel", "b"), "in a/kernel and 1 more; train it again."),
        (("a/kernel", "b", "c"), "in a/kernel and 2 more; train it again."),
    ],
)
def test_weights_that_are_not_finite_are_counted(paths: tuple[str, ...], said: str) -> None:
    assert (
        said_of(header(not_finite=paths)) == f"model.path: 'my.h5' holds weights that are not finite, {said}"
    )


def test_a_sentence_begins_with_the_key_that_was_given() -> None:
    refused = header(version="3.0", origin=Origin(None, "layer 'a' is a B."))
    with pytest.raises(RecipeError, match=r"^train.init: in 'my.h5', layer 'a' is a B\.$"):
        keras_header.check_loads(refused, Path("my.h5"), key="train.init: ")


def test_as_many_weights_as_there_are_may_be_declared() -> None:
    assert said_of(header(elements=2)) == ""
    assert "has units=2, and the whole file holds 1 weights" in said_of(header(elements=1))


def test_weights_beside_the_models_are_not_looked_at(tmp_path: Path) -> None:
    def change(file: Any) -> None:
        file["optimizer_weights/m"] = np.array([np.nan])

    assert keras_header.read(keras_files.h5(tmp_path / "my.h5", dense(), change)).not_finite == ()


def test_a_keras_archive_gives_version_elements_and_what_is_not_finite(tmp_path: Path) -> None:
    held = tmp_path / "weights.h5"
    with h5py.File(held, "w") as file:
        file["layers/dense/vars/0"] = np.array([1.0, np.inf, 3.0])
    members = {"model.weights.h5": held.read_bytes(), "metadata.json": b'{"keras_version": "2.14.0"}'}
    found = keras_header.read(keras_files.keras(tmp_path / "my.keras", dense(), members))
    assert (found.version, found.elements, found.facts) == ("2.14.0", 3, {})
    assert found.not_finite == ("/layers/dense/vars/0",)
    assert found.config == dense()


def test_a_file_is_read_again_when_it_is_another(tmp_path: Path) -> None:
    path = keras_files.h5(tmp_path / "my.h5", dense())
    first = keras_header.read(path)
    assert keras_header.read(path) is first
    keras_files.h5(tmp_path / "other.h5", dense("sigmoid")).replace(path)
    assert keras_header.read(path).outputs() == ["sigmoid"]


def test_a_file_that_a_pass_wrote_opens_or_breaks_its_promise(tmp_path: Path) -> None:
    path = keras_files.h5(tmp_path / "my.h5", dense())
    keras_header.check_opens(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        BrokenPromise, match=r"^the file it wrote cannot be read: is a damaged or incomplete HDF5 file"
    ):
        keras_header.check_opens(path)
    with pytest.raises(BrokenPromise, match=r"^the file it wrote cannot be read: .*No such file"):
        keras_header.check_opens(tmp_path / "missing.h5")
