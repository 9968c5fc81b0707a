"""Steps, limits and fallbacks of a recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.artifact import KerasModel
from tflbuild.core.budget import LIMITS, Fallback, Limit
from tflbuild.core.compiler_pass import PASSES, STEP_KEYS, Pass, PassContext, compiler_pass
from tflbuild.core.errors import RecipeError
from tflbuild.core.metric import METRICS, Metric
from tflbuild.core.recipe import Step
from tflbuild.recipe import files as recipe_files
from tflbuild.recipe import steps as recipe_steps
from tflbuild.recipe.steps import limits_at, settle_alternatives, step_of
from tflbuild.recipe.text import parsed

FIRST = "# @package _global_\n"


@pytest.fixture(autouse=True)
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Declare one pass and two metrics, beside an empty folder of recipes."""
    monkeypatch.setattr(PASSES, "_classes", {})
    monkeypatch.setattr(METRICS, "_classes", {"map": Metric, "size": Metric})
    monkeypatch.setattr(recipe_files, "packaged_recipes", lambda: tmp_path / "none")
    monkeypatch.delenv(recipe_files.CONFIG_DIR, raising=False)
    monkeypatch.chdir(tmp_path)
    Path("recipes").mkdir()

    @compiler_pass("fit")
    class Fit(Pass):
        steps: int | None = None
        epochs: int | None = None
        rate: float = 0.5

        def run(self, model: None, ctx: PassContext) -> KerasModel:
            raise NotImplementedError

    return


def refused(call: Any, *given: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        call(*given)
    return str(caught.value)


def test_every_key_of_a_step_arrives() -> None:
    given = {
        "pass": "fit",
        "rate": 0.0,
        "enabled": False,
        "after": ["a", "b"],
        "budget": {"map": {"max_drop": 0, "since": "a"}},
        "on_breach": "warn",
        "fallback": ["c", {"from": "a", "run": ["d", "e"]}],
        "timeout": 1.5,
    }
    assert set(given) - {"rate"} == set(STEP_KEYS)
    step = step_of("x", given)
    assert step == Step(
        label="x",
        options=PASSES.get("fit")(rate=0.0),  # type: ignore[call-arg]
        enabled=False,
        after=("a", "b"),
        limits=(Limit(metric="map", form="max_drop", bound=0.0, since="a"),),
        on_breach="warn",
        fallback=(Fallback(run=("c",)), Fallback(run=("d", "e"), start="a")),
        timeout=1.5,
    )
    set_by_others = {"instead", "done", "takes", "wanted"}
    plain = Step(label="", options=step.options)
    same = {f.name for f in dataclasses.fields(Step) if getattr(step, f.name) == getattr(plain, f.name)}
    assert same == set_by_others | {"options"}


@pytest.mark.parametrize("given", [{}, dict.fromkeys(STEP_KEYS)], ids=["left out", "null"])
def test_what_a_step_does_not_say_has_its_default(given: dict[str, Any]) -> None:
    assert step_of("x", {**given, "pass": "fit"}) == Step(label="x", options=PASSES.get("fit")())


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"pass": "fitt"}, "x.pass: there is no pass 'fitt'; there are fit. Did you mean 'fit'?"),
    ({"pass": ["fit"]}, "x.pass: there is no pass '['fit']'; there are fit. Did you mean 'fit'?"),
    ({"rat": 1}, "x.rat: there is no such option; there are steps, epochs, rate. Did you mean 'rate'?"),
    ({"budgt": 1}, "x.budgt: there is no such option; there are steps, epochs, rate. Did you mean 'budget'?"),
    ({"rate": "x"}, "x.rate: 'x' should be a valid number"),
    ({"enabled": "perhaps"}, "x.enabled: 'perhaps' should be a valid boolean"),
    ({"after": "a"}, "x.after: 'a' should be a valid tuple."),
    ({"on_breach": "warm"}, "x.on_breach: 'warm' is not one of fail, skip, warn. Did you mean 'warn'?"),
    ({"timeout": 0}, "x.timeout: 0 should be greater than 0."),
    ({"timeout": 10_000_001}, "x.timeout: 10000001 should be less than or equal to 10000000."),
    (
        {"budget": {"mapp": None}},
        "x.budget: there is no metric 'mapp'; there are map, size. Did you mean 'map'?",
    ),
    ({"fallback": ""}, "x.fallback: '' is not a list; write e.g. [LABEL, {from: LABEL, run: [LABEL]}]."),
    ({"fallback": 0}, "x.fallback: 0 is not a list; write e.g. [LABEL, {from: LABEL, run: [LABEL]}]."),
    (
        {"fallback": "c"},
        "x.fallback: 'c' is not a list; write e.g. [LABEL, {from: LABEL, run: [LABEL]}].",
    ),
    *(
        (
            {"fallback": ["c", item]},
            f"x.fallback.1: {item!r} is neither a label nor {{from: LABEL, run: [LABEL, ...]}}.",
        )
        for item in (
            None,
            7,
            {},
            {"run": ["a"]},
            {"from": "a"},
            {"from": "a", "run": []},
            {"from": "a", "run": ["b"], "more": 1},
            {"from": None, "run": ["b"]},
            {"from": "a", "run": ["b", 7]},
            {"from": "a", "run": {"b": 1}},
        )
    ),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_a_wrong_key_of_a_step_is_named(change: dict[str, Any], message: str) -> None:
    sentence = refused(step_of, "x", {"pass": "fit", **change})
    assert sentence.startswith(message)
    assert sentence == message or not message.endswith((".", "?"))


