"""Decide which channels leave a model in each round: how far to go, what each is worth, and what is too far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from tflbuild.core.compiler_pass import PassContext
from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Meaning
from tflbuild.passes.training import measured_latency
from tflbuild.passes.training.measured_latency import Stopwatch

if TYPE_CHECKING:
    from tflbuild.training.channels.choice import Aim, Choice, Comparison, Limits, Scores
    from tflbuild.training.channels.subject import Subject

AIMS = ("macs", "sparsity", "target_latency")
"""Options that say how far to go."""


class Options(Protocol):
    """Convey the options of the pass that are needed here."""

    @property
    def macs(self) -> float | None: ...  # noqa: D102
    @property
    def sparsity(self) -> float | None: ...  # noqa: D102
    @property
    def target_latency(self) -> float | None: ...  # noqa: D102
    @property
    def importance(self) -> str: ...  # noqa: D102
    @property
    def compare(self) -> Comparison | None: ...  # noqa: D102
    @property
    def batches(self) -> int: ...  # noqa: D102
    @property
    def batch_size(self) -> int: ...  # noqa: D102
    @property
    def round_steps(self) -> int | None: ...  # noqa: D102
    @property
    def minimum(self) -> int: ...  # noqa: D102
    @property
    def multiple(self) -> int: ...  # noqa: D102
    @property
    def most(self) -> float: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Round:
    """One cut with the training behind it.

    Attributes:
        number: from 0.
        share: of the way to the declared size.
    """

    number: int
    share: float


def limits(options: Options) -> Limits:
    """Give what every group keeps."""
    from tflbuild.training.channels.choice import Limits

    return Limits(minimum=options.minimum, multiple=options.multiple, most=options.most)


def aim(options: Options, base: Subject, share: float) -> Aim:
    """Give what may be left at a share of the way to the declared multiply-accumulates or channels."""
    from tflbuild.training.channels.choice import Aim

    if options.macs is not None:
        return Aim(macs=base.macs * (1 - share * (1 - options.macs)))
    return Aim(channels=base.channels * (1 - share * (options.sparsity or 0.0)))


class Cutting:
    """The choice of what leaves.

    Args:
        options: of the pass.
        base: the model before any channel left.
        facts: what goes in and what comes out of it.
        ctx: data, progress and log.
    """

    def __init__(self, options: Options, base: Subject, facts: Meaning, ctx: PassContext) -> None:
        self._options, self._base, self._facts, self._ctx = options, base, facts, ctx
        timed = options.target_latency is not None
        self._watch = Stopwatch.of(base.model, facts, ctx.scratch) if timed else None

    def check_fits(self) -> None:
        """Refuse an aim that the limits of the groups do not allow, with the most that fits.

        Raises:
            PassError: names the option and that value.
        """
        from tflbuild.training.channels import importance

        options, base, label = self._options, self._base, self._ctx.label
        sizes = importance.by_size(base.graph, base.found, base.weights)
        least = self._choose(base, sizes, self._least)
        kept = f"with minimum={options.minimum}, multiple={options.multiple} and most={options.most:g}"
        if self._watch is not None and options.target_latency is not None:
            share = self._watch.timed(base.without(least)).share
            if share > options.target_latency:
                raise PassError(
                    f"{label}.target_latency: {options.target_latency:g} cannot be reached; the smallest model {kept} "
                    f"takes {share:.2f} x the time."
                )
        elif options.macs is not None and least.macs > options.macs * base.macs:
            raise PassError(
                f"{label}.macs: {options.macs:g} would leave a layer with too few channels; the least that fits {kept} "
                f"is {math.ceil(1000 * least.macs / base.macs) / 1000:g}."
            )
        elif options.sparsity and least.channels > (1 - options.sparsity) * base.channels:
            raise PassError(
                f"{label}.sparsity: {options.sparsity:g} would leave a layer with too few channels; the most that fits "
                f"{kept} is {math.floor(1000 * (1 - least.channels / base.channels)) / 1000:g}."
            )

    def chosen(self, one: Round, current: Subject) -> Choice:
        """Say what leaves in a round.

        Args:
            one: the round.
            current: the model that the round before gave.
        """
        scores = self._scores(one, current)
        if self._watch is None:
            return self._choose(current, scores, aim(self._options, self._base, one.share))
        return self._fast_enough(self._watch, one, current, scores)

    def _fast_enough(self, watch: Stopwatch, one: Round, current: Subject, scores: Scores) -> Choice:
        """Time candidates, and give the largest that takes no longer than the round is to."""
        wanted = 1 - one.share * (1 - (self._options.target_latency or 0.0))
        self._ctx.doing("timing candidates")

        def share(macs: float) -> float:
            choice = self._choose(current, scores, self._at(macs))
            found = watch.timed(current.without(choice)).share
            self._ctx.log(
                f"{choice.macs / self._base.macs:.3f} x the multiply-accumulates take {found:.3f} x the time; wanted: "
                f"{wanted:.3f}"
            )
            return found

        least = self._choose(current, scores, self._least).macs
        macs = measured_latency.largest(least, current.macs, share, wanted)
        self._ctx.doing("")
        return self._choose(current, scores, self._at(macs))

    def _choose(self, current: Subject, scores: Scores, where: Aim) -> Choice:
        from tflbuild.training.channels.choice import choose

        assert self._options.compare is not None, "resolve() ran before"
        return choose(
            current.found,
            current.cost,
            scores,
            where,
            limits(self._options),
            self._options.compare,
            self._base.sizes,
        )

    @property
    def _least(self) -> Aim:
        return self._at(0.0)

    def _at(self, macs: float) -> Aim:
        from tflbuild.training.channels.choice import Aim

        return Aim(macs=macs)

    def _scores(self, one: Round, current: Subject) -> Scores:
        """Give the importance of every channel."""
        from tflbuild.training.channels import importance

        options, graph, found = self._options, current.graph, current.found
        if options.importance == "l1":
            return importance.by_size(graph, found, current.weights)
        if options.importance == "taylor":
            return self._by_loss(one, current)
        if not importance.has_scales(graph):
            raise PassError(
                f"{self._ctx.label}.importance: the model has no batch norm with a scale to read it off; 'taylor' and "
                f"'l1' need none."
            )
        return importance.by_norm(graph, found, current.weights)

    def _by_loss(self, one: Round, current: Subject) -> Scores:
        from tflbuild.training.channels import sensing

        options, ctx, facts = self._options, self._ctx, self._facts
        given, first = facts.only, one.number * (options.round_steps or 0)
        ctx.doing("measuring importance")
        stream = given.kind.batches(
            ctx.dataset("data.train"), ctx.augment, given.shape, options.batch_size, ctx.seed, first
        )
        scores = sensing.by_loss(
            current.model,
            current.graph,
            current.found,
            islice(map(facts.kind.targeting(facts), stream), options.batches),
            facts.kind.loss(current.model, options),
            given.kind.scaled,
        )
        ctx.doing("")
        return scores

    def noted(self, left: Subject) -> dict[str, Any]:
        """Say what became of every group, for the report."""
        base, options, sizes = self._base, self._options, left.sizes
        noted: dict[str, Any] = {
            "importance": options.importance,
            "compare": options.compare,
            "aim": {name: value for name in AIMS if (value := getattr(options, name)) is not None},
            "macs": {"before": base.macs, "after": left.macs},
            "parameters": {"before": base.parameters, "after": left.parameters},
            "channels": {"before": base.channels, "after": left.channels},
            "groups": [
                {"name": g.name, "layers": list(g.makers), "before": len(g.channels), "after": sizes[g.name]}
                for g in base.found.prunable
            ],
            "whole": [
                {"name": g.name, "channels": len(g.channels), "reason": g.held}
                for g in base.found.groups
                if g.held
            ],
        }
        if self._watch is not None:
            noted["latency"] = self._watch.timed(left.model).to_json()
        return noted


def nothing_to_prune(base: Subject) -> str:
    """Say why no channel can leave, and what works instead."""
    reasons = [f"'{group.name}': {group.held}" for group in base.found.groups if group.held]
    if not reasons:
        return "the model has no convolution and no dense layer, so there are no channels to prune."
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    said = "; ".join(reasons[:3])
    return f"no channel can leave the model: {said}{more}; 'prune' sets single weights to zero instead."
