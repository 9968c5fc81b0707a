"""Read off a Keras configuration how the model scales pixels before its first real layer; no TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tflbuild.formats.keras.config import GRAPHS, Layer, Place, all_layers, everywhere
from tflbuild.formats.pictures import own_scaling

AUGMENTATION = (
    "RandomFlip",
    "RandomRotation",
    "RandomZoom",
    "RandomTranslation",
    "RandomContrast",
    "RandomBrightness",
    "RandomCrop",
    "RandomHeight",
    "RandomWidth",
)
"""Layers that change images in training alone."""

NOISE = ("GaussianNoise", "GaussianDropout", "AlphaDropout")
"""Other layers that do something in training alone, and that tfmot does not know."""

PASSING = (
    *AUGMENTATION,
    *NOISE,
    "Dropout",
    "SpatialDropout2D",
    "Identity",
    "ActivityRegularization",
    "QuantizeLayer",
)

MOVING = (
    *("Resizing", "CenterCrop", "Cropping2D", "ZeroPadding2D", "UpSampling2D"),
    *("MaxPooling2D", "AveragePooling2D", "Reshape", "Permute"),
)
MOVING_OPERATIONS = ("resize", "resize_v2", "central_crop", "pad", "reshape", "transpose", "clip_by_value")
"""Operations that move, average or clip pixels, and leave their range as it is."""

OF_PIXELS = "_of_pixels"
"""End of the name of a layer that scales pixels in a model that was taken in, and that no training changes."""

SCALING = ("Rescaling", "Normalization")

SCALING_OPERATIONS = ("truediv", "divide", "multiply", "subtract", "add", "bias_add", "getitem")
"""Operations that scale pixels, subtract means, or put channels into another order."""


@dataclass(frozen=True)
class Front:
    """The scaling of pixels at the front of a model.

    Attributes:
        takes: "raw" for pixels in 0..255, "unit" for pixels in 0..1, "" where the model scales nothing.
        evidence: the words for it: "layer 'rescaling' divides by 255".
    """

    takes: Literal["", "raw", "unit"] = ""
    evidence: str = ""

    def preprocess(self) -> dict[str, float] | None:
        """Give scale and offset of the pixels that the model takes; None where it does not say."""
        return {"raw": {"scale": 1.0, "offset": 0.0}, "unit": {"scale": 1 / 255, "offset": 0.0}}.get(
            self.takes
        )


def front_of(config: Mapping[str, Any]) -> Front:
    """Read how a model scales its pixels.

    Raises:
        keras_config.MALFORMED: it is no configuration of a graph of layers.
    """
    said, scale, offset = [], 1.0, 0.0
    takes: Literal["", "raw", "unit"] = ""
    for place in _first(config):
        words, factor, shift = _scaling(place)
        said.append(words)
        if takes:
            continue
        if factor is None or shift is None:
            takes = "raw"
            continue
        scale, offset = scale * factor, offset * factor + shift
        takes = own_scaling(scale, offset)
    return Front(takes, " and ".join(word for word in said if word)) if takes else Front()


def _first(config: Mapping[str, Any]) -> Iterator[Place]:
    """Walk from the input over all that scales pixels, as long as one layer alone reads them."""
    readers: dict[tuple[str, ...], list[Place]] = {}
    entrance = None
    for place in everywhere(config):
        given = place.given()
        if place.layer.kind == "InputLayer" and not given:
            entrance = place
        if not given and place.layer.kind != "InputLayer":
            readers.setdefault((), []).append(place)  # first in a Sequential model that says no input
        for part in given:
            readers.setdefault(part.key, []).append(place)
    key: tuple[str, ...] = entrance.key if entrance else ()
    while len(readers.get(key, [])) == 1:
        place = readers.pop(key)[0]
        key = place.key
        if scales(place.layer):
            yield place
        elif not (idle(place.layer) or _moves(place.layer) or place.layer.kind == "InputLayer"):
            return


def _moves(layer: Layer) -> bool:
    return layer.kind in MOVING or layer.operation in MOVING_OPERATIONS


def scales(layer: Layer) -> bool:
    """Say whether a layer scales pixels, subtracts means, or orders channels."""
    return layer.kind in SCALING or layer.operation in SCALING_OPERATIONS


def idle(layer: Layer) -> bool:
    """Say whether a layer leaves pixels as they are when the model is used."""
    return layer.kind in PASSING or layer.operation in ("cast", "identity", "convert_to_tensor")


def _scaling(place: Place) -> tuple[str, float | None, float | None]:
    """Give what a layer does in words, and its factor and shift; None where they are not in the configuration."""
    layer = place.layer
    if layer.kind == "Rescaling":
        factor, shift = _number(layer.config.get("scale", 1.0)), _number(layer.config.get("offset", 0.0))
        return f"layer '{layer.name}' {_words(factor, shift)}", factor, shift
    if layer.kind == "Normalization":
        mean, variance = _number(layer.config.get("mean")), _number(layer.config.get("variance"))
        words = f"layer '{layer.name}' subtracts means and divides by deviations"
        if layer.config.get("invert") or mean is None or variance is None or variance <= 0:
            return words, None, None
        return words, variance**-0.5, -mean * variance**-0.5
    return _operation(place)


def _operation(place: Place) -> tuple[str, float | None, float | None]:
    layer, given = place.layer, place.arguments
    value = _number(next((given[key] for key in ("y", "bias", "value", "constant") if key in given), None))
    name = f"operation '{layer.name}'"
    if layer.operation == "getitem":
        return f"{name} orders the channels", 1.0, 0.0
    if (
        value is None
        and layer.operation == "subtract"
        and (whole := _number(given.get("constant"))) is not None
    ):
        return f"{name} subtracts from {whole:g}", -1.0, whole
    if value is None or (layer.operation in ("truediv", "divide") and not value):
        return f"{name} changes the pixels", None, None
    if layer.operation in ("truediv", "divide", "multiply"):
        factor = value if layer.operation == "multiply" else 1 / value
        return f"{name} {_words(factor, 0.0)}", factor, 0.0
    shift = -value if layer.operation == "subtract" else value
    return f"{name} {_words(1.0, shift)}", 1.0, shift


def _number(value: Any) -> float | None:
    """Give a number, or the first of several, one for each channel."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    if isinstance(value, Mapping):  # as Keras 2.13 and later write a NumPy value
        return _number(value.get("config", {}).get("value"))
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _words(factor: float | None, shift: float | None) -> str:
    parts = []
    if factor is not None and factor != 1.0:
        parts.append(
            f"multiplies by {factor:g}" if abs(factor) >= 1 or not factor else f"divides by {1 / factor:.6g}"
        )
    if shift:
        parts.append(f"adds {shift:.6g}" if shift > 0 else f"subtracts {-shift:.6g}")
    return " and ".join(parts) or "changes nothing"


