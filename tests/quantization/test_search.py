"""The search: what is tried, in what order, and which is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tflbuild.core.errors import PassError
from tflbuild.quantization import search as module
from tflbuild.quantization.search import Search
from tflbuild.quantization.settings import USUAL, Scored, Setting, chosen


class Bench:
    """A workbench whose errors are set by hand: a file is the setting that it was made with."""

    def __init__(
        self, errors: dict[str, float], same: bool = False, broken: Callable[..., Any] = str
    ) -> None:
        self._errors, self._same, self._broken = errors, same, broken
        self.told: list[tuple[float, float]] = []
        self.built: list[Setting] = []
        self.observed: list[str] = []
        self.progress = lambda done, total, note: self.told.append((done, total))

    def check_source(self) -> None:
        pass

    def variant(self, equalize: str, relu6: str) -> Any:
        self._broken(equalize)
        name = "same" if self._same and equalize != "none" else f"{equalize} {relu6}"
        return SimpleNamespace(model=SimpleNamespace(content=name.encode()))

    def observe(self, variant: Any) -> None:
        self.observed.append(variant.model.content.decode())
        self.progress(1, 8, "some of the images")

    def build(self, setting: Setting) -> Setting:
        self.built.append(setting)
        self._broken(setting)
        return setting

    def errors(self, setting: Setting) -> tuple[float, ...]:
        error = self._errors[setting.equalize] + self._errors.get(setting.ranges, 0.0)
        error *= 0.5 if setting.correct_bias else 1.0
        return (error, error) if setting.relu6 == "keep" else (9 * error, 9 * error)

    def top1(self, setting: Setting) -> None:
        return None


def errors(**changed: float) -> dict[str, float]:
    return {"none": 3.0, "weights": 1.4, "activations": 1.0, "noise": 0.9, "minmax": 0.5, **changed}


EVEN = replace(USUAL, equalize="activations")
"""The usual setting of a model that may not have its small channels lifted."""


def test_every_combination_is_tried_and_the_best_of_them_with_corrected_biases() -> None:
    bench: Any = Bench(errors())
    shared = (("activations", "keep"), ("weights", "keep"))
    scored = Search(bench).run(("mse", "minmax"), shared)  # type: ignore[arg-type]
    plain = [setting for setting in bench.built if not setting.correct_bias]
    assert {(s.equalize, s.ranges) for s in plain} == {
        (equalize, ranges) for equalize in ("activations", "weights") for ranges in ("mse", "minmax")
    }
    corrected = [setting for setting in bench.built if setting.correct_bias]
    assert [(s.equalize, s.ranges) for s in corrected] == [
        ("activations", "mse"),
        ("weights", "mse"),
        ("activations", "minmax"),
    ]
    assert [found.error for found in scored] == sorted(found.error for found in scored)
    assert scored[0].setting == EVEN


def test_what_is_hopeless_with_the_first_ranges_is_not_tried_with_others() -> None:
    bench: Any = Bench(errors(none=9.0))
    Search(bench).run(("mse", "minmax", "p99.9"), (("activations", "keep"), ("none", "keep")))
    assert [s.ranges for s in bench.built if s.equalize == "none" and not s.correct_bias] == ["mse"]


def test_a_model_that_is_the_same_as_one_before_is_not_tried_again() -> None:
    bench: Any = Bench(errors(), same=True)
    Search(bench).run(("mse",), (("activations", "keep"), ("weights", "keep"), ("none", "keep")))
    assert bench.observed == ["same", "none keep"]


BOTH: Any = (("activations", "keep"), ("none", "keep"))


def breaking(error: Exception, *broken: Any) -> Callable[[Any], None]:
    """Raise an error for some settings or forms of the model."""

    def check(asked: Any) -> None:
        if asked in broken:
            raise error

    return check


@pytest.mark.parametrize(
    "error", [PassError("LiteRT cannot."), RuntimeError("LiteRT\ncannot"), ValueError("LiteRT cannot.")]
)
def test_a_candidate_that_fails_is_noted_and_the_search_goes_on(error: Exception) -> None:
    broken = Setting(ranges="mse", equalize="activations")
    bench: Any = Bench(errors(), broken=breaking(error, broken))
    search = Search(bench)
    found = search.run(("mse", "minmax"), BOTH)
    assert [failed.setting for failed in search.failed] == ["mse, equalized by activations"]
    assert search.failed[0].reason.startswith("LiteRT")
    assert not search.failed[0].reason.endswith(".")
    assert Setting(ranges="minmax", equalize="activations") in [each.setting for each in found]
    assert EVEN in [each.setting for each in found]


def test_a_form_of_the_model_that_fails_is_noted_once_and_the_others_are_tried() -> None:
    bench: Any = Bench(errors(), broken=breaking(PassError("tensor 'a' is not finite."), "activations", EVEN))
    search = Search(bench)
    assert {each.setting.equalize for each in search.run(("mse", "minmax"), BOTH)} == {"none"}
    assert [(failed.setting, failed.reason) for failed in search.failed] == [
        ("equalized by activations", "tensor 'a' is not finite"),
        (EVEN.text, "tensor 'a' is not finite"),
    ]


def test_only_when_every_candidate_fails_does_the_search_with_the_first_reasons() -> None:
    def always(asked: Any) -> None:
        if isinstance(asked, Setting):
            raise PassError(f"{asked.equalize} is wrong.")

    bench: Any = Bench(errors(), broken=always)
    with pytest.raises(PassError) as caught:
        Search(bench).run(("mse", "minmax"), BOTH)
    assert str(caught.value) == (
        "none of 4 settings gives a file that can be used: activations is wrong; none is wrong."
    )


def test_a_fault_of_ours_is_not_taken_for_a_tools() -> None:
    broken = Setting(ranges="mse", equalize="activations")
    bench: Any = Bench(errors(), broken=breaking(AttributeError("no such attribute"), broken))
    with pytest.raises(AttributeError):
        Search(bench).run(("mse",), BOTH)


def test_the_usual_setting_is_always_tried_to_its_end() -> None:
    bench: Any = Bench(errors(activations=4.0, **{"p99.9": -1.0}))
    Search(bench).run(("mse", "p99.9"), (("activations", "keep"), ("weights", "keep"), ("none", "keep")))
    assert EVEN in bench.built


def test_progress_rises_to_its_end() -> None:
    bench: Any = Bench(errors())
    Search(bench).run()
    done = [part for part, _ in bench.told]
    assert done == sorted(done)
    assert len({total for _, total in bench.told}) == 1
    assert done[-1] == pytest.approx(bench.told[-1][1], rel=0.1)


def scored(setting: Setting, *found: float, top1: float | None = None) -> Scored:
    return Scored(setting=setting, errors=found, seconds=0.0, top1=top1)


BEST = Setting(ranges="p99.99", equalize="none")


def test_the_best_is_chosen_where_images_tell_it_from_the_usual() -> None:
    """It is better by 0.1 on each of four images, give or take 0.01."""
    best, usual = scored(BEST, 1.0, 2.0, 3.0, 1.01), scored(USUAL, 1.1, 2.1, 3.1, 1.1)
    assert chosen([best, usual]) is best


def test_the_usual_is_chosen_where_they_do_not() -> None:
    """It is worse by 0.05 on average, of a standard error of 0.15 / sqrt(4)."""
    best, usual = scored(BEST, 1.0, 2.0, 3.0, 1.0), scored(USUAL, 1.2, 1.9, 3.2, 0.9)
    assert chosen([best, usual]) is usual


def test_labels_count_before_errors() -> None:
    right, wrong = scored(BEST, 2.0, 2.0, top1=0.9), scored(USUAL, 1.0, 1.0, top1=0.8)
    assert sorted([wrong, right], key=lambda found: found.rank) == [right, wrong]
    assert chosen([right, wrong]) is right


def test_one_image_tells_whatever_differs() -> None:
    best, usual = scored(BEST, 1.0), scored(USUAL, 1.001)
    assert chosen([best, usual]) is best


def test_a_setting_says_itself_and_its_options() -> None:
    found = scored(USUAL, 0.25, 0.75).to_json()
    assert found["setting"] == "mse, small channels lifted, biases corrected"
    assert (found["error"], found["ranges"], found["correct_bias"]) == (0.5, "mse", True)
    assert "top1" not in found


@pytest.mark.parametrize(("error", "tried"), [(1.5, ["mse", "minmax"]), (1.501, ["mse"])])
def test_half_as_much_again_as_the_best_is_hopeless(error: float, tried: list[str]) -> None:
    bench: Any = Bench(errors(none=error))
    Search(bench).run(("mse", "minmax"), BOTH)
    assert [s.ranges for s in bench.built if s.equalize == "none" and not s.correct_bias] == tried


def test_the_three_best_are_tried_with_corrected_biases_whatever_their_order() -> None:
    bench: Any = Bench(errors(activations=1.2, none=1.1, **{"p99.9": -0.3, "entropy": 0.3, "mse": 0.0}))
    Search(bench).run(("mse", "entropy", "p99.9"), BOTH)
    corrected = [(s.equalize, s.ranges) for s in bench.built if s.correct_bias]
    assert corrected == [("none", "p99.9"), ("activations", "p99.9"), ("none", "mse"), ("activations", "mse")]


def test_the_usual_setting_is_not_tried_where_its_form_of_the_model_is_not() -> None:
    bench: Any = Bench(errors())
    Search(bench).run(("mse",), (("none", "keep"),))
    assert [(s.equalize, s.correct_bias) for s in bench.built] == [("none", False), ("none", True)]


def test_learned_rounding_is_tried_with_the_best_alone() -> None:
    bench: Any = Bench(errors(activations=2.0, weights=1.5, none=1.0))
    Search(bench).run(
        ("mse",), (("activations", "keep"), ("weights", "keep"), ("none", "keep")), learning=True
    )
    learned = [setting for setting in bench.built if setting.round == "learned"]
    assert learned == [
        Setting(ranges="mse", equalize="none", round="learned"),
        Setting(ranges="mse", equalize="none", round="learned", correct_bias=True),
    ]
    assert bench.built[-2:] == learned
    assert bench.told[-1][0] == pytest.approx(bench.told[-1][1], rel=0.05)


def test_labels_decide_before_errors_do(monkeypatch: pytest.MonkeyPatch) -> None:
    bench: Any = Bench(errors(activations=1.0, none=1.2))
    monkeypatch.setattr(bench, "top1", lambda setting: 0.9 if setting.equalize == "none" else 0.8)
    found = Search(bench).run(("mse",), BOTH)
    assert [(each.setting.equalize, each.top1) for each in found[:2]] == [("none", 0.9), ("none", 0.9)]
    assert next(s for s in bench.built if s.correct_bias).equalize == "none"


def test_the_float_model_is_checked_before_anything_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise PassError("the float model's output 0 is not finite.")

    bench: Any = Bench(errors())
    monkeypatch.setattr(bench, "check_source", refuse)
    with pytest.raises(PassError, match="the float model's output 0"):
        Search(bench).run()
    assert bench.observed == bench.built == []


def test_a_float_model_that_cannot_be_observed_is_said_to_be_not_equalized() -> None:
    bench: Any = Bench(errors(), broken=breaking(PassError("no."), "none"))
    search = Search(bench)
    search.run(("mse",), BOTH)
    assert [(failed.setting, failed.reason) for failed in search.failed] == [("not equalized", "no")]


def test_seconds_are_those_that_a_candidate_took_to_build_and_measure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter(range(100, 1000, 3))
    monkeypatch.setattr(module.time, "perf_counter", lambda: float(next(clock)))
    bench: Any = Bench(errors())
    found = Search(bench).run(("mse",), (("none", "keep"),))
    assert [each.seconds for each in found] == [3.0, 3.0]


def test_what_is_told_of_a_candidate_is_its_error() -> None:
    told: list[tuple[float, float, str]] = []
    bench: Any = Bench(errors(none=3.0))
    bench.progress = lambda *given: told.append(given)
    Search(bench).run(("mse",), (("none", "keep"),))
    # 4 for the images, 1 for a candidate, 4 for each of 3 finalists and the usual one: an eighth of 4, 4 + 1, 5 + 4
    assert told == [
        (0.5, 21.0, "some of the images"),
        (5.0, 21.0, "mse: error 3.0000"),
        (9.0, 21.0, "mse, biases corrected: error 1.5000"),
    ]
