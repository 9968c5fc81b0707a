"""Whole files of every kind, small, and written without TensorFlow."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

CLASSES = ("cat", "dog")

PLUGIN = '''
from tflbuild import Pass, PassContext, TFLiteModel, compiler_pass
from tflbuild.core.meaning import Meaning
from tflbuild.core.errors import PassError


@compiler_pass("given")
class Given(Pass):
    """Start from a file that is small enough for tests."""

    fails: bool = False

    def reads(self):
        return ("data.train",)

    def run(self, model: None, ctx: PassContext) -> TFLiteModel:
        if self.fails:
            raise PassError("as asked")
        from tflbuild.tflite import flatbuffer
        from tflbuild.tflite.graph import Graph
        from tflbuild.tflite.tiny import dense_classifier

        scale = {"scale": 0.0078125, "offset": -1.0}
        facts = Meaning.of_image(task="classification", height=8, width=8, labels=("cat", "dog"), preprocess=scale)
        graph = Graph.unpacked(dense_classifier())
        flatbuffer.write_facts(graph.model, facts.to_json())
        return ctx.emit(TFLiteModel, graph.packed(), facts=facts.to_json())
'''

RECIPE = """# @package _global_
defaults:
  - /model: mobilenet_v1
  - /data: image_folder
  - /target: [cpu]
  - /passes@given: given
  - _self_

description: a file for tests
pipeline: [given]
data: {root: shapes, preprocess: {scale: 0.0078125, offset: -1.0}}
given: {budget: {top1: {min: 0.0}}}
budget: {top1: {min: 0.0}}
"""

VOC = """<annotation><filename>{name}</filename><size><width>16</width><height>12</height><depth>3</depth></size>
<object><name>{label}</name><difficult>0</difficult>
<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>9</xmax><ymax>10</ymax></bndbox></object></annotation>
"""


def lay(place: Path) -> None:
    """Lay a folder out: pictures in class folders, as COCO and as VOC, a recipe, a plugin, models, arrays."""
    for name in ("recipes", "plugins", "models", "tmp"):
        (place / name).mkdir(parents=True)
    (place / "recipes" / "tiny.yaml").write_text(RECIPE)
    (place / "plugins" / "given.py").write_text(PLUGIN)
    (place / "plugins" / "watch.py").write_text((Path(__file__).parent / "watch.py").read_text())
    pictures(place / "shapes")
    coco(place / "coco")
    voc(place / "voc")
    (place / "models" / "given.h5").write_bytes(keras_h5())
    (place / "models" / "given.keras").write_bytes(keras_zip())
    np.savez(place / "models" / "images.npz", images=noise(8, 16, 16))
    outside = place.parent / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")


def noise(*shape: int, seed: int = 0) -> Any:
    """Give (..., 3) uint8 noise."""
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


def pictures(folder: Path, count: int = 12) -> None:
    """Write a folder of classes."""
    for place, label in enumerate(CLASSES):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            image = Image.fromarray(noise(12, 16, seed=100 * place + number))
            image.save(folder / label / f"{number}.png")


def coco(folder: Path) -> None:
    """Write a COCO set of two splits."""
    for split, first, count in (("train", 0, 10), ("test", 10, 4)):
        (folder / split).mkdir(parents=True)
        images = [
            {"id": number, "file_name": f"{number}.png", "width": 16, "height": 12}
            for number in range(first, first + count)
        ]
        for image in images:
            Image.fromarray(noise(12, 16, seed=int(str(image["id"])))).save(
                folder / split / str(image["file_name"])
            )
        boxes = [
            {"id": image["id"], "image_id": image["id"], "category_id": 1 + place % 2, "bbox": [2, 3, 7, 6]}
            for place, image in enumerate(images)
        ]
        names = [{"id": place + 1, "name": name} for place, name in enumerate(CLASSES)]
        content = {"images": images, "annotations": boxes, "categories": names}
        (folder / f"{split}.json").write_text(json.dumps(content))


def voc(folder: Path) -> None:
    """Write a VOC set of two splits."""
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    for number in range(14):
        Image.fromarray(noise(12, 16, seed=number)).save(folder / "JPEGImages" / f"{number}.png")
        text = VOC.format(name=f"{number}.png", label=CLASSES[number % 2])
        (folder / "Annotations" / f"{number}.xml").write_text(text)
    for split, numbers in (("train", range(10)), ("test", range(10, 14))):
        lines = "".join(f"{number}\n" for number in numbers)
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text(lines)


def _layers() -> list[dict[str, Any]]:
    dense = {"name": "scores", "trainable": True, "dtype": "float32", "units": 2, "activation": "softmax"}
    zeros = {"class_name": "Zeros", "config": {}}
    conv = {
        "name": "conv",
        "trainable": True,
        "dtype": "float32",
        "filters": 4,
        "kernel_size": [3, 3],
        "strides": [2, 2],
        "padding": "same",
        "activation": "relu",
        "use_bias": True,
        "kernel_initializer": zeros,
        "bias_initializer": zeros,
    }
    shape = [None, 32, 32, 3]
    entry = {
        "batch_input_shape": shape,
        "dtype": "float32",
        "sparse": False,
        "ragged": False,
        "name": "image",
    }
    pool = {
        "name": "pool",
        "trainable": True,
        "dtype": "float32",
        "data_format": "channels_last",
        "keepdims": False,
    }
    return [
        {"class_name": "InputLayer", "config": entry, "name": "image", "inbound_nodes": []},
        {"class_name": "Conv2D", "config": conv, "name": "conv", "inbound_nodes": [[["image", 0, 0, {}]]]},
        {
            "class_name": "GlobalAveragePooling2D",
            "config": pool,
            "name": "pool",
            "inbound_nodes": [[["conv", 0, 0, {}]]],
        },
        {"class_name": "Dense", "config": dense, "name": "scores", "inbound_nodes": [[["pool", 0, 0, {}]]]},
    ]


def _config() -> dict[str, Any]:
    inner = {
        "name": "given",
        "trainable": True,
        "layers": _layers(),
        "input_layers": [["image", 0, 0]],
        "output_layers": [["scores", 0, 0]],
    }
    return {"class_name": "Functional", "config": inner}


def _weights() -> dict[str, list[tuple[str, Any]]]:
    rng = np.random.default_rng(0)

    def values(*shape: int) -> Any:
        return rng.normal(size=shape).astype(np.float32)

    return {
        "conv": [("conv/kernel:0", values(3, 3, 3, 4)), ("conv/bias:0", values(4))],
        "scores": [("scores/kernel:0", values(4, 2)), ("scores/bias:0", values(2))],
    }


def keras_h5(config: Any = None) -> bytes:
    """Give a functional model as tf_keras writes it to `.h5`."""
    target = io.BytesIO()
    with h5py.File(target, "w") as file:
        file.attrs["model_config"] = json.dumps(config or _config())
        file.attrs["keras_version"] = "2.21.0"
        file.attrs["backend"] = "tensorflow"
        group = file.create_group("model_weights")
        names = ["image", "conv", "pool", "scores"]
        group.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            layer = group.create_group(name)
            held = _weights().get(name, [])
            layer.attrs["weight_names"] = [weight.encode() for weight, _ in held]
            for weight, value in held:
                layer.create_dataset(weight, data=value)
    return target.getvalue()


def keras_zip() -> bytes:
    """Give the same as `.keras`."""
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        for empty in ("vars", "layers/input_layer/vars", "layers/global_average_pooling2d/vars"):
            file.create_group(empty)
        for layer, held in _weights().items():
            name = {"conv": "conv2d", "scores": "dense"}[layer]
            for place, (_, value) in enumerate(held):
                file.create_dataset(f"layers/{name}/vars/{place}", data=value)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.21.0", "date_saved": "2026-01-01"}))
        archive.writestr("config.json", json.dumps(_with_modules(_config())))
        archive.writestr("model.weights.h5", weights.getvalue())
    return target.getvalue()


def _with_modules(value: Any) -> Any:
    """Say of each object where its class comes from, as a `.keras` file does."""
    if isinstance(value, list):
        return [_with_modules(one) for one in value]
    if not isinstance(value, dict):
        return value
    inner = {key: _with_modules(one) for key, one in value.items()}
    if "class_name" not in inner:
        return inner
    modules = {"Functional": "tf_keras.src.engine.functional", "Zeros": "tf_keras.initializers"}
    module = modules.get(inner["class_name"], "tf_keras.layers")
    registered = "Functional" if inner["class_name"] == "Functional" else None
    return {"module": module, "registered_name": registered, **inner}