def changes_of(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List what is otherwise when a model is taken in: what, and by what one sees it.

    Raises:
        keras_config.MALFORMED: it is no configuration of a graph of layers.
    """
    layers = list(all_layers(config))
    left_out = [layer.name for layer in layers if layer.kind in (*AUGMENTATION, *NOISE)]
    nested = [layer.name for layer in layers if layer.kind in GRAPHS and not layer.wrapped]
    half = {_policy(layer) for layer in layers} - {"float32", ""}
    frozen = [
        layer.name for layer in layers if _has_weights(layer) and layer.config.get("trainable") is False
    ]
    found = []
    if left_out:
        augments = all(layer.kind in AUGMENTATION for layer in layers if layer.name in left_out)
        what = "augmentation layer" if augments else "training-only layer"
        found.append(
            (f"{_count(left_out, what)} left out", f"{_named(left_out)}: no effect when the model is used")
        )
    if nested:
        found.append((f"{_count(nested, 'nested model')} flattened", _named(nested)))
    if half:
        found.append(("loaded as float32", f"the file's policy is {', '.join(sorted(half))}"))
    if frozen:
        found.append((f"{_count(frozen, 'frozen layer')} unfrozen for passes that train", _named(frozen)))
    return found


def _has_weights(layer: Layer) -> bool:
    fixed = layer.name.endswith(OF_PIXELS)
    return not fixed and any(key.endswith("_initializer") for key in layer.config)


def _policy(layer: Layer) -> str:
    policy = layer.config.get("dtype")
    if isinstance(policy, Mapping):
        policy = policy.get("config", {}).get("name")
    return policy if isinstance(policy, str) and "float" in policy else ""


def _count(names: list[str], what: str) -> str:
    return f"{len(names)} {what}{'' if len(names) == 1 else 's'}"


def _named(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown
