"""Activations of Keras 3 in tf_keras: under which name, or as which layers behind the one that has them.

`hard_sigmoid` is relu6(x + 3) / 6 in Keras 3 and 0.2 x + 0.5 within 0 and 1 in tf_keras; `leaky_relu` has the slope 0.2
in both, but the layer `LeakyReLU` 0.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

ALIKE: Mapping[str, str] = {
    **{
        name: name
        for name in (
            *("linear", "relu", "sigmoid", "softmax", "tanh", "elu", "selu", "softplus", "softsign"),
            *("exponential", "gelu", "mish"),
        )
    },
    "silu": "swish",
    "swish": "swish",
}
"""Activations that tf_keras computes alike, by their name in Keras 3, with the one there."""


class Step(NamedTuple):
    """One layer of several that compute an activation.

    Attributes:
        kind: its class in tf_keras.
        options: of the layer.
        arguments: of its calls.
        beside: whether it reads what the first of them reads, too.
    """

    kind: str
    options: Mapping[str, Any]
    arguments: Mapping[str, Any] = {}
    beside: bool = False


def operation(function: str, **arguments: Any) -> Step:
    """Give a step that is one operation of TensorFlow on a tensor."""
    return Step("TFOpLambda", {"function": function}, {**arguments, "name": None})


_HARD_SIGMOID = (
    operation("__operators__.add", y=3.0),
    Step("ReLU", {"max_value": 6.0}),
    operation("math.multiply", y=1 / 6),
)

AS_LAYERS: Mapping[str, tuple[Step, ...]] = {
    "relu6": (Step("ReLU", {"max_value": 6.0}),),
    "leaky_relu": (Step("LeakyReLU", {"alpha": 0.2}),),
    "hard_sigmoid": _HARD_SIGMOID,
    "hard_silu": (*_HARD_SIGMOID, Step("Multiply", {}, beside=True)),
    "hard_swish": (*_HARD_SIGMOID, Step("Multiply", {}, beside=True)),
    "hard_tanh": (operation("clip_by_value", clip_value_min=-1.0, clip_value_max=1.0),),
    "log_softmax": (operation("nn.log_softmax"),),
    "log_sigmoid": (operation("math.log_sigmoid"),),
}
"""Activations that become layers behind the one that has them."""
