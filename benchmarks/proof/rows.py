"""The models of the proof: what they are trained on, how long, and how small they can be made for a smoke test."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

DATA = Path(os.environ.get("TFLBUILD_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))

GROUPS = ("int8", "trouble", "ill", "trained")
"""What can be made of a row, and asked for alone."""

SMALL = ("train.steps=20", "data.train=64", "data.val=16", "data.test=24")
"""What makes a row small."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A model on its data.

    Attributes:
        name: of the row.
        title: for the table.
        model: group of the recipe.
        data: group of the recipe.
        options: overrides that hold for every column.
        tune: steps of every later training (QAT, pruning, their controls).
        groups: of columns that are made.
        small: overrides of a smoke test.
    """

    name: str
    title: str
    model: str
    data: str
    options: tuple[str, ...]
    tune: int
    groups: tuple[str, ...] = GROUPS
    small: tuple[str, ...] = SMALL

    @property
    def detects(self) -> bool:
        """Say whether the model is a detector."""
        return self.model.startswith("ssd")

    @property
    def metric(self) -> str:
        """Name the task's metric."""
        return "map" if self.detects else "top1"

    @property
    def recipe(self) -> str:
        """Give a recipe of the user's own that trains and converts; columns add passes to it."""
        return (
            "# @package _global_\n"
            f"defaults:\n  - /model: {self.model}\n  - /data: {self.data}\n  - /target: [cpu]\n"
            "  - /passes@train: train\n  - /passes@convert: convert\n  - _self_\n"
            f"description: {self.title}\npipeline: [train, convert]\n"
        )


CLOTHES = ("data.train=12000", "data.val=1000", "data.test=3000")
"""A part of Fashion-MNIST that trains in minutes."""

ROWS = {
    row.name: row
    for row in (
        Row(
            name="signs",
            title="SSD MobileNet v1 0.25, 96 px, signs",
            model="ssd_mobilenet_v1",
            data="signs",
            options=(),
            tune=400,
        ),
        Row(
            name="mobilenet_v2",
            title="MobileNet v2 0.35, 32 px, Fashion-MNIST",
            model="mobilenet_v2",
            data="fashion_mnist",
            options=("model.input_size=32", "train.steps=1500", *CLOTHES),
            tune=300,
        ),
        Row(
            name="resnet",
            title="ResNet-8, 32 px, Fashion-MNIST",
            model="resnet",
            data="fashion_mnist",
            options=("train.steps=2500", *CLOTHES),
            tune=300,
        ),
        Row(
            name="bccd",
            title="SSD MobileNet v1 0.5, 192 px, BCCD",
            model="ssd_mobilenet_v1",
            data="voc",
            options=(f"data.root={DATA / 'bccd'}", "model.alpha=0.5", "model.input_size=192"),
            tune=90,
            small=("train.steps=20",),
        ),
        Row(
            name="crops",
            title="MobileNet v1 0.25 with ReLU, 96 px, sign crops",
            model="mobilenet_v1",
            data="sign_crops",
            options=("model.activation=relu", "train.steps=800"),
            tune=200,
            groups=("int8", "ill"),
        ),
    )
}
