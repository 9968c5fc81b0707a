"""The search space of an optimising sweep, from overrides in Hydra's grammar."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hydra.core.override_parser.types import Glob, IntervalSweep, Override, RangeSweep

from tflbuild.core.errors import RecipeError
from tflbuild.recipe.overrides import parse
from tflbuild.sweep.grid import Combination, expand

DIGITS = 12
"""Significant digits of a value on a grid of floats, so that 0.1 + 0.2 is typed as 0.3."""


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """One override that is searched.

    Attributes:
        key: as typed, e.g. "prune.sparsity" or "+x.y".
        typed: the whole override.
        distribution: Optuna's.
    """

    key: str
    typed: str
    distribution: Any

    @property
    def name(self) -> str:
        """Name the parameter."""
        return self.key.lstrip("+")

    def text(self, value: Any) -> str:
        """Write a value as it would be typed."""
        if isinstance(value, float):
            return f"{value:.{DIGITS}g}" if self.distribution.step else repr(value)
        return str(value)


@dataclass(frozen=True)
class Space:
    """A search space: the dimensions that are searched, and the overrides that every trial shares.

    Attributes:
        fixed: overrides of every trial.
        dimensions: by parameter name.
    """

    fixed: tuple[str, ...]
    dimensions: Mapping[str, Dimension]

    @property
    def distributions(self) -> dict[str, Any]:
        """Give Optuna's distributions by parameter name."""
        return {name: dimension.distribution for name, dimension in self.dimensions.items()}

    def point(self, values: Mapping[str, Any]) -> Combination:
        """Give the overrides of one trial.

        Args:
            values: by parameter name.
        """
        texts = {name: dimension.text(values[name]) for name, dimension in self.dimensions.items()}
        typed = [f"{dimension.key}={texts[name]}" for name, dimension in self.dimensions.items()]
        return Combination([*self.fixed, *typed], texts)

    @property
    def corner(self) -> Combination:
        """Give the point with the first of every choice and the low end of every range."""
        return self.point(
            {
                name: distribution.choices[0] if hasattr(distribution, "choices") else distribution.low
                for name, distribution in self.distributions.items()
            }
        )


def space_of(overrides: Sequence[str]) -> Space:
    """Read a search space.

    Args:
        overrides: of the recipe, as typed; `a,b`, `choice(...)`, `range(...)`, `interval(...)`, with `tag(log, ...)`
            and `int(...)`, are searched.

    Raises:
        RecipeError: an override cannot be read, or none is searched.
    """
    dimensions: dict[str, Dimension] = {}
    fixed: list[str] = []
    for override in parse(overrides):
        if not override.is_sweep_override():
            fixed.append(override.input_line or "")
            continue
        dimension = Dimension(
            key=override.get_key_element(),
            typed=override.input_line or "",
            distribution=_distribution(override),
        )
        dimensions[dimension.name] = dimension
    if not dimensions:
        raise RecipeError("nothing to search: give a range, e.g. 'prune.sparsity=interval(0.3,0.9)'.")
    return Space(tuple(fixed), dimensions)


def _distribution(override: Override) -> Any:
    value, line = override.value(), override.input_line
    try:
        if isinstance(value, IntervalSweep):
            return _interval(value)
        if isinstance(value, RangeSweep):
            return _range(override)
        return _choice(override)
    except (ValueError, ArithmeticError) as error:
        raise RecipeError(f"{line}: {error}") from error


def _interval(value: IntervalSweep) -> Any:
    from optuna.distributions import FloatDistribution, IntDistribution

    low, high, log = value.start, value.end, "log" in value.tags
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("an interval needs a low and a high end, both finite")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(float(low), float(high), log=log)


def _range(override: Override) -> Any:
    """Give a range's values, its end left out, counted in decimals: 0.3, 0.4, ... as typed."""
    from optuna.distributions import FloatDistribution, IntDistribution

    value = override.value()
    assert isinstance(value, RangeSweep)
    start, stop, step = (Decimal(str(end)) for end in (value.start, value.stop, value.step))
    if not all(end.is_finite() for end in (start, stop, step)) or not step:
        raise ValueError("a range needs finite ends, and a step that is not 0")
    count = math.ceil((stop - start) / step)
    if count < 1:
        raise ValueError("the range is empty")
    low, high = sorted((start, start + (count - 1) * step))
    if all(isinstance(end, int) for end in (value.start, value.stop, value.step)):
        return IntDistribution(int(low), int(high), step=int(abs(step)))
    return FloatDistribution(float(low), float(high), step=float(abs(step)))


def _choice(override: Override) -> Any:
    from optuna.distributions import CategoricalDistribution

    if isinstance(override.value(), Glob):
        points = expand([override.input_line or ""])
        return CategoricalDistribution([next(iter(point.differs.values())) for point in points])
    return CategoricalDistribution(
        list(dict.fromkeys(str(text) for text in override.sweep_string_iterator()))
    )
