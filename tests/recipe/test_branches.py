"""What targets want of steps that a recipe leaves open, and the branches that follow from it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tflbuild import plugins
from tflbuild.core.budget import Fallback
from tflbuild.core.errors import RecipeError
from tflbuild.core.recipe import Recipe
from tflbuild.engine.order import delivered_step, order_of, sources_of
from tflbuild.recipe import compose
from tflbuild.recipe.load import load_recipe, thaw
from tflbuild.recipe.subject import Subject
from tflbuild.targets.cpu import Cpu
from tflbuild.targets.ethos_u.target import EthosU

CLASSIFIER = "recipe=mobilenet_v2_int8"
DETECTOR = "recipe=ssd_mobilenet_int8"
BOTH = "target=[cpu,ethos_u55]"
BRANCH = "quantize@ethos_u55"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plugins.load(None)
    Path("recipes").mkdir()


@pytest.fixture
def wants(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a target want what a test says."""

    def want(cls: Any = EthosU, **options: Any) -> None:
        monkeypatch.setattr(cls, "wants", options)

    return want


def options(recipe: Recipe, label: str) -> Any:
    return recipe.steps[label].options


def given(recipe: Recipe) -> dict[str, str]:
    order, _ = order_of(recipe)
    return {name: delivered_step(recipe, order, name) for name in recipe.targets}


def test_a_recipe_for_a_target_that_wants_nothing_stays_as_it_is() -> None:
    words = [CLASSIFIER, "target=[cpu]"]
    recipe = load_recipe(words)
    assert recipe.mapping["quantize"] == compose.compose(words)["quantize"] | {
        "budget": recipe.mapping["quantize"]["budget"]
    }
    assert not any(step.takes or step.wanted for step in recipe.steps.values())


def test_one_target_fills_what_the_recipe_leaves_open(wants: Any) -> None:
    wants(scores="int8", activations=("symmetric", "asymmetric"))
    recipe = load_recipe([CLASSIFIER, "target=[ethos_u55]"])
    assert (options(recipe, "quantize").scores, options(recipe, "quantize").activations) == (
        "int8",
        "symmetric",
    )
    assert recipe.steps["quantize"].wanted == {"activations": "symmetric", "scores": "int8"}
    assert given(recipe) == {"ethos_u55": "quantize"}


def test_what_the_recipe_says_stays_where_the_target_takes_it(wants: Any) -> None:
    wants(scores=("int8", "int16"))
    recipe = load_recipe([CLASSIFIER, "target=[ethos_u55]", "quantize.scores=int16"])
    assert options(recipe, "quantize").scores == "int16"
    assert recipe.steps["quantize"].wanted == {}
    assert recipe.remarks == ()


def test_targets_that_want_other_things_have_a_step_each_behind_the_one_they_share(wants: Any) -> None:
    wants(scores="int8")
    recipe = load_recipe([CLASSIFIER, "target=[cpu,ethos_u55,ethos_u65]"])
    order, _ = order_of(recipe)
    assert order[-2:] == ("quantize", BRANCH)
    sources = sources_of(recipe, order)
    assert sources[BRANCH] == sources["quantize"] == "convert"
    assert given(recipe) == {"cpu": "quantize", "ethos_u55": BRANCH, "ethos_u65": BRANCH}
    assert (options(recipe, "quantize").scores, options(recipe, BRANCH).scores) == ("int16", "int8")
    assert recipe.steps[BRANCH].limits == recipe.steps["quantize"].limits


def test_the_first_target_keeps_the_labels_of_the_recipe(wants: Any) -> None:
    wants(scores="int8")
    recipe = load_recipe([CLASSIFIER, "target=[ethos_u55,cpu]"])
    assert given(recipe) == {"ethos_u55": "quantize", "cpu": "quantize@cpu"}
    assert (options(recipe, "quantize").scores, options(recipe, "quantize@cpu").scores) == ("int8", "int16")


def test_targets_whose_steps_are_equal_share_them() -> None:
    recipe = load_recipe([CLASSIFIER, BOTH, "quantize.output_dtype=int8", "quantize.fallback=[]"])
    assert given(recipe) == {"cpu": "quantize", "ethos_u55": "quantize"}


