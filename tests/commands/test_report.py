"""Commands that read a folder and print: `report`, `verify`, `reproduce`, `predict`, `plan`, `rerun`, by hand."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tflbuild import plugins, session
from tflbuild.cli import PRINTING, main
from tflbuild.commands import plan, reproduce, rerun, verify
from tflbuild.commands.words import one, warn
from tflbuild.core.command import COMMANDS
from tflbuild.core.dataset import Dropped, Index, Sample
from tflbuild.core.errors import Drift, RecipeError
from tflbuild.engine.verify import Claim
from tflbuild.show import prediction, terminal
from tflbuild.show.pages import publishing
from tflbuild.show.prediction import Answer, LeftOut, Prediction
from tflbuild.wiring import NAMES

Out = pytest.CaptureFixture[str]


def ours() -> list[str]:
    """Name the commands of the package; a test may have declared others."""
    return [name for name, declared in COMMANDS.items() if declared.__module__.startswith("tflbuild.")]


def test_every_command_is_a_function_of_its_module() -> None:
    from importlib import import_module

    assert len(ours()) == 20
    for name in ours():
        declared = COMMANDS.get(name)
        assert declared.__module__ == f"tflbuild.commands.{ {'list': 'listing'}.get(name, name) }"
        assert getattr(import_module(declared.__module__), declared.__name__) is declared.run


def test_a_command_is_given_its_words_and_its_code_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(COMMANDS.get("report"), "run", lambda words: given.append(words) or 5)
    assert main(["report", "a", "b"]) == 5
    assert given == [["a", "b"]]


def test_the_commands_whose_result_is_what_they_print_say_so() -> None:
    """By hand: those that write no file of their own besides pictures."""
    printing = "plan list describe predict preprocess report cache check compare setup schema"
    assert [name for name in ours() if COMMANDS.get(name).prints] == sorted(printing.split())
    assert {"--help", "--version", "-h", "help", "--cfg", "-c", "--info", "-sc"} <= set(PRINTING)


def test_a_command_of_one_word_says_so() -> None:
    assert one(["a"], "x NAME") == "a"
    for words in ([], ["a", "b"]):
        with pytest.raises(RecipeError, match=r"^usage: tflbuild x NAME$"):
            one(words, "x NAME")


def test_a_warning_is_said_beside_the_result(capsys: Out) -> None:
    warn(["a\x1bb", "c"])
    assert capsys.readouterr() == ("", "warning: a\\x1bb\nwarning: c\n")


STEP: dict[str, Any] = {
    "label": "prune",
    "outcome": "ran",
    "metrics": {"map": {"value": 0.5, "low": 0.4, "high": 0.6}},
    "verdicts": [{"ok": True, "text": "map fell"}, {"ok": False, "text": "size rose"}],
}
REPORT: dict[str, Any] = {"passes": [STEP, STEP | {"label": "convert", "verdicts": []}], "error": None}


def test_a_report_is_told_pass_by_pass_and_then_as_the_build_told_it(
    monkeypatch: pytest.MonkeyPatch, capsys: Out, tmp_path: Path
) -> None:
    monkeypatch.setattr("tflbuild.engine.report_form.read_report", lambda path: REPORT)
    monkeypatch.setattr("tflbuild.show.timings.time_lines", lambda content: ["times"])
    monkeypatch.setattr(terminal, "outcome_lines", lambda content, folder: [f"outcome in {folder}"])
    written: list[Path] = []
    monkeypatch.setattr(publishing, "publish_again", lambda folder, warn: written.append(folder))
    assert main(["report", str(tmp_path)]) == 0
    lines = [
        "prune              ran       map 0.500 [0.400, 0.600]",
        "  gate open: map fell",
        "  gate CLOSED: size rose",
        "convert            ran       map 0.500 [0.400, 0.600]",
        "times",
        f"outcome in {tmp_path}",
    ]
    assert capsys.readouterr().out.splitlines() == lines
    monkeypatch.setattr(
        "tflbuild.engine.report_form.read_report", lambda path: REPORT | {"error": "it broke"}
    )
    assert main(["report", str(tmp_path / "report.json")]) == 0
    assert capsys.readouterr().out.splitlines() == [*lines, "error: it broke"]
    assert written == [tmp_path, tmp_path], "its page is written again"


CLAIMS = [
    (
        Claim(what="cpu: map", claimed=0.5, found=0.5, ok=True),
        "ok     cpu: map                     claimed 0.5",
    ),
    (
        Claim(what="cpu: map", claimed=0.5, found=0.6, ok=False),
        "DRIFT  cpu: map                     claimed 0.5, found 0.6",
    ),
    (
        Claim(what="cpu: latency", claimed=1.5, found=None, ok=True, note="a time"),
        "-      cpu: latency                 claimed 1.5; a time",
    ),
]


@pytest.mark.parametrize(("claim", "line"), CLAIMS)
def test_a_claim_is_one_line(claim: Claim, line: str) -> None:
    assert verify._line(claim) == line


LOCK: dict[str, Any] = {
    "resolved": {"recipe": "r", "store": {"path": "theirs"}, "outputs": "theirs", "seed": 3},
    "data": {"test": {"digest": "a" * 64}},
    "environment": {"cpu": "their cpu"},
    "toolchain": {},
    "targets": {},
}


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """Let `verify` find what is made up: claims, drifted steps and data, and a worker that is stopped."""
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    world = SimpleNamespace(claims=[], altered=[], digest="a" * 64, stopped=0, kept=None, asked=())
    worker = SimpleNamespace(stop=lambda: setattr(world, "stopped", world.stopped + 1))
    prepared = SimpleNamespace(index=SimpleNamespace(digest=lambda split: world.digest))

    def thawed(mapping: Any, kept: Any, folder: Any) -> str:
        world.kept = (mapping, kept)
        return "recipe"

    @contextmanager
    def opened(recipe: Any, given: Any, *, warn: Any) -> Iterator[Any]:
        assert (recipe, given) == ("recipe", worker)
        warn("careful")
        yield SimpleNamespace(prepared=prepared, measurer="measurer")

    monkeypatch.setattr(verify, "read_lock", lambda path: LOCK)
    monkeypatch.setattr(verify, "thawed", thawed)
    monkeypatch.setattr(verify, "opened", opened)
    monkeypatch.setattr(verify, "altered_steps", lambda lock: world.altered)
    monkeypatch.setattr(verify, "tool_drift", lambda tools: ["another tool"])
    monkeypatch.setattr(verify, "cpu_name", lambda: "this cpu")

    def verify_claims(*given: Any) -> Iterator[Claim]:
        world.asked = given
        return iter(world.claims)

    monkeypatch.setattr(verify, "verify_claims", verify_claims)
    monkeypatch.setattr(verify.session, "worker_for", lambda recipe: worker)
    return world


def test_a_file_that_is_what_its_lock_claims_is_said_to_be(shipped: SimpleNamespace, capsys: Out) -> None:
    shipped.claims = [CLAIMS[0][0]]
    assert verify.verify(["run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "warning: careful",
        "note: another tool",
        "note: this is this cpu, the lock was made on their cpu",
        CLAIMS[0][1],
        "run: the file agrees with its lock",
    ]
    assert shipped.stopped == 1
    mapping, kept = shipped.kept
    assert "theirs" not in str(mapping), "it is measured with a store and outputs of its own, which are empty"
    assert Path(mapping["store"]["path"]).parent == Path(mapping["outputs"])
    assert shipped.asked[:3] == (LOCK, Path("run"), "measurer")
    assert (mapping["recipe"], mapping["seed"]) == ("r", 3)
    assert kept.file == Path("run/recipe.lock.yaml")


def test_all_that_drifted_is_in_one_sentence(shipped: SimpleNamespace) -> None:
    shipped.claims = [claim for claim, _ in CLAIMS]
    shipped.altered = ["prune was altered"]
    shipped.digest = "b" * 64
    with pytest.raises(Drift) as drift:
        verify.verify(["run"])
    assert str(drift.value) == (
        "run/recipe.lock.yaml: prune was altered; data.test is bbbbbbbbbb, the lock was measured on aaaaaaaaaa; "
        "cpu: map is 0.6, but the lock says 0.5."
    )
    assert shipped.stopped == 1


def test_the_same_processor_is_no_note(shipped: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "cpu_name", lambda: "their cpu")
    assert verify._notes(LOCK) == ["another tool"]


BUNDLE: dict[str, Any] = {
    "pass": {"label": "prune"},
    "error": "it broke",
    "recipe": {"resolved": {"recipe": "r", "hooks": {"mail": {}}}, "overrides": ["a=1"], "plugins": None},
}


def test_a_failed_pass_runs_alone_and_tells_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: Out, tmp_path: Path
) -> None:
    seen: dict[str, Any] = {}
    worker = SimpleNamespace(names="names", log=None, stop=lambda: seen.update(stopped=True))

    def run_bundle(content: Any, prepared: Any, given: Any, progress: Any, say: Any) -> Any:
        given.log("from within")
        progress(1, 2, "half")
        progress(2.2, 2, "whole")
        say("another tool")
        return SimpleNamespace(value=(SimpleNamespace(kind="KerasModel"), {}), cost={"seconds": 1.25})

    def placed(kept: Any, asked: Any, note: Any) -> Any:
        seen.update(kept=kept)
        return kept.mapping

    monkeypatch.setattr(reproduce, "read_bundle", lambda path: BUNDLE)
    monkeypatch.setattr(reproduce, "placed", placed)
    monkeypatch.setattr(reproduce, "thawed", lambda mapping, kept, folder: mapping)
    monkeypatch.setattr(reproduce.session, "worker_for", lambda recipe: worker)
    monkeypatch.setattr(reproduce, "prepare", lambda recipe, names, warn: warn(f"careful: {names}"))
    monkeypatch.setattr(reproduce, "run_bundle", run_bundle)
    assert reproduce.reproduce([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "prune failed with: it broke",
        "warning: careful: names",
        "  from within",
        "prune: 2/2 whole",
        "note: another tool",
        "prune: it succeeded this time, in 1.2 s, with a KerasModel",
    ]
    assert seen["stopped"]
    assert seen["kept"].mapping == {"recipe": "r", "hooks": {}}
    assert (seen["kept"].overrides, seen["kept"].run) == (["a=1"], tmp_path)
    assert seen["kept"].file == tmp_path / "reproduce.yaml"


def told(name: str) -> Prediction:
    found = (Answer(label="cat", score=0.9),)
    return Prediction(image=Path(name), height=4, width=6, found=found, best=0.9, drawn=Path("p.png"))


def test_predictions_are_said_as_they_come_and_one_that_can_be_read_is_enough(
    monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    given: list[Any] = []
    results: list[Any] = [LeftOut(Path("a.png"), "it is damaged"), told("b.png")]
    monkeypatch.setattr(prediction, "predictions", lambda *words: given.append(words) or results)
    assert main(["predict", "run", "a.png", "b.png"]) == 0
    assert given == [(Path("run"), [Path("a.png"), Path("b.png")], None, None)]
    assert capsys.readouterr().out.splitlines() == [
        "skipped: it is damaged",
        "b.png: 6x4, drawn in p.png",
        "  cat  0.90",
    ]
    results.pop()
    assert main(["predict", "run", "a.png"]) == 2
    assert "predict: none of the images can be read." in capsys.readouterr().err
    for words in ([], ["run"], ["run", ""]):
        assert main(["predict", *words]) == 2
        assert "usage: tflbuild predict RUN_OR_TFLITE" in capsys.readouterr().err


class Named:
    name = "qat"


def test_a_plan_says_what_would_run_why_and_on_what(monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    def planned(label: str, status: str, reason: str) -> Any:
        step = SimpleNamespace(label=label, options=Named(), takes="", wanted={})
        return SimpleNamespace(step=step, status=status, reason=reason, record=None)

    dropped = tuple(Dropped(f"{number}.jpg", "does not decode") for number in range(7))
    model = SimpleNamespace(
        listed_labels=lambda: {"labels.txt": ["b", "a"]},
        files=lambda: (),
    )
    splits = {"train": (Sample("a", "1"), Sample("b", "2")), "val": (Sample("c", "3"),)}
    seen = [
        {"what": "labels", "value": "a, b", "evidence": "the folders"},
        {"what": "outputs", "value": "softmax"},
    ]
    prepared = SimpleNamespace(
        recipe=SimpleNamespace(
            model=model,
            seen=seen,
            targets={},
            steps={},
            pipeline=(),
            data=SimpleNamespace(task="classification"),
        ),
        order=(),
        keys=None,
        store=None,
        index=Index(classes=("a", "b"), splits=splits, dropped=dropped),
    )
    made = SimpleNamespace(
        steps=(planned("train", "HIT", "saves 70.0 s"), planned("qat", "RUN", "never run before")),
        unused={"prune": "prune.enabled is false"},
        warnings=["look\x1b out"],
    )
    loaded = plugins.Loaded(broken={"b.py": "it broke"})
    monkeypatch.setattr(plugins, "load", lambda folder: loaded)
    monkeypatch.setattr("tflbuild.recipe.load.load_recipe", lambda words: SimpleNamespace(seeds=()))
    monkeypatch.setattr(
        "tflbuild.engine.prepare.prepare",
        lambda recipe, names, warn, looking: prepared if names is NAMES else None,
    )
    monkeypatch.setattr("tflbuild.engine.plan.plan", lambda recipe, keys, store: made)
    assert plan.plan(["recipe=r"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "labels: a, b (the folders)",
        "outputs: softmax",
        "train  HIT      saves 70.0 s (qat)",
        "qat    RUN      never run before",
        "prune  unused   prune.enabled is false",
        "warning: plugin b.py is skipped: it broke",
        "warning: labels.txt names the model's classes b, a; the data's are a, b, in another order",
        "warning: look\\x1b out",
        "data: skipped: 7 damaged images:",
        *(f"  {number}.jpg: does not decode" for number in range(5)),
        "data: train 2, val 1; 2 classes: a, b",
    ]
    prepared.index = Index(classes=("a",), splits=splits)
    assert plan.plan(["recipe=r"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("data")] == ["data: train 2, val 1; 1 class: a"]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    assert plan.plan(["recipe=r"]) == 0
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 40


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let `rerun` read a report that is made up, and build nothing."""
    seen: dict[str, Any] = {}
    report = {"recipe": "r", "overrides": ["a=1"], "resolved": {"recipe": "r", "seed": 3, "target": {}}}

    def placed(kept: Any, asked: Any, note: Any) -> Any:
        note("moved")
        return kept.mapping | {"placed": True}

    monkeypatch.setattr("tflbuild.engine.report_form.read_report", lambda path: report)
    monkeypatch.setattr(rerun, "placed", placed)
    monkeypatch.setattr(rerun, "check_outputs", lambda kept, mapping, asked: seen.update(checked=mapping))
    monkeypatch.setattr(rerun, "thawed", lambda mapping, kept, folder: (mapping, kept))
    monkeypatch.setattr(
        rerun, "build", lambda recipe, command: seen.update(built=recipe, command=command) or 6
    )
    return seen


