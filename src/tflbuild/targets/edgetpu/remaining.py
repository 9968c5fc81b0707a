"""Find again, in a file that a compiler wrote, the operators of the file that it was given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence

from tflbuild.placement.facts import ModelFacts, OperatorFacts


class Apart(ValueError):
    """A compiled file is not the source's; the message completes "it "."""


def remaining(source: ModelFacts, compiled: ModelFacts, chip: str) -> tuple[int, ...]:
    """Give the operators of a source file, by index, that the compiled file still holds.

    Compilers keep the names of tensors, so an operator is found by its kind and the names of its outputs; where a
    compiler renamed outputs, by their dtypes and shapes. Operators that have all of that in common are told apart by
    their order.

    Args:
        source: what the compiler was given.
        compiled: what it wrote.
        chip: name of the custom operator that holds what the chip runs.

    Raises:
        Apart: a tensor of the compiled file is another one in the source, or an operator is none of the source's, or
            could be several.
    """
    _same_tensors(source, compiled)
    left = [one for one in compiled.operators if one.name != chip]
    named, unknown = _match(source.operators, left, _by_name)
    others = [one for one in source.operators if one.index not in named]
    formed, unknown = _match(others, unknown, _by_form)
    if unknown:
        raise Apart(
            f"holds {unknown[0].name} ({unknown[0].output}), which is no operator of the file that was compiled"
        )
    for one in left:
        twins = [index for index in formed if _by_form(source.operators[index]) == _by_form(one)]
        all_twins = [other for other in others if _by_form(other) == _by_form(one)]
        if twins and len(all_twins) != len(twins):
            raise Apart(f"holds {one.name} ({one.output}), which could be any of {len(all_twins)} operators")
    return tuple(sorted((*named, *formed)))


def _same_tensors(source: ModelFacts, compiled: ModelFacts) -> None:
    """Refuse a file of another network, which has tensors of the same names."""
    known = {tensor.name: tensor.dtype for one in source.operators for tensor in one.outputs}
    for tensor in (tensor for one in compiled.operators for tensor in one.outputs):
        dtype = known.get(tensor.name, tensor.dtype)
        if dtype != tensor.dtype:
            raise Apart(
                f"holds the tensor {tensor.name} in {tensor.dtype}, and the file that was compiled in {dtype}"
            )


def _match(
    among: Iterable[OperatorFacts], wanted: Sequence[OperatorFacts], key: Callable[[OperatorFacts], Hashable]
) -> tuple[list[int], list[OperatorFacts]]:
    """Find operators by a key, equal ones in order; gives the places found, and those that were not."""
    places: dict[Hashable, list[int]] = defaultdict(list)
    for one in among:
        places[key(one)].append(one.index)
    found, unknown = [], []
    for one in wanted:
        here = places.get(key(one))
        if here:
            found.append(here.pop(0))
        else:
            unknown.append(one)
    return found, unknown


def _by_name(operator: OperatorFacts) -> Hashable:
    return operator.name, tuple(tensor.name for tensor in operator.outputs)


def _by_form(operator: OperatorFacts) -> Hashable:
    return operator.name, tuple((tensor.dtype, tensor.shape) for tensor in operator.outputs)
