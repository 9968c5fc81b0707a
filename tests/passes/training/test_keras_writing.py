"""What a model that was trained on a recipe's data means, and that its file can be read back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from no_frameworks import Fake
from tflbuild.core.architecture import Architecture
from tflbuild.core.meaning import Meaning
from tflbuild.core.options import to_json
from tflbuild.modalities.image.modality import ImageModality
from tflbuild.passes.training.keras_writing import meaning_of

PREPROCESS = [ImageModality(), ImageModality(mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0))]


def context(preprocess: dict[str, Any], **model: Any) -> Any:
    spec = SimpleNamespace(**{"task": "", "also": (), "head_of": lambda built: {}} | model)
    spec.task_on = lambda task: Architecture.task_on(spec, task)
    return SimpleNamespace(model_spec=spec, modality="image", task="classification", preprocess=preprocess)


@pytest.mark.parametrize("preprocess", PREPROCESS, ids=["scale", "mean"])
def test_every_option_that_a_recipe_gives_can_be_read_back(
    monkeypatch: pytest.MonkeyPatch, preprocess: ImageModality
) -> None:
    """A loaded recipe says each option, those that are null too."""
    Fake(monkeypatch).module(monkeypatch, "keras", inputs_of=lambda built: {"image": (8, 6, 3)})
    made = meaning_of(context(to_json(preprocess)), "built", ("a", "b"))
    read = Meaning.from_json(made.to_json())
    assert read == made
    assert read.only.kind == preprocess
    assert (read.task, read.labels, read.only.shape) == ("classification", ("a", "b"), (8, 6, 3))


def test_the_models_own_task_counts_before_the_datas(monkeypatch: pytest.MonkeyPatch) -> None:
    Fake(monkeypatch).module(monkeypatch, "keras", inputs_of=lambda built: {"image": (8, 6, 3)})
    made = meaning_of(context({}, task="detection", head_of=lambda built: {"of": built}), "built", ())
    assert (made.task, made.head) == ("detection", {"of": "built"})
