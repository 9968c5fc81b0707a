"""Match the layers of a file with those of a model: by name and shape, or by order where that leaves no choice.

Longer than most modules: both ways are read side by side, with what is said when neither fits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tflbuild.core.plain_text import plain
from tflbuild.weights.layer import BIAS, NORM, Layer
from tflbuild.weights.pairing import Pair, pairs_of
from tflbuild.weights.taking import Taken, taken, whole

ENOUGH = 0.5
"""Share of the convolutions, besides those of the head, that have to agree: of the smaller of the two models."""

MOST_CONFLICTS = 0.1
"""Share of names that both have, with other shapes, from which on the file is of another model."""

NAME, ORDER = "name", "order"


@dataclass(frozen=True, kw_only=True)
class Ours:
    """The layers with weights of a model that is filled.

    Attributes:
        name: of the model.
        layers: in an order in which each comes behind those that it reads.
        norms: name of the batch norm that alone reads a convolution, by the convolution's name.
        before: names of the convolutions that one depends on, by its name.
    """

    name: str
    layers: Sequence[Layer]
    norms: Mapping[str, str]
    before: Mapping[str, frozenset[str]]

    def pairs(self) -> list[Pair]:
        """Give every convolution with its norm."""
        named = {layer.name: layer for layer in self.layers}
        return [
            Pair(convolution=one, norm=named.get(self.norms.get(one.name, "")))
            for one in self.layers
            if one.is_convolution
        ]

    def ends(self) -> frozenset[str]:
        """Name the convolutions that no other depends on: the head."""
        inner = frozenset[str]().union(*self.before.values())
        return frozenset(one.name for one in self.layers if one.is_convolution) - inner


@dataclass(frozen=True, kw_only=True)
class Theirs:
    """The layers with weights of a file.

    Attributes:
        layers: in the file's order.
        ordered: whether that is an order in which the model computes.
    """

    layers: Sequence[Layer]
    ordered: bool = True


@dataclass(frozen=True, kw_only=True)
class Match:
    """The weights that a model takes of a file.

    Attributes:
        by: "name" or "order".
        arrays: by role, by the name of our layer.
        fresh: our layers that nothing was found for.
        unused: layers of the file that nothing was taken of.
        folded: norms that became the identity, with the file's bias as beta.
    """

    by: str
    arrays: Taken
    fresh: tuple[str, ...]
    unused: tuple[str, ...]
    folded: int

    @property
    def tensors(self) -> int:
        """Give how many arrays of ours were filled."""
        return sum(len(arrays) for arrays in self.arrays.values())


class Mismatch(ValueError):
    """The file is of another model, or leaves a choice; says what matched and what did not, without a full stop."""


@dataclass(kw_only=True)
class _Found:
    """Findings of one way of matching.

    Attributes:
        arrays: by role, by the name of our layer.
        used: names of the file's layers.
        matched: names of our convolutions.
        folded: how many norms became the identity.
        conflicts: pairs of convolutions that share a name and not a shape.
        doubt: why order leaves a choice; "" where it does not.
    """

    arrays: Taken = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    matched: list[str] = field(default_factory=list)
    folded: int = 0
    conflicts: list[tuple[Layer, Layer]] = field(default_factory=list)
    doubt: str = ""

    def take(self, ours: Pair, theirs: Pair) -> bool:
        """Take one convolution and its norm; False where they do not fit."""
        if ours.convolution.shape != theirs.convolution.shape:
            return False
        found = taken(ours, theirs)
        if found is None:
            return False
        self.arrays |= found
        self.used |= {one.name for one in (theirs.convolution, theirs.norm) if one is not None}
        self.matched.append(ours.convolution.name)
        self.folded += ours.norm is not None and theirs.norm is None
        return True


def match(ours: Ours, theirs: Theirs) -> Match:
    """Match by name and shape, or else by order.

    Whichever way matches more counts; by name, where both match as many. By order, convolutions are matched from the
    first one on, as long as their shapes agree: a backbone is the beginning of a detector. Layers of one shape that
    stand side by side, such as the heads for boxes and for classes, are never matched by order.

    Raises:
        Mismatch: neither covers enough of the smaller model, or order leaves a choice for the same model.
    """
    named, ends = _by_name(ours, theirs), ours.ends()
    conflicts = [pair for pair in named.conflicts if pair[0].name not in ends]
    ordered = _by_order(ours, theirs) if theirs.ordered else _Found()
    agreed = len(named.matched)
    same = agreed >= len(ordered.matched) and len(conflicts) <= MOST_CONFLICTS * (agreed + len(conflicts))
    if same and _is_enough(named, ours, theirs):
        return _told(NAME, named, ours, theirs)
    if len(ordered.matched) >= agreed and not ordered.doubt and _is_enough(ordered, ours, theirs):
        return _told(ORDER, ordered, ours, theirs)
    raise Mismatch(ordered.doubt or _reason(ours, theirs, named, ordered, conflicts))


def _told(by: str, found: _Found, ours: Ours, theirs: Theirs) -> Match:
    return Match(
        by=by,
        arrays=found.arrays,
        fresh=tuple(one.name for one in ours.layers if one.name not in found.arrays),
        unused=tuple(one.name for one in theirs.layers if one.name not in found.used),
        folded=found.folded,
    )


def _by_name(ours: Ours, theirs: Theirs) -> _Found:
    found, named, paired = _Found(), _names(theirs.layers), set[str]()
    own_names = {layer.name for layer in ours.layers}
    foreign = {
        pair.convolution.name: pair.norm
        for pair in pairs_of(theirs.layers)
        if pair.norm is not None and pair.norm.name not in own_names
    }
    for pair in ours.pairs():
        own, norm = pair.convolution, pair.norm
        paired |= {own.name} | ({norm.name} if norm else set())
        other = named.get(own.name)
        if other is None or not other.is_convolution:
            continue
        if other.shape != own.shape:
            found.conflicts.append((own, other))
            continue
        behind = named.get(norm.name) if norm else None
        if behind is None or behind.kind != NORM:
            behind = foreign.get(other.name)
        if norm is not None and behind is None and BIAS not in other.arrays:
            continue
        found.take(pair, Pair(convolution=other, norm=behind))
    for layer in ours.layers:
        same = named.get(layer.name) if layer.name not in paired else None
        arrays = whole(layer, same) if same is not None else None
        if same is not None and arrays is not None:
            found.arrays[layer.name] = arrays
            found.used.add(same.name)
    return found


def _names(layers: Sequence[Layer]) -> dict[str, Layer]:
    """Give layers by their names and aliases, where these are of one layer alone."""
    counts = Counter(name for layer in layers for name in {layer.name, *layer.aliases})
    return {name: layer for layer in layers for name in {layer.name, *layer.aliases} if counts[name] == 1}


def _by_order(ours: Ours, theirs: Theirs) -> _Found:
    found, own = _Found(), ours.pairs()
    other = _from_the_first(own, pairs_of(theirs.layers))
    certain = _certain(ours, own, _common(own, other))
    for one, given in zip(own[:certain], other[:certain], strict=True):
        found.take(one, given)
    found.doubt = _doubt(ours, own[certain:], other[certain:])
    for one, given in _side_by_side(ours, own[certain:], other[certain:]):
        found.take(one, given)
    return found


def _from_the_first(own: Sequence[Pair], other: Sequence[Pair]) -> list[Pair]:
    """Begin with the layer from which on most agree: a file may list what stands on a backbone in front of it."""
    start = max(range(len(other)), key=lambda place: _common(own, other[place:]), default=0)
    return [*other[start:], *other[:start]]


def _doubt(ours: Ours, own: Sequence[Pair], other: Sequence[Pair]) -> str:
    """Say which layers of the same model the order of a file does not tell apart; "" where there are none."""
    twins = [(pair.convolution, twin) for pair in own for twin in _twins(ours, own, pair.convolution)]
    same = Counter(pair.convolution.shape for pair in own) == Counter(
        pair.convolution.shape for pair in other
    )
    if not twins or not same:
        return ""
    first, second = twins[0]
    return (
        f"'{first.name}' and '{second.name}' of {ours.name} have one shape and stand side by side, so that the order "
        f"of the file does not tell which is which; give a file with the names of {ours.name}'s layers (.h5, .keras or "
        f".npz)"
    )


def _common(own: Sequence[Pair], other: Sequence[Pair]) -> int:
    """Count the convolutions that agree, from the first one on."""
    count = 0
    for one, given in zip(own, other, strict=False):
        if one.convolution.shape != given.convolution.shape or taken(one, given) is None:
            break
        count += 1
    return count


def _certain(ours: Ours, own: Sequence[Pair], common: int) -> int:
    """Count those of them that no other layer of ours could be taken for.

    One that stands beside another of its shape is told apart by the layer behind it, which has to agree, too.
    """
    count = 0
    while count < common:
        one = own[count].convolution
        if _twins(ours, own, one):
            behind = own[count + 1].convolution.name if count + 1 < common else ""
            if one.name not in ours.before.get(behind, ()):
                break
        count += 1
    return count


def _twins(ours: Ours, pairs: Sequence[Pair], one: Layer) -> list[Layer]:
    """Give the convolutions of one's shape that stand beside it: neither depends on the other."""
    return [
        pair.convolution
        for pair in pairs
        if pair.convolution.shape == one.shape
        and pair.convolution.name != one.name
        and one.name not in ours.before[pair.convolution.name]
        and pair.convolution.name not in ours.before[one.name]
    ]


