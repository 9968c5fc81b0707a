"""Other orders of a model's classes: try whether its outputs fit better under other names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tflbuild.core.label_list import named_alike
from tflbuild.metrics.statistics.matching import found_objects
from tflbuild.metrics.statistics.resampling import paired_difference, wilson

Ints = npt.NDArray[np.int64]

PLAIN_WORD = re.compile(r"[A-Za-z][\w.]*")
"""A class name that Hydra reads as a word without quotes, unless it is one of these:"""

MEANING_WORDS = ("true", "false", "null", "nan", "inf", "yes", "no", "on", "off")

CLEARLY = 0.02
"""Share of things by which another order must be better, at the lower end of its interval."""


class ClassPairs(NamedTuple):
    """Predicted and true class of each thing: of an image, or of an object that some detection found.

    Attributes:
        predicted: (things,) int64: class by the model; one that the data do not have is at least `len(names)`.
        true: (things,) int64: class by the data.
        image: (things,) int64.
        names: of the data's classes.
    """

    predicted: Ints
    true: Ints
    image: Ints
    names: tuple[str, ...]

    @property
    def classes(self) -> int:
        """Give the number of the data's classes."""
        return len(self.names)

    def part(self, where: npt.NDArray[np.bool_]) -> ClassPairs:
        """Give some of the things."""
        return self._replace(predicted=self.predicted[where], true=self.true[where], image=self.image[where])


def class_pairs(predictions: Mapping[str, Any], truth: Mapping[str, Any]) -> ClassPairs:
    """Pair what a model predicted with what is true; both as `tflbuild.evaluation.arrays` describes."""
    names = tuple(str(name) for name in truth["names"])
    labels = np.asarray(truth["labels"], np.int64)
    if "offsets" not in truth:
        predicted = np.asarray(predictions["scores"]).argmax(axis=1).astype(np.int64)
        return ClassPairs(predicted, labels, np.arange(len(labels)), names)
    detection, target = found_objects(predictions, truth)
    image = np.searchsorted(np.asarray(truth["offsets"]), target, side="right") - 1
    classes = np.asarray(predictions["classes"], np.int64)
    return ClassPairs(classes[detection], labels[target], image, names)


