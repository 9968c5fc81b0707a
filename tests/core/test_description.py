"""A description that an override may have made false is not shown."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tflbuild.core.architecture import Architecture
from tflbuild.core.dataset import Dataset
from tflbuild.core.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Own(Architecture):
    name = "keras"
    path: str = "models/best.h5"


@dataclass(frozen=True, kw_only=True)
class Photos(Dataset):
    name = "image_folder"
    root: str = "photos/mine"


def described(*overrides: str) -> str:
    recipe = Recipe(
        name="r",
        description="MobileNet on Fashion-MNIST, int8",
        overrides=overrides,
        model=Own(),
        data=Photos(),
        targets={},
        steps={},
        pipeline=(),
    )
    assert recipe.subject == "keras best.h5 on image_folder photos/mine"
    return recipe.described


@pytest.mark.parametrize(
    "override",
    [
        "data=image_folder",
        "model=keras",
        "data.root=photos",
        "model.path=best.h5",
        "quantize.scheme=int16x8",
        "prune.enabled=false",
        "pipeline=[train,convert]",
        "target=[cpu,ethos_u55]",
        "+passes@cluster=cluster",
        "+data.extra=1",
        "~prune",
    ],
)
def test_an_override_that_may_make_it_false_takes_it_away(override: str) -> None:
    assert described("train.steps=60", override) == ""


@pytest.mark.parametrize(
    "override",
    [
        "train.steps=60",
        "data.train=200",
        "store.path=elsewhere",
        "outputs=runs",
        "hooks=[mlflow]",
        "stop_after=train",
        "locked=true",
        "seed=3",
        "budget.top1.max_drop=null",
        "quantize.budget={top1: {max_drop: 0.1}}",
        "worker.threads=4",
    ],
)
def test_others_leave_it(override: str) -> None:
    assert described(override) == "MobileNet on Fashion-MNIST, int8"
