"""Magnitude pruning while a model trains, by TensorFlow Model Optimization."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras  # noqa: F401  # before tfmot, which would take Keras 3
from tensorflow_model_optimization.python.core.sparsity.keras import pruning_schedule
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper import PruneLowMagnitude

from tflbuild.core.errors import PassError
from tflbuild.training import tfmot
from tflbuild.training.loop import Hooks
from tflbuild.training.zeros_by_layer import Spread, zeros_by_layer

Values = npt.NDArray[np.float32]
T = TypeVar("T")

TWO_OF_FOUR = (2, 4)
SINGLE = (1, 1)
POOLING: Mapping[str, str] = {"average": "AVG", "maximum": "MAX"}


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A pattern of weights that become zero together.

    Attributes:
        two_of_four: two of each four weights along the input channels.
        block: (inputs, outputs) of a block of a dense layer's kernel that is kept or zero as a whole.
        pooling: how large a block counts as: by the mean or the largest of its weights.
    """

    two_of_four: bool = False
    block: tuple[int, int] = SINGLE
    pooling: Literal["average", "maximum"] = "average"

    def block_of(self, kernel: Any) -> tuple[int, int]:
        """Give the block of a kernel: tfmot has them in kernels of two axes only; elsewhere each weight is one."""
        return self.block if len(kernel.shape) == 2 else SINGLE

    def check(self, model: Any, shares: Mapping[str, float]) -> None:
        """Refuse blocks that no kernel can have, or that one would have in part.

        tfmot would judge a kernel that blocks do not divide by other blocks than those that it sets to zero.

        Raises:
            PassError: it names the layer and the shape of its kernel.
        """
        kernels = [kernel for kernel, _ in _kernels(model, shares) if len(kernel.shape) == 2]
        if self.block != SINGLE and not kernels:
            raise PassError(
                f"block_size: {list(self.block)} is for dense layers, since tfmot prunes no other kernels in blocks, "
                f"and this model has none that is pruned; leave it out."
            )
        for kernel in kernels:
            if any(side % step for side, step in zip(kernel.shape, self.block, strict=True)):
                raise PassError(
                    f"block_size: {list(self.block)} does not divide {kernel.name.split(':')[0]}, which is "
                    f"{list(kernel.shape)} inputs and outputs; choose divisors, or exclude the layer."
                )


class Pruning:
    """Masks on the kernels of a model that trains meanwhile.

    tfmot chooses what is masked; its wrappers stand beside the model, not in it, so that a step costs one
    multiplication a kernel and there is nothing to strip. A mask is read off the zeros of its kernel in every
    step, so a training that goes on from a checkpoint needs no masks of its own.

    Args:
        model: a flat `tf_keras.Model`; trained in place.
        shares: of zeros in the end by layer; a layer that is left out, or has 0, stays dense.
        course: gives, for a share in the end, what `schedule` gives.
        pattern: what becomes zero together.
    """

    def __init__(
        self, model: Any, shares: Mapping[str, float], course: Callable[[float], Any], pattern: Pattern
    ) -> None:
        self._once = pattern.two_of_four
        self._wrappers = []
        for layer in tfmot.prunable_layers(model):
            share = shares.get(layer.name, 0.0)
            if share:
                wrapper = PruneLowMagnitude(
                    layer,
                    pruning_schedule=course(share),
                    block_size=pattern.block_of(tfmot.kernels_of(layer)[0]),
                    block_pooling_type=POOLING[pattern.pooling],
                    sparsity_m_by_n=TWO_OF_FOUR if pattern.two_of_four else None,
                )
                wrapper.build(None)  # its layer is built already
                self._wrappers.append(wrapper)

    def hooks(self) -> Hooks:
        """Give what a training must do in each step."""
        return Hooks(before=self._before, after=self._mask)

    def _before(self, step: Any) -> None:
        """Read the masks off the kernels, and choose new ones in the steps that the schedules name."""
        for kernel, mask in self._masked():
            mask.assign(tf.cast(kernel != 0, mask.dtype))
        if self._wrappers:  # all schedules turn in the same steps
            turn = tf.equal(step, 0) if self._once else self._wrappers[0].pruning_schedule(step)[0]
            tf.cond(turn, lambda: self._update(step), lambda: tf.constant(0))

    def _update(self, step: Any) -> Any:
        for wrapper in self._wrappers:
            # tfmot updates masks of the 2:4 pattern in its step 1 only
            wrapper.pruning_step.assign(tf.ones_like(step) if self._once else step)
            wrapper.pruning_obj.conditional_mask_update()
        self._mask()
        return tf.constant(0)

    def _mask(self) -> None:
        for kernel, mask in self._masked():
            kernel.assign(kernel * mask)

    def _masked(self) -> Iterator[tuple[Any, Any]]:
        for wrapper in self._wrappers:
            for kernel, mask, _ in wrapper.pruning_vars:
                yield kernel, mask


