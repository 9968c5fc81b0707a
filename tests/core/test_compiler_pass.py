"""Declarations of passes and architectures, and what holds of one that says nothing more."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core import compiler_pass as module
from tflbuild.core.architecture import ARCHITECTURES, Architecture, architecture
from tflbuild.core.artifact import KINDS, Artifact, KerasModel, TFLiteModel
from tflbuild.core.compiler_pass import (
    PASSES,
    STEP_KEYS,
    DataFacts,
    Pass,
    PassContext,
    compiler_pass,
    kinds_of,
)
from tflbuild.core.errors import PluginError

WANTED = "'run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel'"
FACTS = DataFacts(task="detection", train=3, classes=2, input_size=8)


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test declare what it likes."""
    monkeypatch.setattr(PASSES, "_classes", dict(PASSES._known))


def running(run: Any) -> type[Pass]:
    return type("Mine", (Pass,), {"run": run, "name": "mine", "__module__": "my_plugin"})


class Takes:
    """Functions as passes have them."""

    @staticmethod
    def a_model(self: Any, model: KerasModel, ctx: PassContext) -> TFLiteModel:
        raise NotImplementedError

    @staticmethod
    def nothing(self: Any, model: None, ctx: PassContext) -> KerasModel:
        raise NotImplementedError

    @staticmethod
    def untyped(self: Any, model, ctx: PassContext) -> TFLiteModel:  # type: ignore[no-untyped-def]
        raise NotImplementedError

    @staticmethod
    def any_input(self: Any, model: Any, ctx: PassContext) -> TFLiteModel:
        raise NotImplementedError

    @staticmethod
    def a_text(self: Any, model: str, ctx: PassContext) -> TFLiteModel:
        raise NotImplementedError

    @staticmethod
    def no_result(self: Any, model: KerasModel, ctx: PassContext):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    @staticmethod
    def gives_a_path(self: Any, model: KerasModel, ctx: PassContext) -> Path:
        raise NotImplementedError

    @staticmethod
    def gives_nothing(self: Any, model: KerasModel, ctx: PassContext) -> None:
        raise NotImplementedError

    @staticmethod
    def unknown(self: Any, model: Nowhere, ctx: PassContext) -> TFLiteModel:  # type: ignore[name-defined]  # noqa: F821
        raise NotImplementedError


@pytest.mark.parametrize(
    ("run", "kinds"), [(Takes.a_model, (KerasModel, TFLiteModel)), (Takes.nothing, (None, KerasModel))]
)
def test_kinds_are_read_from_the_annotations_of_run(run: Any, kinds: Any) -> None:
    assert kinds_of(running(run)) == kinds


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (
            Takes.untyped,
            f"declares no type for its input; write e.g. {WANTED} with one of {', '.join(KINDS)}.",
        ),
        (Takes.any_input, f"declares no type for its input; write e.g. {WANTED} with one of "),
        (Takes.a_text, "declares no type for its input; write e.g. "),
        (Takes.no_result, "declares no type for its result; write e.g. "),
        (Takes.gives_a_path, "declares no type for its result; write e.g. "),
        (Takes.gives_nothing, f"gives nothing; write e.g. {WANTED}."),
    ],
)
def test_a_pass_without_kinds_is_refused(run: Any, said: str) -> None:
    with pytest.raises(PluginError) as caught:
        kinds_of(running(run))
    sentence = str(caught.value).removeprefix("pass 'mine' in my_plugin ")
    assert sentence.startswith(said)
    assert sentence == said or not said.endswith(".")


def test_an_annotation_that_names_nothing_is_refused() -> None:
    with pytest.raises(PluginError, match="pass 'mine' in my_plugin: run's annotations: name 'Nowhere'"):
        kinds_of(running(Takes.unknown))


def test_a_declared_pass_is_a_frozen_dataclass_of_keywords_that_knows_its_name() -> None:
    @compiler_pass("mine")
    class Mine(Pass):
        strength: float = 0.5

        def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
            return model

    assert PASSES.get("mine") is Mine
    assert Mine.name == "mine"
    assert Mine(strength=0.0).strength == 0.0
    with pytest.raises(TypeError):
        Mine(0.5)  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Mine().strength = 1.0  # type: ignore[misc]


def test_a_pass_without_kinds_is_not_declared() -> None:
    with pytest.raises(PluginError, match="pass 'odd' in "):
        compiler_pass("odd")(running(Takes.untyped))
    assert "odd" not in PASSES


@pytest.mark.parametrize("key", ["pass", "enabled", "after", "budget", "on_breach", "fallback", "timeout"])
def test_no_option_may_be_called_like_a_key_of_every_step(key: str) -> None:
    assert key in STEP_KEYS
    if key == "pass":  # Python itself takes it for no name
        return
    cls = running(Takes.a_model)
    cls.__annotations__ = {key: int}
    setattr(cls, key, 0)
    with pytest.raises(PluginError) as caught:
        compiler_pass("mine")(cls)
    assert str(caught.value) == f"pass 'mine' in my_plugin: an option may not be called '{key}'."
    assert "mine" not in PASSES


def test_there_are_no_other_keys_of_every_step() -> None:
    assert len(STEP_KEYS) == 7


def test_a_pass_that_says_nothing_asks_for_nothing_and_changes_nothing() -> None:
    made = Pass()
    assert (made.name, made.needs, made.trains, made.promises) == ("", (), False, "")
    assert (made.reads(), made.models(), made.asks_model(), made.judges()) == ((), (), False, False)
    assert made.resolve(FACTS) is made
    assert made.output_quantized() is None
    made.check()
    made.verify(None, None)
    with pytest.raises(NotImplementedError):
        made.run(None, None)  # type: ignore[arg-type]


def test_facts_of_the_data_are_of_no_file_and_no_integer_target_unless_told() -> None:
    assert (FACTS.integer_only, FACTS.from_file) == (False, False)


def test_an_architecture_that_says_nothing_comes_from_no_file() -> None:
    made = Architecture()
    assert (made.name, made.task, made.needs) == ("", "", ("tensorflow", "tf_keras"))
    assert (made.files(), made.listed_labels(), made.preprocess()) == ((), {}, {})
    assert (made.warnings({}), made.recognised(), made.original(), made.head_of(None)) == ([], [], None, {})
    made.check()
    for call in (made.resolution, lambda: made.build(2)):
        with pytest.raises(NotImplementedError):
            call()


def test_class_names_are_those_of_lists_beside_each_of_the_users_files(tmp_path: Path) -> None:
    class Own(Architecture):
        def files(self) -> tuple[Path, ...]:
            return (tmp_path / "one" / "model.h5", tmp_path / "two" / "model.h5")

    for folder, name in (("one", "labels.txt"), ("two", "classes.txt")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(f"{folder}\nother\n")
    assert Own().listed_labels() == {"labels.txt": ("one", "other"), "classes.txt": ("two", "other")}


def test_declarations_are_named_by_their_nouns() -> None:
    assert (PASSES.noun, ARCHITECTURES.noun) == ("pass", "model")
    assert architecture.__self__ is ARCHITECTURES  # type: ignore[attr-defined]
    assert issubclass(KerasModel, Artifact)


def test_plugins_of_the_first_edition_find_architectures_where_they_were() -> None:
    assert (module.Architecture, module.architecture) == (Architecture, architecture)
