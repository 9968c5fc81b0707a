"""Files that weights are taken from: each format read as data, and what is refused with a sentence."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from small_network import constants, convolutional
from tflbuild.core.errors import RecipeError
from tflbuild.models.mobilenet_v2 import MobileNetV2
from tflbuild.tflite.graph import Graph
from tflbuild.weights import source
from tflbuild.weights.layer import Layer

NORM = ("gamma", "beta", "moving_mean", "moving_variance")

CONFIG = {
    "class_name": "Functional",
    "config": {
        "name": "net",
        "layers": [
            {"class_name": "InputLayer", "config": {"name": "image"}},
            {"class_name": "Conv2D", "config": {"name": "stem"}},
            {"class_name": "BatchNormalization", "config": {"name": "stem_bn", "epsilon": 1e-5}},
            {"class_name": "DepthwiseConv2D", "config": {"name": "dw"}},
            {"class_name": "MyLayer", "config": {"name": "mine", "function": "import os"}},
            {
                "class_name": "Sequential",
                "config": {
                    "name": "top",
                    "layers": [
                        {"class_name": "Dense", "config": {"name": "scores"}},
                    ],
                },
            },
        ],
    },
}


def arrays() -> dict[str, Any]:
    """Weights by layer and role; the layers are not in the order of the alphabet."""
    draw = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "stem/kernel": (3, 3, 3, 8),
        **{f"stem_bn/{role}": (8,) for role in NORM},
        "dw/depthwise_kernel": (3, 3, 8, 1),
        "dw/bias": (8,),
        "scores/kernel": (8, 2),
        "scores/bias": (2,),
    }
    return {name: draw.normal(size=shape).astype("f4") for name, shape in shapes.items()}


def whole_h5(path: Path, group: str = "model_weights", config: Any = CONFIG) -> Path:
    """A `.h5` as Keras writes it; the dense layer lies in a model within."""
    with h5py.File(path, "w") as file:
        root = file.create_group(group) if group else file
        if config:
            file.attrs["model_config"] = json.dumps(config)
        root.attrs["layer_names"] = [b"image", b"stem", b"stem_bn", b"dw", b"top"]
        for top in ("image", "stem", "stem_bn", "dw", "top"):
            inner = "scores" if top == "top" else top
            own = {f"{name}:0": array for name, array in arrays().items() if name.split("/")[0] == inner}
            made = root.create_group(top)
            made.attrs["weight_names"] = [name.encode() for name in own]
            for name, array in own.items():
                made[name] = array
    return path


PLACES = {
    "stem": "layers/conv2d",
    "stem_bn": "layers/batch_normalization",
    "dw": "layers/depthwise_conv2d",
    "scores": "layers/sequential/layers/dense",
}


def numbered(path: Path | io.BytesIO, names: bool = False) -> None:
    """The weights of a `.keras`, or a `.weights.h5`: numbers in the place of names."""
    with h5py.File(path, "w") as file:
        for name, place in PLACES.items():
            group = file.create_group(f"{place}/vars")
            if names:
                group.attrs["name"] = name
            own = [array for path, array in arrays().items() if path.split("/")[0] == name]
            for number, array in enumerate(own):
                group[str(number)] = array


def keras(path: Path) -> Path:
    weights = io.BytesIO()
    numbered(weights)
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("config.json", json.dumps(CONFIG))
        made.writestr("metadata.json", json.dumps({"keras_version": "3.9.0"}))
        made.writestr("model.weights.h5", weights.getvalue())
    return path


def npz(path: Path, *plain: Any, **named: Any) -> Path:
    np.savez(path, *plain, **named)
    return path


def told(layers: Any) -> list[tuple[str, str]]:
    return [(one.name, one.kind) for one in layers]


EXPECTED = [("stem", "convolution"), ("stem_bn", "norm"), ("dw", "depthwise"), ("scores", "convolution")]


def same(layers: list[Layer]) -> None:
    given = arrays()
    for layer in layers:
        for role, array in layer.arrays.items():
            name = (
                f"{layer.name}/{role}"
                if f"{layer.name}/{role}" in given
                else f"{layer.name}/depthwise_kernel"
            )
            np.testing.assert_array_equal(array, given[name])


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: whole_h5(folder / "m"),
        lambda folder: whole_h5(folder / "m", group="", config=None),
        lambda folder: keras(folder / "m"),
        lambda folder: npz(folder / "m.npz", **{f"{name}:0": array for name, array in arrays().items()}),
    ],
    ids=["h5", "weights alone", "keras", "npz"],
)
def test_each_format_gives_the_same_layers_whatever_the_file_is_called(
    write: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = write(tmp_path)
    source.check(path)
    found = source.theirs_of(path)
    assert (told(found.layers), found.ordered) == (EXPECTED, True)
    same(list(found.layers))


def test_the_epsilon_of_a_norm_is_read_where_the_file_says_it(tmp_path: Path) -> None:
    for path in (whole_h5(tmp_path / "m.h5"), keras(tmp_path / "m.keras")):
        assert source.theirs_of(path).layers[1].epsilon == 1e-5
    bare = whole_h5(tmp_path / "w.h5", config=None)
    assert source.theirs_of(bare).layers[1].epsilon == 1e-3


def test_numbered_weights_have_the_names_that_keras_3_notes_and_no_order(tmp_path: Path) -> None:
    numbered(tmp_path / "m.weights.h5", names=True)
    found = source.theirs_of(tmp_path / "m.weights.h5")
    assert (sorted(told(found.layers)), found.ordered) == (sorted(EXPECTED), False)
    same(list(found.layers))


def test_unnamed_arrays_are_those_of_get_weights_in_order(tmp_path: Path) -> None:
    found = source.theirs_of(npz(tmp_path / "m.npz", *arrays().values()))
    assert [one.kind for one in found.layers] == [kind for _, kind in EXPECTED]
    np.testing.assert_array_equal(found.layers[1].arrays["moving_mean"], arrays()["stem_bn/moving_mean"])
    np.testing.assert_array_equal(found.layers[3].kernel, arrays()["scores/kernel"])


def test_a_separable_convolution_becomes_two_layers(tmp_path: Path) -> None:
    given = {
        "head/depthwise_kernel": np.ones((3, 3, 8, 1), "f4"),
        "head/pointwise_kernel": np.ones((1, 1, 8, 4), "f4"),
        "head/bias": np.zeros(4, "f4"),
    }
    found = source.theirs_of(npz(tmp_path / "m.npz", **given))
    assert [(one.shape, sorted(one.arrays)) for one in found.layers] == [
        (("depthwise", (3, 3, 8, 1)), ["kernel"]),
        (("convolution", (8, 4)), ["bias", "kernel"]),
    ]


def test_the_kernels_of_a_tflite_are_turned_to_those_of_keras(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(convolutional())
    found, given = source.theirs_of(tmp_path / "m.tflite").layers, constants()
    assert [one.shape for one in found] == [
        ("convolution", (3, 3, 3, 4)),
        ("depthwise", (3, 3, 4, 1)),
        ("convolution", (64, 2)),
    ]
    np.testing.assert_array_equal(found[0].kernel[1, 2, 0], given["stem/Conv2D"][:, 1, 2, 0])
    np.testing.assert_array_equal(found[1].kernel[2, 1, :, 0], given["middle/depthwise"][0, 2, 1])
    np.testing.assert_array_equal(found[2].kernel, given["head/MatMul"].T)
    assert "stem" in found[0].aliases, "a layer's name is a part of its tensors' names"


# Bad input


def cut(path: Path) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def bytes_of(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def spoilt(path: Path) -> Path:
    with h5py.File(path, "a") as file:
        file["model_weights/stem/stem/kernel:0"][0, 0, 0, 0] = np.nan
    return path


def nameless(path: Path) -> Path:
    numbered(path)
    return path


def stored_in_bytes() -> bytes:
    """A file whose first kernel is stored in 8 bits, as in a quantized one."""
    graph = Graph.unpacked(convolutional())
    place = next(place for place, one in enumerate(graph.tensors) if one.name == b"stem/Conv2D")
    graph.tensors[place].type = schema.TensorType.INT8
    graph.model.buffers[graph.tensors[place].buffer].data = np.ones(4 * 3 * 3 * 3, np.uint8)
    return graph.packed()


BAD: list[tuple[Callable[[Path], Path], str]] = [
    (lambda at: at / "no.h5", "cannot be read: No such file or directory"),
    (lambda at: cut(whole_h5(at / "m.h5")), "is a damaged or incomplete HDF5 file"),
    (lambda at: spoilt(whole_h5(at / "m.h5")), "holds weights that are not finite, in /model_weights/stem"),
    (lambda at: nameless(at / "m.weights.h5"), "numbers its weights and names no layers; save the whole"),
    (lambda at: cut(keras(at / "m.keras")), "is a damaged archive"),
    (lambda at: npz(at / "m.npz"), "holds no arrays"),
    (lambda at: npz(at / "m.npz", a=np.array([{}], object)), "holds Python objects, which could run code"),
    (lambda at: npz(at / "m.npz", a=np.array(["x"])), "holds 'a', which is no array of numbers"),
    (lambda at: npz(at / "m.npz", **{"a/kernel": np.array([np.inf])}), "holds weights that are not finite, in a"),
    (lambda at: npz(at / "m.npz", np.ones((3, 4)), np.ones(4), np.ones(4)), "its arrays from arr_0 on are not"),
    (lambda at: cut(npz(at / "m.npz", np.ones((300, 4)))), "is a damaged archive"),
    (lambda at: bytes_of(at / "m.tflite", stored_in_bytes()), "is quantized; give the float file that it was"),
    (lambda at: cut(bytes_of(at / "m.tflite", convolutional())), "cannot be read: "),
    (lambda at: bytes_of(at / "m.pt", b"\x80\x02torch"), "is a PyTorch model; weights are taken from a .h5, .keras"),
    (lambda at: bytes_of(at / "m.h5", b"hello"), "weights are taken from a .h5, .keras"),
    (lambda at: at, "is a folder without a SavedModel or a checkpoint"),
    (lambda at: bytes_of(at / "ckpt-1.index", b"x"), "has no ckpt-1.data-* beside its index"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_files_are_refused_while_planning(number: int, tmp_path: Path) -> None:
    make, message = BAD[number]
    path = make(tmp_path)
    with pytest.raises(ValueError, match=r"weights: '.*' ") as caught:
        MobileNetV2(weights=str(path)).check()
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    with pytest.raises(RecipeError, match=r"^model\.weights: '.*\.$"):
        source.theirs_of(path)


def test_two_checkpoints_in_a_folder_leave_a_choice(tmp_path: Path) -> None:
    for name in ("ckpt-1", "ckpt-2"):
        bytes_of(tmp_path / f"{name}.index", b"")
    with pytest.raises(ValueError, match=r"holds 2 checkpoints; give one's file, e\.g\. .*ckpt-2\.index"):
        source.check(tmp_path)


def test_the_files_of_a_checkpoint_are_its_index_and_its_shards(tmp_path: Path) -> None:
    inner = tmp_path / "saved_model" / "variables"
    inner.mkdir(parents=True)
    for name in ("variables.index", "variables.data-00000-of-00002", "variables.data-00001-of-00002"):
        bytes_of(inner / name, b"")
    assert [one.name for one in source.files_of(tmp_path)] == [
        "variables.index",
        "variables.data-00000-of-00002",
        "variables.data-00001-of-00002",
    ]
