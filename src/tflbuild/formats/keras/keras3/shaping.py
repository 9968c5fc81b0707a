"""Operations of Keras 3 that move values and leave them as they are: shapes, axes, sides, parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from tflbuild.formats.keras.keras3.activations import Step, operation
from tflbuild.formats.keras.keras3.calls import ELLIPSIS, SLICE, Tensor
from tflbuild.formats.keras.keras3.given import Given, Operated


def _reshaped(given: Given) -> Operated:
    """Reshape each sample, where the first side is that of the batch."""
    given.check_plain("newshape")
    tensor, wanted = given.tensor(), given.config.get("newshape")
    sides = tensor.shape[1:] if tensor.shape else (None,)
    target = wanted[1:] if isinstance(wanted, list) and wanted and wanted[0] in (-1, None) else None
    open_sides = target is None or any(type(side) is not int or side < 1 for side in target)
    if open_sides or None in sides or math.prod(sides) != math.prod(target):  # type: ignore[arg-type]
        raise given.other(f"to {wanted}, which may mix samples")
    return Operated((tensor,), (Step("Reshape", {"target_shape": target}),))


def _transposed(given: Given) -> Operated:
    given.check_plain("axes")
    axes = given.config.get("axes")
    if not isinstance(axes, list) or not axes or axes[0] != 0:
        raise given.other(f"to {axes}, which mixes samples")
    return Operated((given.tensor(),), (Step("Permute", {"dims": axes[1:]}),))


def _joined(given: Given) -> Operated:
    given.check_plain("axis")
    tensors = given.call.tensors()
    if not tensors or given.call.args != (tensors,):
        raise given.other("of other values than tensors")
    axis = given.own_axis(tensors[0].rank)
    return Operated(tuple(tensors), (Step("Concatenate", {"axis": axis}),))


def _expanded(given: Given) -> Operated:
    given.check_plain("axis")
    tensor = given.tensor()
    axis = given.own_axis(tensor.rank and tensor.rank + 1)
    return Operated((tensor,), (operation("expand_dims", axis=axis),))


def _squeezed(given: Given) -> Operated:
    given.check_plain("axis")
    tensor = given.tensor()
    return Operated((tensor,), (operation("squeeze", axis=[given.own_axis(tensor.rank)]),))


def _cast(given: Given) -> Operated:
    given.check_plain("dtype")
    if given.config.get("dtype") != "float32":
        raise given.other(f"to {given.config.get('dtype')}")
    return Operated((given.tensor(),), (operation("cast", dtype="float32"),))


def _padded(given: Given) -> Operated:
    """Pad height and width of pictures with zeros."""
    given.check_plain("pad_width", mode="constant")
    tensor, widths = given.tensor(), given.config.get("pad_width")
    if tensor.rank != 4 or not isinstance(widths, list) or len(widths) != 4 or any(widths[0] + widths[3]):
        raise given.other(f"by {widths}")
    return Operated((tensor,), (Step("ZeroPadding2D", {"padding": widths[1:3]}),))


def _resized(given: Given) -> Operated:
    plain = {"fill_mode": "constant", "fill_value": 0.0, "data_format": "channels_last"}
    given.check_plain("size", "interpolation", "crop_to_aspect_ratio", **plain)
    height, width = given.config["size"]
    options = {
        "height": height,
        "width": width,
        "interpolation": given.config.get("interpolation", "bilinear"),
        "crop_to_aspect_ratio": bool(given.config.get("crop_to_aspect_ratio")),
    }
    tensor = given.tensor()
    if tensor.rank != 4:
        raise given.other("of what is not a batch of pictures")
    return Operated((tensor,), (Step("Resizing", options),))


def _parts(given: Given) -> Operated:
    """Take parts of each sample: `x[..., ::-1]`."""
    given.check_plain()
    tensor, *keys = given.call.args
    if not isinstance(tensor, Tensor) or not tensor.rank or len(keys) != 1 or given.call.kwargs:
        raise given.other("of such values")
    key = keys[0] if isinstance(keys[0], list) else keys
    marks = [one for one in key if _is(one, ELLIPSIS)]
    count = tensor.rank - len(key) + len(marks)
    if len(marks) > 1 or count < 0:
        raise given.other("with such places")
    place = key.index(marks[0]) if marks else len(key)
    whole = [{"class_name": SLICE, "config": {}}] * count
    full = [*key[:place], *whole, *key[place + len(marks) :]]
    spec = [_place(given, one) for one in full]
    if not isinstance(spec[0], dict) or any(spec[0].values()):
        raise given.other("of the samples of a batch")
    return Operated(
        (tensor,), (Step("SlicingOpLambda", {"function": "__operators__.getitem"}, {"slice_spec": spec}),)
    )


def _place(given: Given, value: Any) -> Any:
    if type(value) is int:
        return value
    if _is(value, SLICE):
        found = {key: value["config"].get(key) for key in ("start", "stop", "step")}
        if all(one is None or type(one) is int for one in found.values()):
            return found
    raise given.other("with such places")


def _is(value: Any, mark: str) -> bool:
    return isinstance(value, Mapping) and value.get("class_name") == mark


SHAPING: Mapping[str, Callable[[Given], Operated]] = {
    "Cast": _cast,
    "Concatenate": _joined,
    "ExpandDims": _expanded,
    "GetItem": _parts,
    "Pad": _padded,
    "Reshape": _reshaped,
    "Resize": _resized,
    "Squeeze": _squeezed,
    "Transpose": _transposed,
}
"""Operations by class, with what translates them."""
