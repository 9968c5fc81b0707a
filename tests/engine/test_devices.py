"""Measuring on a device that is not this machine: its facts are in every key, and nobody else's figures are taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest

from at_once import AtOnce
from building import FakeBuild
from tflbuild.core.artifact import Artifact
from tflbuild.core.errors import MissingTool, PassError
from tflbuild.core.recipe import Recipe
from tflbuild.core.runtime import RUNTIMES, Runtime
from tflbuild.core.target import TARGETS, Target
from tflbuild.engine import analyses
from tflbuild.engine.analyses import Analyst
from tflbuild.engine.build import Outcome
from tflbuild.engine.checks import check
from tflbuild.engine.delivery import Delivery
from tflbuild.engine.workers import crew
from tflbuild.engine.workers.crew import Crew, SplitWork
from tflbuild.engine.workers.worker import Worker


class Desk:
    """What stands on it: the device that is asked; `swaps` are those that come in its place, one a question."""

    here: ClassVar[str] = "A"
    swaps: ClassVar[list[str]] = []
    asked: ClassVar[int] = 0

    @classmethod
    def ask(cls) -> dict[str, Any]:
        cls.asked += 1
        if cls.swaps:
            cls.here = cls.swaps.pop(0)
        if not cls.here:
            raise MissingTool("No phone is attached.")
        return {"serial": cls.here}


@pytest.fixture(autouse=True)
def devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare a device, with a runtime that reaches it."""
    monkeypatch.setattr(Desk, "here", "A")
    monkeypatch.setattr(Desk, "swaps", [])
    monkeypatch.setattr(Desk, "asked", 0)

    class OnDevice(Runtime):
        kinds = ("TFLiteModel",)
        alone = True
        port: str = ""

        def key(self) -> Mapping[str, Any]:
            return {"device": Desk.ask()}

    class Device(Target):
        runtime = "fake_on_device"
        port: str = "usb"

        def runtime_options(self) -> Mapping[str, Any]:
            return {"port": self.port}

        def device(self) -> Mapping[str, Any]:
            return Desk.ask()

        def inspect(self, model: Any) -> dict[str, Any]:
            return {"device": {"serial": Desk.here}}

    RUNTIMES.declare("fake_on_device")(OnDevice)
    TARGETS.declare("fake_device")(Device)


@pytest.fixture
def on_device(recipe: Recipe) -> Recipe:
    return replace(recipe, targets={"phone": TARGETS.get("fake_device")()})


def device_of(outcome: Outcome) -> Any:
    (target,) = outcome.report["targets"]
    return target["device"]["serial"]


def measured_there(here: AtOnce) -> list[tuple[str, str]]:
    """Name what was asked of the device: by its runtime, or as a delivery."""
    found = []
    for (_, name, _), arguments in zip(here.asked, here.arguments, strict=True):
        if name == "deliver" or (name == "predict" and type(arguments[0]).name == "fake_on_device"):
            found.append((name, getattr(arguments[0], "port", "")))
    return found


def test_the_delivered_file_is_measured_on_the_device(
    on_device: Recipe, build_here: FakeBuild, here: AtOnce
) -> None:
    outcome = build_here(on_device)
    assert device_of(outcome) == "A"
    assert measured_there(here) == [("deliver", "usb"), ("predict", "usb")]
    (target,) = outcome.report["targets"]
    assert target["metrics"]["score"]["split"] == "test"


def test_what_was_measured_on_a_device_is_measured_once(
    on_device: Recipe, build_here: FakeBuild, here: AtOnce
) -> None:
    build_here(on_device)
    done = len(here.asked)
    assert device_of(build_here(on_device)) == "A"
    assert len(here.asked) == done