def test_fallbacks_of_a_branch_are_its_own_and_follow_what_they_take_from_another_step(wants: Any) -> None:
    wants(activations="symmetric")
    recipe = load_recipe([DETECTOR, BOTH, f"{BRANCH}.weight_bits=4"])
    branch, main = recipe.steps[BRANCH], recipe.steps["quantize"]
    assert branch.fallback == (
        Fallback(run=("quantize_mixed@ethos_u55",)),
        Fallback(run=("fallback_qat@ethos_u55", "fallback_convert@ethos_u55"), start="prune"),
    )
    assert main.fallback[0] == Fallback(run=("quantize_mixed",))
    mixed = options(recipe, "quantize_mixed@ethos_u55")
    assert (mixed.activations, mixed.weight_bits) == ("symmetric", 4)
    assert (options(recipe, "quantize_mixed").activations, options(recipe, "quantize_mixed").weight_bits) == (
        "asymmetric",
        8,
    )


def test_a_fallback_that_trains_for_quantization_converts_as_the_target_wants(wants: Any) -> None:
    wants(input_dtype="int8")
    recipe = load_recipe([DETECTOR, BOTH])
    assert options(recipe, "fallback_convert@ethos_u55").input_dtype == "int8"
    assert options(recipe, "convert").input_dtype is None, "it gives floats"


def test_what_follows_a_branch_is_in_it(wants: Any) -> None:
    wants(scores="int8")
    words = [
        "+passes@fix=correct_bias",
        "fix.reference=convert",
        "fix.after=[quantize]",
        "fix.budget.size.max=9MB",
        "+passes@again=correct_bias",
        "again.reference=convert",
        "fix.fallback=[{from: quantize, run: [again]}]",
    ]
    recipe = load_recipe([CLASSIFIER, BOTH, *words, "fix.budget.top1={max_drop: 0.1, since: quantize}"])
    own = recipe.steps["fix@ethos_u55"]
    assert sources_of(recipe, order_of(recipe)[0])["fix@ethos_u55"] == BRANCH
    assert given(recipe) == {"cpu": "fix", "ethos_u55": "fix@ethos_u55"}
    assert {limit.metric: limit.since for limit in own.limits} == {"size": "", "top1": BRANCH}
    assert options(recipe, "fix@ethos_u55").reference == "convert"
    assert own.fallback == (Fallback(run=("again@ethos_u55",), start=BRANCH),)


def test_a_step_that_delivers_a_file_does_so_once(wants: Any) -> None:
    wants(scores="int8")
    recipe = load_recipe([CLASSIFIER, BOTH, "+passes@as_onnx=export_onnx", "as_onnx.after=[quantize]"])
    assert given(recipe) == {"cpu": "as_onnx", "ethos_u55": BRANCH, "as_onnx": "as_onnx"}


def test_a_target_that_delivers_an_earlier_step_branches_no_later_one(wants: Any) -> None:
    wants(scores="int8")
    recipe = load_recipe([CLASSIFIER, "target=[ethos_u55,cpu]", "target.cpu.step=convert"])
    assert given(recipe) == {"ethos_u55": "quantize", "cpu": "convert"}
    assert not any("@" in label for label in recipe.steps)


def test_options_for_one_target_are_typed_or_written_in_a_file(wants: Any) -> None:
    Path("recipes/mine.yaml").write_text(
        "# @package _global_\ndefaults: [mobilenet_v2_int8, override /target: [cpu, ethos_u55], _self_]\n"
        "quantize@ethos_u55: {weight_bits: 4, calibration: {samples: 7}}\n"
    )
    recipe = load_recipe(["recipe=mine", f"{BRANCH}.budget.top1.max_drop=0.3", f"{BRANCH}.weight_bits=8"])
    own, main = recipe.steps[BRANCH], recipe.steps["quantize"]
    assert (own.options.weight_bits, own.options.calibration.samples) == (8, 7)  # type: ignore[attr-defined]
    assert own.options.calibration.source == main.options.calibration.source  # type: ignore[attr-defined]
    assert [limit.bound for limit in own.limits if limit.form == "max_drop"] == [0.3]
    assert [limit.bound for limit in main.limits if limit.form == "max_drop"] != [0.3]