def schedule(kind: str, sparsity: float, steps: int, ramp: float, frequency: int, start: float = 0.0) -> Any:
    """Give tfmot's schedule of the share of weights that are zero in each step.

    Args:
        kind: "polynomial" rises to `sparsity` within `ramp`; anything else starts with it.
        sparsity: share of zeros in the end.
        steps: of the training.
        ramp: share of the steps in which the sparsity rises.
        frequency: steps from one choice of masks to the next.
        start: share of zeros that "polynomial" starts from.
    """
    last = min(steps - 1, round(ramp * steps))
    every = max(1, min(frequency, last))
    last = last // every * every  # tfmot reaches the full sparsity only in a step that chooses masks
    if kind == "polynomial" and last > 0:
        return pruning_schedule.PolynomialDecay(start, sparsity, 0, last, frequency=every)
    return pruning_schedule.ConstantSparsity(sparsity, 0, max(last, 0), every)


def spread_over(
    model: Any, layers: Sequence[str], share: float, spread: Spread, pattern: Pattern
) -> dict[str, float]:
    """Give the share of zeros of each of some layers, which together have `share`.

    Args:
        model: before it is pruned.
        layers: names of layers with kernels that can be pruned.
        share: of zeros in the end.
        spread: how the zeros are shared among the layers.
        pattern: what becomes zero together.
    """
    sizes: dict[str, Values] = {}
    areas: dict[str, int] = {}
    for kernel, layer in _kernels(model, {name: name for name in layers}):
        values = kernel.numpy()
        block = pattern.block_of(values)
        found = sizes_of_blocks(values, block, pattern.pooling).ravel()
        sizes[layer] = np.concatenate([sizes[layer], found]) if layer in sizes else found
        areas[layer] = block[0] * block[1]
    return zeros_by_layer(sizes, share, spread, areas)


def break_ties(model: Any, shares: Mapping[str, float], pattern: Pattern) -> None:
    """Set the weights to zero that tfmot kept because they are exactly as large as its threshold.

    Args:
        model: a pruned model, changed in place.
        shares: of zeros by layer; a kernel that lacks more than a hundredth of its blocks is left as it is, because
            no tie explains that.
        pattern: what became zero together; in blocks of one weight, each weight counts.
    """
    for kernel, share in _kernels(model, shares):
        values = kernel.numpy()
        sizes = sizes_of_blocks(values, pattern.block_of(values), pattern.pooling)
        missing = int(share * sizes.size) - int(np.count_nonzero(sizes == 0))
        if 0 < missing <= max(1, sizes.size // 100):
            order = np.argsort(np.where(sizes == 0, np.inf, sizes), axis=None, kind="stable")
            kept = np.ones(sizes.size, np.bool_)
            kept[order[:missing]] = False
            spread = _spread(kept.reshape(sizes.shape), pattern.block_of(values), values.shape)
            kernel.assign(np.where(spread, values, np.float32(0)))


@dataclass(frozen=True, kw_only=True)
class Zeros:
    """The count of zero blocks in a kernel.

    Attributes:
        name: of the kernel.
        share: of zeros that was wanted.
        blocks: there are; each weight is one, where there is no other pattern.
        zero: blocks that are zero as a whole.
        two_of_four: whether each four weights along the input channels hold two zeros.
    """

    name: str
    share: float
    blocks: int
    zero: int
    two_of_four: bool


def zeros_of(model: Any, shares: Mapping[str, float], pattern: Pattern) -> list[Zeros]:
    """Count what is zero in every kernel that is to hold zeros."""
    found = []
    for kernel, share in _kernels(model, shares):
        values = kernel.numpy()
        sizes = sizes_of_blocks(values, pattern.block_of(values), "maximum")
        found.append(
            Zeros(
                name=kernel.name.split(":")[0],
                share=share,
                blocks=int(sizes.size),
                zero=int(np.count_nonzero(sizes == 0)),
                two_of_four=tfmot.is_two_of_four(values),
            )
        )
    return found


def sizes_of_blocks(values: Values, block: tuple[int, int], pooling: str) -> Values:
    """Give how large each block of a kernel is, by the mean or the largest of its weights.

    Args:
        values: (..., outputs); of two axes where a block has more than one weight.
        block: rows and columns of a block; they divide those of the kernel.
        pooling: "average" or "maximum".

    Returns:
        (blocks along the rows, blocks along the columns); the rows of more than two axes are one.
    """
    rows = np.abs(values.reshape(-1, values.shape[-1]))
    blocks = rows.reshape(rows.shape[0] // block[0], block[0], rows.shape[1] // block[1], block[1])
    sizes = blocks.max(axis=(1, 3)) if pooling == "maximum" else blocks.mean(axis=(1, 3))
    return np.asarray(sizes, np.float32)


def _spread(
    mask: npt.NDArray[np.bool_], block: tuple[int, int], shape: tuple[int, ...]
) -> npt.NDArray[np.bool_]:
    """Give every weight its block's value."""
    return np.repeat(np.repeat(mask, block[0], axis=0), block[1], axis=1).reshape(shape)


def _kernels(model: Any, shares: Mapping[str, T]) -> Iterator[tuple[Any, T]]:
    """Give every kernel of a layer that is named with something, with that: the share of zeros, mostly."""
    for layer in tfmot.prunable_layers(model):
        if shares.get(layer.name):
            for kernel in tfmot.kernels_of(layer):
                yield kernel, shares[layer.name]