def test_another_device_is_measured_anew_and_the_first_is_remembered(
    on_device: Recipe, build_here: FakeBuild, here: AtOnce
) -> None:
    build_here(on_device)
    Desk.here = "B"
    assert device_of(build_here(on_device)) == "B"
    assert measured_there(here) == [("deliver", "usb"), ("predict", "usb")] * 2
    Desk.here = "A"
    assert device_of(build_here(on_device)) == "A"
    assert len(measured_there(here)) == 4


def test_a_device_that_is_not_there_is_said_before_anything_runs(
    on_device: Recipe, build_here: FakeBuild, here: AtOnce
) -> None:
    Desk.here = ""
    outcome = build_here(on_device)
    assert isinstance(outcome.error, MissingTool)
    assert here.asked == []
    assert outcome.report["passes"] == []


def test_a_device_that_is_not_there_any_more_is_no_cached_one(
    on_device: Recipe, build_here: FakeBuild
) -> None:
    build_here(on_device)
    Desk.here = ""
    assert isinstance(build_here(on_device).error, MissingTool)


@pytest.mark.parametrize(
    ("answers", "what"),
    [
        (["A", "A", "B"], "target phone"),  # asked at the start, for the key of the delivery, after it
        (
            ["A", "A", "A", "A", "B"],
            "runtime fake_on_device",
        ),  # and for the key of the predictions, after them
    ],
)
def test_a_device_that_is_exchanged_while_it_measures_ends_the_build(
    on_device: Recipe, build_here: FakeBuild, here: AtOnce, answers: list[str], what: str
) -> None:
    Desk.swaps = list(answers)
    outcome = build_here(on_device)
    assert isinstance(outcome.error, PassError)
    assert str(outcome.error) == (
        f"{what}: the device was exchanged or changed while it measured; nothing of it was kept."
    )
    Desk.here, done = "A", len(measured_there(here))
    build_here(on_device)
    assert len(measured_there(here)) > done, "what was interrupted is measured again"


@pytest.mark.parametrize(
    ("target", "wanted"), [("fake_device", ["told"]), ("fake_target", ["timed", "told"])]
)
def test_times_of_this_machine_are_not_shown_for_a_device(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, target: str, wanted: list[str]
) -> None:
    class Timed:
        delivered, timed, name = True, True, "timed"

    class Told(Timed):
        timed, name = False, "told"

    monkeypatch.setattr(analyses, "named", {"a": Timed, "b": Told}.__getitem__)
    monkeypatch.setattr(Analyst, "each", lambda self, chosen, *given, **named: list(chosen))
    analyst = Analyst.__new__(Analyst)
    analyst._recipe = replace(recipe, targets={"it": TARGETS.get(target)()})
    analyst._worker = cast(Worker, SimpleNamespace(names=SimpleNamespace(delivered=("a", "b"))))
    measured = {"score": SimpleNamespace(split="test")}
    made = SimpleNamespace(target="it", model=None, same=None, metrics=measured)
    assert analyst.of_delivered([cast(Delivery, made)], cast(Artifact, None)) == wanted


def test_a_target_may_refuse_while_planning(on_device: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any) -> None:
        raise MissingTool("there is no program 'adb'")

    check(on_device)
    assert Desk.asked == 0, "a plan asks no device"
    monkeypatch.setattr(TARGETS.get("fake_device"), "check", refuse)
    with pytest.raises(MissingTool, match="there is no program 'adb'"):
        check(on_device)


def test_one_process_at_a_time_is_given_work_for_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []

    class Sharing:
        def __init__(self, work: SplitWork, members: Any) -> None:
            given.append(len(members))
            self.shards, self.peaks = [range(1)], [1.0]

        def run(self) -> list[Any]:
            raise KeyboardInterrupt

    monkeypatch.setattr(crew, "_Sharing", Sharing)
    made = Crew.__new__(Crew)
    made._members = [object()] * 4  # type: ignore[list-item]
    for alone in (True, False):
        with pytest.raises(KeyboardInterrupt):
            made.share(SplitWork("predict", (), 1000, Path("out"), "who", alone=alone))
    assert given == [1, 4]
