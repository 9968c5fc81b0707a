"""The arrays that a layer of ours takes from one of a file, so that both compute the same."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tflbuild.weights.layer import BETA, BIAS, GAMMA, KERNEL, MEAN, NORM, VARIANCE, Array, Layer
from tflbuild.weights.pairing import Pair

Taken = dict[str, dict[str, Array]]
"""Arrays by role, by the name of our layer."""


def taken(ours: Pair, theirs: Pair) -> Taken | None:
    """Give what a convolution and its norm take; None where no weights of ours could compute the same.

    A file whose norm was folded has a bias instead. Our norm then becomes the identity, with the bias as its beta:
    mean 0, variance 1 and gamma sqrt(1 + epsilon). A file with a norm, where ours has none, is folded. Where both have
    one of another epsilon, gamma makes up for it.
    """
    own, other = ours.convolution, theirs.convolution
    bias = _float(other.arrays[BIAS]) if BIAS in other.arrays else np.zeros(other.channels, np.float32)
    if ours.norm is None:
        return _without_norm(own, theirs, bias)
    if not {GAMMA, BETA} <= ours.norm.arrays.keys():
        return None
    found: Taken = {own.name: {KERNEL: _float(other.kernel)}}
    if BIAS in own.arrays:
        found[own.name][BIAS] = bias
        bias = np.zeros_like(bias)
    found[ours.norm.name] = (
        _identity(bias, ours.norm.epsilon)
        if theirs.norm is None
        else _adjusted(theirs.norm, bias, ours.norm.epsilon)
    )
    return found


def whole(ours: Layer, theirs: Layer) -> dict[str, Array] | None:
    """Give what a layer takes from its namesake; None where their arrays do not agree."""
    if ours.kind != theirs.kind or _shapes(ours) != _shapes(theirs):
        return None
    if ours.kind == NORM:
        if ours.epsilon != theirs.epsilon and GAMMA not in ours.arrays:
            return None
        return _adjusted(theirs, np.zeros(theirs.channels, np.float32), ours.epsilon, ours.arrays.keys())
    return {role: _float(array) for role, array in theirs.arrays.items()}


def _shapes(layer: Layer) -> dict[str, tuple[int, ...]]:
    return {role: array.shape for role, array in layer.arrays.items()}


def _without_norm(own: Layer, theirs: Pair, bias: Array) -> Taken | None:
    kernel, norm = _float(theirs.convolution.kernel), theirs.norm
    if norm is not None:
        scale = _or(norm, GAMMA, 1.0) / np.sqrt(norm.arrays[VARIANCE].astype(np.float64) + norm.epsilon)
        by_channel = scale.reshape(kernel.shape[-2:]) if theirs.convolution.kind == "depthwise" else scale
        kernel = (kernel * by_channel).astype(np.float32)
        bias = (_or(norm, BETA, 0.0) + (bias - norm.arrays[MEAN]) * scale).astype(np.float32)
    if BIAS in own.arrays:
        return {own.name: {KERNEL: kernel, BIAS: bias}}
    return None if np.any(bias) else {own.name: {KERNEL: kernel}}


def _identity(bias: Array, epsilon: float) -> dict[str, Array]:
    ones = np.ones_like(bias)
    return {
        GAMMA: np.full_like(bias, np.sqrt(1.0 + epsilon)),
        BETA: bias,
        MEAN: np.zeros_like(bias),
        VARIANCE: ones,
    }


def _adjusted(
    norm: Layer, bias: Array, epsilon: float, roles: Collection[str] | None = None
) -> dict[str, Array]:
    """Give a norm's arrays for another epsilon, behind a convolution that has no bias any more."""
    gamma, variance = _or(norm, GAMMA, 1.0), norm.arrays[VARIANCE].astype(np.float64)
    if norm.epsilon != epsilon:
        gamma = gamma * np.sqrt((variance + epsilon) / (variance + norm.epsilon))
    found = {GAMMA: gamma, BETA: _or(norm, BETA, 0.0), MEAN: norm.arrays[MEAN] - bias, VARIANCE: variance}
    return {role: _float(array) for role, array in found.items() if roles is None or role in roles}


def _or(norm: Layer, role: str, usual: float) -> Array:
    given = norm.arrays.get(role)
    return np.full(norm.channels, usual) if given is None else given.astype(np.float64)


def _float(array: Array) -> Array:
    return np.ascontiguousarray(array, np.float32)
