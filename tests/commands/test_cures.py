"""Cures that are built by hand: how many, what each gave, and what becomes of one that fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tflbuild.commands import cures
from tflbuild.commands.cures import Trial, changing, tried
from tflbuild.commands.diagnose import _trials
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.cause import Cause, Cure
from tflbuild.core.errors import DataError, PassError
from tflbuild.core.metric import Difference
from tflbuild.engine.diagnosis import Diagnosis
from tflbuild.tflite import flatbuffer

Built = Callable[..., list[list[str]]]
LABELS = ["ant", "bee"]


@pytest.fixture
def trial() -> Trial:
    compared = Difference(value=0.21, low=0.1, high=0.3, n=60)
    store: Any = SimpleNamespace(measurer=SimpleNamespace(compare=lambda *given: compared))
    model = TFLiteModel(
        path=Path("old.tflite"), digest="", fingerprint="", meta={"facts": {"labels": LABELS}}
    )
    words = ["recipe=int8", "data.root=photos"]
    return Trial(words=words, store=store, model=model, metric="top1", value=0.5, tell=lambda event: None)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Built:
    """Let builds give so, one after another; gives the list of the words that they are built with."""

    def to_build(*ends: Any, labels: list[str] = LABELS, name: str = "model.tflite") -> list[list[str]]:
        asked: list[list[str]] = []
        (tmp_path / name).write_bytes(b"file")

        class Report(dict[str, Any]):
            folder = tmp_path

        def build(recipe: Any, listeners: Any) -> Any:
            end = ends[len(asked) - 1]
            if isinstance(end, DataError):
                raise end
            if isinstance(end, PassError):
                return SimpleNamespace(error=end, report=Report(targets=[]))
            found = {} if end is None else {"top1": {"value": end}}
            return SimpleNamespace(error=None, report=Report(targets=[{"path": name, "metrics": found}]))

        monkeypatch.setattr(cures, "load_recipe", lambda words: asked.append(list(words)))
        monkeypatch.setattr(cures.session, "build_once", build)
        monkeypatch.setattr(flatbuffer, "read_facts", lambda path: {"labels": labels})
        return asked

    return to_build


def diagnosis(*overrides: str) -> Diagnosis:
    causes = [
        Cause("x", "base", "text", cures=(Cure("do", override), Cure("look"))) for override in overrides
    ]
    return Diagnosis(subject={}, command=[], analyses=[], causes=causes)


def gave(found: Diagnosis) -> list[dict[str, Any]]:
    return [dict(cure.tried) for cause in found.causes for cure in cause.cures if cure.tried]


def test_as_many_cures_are_built_as_are_asked_for_the_first_ones_first(trial: Trial, built: Built) -> None:
    asked = built(0.6, 0.7)
    found = tried(diagnosis("a=1 'b=[x, y]'", "c=2", "d=3"), trial, 2)
    assert asked == [[*trial.words, "a=1", "b=[x, y]"], [*trial.words, "c=2"]]
    assert [one["value"] for one in gave(found)] == [0.6, 0.7]
    assert [cause.name for cause in found.causes] == ["x"] * 3


def test_a_gain_is_paired_with_its_interval_where_the_classes_are_the_same(
    trial: Trial, built: Built, tmp_path: Path
) -> None:
    built(0.75)
    assert gave(tried(diagnosis("a=1"), trial, 1)) == [
        {"value": 0.75, "gain": 0.21, "low": 0.1, "high": 0.3, "run": str(tmp_path)}
    ]


@pytest.mark.parametrize("other", [{"labels": ["bee", "ant"]}, {"name": "model.onnx"}])
def test_elsewhere_a_gain_is_the_difference_of_the_figures(
    other: dict[str, Any], trial: Trial, built: Built, tmp_path: Path
) -> None:
    built(0.75, **other)
    assert gave(tried(diagnosis("a=1"), trial, 1)) == [{"value": 0.75, "gain": 0.25, "run": str(tmp_path)}]


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (DataError("data.root: none"), "data.root: none"),
        (PassError("pass 'x' failed"), "pass 'x' failed"),
        (None, "top1 was not measured"),
    ],
)
def test_a_cure_that_fails_says_why_and_the_next_is_built(
    end: Any, said: str, trial: Trial, built: Built
) -> None:
    built(end, 0.6)
    first, second = gave(tried(diagnosis("a=1", "b=2"), trial, 2))
    assert first["failed"] == said
    assert second["value"] == 0.6


@pytest.mark.parametrize(
    ("words", "rest", "count"),
    [
        (["run"], ["run"], 0),
        (["run", "--try"], ["run"], 3),
        (["run", "--try", "2"], ["run"], 2),
        (["--try", "2", "run", "a=1"], ["run", "a=1"], 2),
        (["--try", "run"], ["run"], 3),
        (["run", "--try", "a=1"], ["run", "a=1"], 3),
    ],
)
def test_a_number_behind_try_says_how_many(words: list[str], rest: list[str], count: int) -> None:
    assert _trials(words) == (rest, count)


@pytest.mark.parametrize(
    ("override", "kept"),
    [
        ("quantize.granularity=channel", False),
        ("quantize.granularity=tensor", True),
        ("quantize.weight_bits=8", True),
        ("quantize.weight_bits=4", False),
        ("quantize.method=fixed quantize.granularity=channel", True),
        ("quantize.weight_bits=4 quantize.granularity=channel", False),
        ("'pipeline=[load,quantize]'", False),
        ("'pipeline=[load,convert,quantize]'", True),
        ("preprocess.scale=0.5", True),
        ("quantize.granularity.deeper=1", True),
        ("", True),
    ],
)
def test_a_cure_that_the_recipe_follows_already_is_none(override: str, kept: bool) -> None:
    resolved = {
        "pipeline": ["load", "quantize"],
        "quantize": {"granularity": "channel", "weight_bits": 4, "method": "auto"},
    }
    (cause,) = changing([Cause("weights", "weights", "", cures=(Cure("text", override),))], resolved)
    assert bool(cause.cures) is kept
