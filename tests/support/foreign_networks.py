"""Small float `.tflite` as others write them: no signature, several inputs and outputs, vectors, single numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.dataset import Dataset, Example, Index, Sample
from tflbuild.core.meaning import Input, Meaning
from tflbuild.testing import artifact
from tflbuild.tflite import flatbuffer
from tflbuild.tflite.assemble import Step, assemble

FUSED = schema.ActivationFunctionType
OPERATORS, OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions
Arrays = dict[str, npt.NDArray[np.float32]]


class Draft:
    """A model under construction, whose weights are random."""

    def __init__(self, seed: int = 0, **inputs: tuple[int, ...]) -> None:
        self._rng = np.random.default_rng(seed)
        self._tensors: dict[str, Any] = dict(inputs)
        self._steps: list[Step] = []
        self.inputs = list(inputs)

    def dense(self, name: str, given: str, units: int, fused: int = FUSED.NONE) -> str:
        """Add a dense layer, for every entry of the first axis."""
        rows, *sides = self._tensors[given]
        taps = int(np.prod(sides))
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = fused
        weights = self._random(f"{name}/weights", (units, taps), taps**-0.5)
        bias = self._random(f"{name}/bias", (units,), 0.2)
        return self._add(
            "FULLY_CONNECTED", [given, weights, bias], name, (rows, units), "FullyConnectedOptions", options
        )

    def conv(self, name: str, given: str, channels: int, fused: int = FUSED.RELU) -> str:
        """Add a convolution of 3 x 3 that keeps the size."""
        batch, height, width, depth = self._tensors[given]
        options = schema.Conv2DOptionsT()
        options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
        options.padding, options.fusedActivationFunction = schema.Padding.SAME, fused
        weights = self._random(f"{name}/weights", (channels, 3, 3, depth), (9 * depth) ** -0.5)
        bias = self._random(f"{name}/bias", (channels,), 0.2)
        shape = (batch, height, width, channels)
        return self._add("CONV_2D", [given, weights, bias], name, shape, "Conv2DOptions", options)

    def again(self, name: str, given: str, layer: str) -> str:
        """Add a layer that shares the weights and the bias of another."""
        like = next(step for step in self._steps if step.outputs == [layer])
        self._tensors[name] = self._tensors[layer]
        self._steps.append(like._replace(inputs=[given, *like.inputs[1:]], outputs=[name]))
        return name

    def resized(self, layer: str, weights: Any, bias: float = 1.0) -> None:
        """Multiply a layer's weights, by one number or one for each channel, and its bias."""
        before = self._tensors[f"{layer}/weights"]
        factors = np.broadcast_to(weights, len(before)).reshape(-1, *([1] * (before.ndim - 1)))
        self._tensors[f"{layer}/weights"] = (before * factors).astype(np.float32)
        self._tensors[f"{layer}/bias"] = (self._tensors[f"{layer}/bias"] * bias).astype(np.float32)

    def transposed(self, name: str, given: str, channels: int) -> str:
        """Add a transposed convolution of 2 x 2 that doubles the size."""
        batch, height, width, depth = self._tensors[given]
        options = schema.TransposeConvOptionsT()
        options.strideW = options.strideH = 2
        options.padding = schema.Padding.SAME
        shape = (batch, 2 * height, 2 * width, channels)
        self._tensors[f"{name}/shape"] = np.array(shape, np.int32)
        weights = self._random(f"{name}/weights", (channels, 2, 2, depth), depth**-0.5)
        bias = self._random(f"{name}/bias", (channels,), 0.2)
        inputs = [f"{name}/shape", weights, given, bias]
        return self._add("TRANSPOSE_CONV", inputs, name, shape, "TransposeConvOptions", options)

    def reshape(self, name: str, given: str, *shape: int) -> str:
        """Add a change of shape; () for a single number."""
        self._tensors[f"{name}/shape"] = np.array(shape, np.int32)
        return self._add("RESHAPE", [given, f"{name}/shape"], name, shape)

    def add(self, name: str, one: str, other: str) -> str:
        """Add two activations."""
        return self._add("ADD", [one, other], name, self._tensors[one], "AddOptions", schema.AddOptionsT())

    def mean(self, name: str, given: str) -> str:
        """Add the mean over everything, a tensor without axes."""
        axes = np.arange(len(self._tensors[given]), dtype=np.int32)
        self._tensors[f"{name}/axes"] = axes
        options = schema.ReducerOptionsT()
        options.keepDims = False
        return self._add("MEAN", [given, f"{name}/axes"], name, (), "ReducerOptions", options)

    def softmax(self, name: str, given: str) -> str:
        """Add a softmax."""
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        return self._add("SOFTMAX", [given], name, self._tensors[given], "SoftmaxOptions", options)

    def content(self, *outputs: str) -> bytes:
        """Give the file."""
        return assemble(self._tensors, self._steps, self.inputs, outputs)

    def _random(self, name: str, shape: tuple[int, ...], size: float) -> str:
        self._tensors[name] = self._rng.normal(0, size, shape).astype(np.float32)
        return name

    def _add(
        self,
        operator: str,
        inputs: list[str],
        name: str,
        shape: tuple[int, ...],
        kind: str = "NONE",
        options: Any = None,
    ) -> str:
        self._tensors[name] = shape
        step = Step(getattr(OPERATORS, operator), inputs, [name], getattr(OPTIONS, kind), options)
        self._steps.append(step)
        return name


