"""The layers of an archive of NumPy arrays: by their names, or by order where they have none."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping

import numpy as np

from tflbuild.core.damaged_archive import DAMAGED
from tflbuild.core.plain_text import plain
from tflbuild.weights.layer import BETA, BIAS, GAMMA, MEAN, ROLES, VARIANCE, Array, Layer, layer_of
from tflbuild.weights.matching import Theirs

MOST_BYTES = 1 << 32
"""Bytes of all arrays together."""

BLOAT, SPARE = 100, 1 << 20
"""Most bytes that one stored byte may become, and how many a small file may have besides."""

UNNAMED = re.compile(r"arr_(\d+)")

RUNS: Mapping[int, tuple[str, ...]] = {
    0: (),
    1: (BIAS,),
    4: (GAMMA, BETA, MEAN, VARIANCE),
    5: (BIAS, GAMMA, BETA, MEAN, VARIANCE),
}
"""Arrays of one axis that follow a kernel in `model.get_weights()`, by how many there are."""


def theirs_of(content: bytes) -> Theirs:
    """Read the layers of a `.npz`.

    Names are those of Keras: `conv_0/kernel`, `conv_0_norm/gamma`; `arr_0`, `arr_1`, ... are taken for the arrays of
    `model.get_weights()`, in order.

    Raises:
        ValueError: it is damaged or holds no arrays of layers; completes "it ".
    """
    arrays = _arrays(content)
    if not arrays:
        raise ValueError("holds no arrays")
    if all(UNNAMED.fullmatch(name) for name in arrays):
        ordered = sorted(arrays, key=lambda name: int(name.removeprefix("arr_")))
        return Theirs(layers=list(_in_order([arrays[name] for name in ordered])))
    return Theirs(layers=list(by_name(arrays)))


def by_name(arrays: Mapping[str, Array], epsilon: Mapping[str, float] | None = None) -> Iterator[Layer]:
    """Put named arrays together into layers, in the order in which the layers are first named.

    A separable convolution, which has two kernels, becomes two layers.

    Args:
        arrays: by names as Keras gives them, such as `conv_0/kernel:0`.
        epsilon: of norms by their names.
    """
    found: dict[str, dict[str, Array]] = {}
    for path, array in arrays.items():
        name, _, role = path.removesuffix(":0").replace(".", "/").rpartition("/")
        if role == "pointwise_kernel":
            found.setdefault(f"{name}/pointwise", {})["kernel"] = array
        elif role == BIAS and f"{name}/pointwise" in found:
            found[f"{name}/pointwise"][BIAS] = array
        else:
            found.setdefault(name, {})[role if role in ROLES else path] = array
    for name, layer in found.items():
        yield layer_of(name, layer, **({"epsilon": epsilon[name]} if epsilon and name in epsilon else {}))


def _arrays(content: bytes) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sizes = sum(member.file_size for member in archive.infolist())
        if sizes > min(MOST_BYTES, BLOAT * len(content) + SPARE):
            raise ValueError("holds more than its bytes may become")
        with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
            arrays = {name: loaded[name] for name in loaded.files}
    except ValueError as error:
        if "pickle" in str(error) or "Object arrays" in str(error):
            raise ValueError("holds Python objects, which could run code; save plain arrays") from error
        raise
    except DAMAGED as error:
        raise ValueError(f"is a damaged archive ({plain(error, 120)})") from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
            raise ValueError(f"holds '{plain(name, 80)}', which is no array of numbers")
        if not np.all(np.isfinite(array)):
            raise ValueError(f"holds weights that are not finite, in {plain(name, 80)}")
    return arrays


def _in_order(arrays: list[Array]) -> Iterator[Layer]:
    """Put the arrays of `model.get_weights()` together: a kernel, and the arrays of one axis behind it.

    Raises:
        ValueError: they are none; completes "it ".
    """
    place = 0
    while place < len(arrays):
        kernel = arrays[place]
        end = place + 1
        while end < len(arrays) and arrays[end].ndim == 1:
            end += 1
        run = end - place - 1
        if kernel.ndim not in (2, 4) or run not in RUNS:
            raise ValueError(
                f"names no layers, and its arrays from arr_{place} on are not a kernel with bias or batch norm; name "
                f"them as Keras does, e.g. conv_0/kernel"
            )
        roles = dict(zip(RUNS[run], arrays[place + 1 : end], strict=True))
        by_depth = kernel.ndim == 4 and kernel.shape[3] == 1 and kernel.shape[2] > 1
        own = {"depthwise_kernel" if by_depth else "kernel": kernel}
        yield layer_of(f"arr_{place}", own | {role: roles[role] for role in roles if role == BIAS})
        norm = {role: array for role, array in roles.items() if role != BIAS}
        if norm:
            yield layer_of(f"arr_{place + run - 3}", norm)
        place = end
