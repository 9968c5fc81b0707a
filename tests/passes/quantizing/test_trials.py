"""Candidates of mixed precision: how far each is over its budget, what it costs, and what is said of it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import small_network
from on_bytes import Bare
from tflbuild.core.budget import LIMITS, Limit, Verdict
from tflbuild.core.errors import PassError, RecipeError
from tflbuild.core.judgement import Judgement
from tflbuild.core.metric import Measurement
from tflbuild.passes.quantizing import trials as module
from tflbuild.passes.quantizing.trials import Trial, Trials
from tflbuild.quantization.mixed import Addition, Group
from tflbuild.runtimes import interpreter as litert
from tflbuild.tflite.graph import Graph

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def verdict(
    form: str, bound: float, value: float | None, baseline: float | None = None, ok: bool = False
) -> Verdict:
    limit = Limit(metric="map", form=form, bound=bound)
    return Verdict(
        limit=limit,
        baseline=baseline,
        value=value,
        low=None,
        high=None,
        ok=ok,
        decided=True,
        text=f"{form} {value}",
    )


EXCESS: list[tuple[Verdict, float]] = [
    # by hand: how far beyond the bound, in units of the bound
    (verdict("min", 0.5, 0.4), 0.2),
    (verdict("min", 0.5, 0.0), 1.0),
    (verdict("max", 20.0, 25.0), 0.25),
    (verdict("max_rise", 2.0, 13.0, 10.0), 0.5),
    (verdict("max_drop", 0.02, 0.57, 0.6), 0.5),
    (verdict("max_relative_drop", 0.1, 0.4, 0.5), 1.0),
    (verdict("max_relative_drop", 0.1, -0.6, -0.5), 1.0),
    # nothing to measure, or nothing to compare with
    (verdict("min", 0.5, None), math.inf),
    (verdict("max_drop", 0.02, 0.5, None), math.inf),
    (verdict("max_drop", 0.02, None, 0.5), math.inf),
    # an undecided verdict may close a gate though the value itself is within the limit
    (verdict("max_drop", 0.02, 0.59, 0.6), 0.0),
    (verdict("max", 20.0, 25.0, ok=True), 0.0),
    # a baseline of 0 is one, and a bound of 0 is a limit
    (verdict("max_rise", 2.0, 5.0, 0.0), 1.5),
    (verdict("max_drop", 0.0, 0.5, 0.6), 0.1),
]


@pytest.mark.parametrize(("found", "excess"), EXCESS, ids=lambda value: getattr(value, "text", ""))
def test_a_limit_is_exceeded_in_units_of_its_bound(found: Verdict, excess: float) -> None:
    assert Trial((), judgement=Judgement(verdicts=(found,), metrics={})).excess == pytest.approx(excess)


def test_every_form_of_limit_is_among_these() -> None:
    assert {found.limit.form for found, excess in EXCESS if 0 < excess < math.inf} == set(LIMITS)


def test_limits_add_up_and_what_was_not_measured_is_infinitely_far() -> None:
    both = Judgement(verdicts=(EXCESS[0][0], EXCESS[2][0]), metrics={"map": Measurement(value=0.4, unit="1")})
    found = Trial((), judgement=both)
    assert (found.excess, found.ok) == (pytest.approx(0.45), False)
    assert found.metrics == {"map": {"value": 0.4, "unit": "1"}}
    nothing = Trial((), failed="no")
    assert (nothing.excess, nothing.ok, nothing.metrics) == (math.inf, False, {})


def step(layer: str, *tensors: str, before: float = 1.0, after: float = 0.5) -> Addition:
    names = frozenset(tensors or {layer})
    return Addition(
        group=Group(layer=layer, tensors=names), tensors=names, bytes=1, before=before, after=after
    )


A, B = step("a"), step("b", "b", "c", before=0.25, after=0.12345)


class Bench:
    """Gives a file of as many bytes as tensors are kept, and a hundred more; refuses to keep some of them."""

    def __init__(self, *refused: str) -> None:
        self.refused, self.asked = set(refused), list[Any]()

    def build(self, setting: Any, kept: Any) -> Any:
        self.asked.append((setting, kept))
        if self.refused & set(kept):
            raise PassError("LiteRT cannot execute it.")
        return SimpleNamespace(copy=lambda: bytearray(100 + len(kept)))


def trials(
    folder: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch, errors: dict[str, float] | None = None
) -> Any:
    """Give trials whose files are no models; `errors` says what is measured of what is kept, at most 0.5 is allowed."""
    emitted: list[Any] = []

    def emit(ctx: Any, graph: Any, facts: Any, **meta: Any) -> Any:
        path = folder / f"{len(emitted)}.tflite"
        path.write_bytes(graph)
        emitted.append((graph, facts, meta))
        return SimpleNamespace(path=path, kept=meta["islands"])

    def judge(model: Any) -> Judgement:
        value = (errors or {})[model.kept]
        found = replace(verdict("max", 0.5, value, ok=value <= 0.5), text=f"error {value:g}")
        return Judgement(verdicts=(found,), metrics={"error": Measurement(value=value, unit="1")})

    monkeypatch.setattr(module.writing, "emit_tflite", emit)
    monkeypatch.setattr(module, "_islands", lambda graph, reasons: "".join(sorted(reasons)))
    monkeypatch.setattr(litert, "check_runs", lambda path: None)
    monkeypatch.setattr("tflbuild.tflite.packed.Packed", Bare)
    options: Any = SimpleNamespace(give_borders=lambda graph, floating, scheme: graph.extend(scheme.encode()))
    floating: Any = SimpleNamespace(meaning="meaning")
    said: list[str] = []
    ctx: Any = SimpleNamespace(log=said.append, judge=judge, scratch=folder)
    setting: Any = "setting"
    made: Any = Trials(options, bench, setting, "float32", floating, ctx)  # type: ignore[arg-type]
    made.said, made.emitted = said, emitted
    return made


ERRORS = {"": 0.9, "a": 0.7, "bc": 0.6, "abc": 0.4}


def test_a_candidate_is_built_judged_and_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    found = trials(tmp_path, bench, monkeypatch, ERRORS)
    best = found.of((A, B))
    assert found.of((B, A)) is best, "the order in which they are kept is no matter"
    assert (best.ok, best.bytes, best.steps, best.judgement.metrics["error"].value) == (
        True,
        107,
        (A, B),
        0.4,
    )
    assert best.model.path.read_bytes() == bytes(103) + b"int8", "what is judged is the file with its borders"
    assert bench.asked == [("setting", {"a": "float32", "b": "float32", "c": "float32"})]
    assert not found.of(()).ok
    assert len(found) == 2
    assert found.said == [
        "a, b kept in float32: within the budget; error 0.4",
        "nothing kept in float32: over the budget; error 0.9",
    ]
    assert [meta["quantized"] for _, _, meta in found.emitted] == ["int8", "int8"]


def test_the_nearest_to_the_budget_is_given_and_of_several_the_one_that_keeps_least(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = trials(tmp_path, Bench(), monkeypatch, {"": 0.9, "a": 0.7, "bc": 0.6, "abc": 0.6})
    for steps in ((), (A,), (A, B), (B,)):
        found.of(steps)
    assert found.nearest.steps == (B,)


def test_a_candidate_that_fails_is_noted_and_is_never_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = trials(tmp_path, Bench("b"), monkeypatch, {"": 5.0})
    assert found.of((B,)).failed == "LiteRT cannot execute it"
    assert found.of((B,)).model is None
    with pytest.raises(PassError) as caught:
        _ = found.nearest
    assert (
        str(caught.value) == "none of 1 candidates gives a file that can be used: LiteRT cannot execute it."
    )
    assert found.of(()) is found.nearest
    assert found.failed == [{"kept": "b", "reason": "LiteRT cannot execute it"}]
    assert found.said[0] == "b kept in float32: LiteRT cannot execute it"


def test_a_file_that_does_not_run_is_never_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = trials(tmp_path, Bench(), monkeypatch, {})

    def refuse(path: Path) -> None:
        assert path == tmp_path / "0.tflite"
        raise PassError("it does not run.")

    monkeypatch.setattr(litert, "check_runs", refuse)
    assert found.of((A,)).failed == "it does not run"


def timed(monkeypatch: pytest.MonkeyPatch, times: dict[str, list[Any]]) -> list[str]:
    """Give latencies by the file's name, one after the other."""
    asked: list[str] = []

    def latency(path: Path, runs: int) -> dict[str, float]:
        asked.append(path.name)
        found = times[path.name].pop(0)
        if isinstance(found, Exception):
            raise found
        return {"median": found, "p90": 1000.0}

    monkeypatch.setattr(litert, "latency", latency)
    return asked