def unsigned() -> bytes:
    """Give a classifier of vectors without a signature, whose tensors are named as TensorFlow names them."""
    draft = Draft(1, **{"dense_input:0": (1, 12)})
    draft.dense("net/first/Relu;net/first/MatMul", "dense_input:0", 8, FUSED.RELU)
    draft.dense("net/second/MatMul", "net/first/Relu;net/first/MatMul", 3)
    draft.softmax("StatefulPartitionedCall:0", "net/second/MatMul")
    model = flatbuffer.unpack(draft.content("StatefulPartitionedCall:0"))
    model.signatureDefs = []
    return flatbuffer.pack(model)


def two_inputs() -> bytes:
    """Give a model of three numbers and a small map; its signature has them in reverse than its graph."""
    draft = Draft(2, numbers=(1, 3), map=(1, 4, 4, 2))
    draft.dense("left", "numbers", 6)
    draft.conv("seen", "map", 4)
    draft.reshape("flat", "seen", 1, 64)
    draft.dense("right", "flat", 6)
    draft.add("joined", "left", "right")
    draft.dense("scores", "joined", 2)
    model = flatbuffer.unpack(draft.content("scores"))
    model.signatureDefs[0].inputs.reverse()
    return flatbuffer.pack(model)


def two_outputs() -> bytes:
    """Give a model that gives a map and a vector."""
    draft = Draft(3, image=(1, 6, 6, 3))
    draft.conv("seen", "image", 4)
    draft.conv("map", "seen", 2, FUSED.NONE)
    draft.reshape("flat", "seen", 1, 144)
    draft.dense("vector", "flat", 5)
    return draft.content("map", "vector")


def vector() -> bytes:
    """Give an autoencoder of twenty numbers."""
    draft = Draft(4, spectrum=(1, 20))
    draft.dense("code", "spectrum", 6, FUSED.RELU)
    draft.dense("wide", "code", 10, FUSED.RELU)
    draft.dense("again", "wide", 20)
    return draft.content("again")


def scalars() -> bytes:
    """Give a model of eight numbers that gives one in (1, 1), one in (1,), and one without an axis."""
    draft = Draft(5, window=(1, 8))
    draft.dense("hidden", "window", 5, FUSED.RELU)
    draft.dense("one", "hidden", 1)
    draft.reshape("alone", "one", 1)
    draft.mean("level", "hidden")
    return draft.content("one", "alone", "level")


def rows() -> bytes:
    """Give a model of one vector that it takes for four rows, and that gives four rows."""
    draft = Draft(6, window=(1, 24))
    draft.reshape("cut", "window", 4, 6)
    draft.dense("hidden", "cut", 8, FUSED.RELU)
    draft.dense("found", "hidden", 2)
    return draft.content("found")


def several_maps() -> bytes:
    """Give a model that folds three maps into the batch axis of a convolution."""
    draft = Draft(7, maps=(1, 3, 4, 4, 2))
    draft.reshape("folded", "maps", 3, 4, 4, 2)
    draft.conv("seen", "folded", 4)
    draft.reshape("flat", "seen", 1, 192)
    draft.dense("scores", "flat", 3)
    return draft.content("scores")