def test_what_is_said_for_one_target_is_not_filled_and_parts_targets_that_want_the_same(wants: Any) -> None:
    wants(scores=("int8", "int16"))
    recipe = load_recipe([CLASSIFIER, "target=[cpu,ethos_u55,ethos_u65]", "quantize@ethos_u65.scores=int16"])
    assert given(recipe) == {"cpu": "quantize", "ethos_u55": BRANCH, "ethos_u65": "quantize"}


def test_an_option_that_means_nothing_beside_the_others_is_left(wants: Any) -> None:
    wants(Cpu, scheme=("float16", "int8"), output_dtype="int8", granularity="tensor")
    recipe = load_recipe([CLASSIFIER, "target=[cpu]", "quantize.calibration.samples=8"])
    found = options(recipe, "quantize")
    assert (found.scheme, found.output_dtype, found.granularity) == ("int8", "int8", "tensor"), "int8 is said"
    wants(Cpu, scheme=("float16", "int8"), output_dtype="int8", granularity="tensor")
    Path("recipes/open.yaml").write_text(
        "# @package _global_\ndefaults:\n  - /model: mobilenet_v2\n  - /data: image_folder\n  - /target: [cpu]\n"
        "  - /passes@train: train\n  - /passes@convert: convert\n  - /passes@quantize: quantize\n  - _self_\n"
        "pipeline: [train, convert, quantize]\n"
    )
    found = options(load_recipe(["recipe=open"]), "quantize")
    assert (found.scheme, found.output_dtype, found.granularity) == ("float16", "float32", "channel")


def test_a_detector_gives_floats_whatever_a_target_wants() -> None:
    assert given(load_recipe([DETECTOR, BOTH])) == {"cpu": "quantize", "ethos_u55": "quantize"}
    assert options(load_recipe([CLASSIFIER, "target=[ethos_u55]"]), "quantize").output_dtype == "int8"


@pytest.mark.parametrize(("modality", "raw"), [("image", True), ("vector", False)])
def test_raw_bytes_are_wanted_of_inputs_that_have_some(modality: str, raw: bool) -> None:
    subject = Subject({})
    data = SimpleNamespace(modality=modality, preprocess={"scale": 1 / 128, "offset": -1.0} if raw else {})
    vars(subject)["data"] = SimpleNamespace(dataset=data)
    assert subject.idle("input_dtype", "uint8") is not raw
    assert not subject.idle("input_dtype", "int8")
    assert not subject.idle("scores", "int8")


def test_what_the_recipe_says_against_a_target_is_remarked_with_the_cure(wants: Any) -> None:
    wants(scores="int8")
    recipe = load_recipe([CLASSIFIER, BOTH, "quantize.scores=int16"])
    assert recipe.remarks == (
        "quantize.scores=int16 is what the recipe says, and ethos_u55 takes int8 alone; "
        "quantize@ethos_u55.scores=int8 would suit it",
    )
    alone = load_recipe([CLASSIFIER, "target=[ethos_u55]", "quantize.scores=int16"])
    assert alone.remarks[0].endswith("; quantize.scores=int8 would suit it")
    cured = load_recipe([CLASSIFIER, BOTH, "quantize.scores=int16", f"{BRANCH}.scores=int8"])
    assert cured.remarks == ()


def test_a_scheme_that_a_device_of_integers_cannot_run_is_refused_before_anything_is_built() -> None:
    words = ["recipe=ssd_mobilenet_float16", BOTH]
    with pytest.raises(RecipeError) as caught:
        load_recipe(words)
    assert str(caught.value) == (
        "quantize.scheme=float16 is what the recipe says, and ethos_u55 takes int8 or int16x8; "
        "quantize@ethos_u55.scheme=int8 would suit it."
    )
    allowed = load_recipe([*words, "target.ethos_u55.allow_uncovered=true"])
    assert len(allowed.remarks) == 1
    cured = load_recipe([*words, f"{BRANCH}.scheme=int8"])
    assert given(cured) == {"cpu": "quantize", "ethos_u55": BRANCH}