def test_a_run_is_built_again_as_its_report_has_it(
    again: dict[str, Any], tmp_path: Path, capsys: Out
) -> None:
    file = tmp_path / "report.json"
    file.write_text("{}")
    for given in (tmp_path, file):
        again.clear()
        assert rerun.rerun([str(given)]) == 6
        mapping, kept = again["built"]
        assert mapping == again["checked"] == {"recipe": "r", "seed": 3, "target": {}, "placed": True}
        assert (kept.overrides, kept.file, kept.run) == (["recipe=r", "a=1"], file, tmp_path)
        assert capsys.readouterr().out == "recipe   r\nnote: moved\n"
        assert again["command"] == f"tflbuild rerun {given}"


def test_a_sweep_is_rerun_with_what_is_behind_its_name(
    again: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr("tflbuild.sweep.rerun_sweep", lambda *words: given.append(words) or 5)
    (tmp_path / "sweep.json").write_text("{}")
    assert rerun.rerun([str(tmp_path), "hydra/launcher=joblib"]) == 5
    assert given[0][:2] == (tmp_path, ["hydra/launcher=joblib"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "^usage: tflbuild rerun RUN_OR_SWEEP"),
        (["{}", "seed=3"], "rerun: 'seed=3': a run is rebuilt unchanged; only a sweep takes hydra/launcher."),
        (["{}"], "^rerun: .* contains neither sweep.json nor report.json.$"),
    ],
)
def test_what_cannot_be_rerun_is_said(
    words: list[str], message: str, again: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=message):
        rerun.rerun([word.format(tmp_path) if word == "{}" else word for word in words])