def test_the_longest_time_and_the_other_forms_of_a_fallback_are_taken() -> None:
    assert step_of("x", {"pass": "fit", "timeout": 10_000_000}).timeout == 10_000_000
    assert step_of("x", {"pass": "fit", "fallback": []}).fallback == ()
    for run in ("b", ["b"], ("b",)):
        [fallback] = step_of("x", {"pass": "fit", "fallback": ({"from": "a", "run": run},)}).fallback
        assert fallback == Fallback(run=("b",), start="a")


@pytest.mark.parametrize("form", LIMITS)
@pytest.mark.parametrize("bound", [0, 0.0, -1, 1e-9, "0.5", 2**40])
def test_every_form_of_limit_takes_every_number(form: str, bound: Any) -> None:
    [limit] = limits_at({"map": {form: bound}}, "budget")
    assert (limit.metric, limit.form, limit.bound, limit.since) == ("map", form, float(bound), "")


def test_a_budget_that_is_null_limits_nothing() -> None:
    assert limits_at(None, "budget") == ()
    assert limits_at({}, "budget") == ()
    assert limits_at({"map": None, "size": {"max": None, "since": None}}, "budget") == ()


@pytest.mark.parametrize(
    ("written", "held"), [("500KB", 500_000), ("300KiB", 307_200), ("5G", 5e9), ("1000", 1000), (1000, 1000)]
)
def test_a_limit_on_a_size_is_written_as_a_size(
    written: Any, held: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(METRICS.get("size"), "unit", "bytes")
    for form in ("max", "min", "max_rise", "max_drop"):
        assert [limit.bound for limit in limits_at({"size": {form: written}}, "budget")] == [held]
    assert refused(limits_at, {"size": {"max": "large"}}, "budget") == (
        "budget.size.max: 'large' is not a size; expected 500KB, 500KiB, 1.5MB, 5G, or a number of bytes."
    )
    share = refused(limits_at, {"size": {"max_relative_drop": "5KB"}}, "budget")
    assert share == "budget.size.max_relative_drop: '5KB' is not a number."


NO_LIMIT = "b.map.{}: there is no such limit; there are min, max, max_drop, max_rise, max_relative_drop."


def test_a_limit_names_the_targets_that_it_is_judged_on() -> None:
    given = {
        "map": [{"min": 0.5, "on": "cpu"}, {"min": "0.25", "on": ["phone", "board"]}],
        "size": {"on": None},
    }
    found = [(one.metric, one.bound, one.on) for one in limits_at(given, "budget")]
    assert found == [("map", 0.5, "cpu"), ("map", 0.25, "phone"), ("map", 0.25, "board")]


def test_on_is_a_word_in_yaml_too() -> None:
    """YAML 1.1, which PyYAML reads, has `on` for true."""
    text = "latency: {max: 5, on: cpu}\nmap: {On: [a, b]}\nflag: on\nother: {no: yes, off: 1}\n"
    read = parsed(text, Path("a.yaml"))
    assert read == {
        "latency": {"max": 5, "on": "cpu"},
        "map": {"On": ["a", "b"]},
        "flag": True,
        "other": {"no": True, "off": 1},
    }


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (7, "b: 7 is not a budget; write e.g. {map: {max_drop: 0.01}}, or null."),
        ([], "b: [] is not a budget; write e.g. {map: {max_drop: 0.01}}, or null."),
        ({7: None}, "b: there is no metric '7'; there are map, size."),
        (
            {"map": None, "size": 0},
            "b.size: 0 is not a limit; write e.g. {max_drop: 0.01} with one of min, max, max_drop, max_rise, "
            "max_relative_drop.",
        ),
        (
            {"map": {"max_dro": 1}},
            "b.map.max_dro: there is no such limit; there are min, max, max_drop, max_rise, max_relative_drop. Did "
            "you mean 'max_drop'?",
        ),
        ({"map": {"since": 7}}, "b.map.since: 7 is not the label of a step."),
        ({"map": {"onn": "cpu"}}, f"{NO_LIMIT.format('onn')} Did you mean 'on'?"),
        ({"map": {"on": 7}}, "b.map.on: 7 is not the name of a target, nor a list of such names."),
        (
            {"map": {"on": ["cpu", 7]}},
            "b.map.on: ['cpu', 7] is not the name of a target, nor a list of such names.",
        ),
        ({"map": {"on": []}}, "b.map.on: [] is not the name of a target, nor a list of such names."),
        ({"map": [{"max": 1}, {"max": "x"}]}, "b.map.1.max: 'x' is not a number."),
        (
            {"map": {"max": 1, "on": "cpu"}},
            "b.map.on: a step is judged here and not on a target; put the limit into the recipe's total budget, as "
            "budget.map.",
        ),
        ({"map": {"max": True}}, "b.map.max: True is not a number."),
        ({"map": {"max": False}}, "b.map.max: False is not a number."),
        ({"map": {"max": "x"}}, "b.map.max: 'x' is not a number."),
        ({"map": {"max": []}}, "b.map.max: [] is not a number."),
        ({"map": {"max": float("nan")}}, "b.map.max: nan is not a number."),
        ({"map": {"max": 10**400}}, f"b.map.max: 1{'0' * 78}… is not a number."),
        ({"map": {"min": 1}, "size": {"max": "x"}}, "b.size.max: 'x' is not a number."),
    ],
)
def test_a_wrong_limit_is_named(budget: Any, message: str) -> None:
    assert refused(limits_at, budget, "b") == message


