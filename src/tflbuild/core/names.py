"""Objects that are imported by their dotted name, because the layers forbid a direct import.

So no framework is imported before it is needed, and a change of what only a training uses measures nothing again.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Names:
    """Entry points that the engine is given by whoever builds, each "package.module:function" but for `measuring`.

    Attributes:
        predict: writes a model's predictions on a split, as a runtime executes it.
        truth: writes a split's annotations.
        differ: says how far a delivered file is from the model that it was written of, output by output.
        merge: joins what either wrote of neighbouring samples.
        measuring: module with `measure` and `compare`.
        chance: holds a base's predictions against chance.
        readings: tries a base that is no better than chance with other readings of its input.
        prove: holds a file that a pass wrote to being one that can be executed.
        external: reads a calibration source that is no split.
        inspect: gives a file's digest and whether it decodes.
        changes: says what a pass changed in the graph of its input; {} of kinds that have none.
        describe: writes into a delivered file what tools of others read of it, and says for the report what.
        equality: says whether two runtimes compute the same bytes of a file, and writes a sample; "" for a build that
            never asks.
        samples: writes samples with the outputs of a delivered file; "" for a build that stores none.
        delivered: analyses that every build runs on what it delivers.
    """

    predict: str
    truth: str
    differ: str
    merge: str
    measuring: str
    chance: str
    readings: str
    prove: str
    external: str
    inspect: str
    changes: str
    describe: str
    equality: str = ""
    samples: str = ""
    delivered: tuple[str, ...] = ()


def named(dotted: str) -> Callable[..., Any]:
    """Import the object that "package.module:name" names."""
    module, _, name = dotted.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def load_nothing(argument: object) -> None:
    """Load no declarations: what a process needs that only reads files of others."""
