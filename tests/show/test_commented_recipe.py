"""The comments of `--cfg job`, and the limits that it leaves out."""

from __future__ import annotations

import pytest
import yaml

from tflbuild import plugins
from tflbuild.show.commented_recipe import HEADER, commented


@pytest.fixture(autouse=True)
def loaded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the shipped declarations anew, whatever tests before declared or took away."""
    monkeypatch.setattr(plugins, "_loaded", {})
    plugins.load(None)


RECIPE = """\
seed: 3
budget:
  map:
    min: null
    max_drop: 0.04
    since: null
  size:
    max: null
worker:
  threads: 2
preprocess:
  altered: null
model:
  type: ssd_mobilenet_v1
  anchors:
    aspect_ratios:
    - 1.0
    - 2.0
data:
  type: voc
  root: a path that is folded
    over two lines
  augment:
    crop:
      min_area: 0.3
target:
  cpu:
    type: cpu
    threads: 1
hooks: {}
analyses:
  sensitivity:
    samples: 4
shrink:
  pass: prune
  on_breach: fail
  budget:
    map:
      max_drop: null
    size: null
  sparsity: 0.5
  distill:
    weight: 0.0
  unheard: 1
"""


def lines_of(text: str) -> list[str]:
    return commented(text).splitlines()


def above(text: str, line: str) -> str:
    """Give the comment above a line that begins so, and the line."""
    lines = lines_of(text)
    number = next(number for number, one in enumerate(lines) if one.lstrip().startswith(line))
    first = number
    while lines[first - 1].lstrip().startswith("#"):
        first -= 1
    said = " ".join(one.strip(" #") for one in lines[first:number])
    return f"{said} | {lines[number].strip()}"


def test_what_is_said_stays_the_same_but_for_limits_that_say_nothing() -> None:
    expected = yaml.safe_load(RECIPE)
    expected["budget"] = {"map": {"max_drop": 0.04}}
    expected["shrink"]["budget"] = {}
    assert yaml.safe_load(commented(RECIPE)) == expected
    assert lines_of(RECIPE)[:2] == list(HEADER)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "sparsity:",
            "Share of zeros in the pruned kernels together | "
            "sparsity: 0.5  # 0 <= sparsity < 1; fraction of weights; default 0.5",
        ),
        ("on_breach:", "on_breach: fail  # fail | skip | warn; default fail"),
        ("max_drop:", "max_drop: 0.04  # any number | null; unit of the metric; default null"),
        ("min_area:", "(0 < min_area <= 1; fraction of the image's area; default 0.3) | min_area: 0.3"),
        ("weight:", "weight: 0.0  # 0 <= weight <= 1; fraction of the loss; default 0.0"),
        ("seed:", "seed: 3  # whole number, 0 <= seed <= 2,147,483,647; no unit; default 0"),
        ("samples:", "samples: 4  # whole number, samples >= 1; samples; default 16"),
        ("altered:", "Damage that a camera or an app did"),
        ("root:", '(text; default "") | root: a path that is folded'),
        (
            "aspect_ratios:",
            "(list of numbers, each > 0; ratio; default [1.0, 2.0, 0.5, 3.0, 0.3333333333333333])",
        ),
    ],
)
def test_each_option_is_said_with_range_unit_and_default(line: str, expected: str) -> None:
    assert expected in above(RECIPE, line)


def test_what_nobody_declares_is_left_without_a_comment() -> None:
    lines = lines_of(RECIPE)
    assert "  unheard: 1" in lines
    assert not lines[lines.index("  unheard: 1") - 1].lstrip().startswith("#")


def test_no_comment_is_wider_than_a_terminal() -> None:
    assert [line for line in lines_of(RECIPE) if len(line) > 80] == []


def test_one_package_is_commented_by_its_place() -> None:
    text = "# @package shrink.budget\nmap:\n  max: null\n  min: 1\nsize:\n  max: null\n"
    assert yaml.safe_load(commented(text)) == {"map": {"min": 1}}
    assert lines_of(text)[0] == "# @package shrink.budget"
    assert yaml.safe_load(commented("# @package prune.budget\nsize:\n  max: null\n")) == {}
    assert "# Whether training images are varied at all" in lines_of(
        "# @package data.augment\nenabled: true\n"
    )
    assert "weight: 0.0  # 0 <= weight <= 1" in commented("# @package prune.distill\nweight: 0.0\n")


@pytest.mark.parametrize("text", ["", "just a text\n", "- a\n- b\n", "a: [\n"])
def test_what_is_no_mapping_stays_as_it_is(text: str) -> None:
    assert commented(text) == text