def test_a_build_says_how_it_ended(monkeypatch: pytest.MonkeyPatch, capsys: Out, tmp_path: Path) -> None:
    from tflbuild.commands.build import build

    monkeypatch.chdir(tmp_path)
    report = SimpleNamespace(content={"passes": []}, folder=tmp_path / "outputs" / "r")
    outcome = SimpleNamespace(error=None, report=report)
    recipe: Any = SimpleNamespace(run=SimpleNamespace(time_passes=False))
    monkeypatch.setattr(session, "build_once", lambda recipe, listeners: outcome)
    monkeypatch.setattr(terminal, "outcome_lines", lambda content, folder: [f"outcome in {folder}"])
    monkeypatch.setattr("tflbuild.show.timings.time_lines", lambda content: ["one", "two"])
    again = "tflbuild recipe=r 'target=[a,b]'"
    assert build(recipe, again) == 0
    assert capsys.readouterr().out == "outcome in outputs/r\n"
    recipe.run.time_passes = True
    outcome.error = KeyboardInterrupt()
    assert build(recipe, again) == 130
    assert capsys.readouterr() == (
        "outcome in outputs/r\none\ntwo\n",
        f"interrupted; nothing that was built is lost. To go on:\n{again}\n",
    )
    outcome.error = RecipeError("it is wrong")
    with pytest.raises(RecipeError, match="it is wrong"):
        build(recipe, again)


