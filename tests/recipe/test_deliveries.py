"""Steps whose result is delivered: `export_onnx` in a pipeline."""

from __future__ import annotations

import pytest

from tflbuild.core.errors import RecipeError
from tflbuild.engine.order import order_of
from tflbuild.recipe.load import load_recipe
from tflbuild.targets.cpu import Cpu
from tflbuild.targets.onnxruntime import OnnxRuntime

RECIPE = "recipe=ssd_mobilenet_float"


def test_a_pass_that_pipeline_names_runs_with_its_defaults_and_adds_its_target() -> None:
    recipe = load_recipe([RECIPE, "pipeline=[train,convert,export_onnx]"])
    assert order_of(recipe)[0] == ("train", "convert", "export_onnx")
    assert recipe.targets == {"cpu": Cpu(), "export_onnx": OnnxRuntime(step="export_onnx")}


def test_steps_add_their_targets_in_the_order_of_the_pipeline_and_not_where_they_do_not_run() -> None:
    words = [RECIPE, "+passes@second=export_onnx", "+passes@off=export_onnx", "off.enabled=false"]
    recipe = load_recipe([*words, "pipeline=[train,convert,second,export_onnx,off]"])
    assert list(recipe.targets) == ["cpu", "second", "export_onnx"]


def test_a_step_and_a_target_of_one_name_are_refused() -> None:
    words = [RECIPE, "target=[cpu,onnxruntime]", "+passes@onnxruntime=export_onnx"]
    with pytest.raises(RecipeError) as caught:
        load_recipe([*words, "pipeline=[train,convert,onnxruntime]"])
    assert str(caught.value) == (
        "target.onnxruntime: the step 'onnxruntime' delivers a file under that name, too; give the step another label, "
        "e.g. +passes@as_onnx=export_onnx."
    )
