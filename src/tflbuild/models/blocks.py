"""Blocks and checks that several architectures share."""

from __future__ import annotations

from typing import Any, NamedTuple

SMALL = 64
"""Pixels below which the first convolution keeps the input's size."""


class Style(NamedTuple):
    """Convey what every convolution of a block has.

    Attributes:
        activation: "relu6", "relu" or "hard_swish".
        momentum: of the running statistics of batch norm.
    """

    activation: str
    momentum: float


def check_size(name: str, size: int, smallest: int, largest: int) -> None:
    """Refuse a side of the input that an architecture cannot take, and name the nearest that it can.

    Raises:
        ValueError: "input_size: 31 is not between 32 and 512 pixels, which is what resnet can take; the nearest is 32".
    """
    if not smallest <= size <= largest:
        raise ValueError(
            f"input_size: {size} is not between {smallest} and {largest} pixels, which is what {name} can take; "
            f"the nearest is {min(max(size, smallest), largest)}"
        )


def halving(size: int) -> int:
    """Give the stride of the first convolution: 1 for small images, which five halvings would leave one cell of."""
    return 1 if size < SMALL else 2


def width(filters: int, alpha: float) -> int:
    """Scale a number of filters, to a multiple of 8 as XNNPACK and NPUs like it."""
    return max(8, round(filters * alpha / 8) * 8)


def rounded(filters: float) -> int:
    """Round a number of filters to a multiple of 8, up where it would lose more than a tenth.

    The rule of MobileNet v3 and of EfficientNet.

    >>> [rounded(one) for one in (18, 22, 24.0, 100, 4)]
    [24, 24, 24, 104, 8]
    """
    nearest = max(8, int(filters + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * filters else nearest


def convolution(
    tensor: Any, name: str, filters: int, size: Any, stride: Any, activation: str, momentum: float
) -> Any:
    """Add a convolution, its batch norm and its activation."""
    from tflbuild.backends.keras import layers

    tensor = layers.Conv2D(filters, size, stride, padding="same", use_bias=False, name=name)(tensor)
    return normalised(tensor, name, activation, momentum)


def depthwise(tensor: Any, name: str, stride: int, activation: str, momentum: float, *, size: int = 3) -> Any:
    """Add a depthwise convolution, its batch norm and its activation."""
    from tflbuild.backends.keras import layers

    tensor = layers.DepthwiseConv2D(size, stride, padding="same", use_bias=False, name=name)(tensor)
    return normalised(tensor, name, activation, momentum)


def normalised(tensor: Any, name: str, activation: str, momentum: float) -> Any:
    """Add batch norm and activation; none where it is "linear"."""
    from tflbuild.backends.keras import layers

    return activated(
        layers.BatchNormalization(momentum=momentum, name=f"{name}_norm")(tensor), name, activation
    )


def activated(tensor: Any, name: str, activation: str) -> Any:
    """Add an activation; none where it is "linear"."""
    from tflbuild.backends.keras import layers

    if activation == "linear":
        return tensor
    if activation == "hard_swish":
        return layers.Multiply(name=f"{name}_hard_swish")([tensor, hard_sigmoid(tensor, name)])
    return layers.ReLU(6.0 if activation == "relu6" else None, name=f"{name}_{activation}")(tensor)


def hard_sigmoid(tensor: Any, name: str) -> Any:
    """Add relu6(x + 3) / 6, in layers that a file can be loaded with anywhere.

    The converter computes its product with x in one HARD_SWISH.
    """
    from tflbuild.backends.keras import layers

    shifted = layers.Rescaling(1.0, 3.0, name=f"{name}_shift")(tensor)
    clipped = layers.ReLU(6.0, name=f"{name}_clip")(shifted)
    return layers.Rescaling(1 / 6, name=f"{name}_sixth")(clipped)


def inverted_residual(
    tensor: Any,
    name: str,
    inner_filters: int,
    filters: int,
    style: Style,
    *,
    size: int = 3,
    stride: int = 1,
    squeeze: int = 0,
) -> Any:
    """Expand, filter by depth, weigh the channels, project; add what came in where the shapes agree.

    Args:
        tensor: what comes in.
        name: of the block, before the names of its layers.
        inner_filters: between expansion and projection; as many as come in: no expansion.
        filters: that go out.
        style: of the convolutions; the projection has no activation.
        size: of the depthwise kernel.
        stride: of the depthwise convolution.
        squeeze: channels in the middle of the squeeze-and-excite; 0 for none.
    """
    from tflbuild.backends.keras import layers

    channels, inner = int(tensor.shape[-1]), tensor
    if inner_filters != channels:
        inner = convolution(inner, f"{name}_expand", inner_filters, 1, 1, *style)
    inner = depthwise(inner, f"{name}_depthwise", stride, *style, size=size)
    if squeeze:
        inner = squeeze_excite(inner, f"{name}_squeeze", squeeze)
    inner = convolution(inner, f"{name}_project", filters, 1, 1, "linear", style.momentum)
    same = stride == 1 and channels == filters
    return layers.Add(name=f"{name}_add")([tensor, inner]) if same else inner


def squeeze_excite(tensor: Any, name: str, channels: int) -> Any:
    """Weigh every channel by a number in 0..1 that two small layers find from the means of all."""
    from tflbuild.backends.keras import layers

    means = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")(tensor)
    few = layers.Conv2D(channels, 1, name=f"{name}_reduce")(means)
    few = layers.ReLU(name=f"{name}_reduce_relu")(few)
    weights = layers.Conv2D(int(tensor.shape[-1]), 1, name=f"{name}_restore")(few)
    return layers.Multiply(name=f"{name}_weigh")([tensor, hard_sigmoid(weights, name)])
