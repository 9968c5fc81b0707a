"""Tasks: what holds of one that says nothing more, and where training and conversion find what one says apart."""

from __future__ import annotations

from typing import Any

import pytest

from tflbuild.core.errors import PassError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.task import Task

MEANING = Meaning(task="plain", inputs={"x": Input(modality="vector", shape=(1,))})
TRAINED: list[tuple[str, tuple[Any, ...]]] = [
    ("loss", ("model", "options")),
    ("with_teacher", ("whole", "student", "teacher", 0.5, 2.0)),
    ("targeting", (MEANING,)),
]


class Plain(Task):
    """Nothing more."""

    name = "plain"


class Named(Task):
    """What it says lies elsewhere."""

    training = "elsewhere"
    serving = "elsewhere:scores_of"


class Model:
    output_names = ("a", "b")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Note what is asked of functions that are named, which give the name."""
    noted: list[tuple[Any, ...]] = []

    def function_of(name: str) -> Any:
        return lambda *given: noted.append((name, *given)) or name

    monkeypatch.setattr("tflbuild.core.task.named", function_of)
    return noted


def test_a_task_that_says_nothing_takes_outputs_as_they_are() -> None:
    made = Plain()
    assert (made.labelled, made.float_outputs, made.training, made.serving) == (True, False, "", "")
    outputs = {"a": [1.0]}
    assert made.finisher(MEANING)(outputs) is outputs
    assert made.served(Model(), ["one", "two"]) == {"a": "one", "b": "two"}
    assert (made.tail(MEANING), made.tail_shapes(MEANING), made.found({}, MEANING)) == (None, {}, [])
    with pytest.raises(ValueError, match="zip"):
        made.served(Model(), ["one"])
    for call in (
        lambda: made.decode({}, MEANING, {}),
        lambda: made.collected([], MEANING, ()),
        lambda: made.truth([], ()),
    ):
        with pytest.raises(NotImplementedError):
            call()


def test_a_head_of_a_task_that_says_nothing_is_empty() -> None:
    Plain.check_head("head.", {})
    with pytest.raises(ValueError, match=r"^'head\.anchors' is unknown to this version of tflbuild$"):
        Plain.check_head("head.", {"anchors": {}})


@pytest.mark.parametrize(("function", "given"), TRAINED, ids=[row[0] for row in TRAINED])
def test_nothing_is_trained_for_a_task_that_says_nothing_of_it(function: str, given: tuple[Any, ...]) -> None:
    with pytest.raises(PassError) as caught:
        getattr(Plain(), function)(*given)
    assert (
        str(caught.value) == f"the task 'plain' says nothing of '{function}', so nothing is trained for it."
    )


@pytest.mark.parametrize(("function", "given"), TRAINED, ids=[row[0] for row in TRAINED])
def test_what_trains_lies_in_a_module_of_its_own(
    function: str, given: tuple[Any, ...], asked: list[tuple[Any, ...]]
) -> None:
    assert getattr(Named(), function)(*given) == f"elsewhere:{function}"
    assert asked == [(f"elsewhere:{function}", *given)]


def test_what_finishes_a_graph_is_named(asked: list[tuple[Any, ...]]) -> None:
    model = Model()
    assert Named().served(model, ["one"]) == "elsewhere:scores_of"  # type: ignore[comparison-overlap]
    assert asked == [("elsewhere:scores_of", model, ["one"])]