def candidates(names: Sequence[str], listed: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Give orders that people use: as lists beside the model say, and sorted in the usual ways.

    Args:
        names: the data's classes, which the model's outputs are taken for.
        listed: class names in the model's order, by where they are written.
    """
    own = {named_alike(name): name for name in names}
    orders = {}
    for where, labels in listed.items():
        order = tuple(own.get(named_alike(label), "") for label in labels)
        if sorted(order) == sorted(names):
            orders[f"as in {where}"] = order
    orders["in alphabetical order"] = tuple(sorted(names))
    orders["in alphabetical order, ignoring case"] = tuple(sorted(names, key=str.casefold))
    orders["in the order of their numbers"] = tuple(sorted(names, key=_by_number))
    orders["in reverse"] = tuple(reversed(names))
    current = tuple(names)
    distinct: dict[tuple[str, ...], str] = {}
    for how, order in orders.items():
        if order != current:
            distinct.setdefault(order, how)
    return {how: order for order, how in distinct.items()}


def _by_number(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d{1,18})", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def tried(pairs: ClassPairs, listed: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Try other orders of the classes, the best first.

    The order that the mistakes themselves show is read off every other image, and measured on the rest.

    Returns:
        For each `how`, `classes` in the model's order, `value` with `low`, `high` and `n`, whether it is `better`
        than the order that was taken, and `override`, which would take it.
    """
    rows = [_row(how, pairs, order) for how, order in candidates(pairs.names, listed).items()]
    known = [row["classes"] for row in rows if row["better"]]
    shown = _shown(pairs)
    if shown is not None and shown["classes"] not in known:
        rows.append(shown)
    return sorted(rows, key=lambda row: (not row["better"], -row["value"]))


def _shown(pairs: ClassPairs) -> dict[str, Any] | None:
    """Give the order that the model's mistakes show; None where there is too little to see."""
    learned = pairs.image % 2 == 0
    seen, rest = pairs.part(learned), pairs.part(~learned)
    if len(seen.predicted) < pairs.classes or len(rest.predicted) < pairs.classes:
        return None
    order = tuple(pairs.names[label] for label in best_order(confusion(seen)))
    if order == pairs.names:
        return None
    return _row("in the order that its mistakes on the other half of the images suggest", rest, order)


def _row(how: str, pairs: ClassPairs, order: Sequence[str]) -> dict[str, Any]:
    place = {name: label for label, name in enumerate(pairs.names)}
    foreign = range(pairs.classes, int(pairs.predicted.max(initial=0)) + 1)
    renamed = np.array([*(place[name] for name in order), *foreign], np.int64)
    before, after = pairs.predicted == pairs.true, renamed[pairs.predicted] == pairs.true
    if not len(after):
        return {
            "how": how,
            "classes": list(order),
            "value": 0.0,
            "low": 0.0,
            "high": 1.0,
            "n": 0,
            "better": False,
        }
    low, high = wilson(int(after.sum()), len(after))
    return {
        "how": how,
        "classes": list(order),
        "value": float(after.mean()),
        "low": low,
        "high": high,
        "n": len(after),
        "better": paired_difference(before, after)[1] > CLEARLY,
        "override": override(order),
    }


def confusion(pairs: ClassPairs) -> Ints:
    """Count (class by the model, class by the data); classes that the data do not have are left out."""
    table = np.zeros((pairs.classes, pairs.classes), np.int64)
    known = pairs.predicted < pairs.classes
    np.add.at(table, (pairs.predicted[known], pairs.true[known]), 1)
    return table


def best_order(table: Ints) -> list[int]:
    """Give each class of the model a class of the data so that most is right.

    The largest counts are taken first, and pairs exchanged as long as that helps. What was never said keeps its
    place where that is free.
    """
    order = [-1] * len(table)
    free = set(range(len(table)))
    for cell in np.argsort(-table, axis=None, kind="stable"):
        row, column = divmod(int(cell), len(table))
        if not table[row, column]:
            break
        if order[row] < 0 and column in free:
            order[row] = column
            free.remove(column)
    for row in [row for row, column in enumerate(order) if column < 0]:
        column = row if row in free else -1
        order[row] = column
        free.discard(column)
    left = iter(sorted(free))
    return _exchanged(table, [next(left) if column < 0 else column for column in order])


def _exchanged(table: Ints, order: list[int]) -> list[int]:
    """Exchange the classes of two rows, the most useful pair first, until none helps."""
    places = np.array(order)
    for _ in range(len(order) ** 2):
        moved = table[:, places]  # what each row would have right with the class of each other row
        own = np.diag(moved)
        gain = moved + moved.T - own[:, None] - own[None, :]
        row, other = divmod(int(gain.argmax()), len(order))
        if gain[row, other] <= 0:
            break
        places[[row, other]] = places[[other, row]]
    return [int(place) for place in places]


def override(order: Sequence[str]) -> str:
    """Write what takes an order of classes, as it is typed."""
    names = [name if _is_plain(name) else _quoted(name) for name in order]
    return shlex.quote(f"data.classes=[{','.join(names)}]")


def _is_plain(name: str) -> bool:
    return PLAIN_WORD.fullmatch(name) is not None and name.lower() not in MEANING_WORDS


def _quoted(name: str) -> str:
    """Quote a name as Hydra reads it: a backslash stands for itself, unless a quote follows."""
    escaped = re.sub(r'(\\*)(")', lambda found: 2 * found[1] + '\\"', name)
    ending = len(name) - len(name.rstrip("\\"))
    return f'"{escaped}{ending * chr(92)}"'
