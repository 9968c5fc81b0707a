"""Small graphs as facts, for the dependency graph of channels: no framework is needed."""

from __future__ import annotations

from typing import Any

from tflbuild.training.channels.facts import Call, Graph, Kind, Layer, Shape, Weight


class Drawing:
    """Draws a graph, call by call; a tensor is the name of what it was called with.

    Args:
        image: shape of the input, without the batch.
    """

    def __init__(self, image: Shape = (8, 8, 3)) -> None:
        self._layers: dict[str, Layer] = {}
        self._calls: list[Call] = []
        self._shapes: dict[int, Shape] = {}
        self.image = self._call(Layer(name="image", kind=Kind.SOURCE), [], image)

    def conv(self, name: str, given: int, channels: int, taps: int = 1, **options: Any) -> int:
        """Convolve to as many channels."""
        read = self._shapes[given][-1] or 0
        kernel = Weight(name="kernel", roles={2: "in", 3: "out"}, shape=(1, taps, read, channels))
        made = Layer(
            name=name,
            kind=Kind.MIXING,
            weights=(kernel,),
            width="filters",
            channels=channels,
            taps=taps,
            **options,
        )
        return self._call(made, [given], (*self._shapes[given][:-1], channels))

    def depthwise(self, name: str, given: int, multiplier: int = 1, taps: int = 9) -> int:
        """Convolve each channel by itself."""
        channels = self._shapes[given][-1] or 0
        kernel = Weight(name="depthwise_kernel", roles={2: "in"}, shape=(3, 3, channels, multiplier))
        made = Layer(name=name, kind=Kind.DEPTHWISE, weights=(kernel,), multiplier=multiplier, taps=taps)
        return self._call(made, [given], (*self._shapes[given][:-1], channels * multiplier))

    def norm(self, name: str, given: int) -> int:
        """Normalise channel by channel."""
        channels = self._shapes[given][-1] or 0
        weights = tuple(Weight(name=one, roles={0: "in"}, shape=(channels,)) for one in ("gamma", "beta"))
        return self._call(
            Layer(name=name, kind=Kind.CHANNELWISE, weights=weights, scales=True),
            [given],
            self._shapes[given],
        )

    def relu(self, name: str, given: int) -> int:
        """Keep channels apart and in place, without weights."""
        return self._call(Layer(name=name, kind=Kind.CHANNELWISE), [given], self._shapes[given])

    def pool(self, name: str, given: int) -> int:
        """Average over all places."""
        return self._call(Layer(name=name, kind=Kind.CHANNELWISE), [given], self._shapes[given][-1:])

    def join(self, name: str, *given: int) -> int:
        """Add or multiply tensors, number by number."""
        widest = max((self._shapes[one] for one in given), key=lambda shape: shape[-1] or 0)
        return self._call(Layer(name=name, kind=Kind.JOINING), list(given), widest)

    def concatenate(self, name: str, *given: int, axis: int = 2) -> int:
        """Put tensors behind each other."""
        shape = list(self._shapes[given[0]])
        shape[axis] = sum(self._shapes[one][axis] or 0 for one in given)
        return self._call(Layer(name=name, kind=Kind.CONCATENATION, axis=axis), list(given), tuple(shape))

    def reshape(self, name: str, given: int, shape: Shape) -> int:
        """Give the same numbers in another shape."""
        return self._call(Layer(name=name, kind=Kind.RESHAPING, width="target_shape"), [given], shape)

    def unknown(self, name: str, given: int) -> int:
        """Do what nobody knows."""
        return self._call(
            Layer(name=name, kind=Kind.OPAQUE, reason=f"Odd '{name}' is odd"), [given], self._shapes[given]
        )

    def again(self, name: str, given: int) -> int:
        """Call a layer that mixes once more."""
        layer = self._layers[name]
        return self._call(layer, [given], (*self._shapes[given][:-1], layer.channels))

    def graph(self, *outputs: int) -> Graph:
        """Give what was drawn."""
        return Graph(layers=self._layers, calls=tuple(self._calls), shapes=self._shapes, outputs=outputs)

    def _call(self, layer: Layer, inputs: list[int], shape: Shape) -> int:
        self._layers[layer.name] = layer
        tensor = len(self._shapes)
        self._shapes[tensor] = shape
        self._calls.append(Call(layer=layer.name, inputs=tuple(inputs), outputs=(tensor,)))
        return tensor