def shared_heads() -> bytes:
    """Give a layer that looks at three maps of very different sizes, as heads do, with two channels next to none."""
    draft = Draft(8, image=(1, 6, 6, 3))
    for name, given, size in (("fine", "image", 1.0), ("middle", "fine", 0.02), ("coarse", "middle", 50.0)):
        draft.conv(name, given, 4)
        draft.resized(name, size, min(size, 1.0))
    draft.conv("first", "fine", 4, FUSED.NONE)
    draft.resized("first", [1.0, 1.0, 1e-6, 0.0])
    draft.again("second", "middle", "first")
    draft.again("third", "coarse", "first")
    return draft.content("first", "second", "third")


def decoder() -> bytes:
    """Give a model that enlarges a map with a transposed convolution."""
    draft = Draft(9, image=(1, 6, 6, 3))
    draft.conv("seen", "image", 4)
    draft.transposed("large", "seen", 3)
    draft.conv("map", "large", 2, FUSED.NONE)
    return draft.content("map")


def old() -> bytes:
    """Give the autoencoder as a converter from before 2020 wrote it: operator codes in a field of one byte alone."""
    model = flatbuffer.unpack(vector())
    for code in model.operatorCodes:
        code.builtinCode = 0
    model.signatureDefs = []
    return flatbuffer.pack(model)


NETWORKS: dict[str, Callable[[], bytes]] = {
    "no signature": unsigned,
    "two inputs": two_inputs,
    "two outputs": two_outputs,
    "vector": vector,
    "scalars": scalars,
    "rows": rows,
    "several maps": several_maps,
    "shared heads": shared_heads,
    "old": old,
}

WITH_TRANSPOSED: Mapping[str, Callable[[], bytes]] = NETWORKS | {"decoder": decoder}
"""All of them, and one of an operator whose bias stands at another place."""


def ends(content: bytes) -> dict[str, tuple[int, ...]]:
    """Give the shapes of a file's inputs by name, in the graph's order and without the batch axis."""
    model = flatbuffer.unpack(content)
    inputs, _ = flatbuffer.ends_of(model)
    tensors = model.subgraphs[0].tensors
    return {name: tuple(map(int, tensors[index].shape))[1:] for name, index in inputs.items()}


def samples_of(content: bytes, count: int, seed: int = 7) -> list[Arrays]:
    """Give noise in [-1, 1] for every input."""
    rng = np.random.default_rng(seed)
    shapes = ends(content)
    return [
        {name: rng.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes.items()}
        for _ in range(count)
    ]


def every_tensor(content: bytes, sample: Arrays) -> Arrays:
    """Give what LiteRT's plain kernels write into each float tensor, with the batch axis."""
    loaded = Interpreter(model_content=content, experimental_preserve_all_tensors=True)
    loaded.allocate_tensors()
    for details, values in zip(loaded.get_input_details(), sample.values(), strict=True):
        loaded.set_tensor(details["index"], values.reshape(details["shape"]))
    loaded.invoke()
    return {
        details["name"]: loaded.get_tensor(details["index"])
        for details in loaded.get_tensor_details()
        if details["dtype"] is np.float32 and details["name"]
    }


class Noise(Dataset):
    """The samples of a model by number, which have no label."""

    task = "unlabelled"
    modality = "vector"
    content: bytes = b""

    def read(self, sample: Sample) -> Example:
        """Give noise; of a model with one input, the array itself."""
        (values,) = samples_of(self.content, 1, seed=100 + int(sample.key))
        value: Any = values if len(values) > 1 else next(iter(values.values()))
        return Example(value, np.zeros((0, 4), np.float32), np.zeros(0, np.int32))


def noise(content: bytes, count: int = 24) -> tuple[Noise, Index]:
    """Give a data set of a model's samples, all of them in `train`, and what it holds."""
    data = Noise()
    object.__setattr__(data, "content", content)
    samples = tuple(Sample(str(number), str(number)) for number in range(count))
    return data, Index(classes=(), splits={"train": samples, "val": samples[:4], "test": samples[:4]})


def written(folder: Path, content: bytes) -> TFLiteModel:
    """Write a file, with what it means: numbers in, and nobody says what comes out."""
    path = folder / "foreign.tflite"
    path.write_bytes(content)
    inputs = {name: Input(modality="vector", shape=shape) for name, shape in ends(content).items()}
    made: TFLiteModel = artifact(TFLiteModel, path, Meaning(task="unlabelled", inputs=inputs))
    return made