def settled(options: dict[str, Any], *typed: str, recipe: str = "mine") -> dict[str, Any]:
    mapping = {"recipe": recipe, "seed": 3, "fit": {"pass": "fit", "rate": 1, **options}}
    found = settle_alternatives(mapping, list(typed))
    assert {key: found[key] for key in ("recipe", "seed")} == {"recipe": recipe, "seed": 3}
    assert found["fit"]["rate"] == 1
    return {name: found["fit"][name] for name in ("steps", "epochs")}


def write(name: str, text: str) -> None:
    Path(f"recipes/{name}.yaml").write_text(FIRST + text)


BOTH = {"steps": 5, "epochs": 0}
"""Two words for how long, one of them 0, which is a number all the same."""


def test_one_word_for_how_long_stays_as_it_is() -> None:
    for options in ({"steps": 5, "epochs": None}, {"steps": None, "epochs": 5}):
        assert settled(options) == options
    assert settle_alternatives({"recipe": "r", "other": {"steps": 1, "epochs": 2}}, []) == {
        "recipe": "r",
        "other": {"steps": 1, "epochs": 2},
    }


@pytest.mark.parametrize("word", ["fit.steps=5", "+fit.steps=5", "++fit.steps=5"])
def test_what_was_typed_replaces_the_other(word: str) -> None:
    assert settled(BOTH, word, "other.epochs=7", "fit.rate=1") == {"steps": 5, "epochs": None}


def test_what_was_typed_counts_more_than_a_file() -> None:
    write("mine", "fit: {steps: 5}\n")
    assert settled(BOTH, "fit.epochs=0") == {"steps": None, "epochs": 0}


NEITHER = "fit: set either fit.steps or fit.epochs, not both."


def test_both_at_once_are_refused() -> None:
    assert refused(settled, BOTH, "fit.steps=5", "fit.epochs=0") == NEITHER
    assert refused(settled, BOTH) == NEITHER
    write("mine", "fit: {steps: 5, epochs: 0}\n")
    assert refused(settled, BOTH) == NEITHER


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("defaults: [one, _self_]\nfit: {epochs: 0}\n", "epochs"),
        ("defaults: [one, _self_]\nfit: {epochs: null}\n", "steps"),
        ("defaults: [one, _self_]\nfit: null\n", "steps"),
        ("defaults: [one, two, _self_]\n", "epochs"),
        ("defaults: [two, one, _self_]\n", "steps"),
        ("defaults: [one, empty, {/data: two}, _self_]\n", "steps"),
        ("defaults: [above]\n", "steps"),
    ],
)
def test_the_nearest_file_that_says_either_counts(text: str, chosen: str) -> None:
    write("one", "fit: {steps: 5}\n")
    write("two", "fit: {epochs: 0}\n")
    write("empty", "seed: 1\n")
    write("above", "defaults: [one, empty, _self_]\n")
    write("mine", text)
    other = {"steps": "epochs", "epochs": "steps"}[chosen]
    assert settled(BOTH) == {chosen: BOTH[chosen], other: None}


def test_alternatives_are_two_words_for_how_long() -> None:
    assert recipe_steps.ALTERNATIVES == ("steps", "epochs")