def _side_by_side(ours: Ours, own: Sequence[Pair], other: Sequence[Pair]) -> list[tuple[Pair, Pair]]:
    """Match what is left, where it is all of both models but for the head, and a file lists branches otherwise."""
    ends = ours.ends()
    left = Counter(pair.convolution.shape for pair in other)
    inner = [pair for pair in own if pair.convolution.name not in ends]
    wanted = Counter(pair.convolution.shape for pair in inner)
    if wanted - left or sum((left - wanted).values()) > len(ends) or not inner:
        return []
    if any(_twins(ours, inner, pair.convolution) for pair in inner):
        return []
    queues: dict[object, list[Pair]] = {}
    for pair in other:
        queues.setdefault(pair.convolution.shape, []).append(pair)
    return [(pair, queues[pair.convolution.shape].pop(0)) for pair in inner]


def _is_enough(found: _Found, ours: Ours, theirs: Theirs) -> bool:
    ends = ours.ends()
    inner = sum(one.is_convolution and one.name not in ends for one in ours.layers)
    given = sum(one.is_convolution for one in theirs.layers)
    matched = [name for name in found.matched if name not in ends]
    firsts = {name for name, before in ours.before.items() if not before}
    return (
        firsts <= set(found.matched)
        and bool(matched)
        and len(matched) >= ENOUGH * max(1, min(inner, given - 1))
    )