def test_a_build_that_is_interrupted_before_it_has_a_folder_ends_with_the_command_too(
    monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    from tflbuild.commands.build import build

    def interrupt(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "build_once", interrupt)
    recipe: Any = None
    assert build(recipe, "tflbuild recipe=r") == 130
    assert capsys.readouterr().err.splitlines()[-1] == "tflbuild recipe=r"


def test_a_new_plugin_is_named_after_itself_and_never_overwritten(
    monkeypatch: pytest.MonkeyPatch, capsys: Out, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugins, "_loaded", {})
    name = "Polish_it" + "x" * 51
    assert main(["new", name]) == 0
    assert capsys.readouterr().out == f"wrote plugins/{name}.py; try: tflbuild describe {name}\n"
    text = Path(f"plugins/{name}.py").read_text()
    assert f'@compiler_pass("{name}")\nclass PolishIt{"x" * 51}(Pass):' in text
    assert re.match(r'"""PolishItx+: a tflbuild plugin."""\n', text)
    assert main(["new", name]) == 3
    assert f"new: there is a pass '{name}' already" in capsys.readouterr().err
    Path("plugins/_half.py").write_text("")
    Path("plugins/half.py").write_text("")
    assert main(["new", "half"]) == 2
    assert "new: plugins/half.py exists already." in capsys.readouterr().err
    assert main(["new", f"{name}x"]) == 2
    assert f"new: '{name[:59]}…' is not a name" in capsys.readouterr().err
    for taken in ("Null", "yes", "test_it", "conftest_it", "while", "1a"):
        assert main(["new", taken]) == 2
        assert f"new: '{taken}' is not a name for a pass; use up to 60 letters" in capsys.readouterr().err
    assert main(["new", "second"]) == 0
    Path("plugins/second.py").unlink()
    assert sorted(path.name for path in Path("plugins").glob("*.py")) == [f"{name}.py", "_half.py", "half.py"]