def test_a_step_costs_what_the_delivered_file_has_more_than_the_one_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = trials(tmp_path, Bench(), monkeypatch, ERRORS)
    best = found.of((A, B))
    asked = timed(monkeypatch, {"0.tflite": [3.0, 3.4, 9.0], "without.tflite": [2.0, 2.5, 2.25]})
    # medians 3.4 and 2.25; one and the same file differed by 9 - 3; two tensors less are two bytes less
    assert found.cost(best, B) == {
        "dtype": "float32",
        "file_bytes": 2,
        "latency_ms": 1.15,
        "latency_noise_ms": 6.0,
    }
    assert asked == ["0.tflite", "without.tflite"] * 3, "in turn, so a busy machine makes no difference"
    assert (tmp_path / "without.tflite").read_bytes() == bytes(101) + b"int8"


@pytest.mark.parametrize("error", [RuntimeError("no kernel."), RecipeError("no kernel.")])
def test_a_step_without_which_the_file_does_not_run_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    found = trials(tmp_path, Bench(), monkeypatch, ERRORS)
    best = found.of((A, B))
    timed(monkeypatch, {"0.tflite": [3.0], "without.tflite": [error]})
    assert found.cost(best, A) == {"dtype": "float32", "file_bytes": 1, "reason": "no kernel"}


def test_a_step_without_which_no_file_is_made_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench()
    found = trials(tmp_path, bench, monkeypatch, ERRORS)
    best = found.of((A, B))
    bench.refused = {"b"}
    assert found.cost(best, A) == {"dtype": "float32", "reason": "LiteRT cannot execute it"}


def test_islands_are_the_kept_operators_with_what_they_compute_in_and_why(tmp_path: Path) -> None:
    graph = Graph.unpacked(small_network.quantized(tmp_path).read_bytes())
    reasons = {name: module._reason(B) for name in ("head/BiasAdd", "stem/Relu", "gone")}
    wanted = "kept with b: output error 0.2500 -> 0.1235"
    assert module._islands(graph, reasons) == [
        {"layer": "stem", "operator": "CONV_2D", "tensor": "stem/Relu", "dtype": "int8", "reason": wanted},
        {
            "layer": "head",
            "operator": "FULLY_CONNECTED",
            "tensor": "head/BiasAdd",
            "dtype": "int8",
            "reason": wanted,
        },
    ]