def _reason(
    ours: Ours,
    theirs: Theirs,
    named: _Found,
    ordered: _Found,
    conflicts: Sequence[tuple[Layer, Layer]],
) -> str:
    """Say what matched, and the first two layers that do not."""
    own, other = ours.pairs(), pairs_of(theirs.layers)
    if not other:
        return "it holds no kernels of convolutions or dense layers"
    parts = [
        f"of the {len(own)} convolutions and dense layers of {ours.name} and the {len(other)} of the file, "
        f"{len(named.matched)} have the same name and shape"
    ]
    if theirs.ordered:
        parts.append(f"by order the first {len(ordered.matched)} agree")
    else:
        parts.append("the file tells no order")
    if conflicts:
        first, second = conflicts[0]
        parts.append(f"'{first.name}' is {_sides(first)}, and {_sides(second)} in the file")
    elif theirs.ordered:
        at = min(len(ordered.matched), len(own) - 1, len(other) - 1)
        first, second = own[at].convolution, other[at].convolution
        parts.append(
            f"then '{first.name}' is {_sides(first)}, and '{plain(second.name, 80)}' of the file {_sides(second)}"
        )
    return "; ".join(parts)


def _sides(layer: Layer) -> str:
    return f"{'depthwise ' if layer.kind == 'depthwise' else ''}{' x '.join(map(str, layer.kernel.shape))}"