WRONG = {
    "quantise@ethos_u55.scores=int8": (
        "quantise@ethos_u55: there is no step 'quantise' in this recipe. Did you mean 'quantize'?"
    ),
    "quantize@ethos_u5.scores=int8": (
        "quantize@ethos_u5: no target is called 'ethos_u5'; this recipe has cpu, ethos_u55."
    ),
    f"{BRANCH}.scoers=int8": f"{BRANCH}.scoers: there is no such option",
    f"{BRANCH}=int8": f"{BRANCH}: int8 is no mapping of the step's options; target.ethos_u55.step=LABEL delivers",
    "train@ethos_u55.steps=1": "train@ethos_u55: 'train' starts the model, which all targets share",
}


@pytest.mark.parametrize("word", WRONG)
def test_options_for_one_target_that_fit_nothing_are_refused(word: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe([CLASSIFIER, BOTH, word])
    assert str(caught.value).startswith(WRONG[word])


def test_options_for_a_target_that_is_not_chosen_have_no_effect_and_that_is_said() -> None:
    recipe = load_recipe([CLASSIFIER, "target=[cpu]", f"{BRANCH}.scores=int8"])
    assert recipe.remarks == (f"{BRANCH} has no effect, since target=[cpu]",)
    assert BRANCH not in recipe.mapping


def test_a_recipe_that_was_resolved_once_has_its_branches(wants: Any) -> None:
    wants(scores="int8")
    recipe = load_recipe([CLASSIFIER, BOTH, "quantize.fallback=[]"])
    wants()
    again = thaw(recipe.mapping, recipe.overrides, None)
    assert (again.steps, again.targets, again.pipeline) == (recipe.steps, recipe.targets, recipe.pipeline)
    assert again.mapping == recipe.mapping


def test_a_file_that_is_taken_in_as_a_tflite_has_its_branches_behind_it(
    wants: Any, float_classifier: Path
) -> None:
    wants(scores="int8")
    recipe = load_recipe(
        ["recipe=int8", f"model.path={float_classifier}", "data=images", "data.root=.", BOTH]
    )
    order, unused = order_of(recipe)
    assert order == ("load", "quantize", BRANCH)
    assert "convert" in unused
    assert sources_of(recipe, order) == {"load": "", "quantize": "load", BRANCH: "load"}


def test_an_option_that_follows_one_of_a_step_that_does_not_run_is_as_open_as_that(wants: Any) -> None:
    wants(activations="symmetric")
    words = [DETECTOR, "target=[ethos_u55]", "pipeline=[train,prune,convert,quantize_mixed]"]
    assert options(load_recipe(words), "quantize_mixed").activations == "symmetric"
    said = load_recipe([*words, "quantize.activations=asymmetric"])
    assert options(said, "quantize_mixed").activations == "asymmetric"


def test_a_fallback_that_starts_before_the_training_for_integers_gives_floats(wants: Any) -> None:
    wants(input_dtype="int8")
    words = ["recipe=ssd_mobilenet_qat", "target=[ethos_u55]", "+passes@plain=convert"]
    recipe = load_recipe([*words, "convert.fallback=[{from: train, run: [plain]}]"])
    assert options(recipe, "convert").input_dtype == "int8"
    assert options(recipe, "plain").input_dtype is None


def test_branches_of_a_file_begin_behind_the_floats_that_are_made_of_it(
    integer_classifier: Path,
) -> None:
    words = ["recipe=int8", f"model.path={integer_classifier}", "data=images", "data.root=."]
    recipe = load_recipe([*words, BOTH, "pipeline=[load,quantize]"])
    order, _ = order_of(recipe)
    assert sources_of(recipe, order) == {
        "load": "",
        "dequantize": "load",
        "quantize": "dequantize",
        BRANCH: "dequantize",
    }


def test_a_conversion_of_a_branch_is_not_done_by_that_of_another(shared_models: Path) -> None:
    words = [
        "recipe=int8",
        f"model.path={shared_models / 'mlperf_tiny/vww_96.h5'}",
        "data=images",
        "data.root=.",
    ]
    order, _ = order_of(load_recipe([*words, BOTH, "pipeline=[load,convert_quantized]"]))
    assert order == ("load", "convert_quantized", "convert_quantized@ethos_u55")
