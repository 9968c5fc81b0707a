"""What a worker process does with a request, without the process: promises, contexts, candidates, errors, costs."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import random
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import fakes
from at_once import Replies
from tflbuild.core import digest
from tflbuild.core.artifact import Artifact, KerasModel, TFLiteModel
from tflbuild.core.budget import Limit
from tflbuild.core.dataset import Split
from tflbuild.core.errors import BrokenPromise, PassError, StoreError, WorkerDied
from tflbuild.core.judgement import HeldLimit
from tflbuild.core.metric import Difference, Measurement
from tflbuild.engine.run_folder import keep_index
from tflbuild.engine.workers import outcome as outcomes
from tflbuild.engine.workers import worker_process as module
from tflbuild.engine.workers.candidates import Candidates
from tflbuild.engine.workers.context import Assignment, WorkerContext
from tflbuild.engine.workers.outcome import cpu_seconds, outcome, plain_notes
from tflbuild.engine.workers.process_state import reset, same_folder
from tflbuild.engine.workers.worker_process import Server
from tflbuild.runtimes.litert import Litert

MEASURED = Measurement(value=0.75, unit="1")
DATA = fakes.FakeData(preprocess={"scale": 2.0}, augment={"flip": 0.5})


@pytest.fixture
def replies() -> Replies:
    return Replies()


@pytest.fixture
def server(replies: Replies, log: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(module, "reset", lambda seed: None)
    made = Server(cast(Any, replies))
    made.load("fakes:load", None, fakes.NAMES)
    return made


@pytest.fixture
def model(tmp_path: Path) -> TFLiteModel:
    path = tmp_path / "model.tflite"
    path.write_bytes(fakes.content(0.75))
    meta = {"facts": fakes.FACTS, "sparsity": 0.5}
    return TFLiteModel(path=path, digest=digest.of_file(path), fingerprint="its own", meta=meta)


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    for name in ("staging", "memo"):
        (tmp_path / name).mkdir()
    index = keep_index(DATA.index(cast(Any, None)), tmp_path)
    return Assignment(
        label="thin",
        seed=3,
        model_spec=fakes.FakeModel(width=7),
        data=DATA,
        index=index,
        reads=("data.val", "photos"),
        staging=tmp_path / "staging",
        checkpoints=tmp_path / "checkpoints" / "key",
        checkpoint_seconds=12.5,
    )


def context(assignment: Assignment, given: Any = None, **more: Any) -> WorkerContext:
    def external(source: str, data: Any) -> Any:
        return f"outside: {source} by {type(data).__name__}"

    def no_report(done: float, total: float, note: str) -> None:
        return None

    index = DATA.index(cast(Any, None))
    known: dict[str, Any] = {"report": no_report, "external": external, "log": print}
    return WorkerContext(assignment=assignment, index=index, given=given, **(known | more))


def test_a_context_says_what_the_assignment_does(assignment: Assignment) -> None:
    ctx = context(assignment)
    assert (ctx.label, ctx.seed, ctx.checkpoint_seconds) == ("thin", 3, 12.5)
    assert ctx.model_spec == fakes.FakeModel(width=7)
    assert (ctx.task, ctx.modality) == ("fake", "fake")
    assert (ctx.preprocess, ctx.augment) == ({"scale": 2.0}, {"flip": 0.5})
    assert ctx.checkpoint_dir == assignment.checkpoints
    assert ctx.checkpoint_dir.is_dir()
    assert ctx.scratch == assignment.staging / "scratch"
    assert ctx.scratch.is_dir()
    told: list[Any] = []
    context(assignment, report=lambda *said: told.append(said)).progress(1, 2, "half")
    assert told == [(1, 2, "half")]


def test_the_architecture_is_for_those_whose_key_has_it(assignment: Assignment, model: TFLiteModel) -> None:
    with pytest.raises(PassError, match="which is not part of its key"):
        _ = context(assignment, given=model).model_spec
    asking = replace(assignment, asks_model=True)
    assert context(asking, given=model).model_spec == fakes.FakeModel(width=7)


def test_only_declared_data_can_be_read(assignment: Assignment) -> None:
    ctx = context(assignment)
    assert [split.name for split in (ctx.dataset("val"), ctx.dataset("data.val"))] == ["val", "val"]
    assert ctx.dataset("val") is ctx.dataset("data.val")
    assert len(ctx.dataset("val")) == 4
    photos: Any = ctx.dataset("photos")
    assert photos == "outside: photos by FakeData"
    for split in ("train", "data.train", "test"):
        with pytest.raises(PassError) as caught:
            ctx.dataset(split)
        assert str(caught.value) == (
            f"pass 'thin' reads '{split}' without declaring it; its reads() returns ['data.val', "
            f"'photos'], so a change "
            f"of that data would go unnoticed."
        )


def test_only_declared_models_and_judges_can_be_asked(assignment: Assignment, model: TFLiteModel) -> None:
    ctx = context(replace(assignment, models={"train": model}))
    assert ctx.model("train") is model
    with pytest.raises(
        PassError,
        match=r"pass 'thin' reads the output of 'prune' without declaring it; its models\(\) returns \['train'\]",
    ):
        ctx.model("prune")
    with pytest.raises(PassError, match=r"pass 'thin' calls ctx\.judge"):
        ctx.judge(model)
    judged: Any = lambda given: ("judged", given)  # noqa: E731
    assert context(assignment, judged=judged).judge(model) == ("judged", model)


def test_what_is_emitted_inherits_what_its_input_says(assignment: Assignment, model: TFLiteModel) -> None:
    ctx = context(assignment, given=model)
    first = ctx.emit(TFLiteModel, b"one", sparsity=0.75, more=1)
    assert first.path == assignment.staging / "thin.tflite"
    assert first.digest == first.fingerprint == digest.of_bytes(b"one")
    assert first.meta == {"facts": fakes.FACTS, "sparsity": 0.75, "more": 1}
    second = ctx.emit(KerasModel, lambda path: path.write_bytes(b"two") and None, fingerprint="weights")
    assert second.path == assignment.staging / "thin-2.h5"
    assert (second.digest, second.fingerprint) == (digest.of_bytes(b"two"), "weights")
    assert first.path.read_bytes() == b"one"
    assert context(assignment).emit(TFLiteModel, b"x", facts={}).meta == {"facts": {}}
    assert model.meta["sparsity"] == 0.5


def run(server: Server, replies: Replies, options: Any, model: Any, assignment: Assignment) -> Any:
    server.answer(4, "run_pass", (options, model, assignment))
    (number, kind, value) = replies.pop()
    assert number == 4
    if kind == "error":
        raise value[0]
    (artifact, notes), cost = value
    assert set(cost) == {"seconds", "cpu_seconds"}
    return artifact, notes


def test_a_pass_gives_its_model_and_its_notes(
    server: Server, replies: Replies, model: TFLiteModel, assignment: Assignment
) -> None:
    artifact, notes = run(server, replies, fakes.FakeQuantize(cost=0.25, size=9), model, assignment)
    assert fakes.score_of(artifact.path) == 0.5
    assert notes == {}


BAD: list[tuple[Any, str]] = [
    (
        lambda self, model, ctx: KerasModel(path=model.path, digest=model.digest, fingerprint=""),
        "pass 'thin' returned KerasModel, not TFLiteModel.",
    ),
    (lambda self, model, ctx: None, "pass 'thin' returned NoneType, not TFLiteModel."),
    (
        lambda self, model, ctx: replace(model, digest="0" * 64),
        "pass 'thin' changed its file after emitting it.",
    ),
    (
        lambda self, model, ctx: replace(model, path=Path("nowhere")),
        "pass 'thin' changed its file after emitting it.",
    ),
    (
        lambda self, model, ctx: replace(model, meta={}),
        "pass 'thin' returned a model without its meaning; emit it with facts=Meaning(...).to_json().",
    ),
    (
        lambda self, model, ctx: ctx.emit(TFLiteModel, model.path.read_bytes(), odd={1, 2}),
        "pass 'thin' returned facts that are not JSON: Object of type set is not JSON serializable",
    ),
    (lambda self, model, ctx: ctx.emit(TFLiteModel, b"garbage"), "the file cannot be allocated"),
]


@pytest.mark.parametrize(
    ("behaviour", "text"), BAD, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_result_that_is_not_what_was_promised_is_refused(
    server: Server,
    replies: Replies,
    model: TFLiteModel,
    assignment: Assignment,
    monkeypatch: pytest.MonkeyPatch,
    behaviour: Any,
    text: str,
) -> None:
    monkeypatch.setattr(fakes.FakeAny, "run", behaviour)
    monkeypatch.setattr(module, "kinds_of", lambda cls: (TFLiteModel, TFLiteModel))
    with pytest.raises(BrokenPromise) as caught:
        run(server, replies, fakes.FakeAny(), model, assignment)
    assert str(caught.value) == text


def test_a_result_of_any_kind_is_proven(
    server: Server,
    replies: Replies,
    model: TFLiteModel,
    assignment: Assignment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proven: list[Artifact] = []
    monkeypatch.setattr(fakes, "prove", proven.append, raising=False)
    server.load("fakes:load", None, replace(fakes.NAMES, prove="fakes:prove"))
    trained, _ = run(server, replies, fakes.FakeTrain(), None, assignment)
    quantized, _ = run(server, replies, fakes.FakeQuantize(), model, assignment)
    assert proven == [trained, quantized]
    assert [made.kind for made in proven] == ["KerasModel", "TFLiteModel"]


def test_candidates_are_judged_on_val_with_the_limits_and_the_strictness_of_the_assignment(
    server: Server, replies: Replies, model: TFLiteModel, assignment: Assignment, log: Path
) -> None:
    """A drop of 0.1 is known to 0.001: at a bound of 0.1005 it is undecided."""
    held = (HeldLimit(limit=Limit(metric="score", form="max_drop", bound=0.1005), baseline=model),)
    judging = replace(assignment, held=held)
    options = fakes.FakeMixed(costs=(0.1, 0.05))
    assert run(server, replies, options, model, judging)[1] == {"0.1": [True]}
    strict = replace(judging, strict=True)
    assert run(server, replies, options, model, strict)[1] == {"0.1": [False], "0.05": [True]}
    assert {line for line in log.read_text().splitlines() if line.startswith("predict")} == {"predict val"}


def test_a_candidate_is_measured_once_and_compared_with_its_limit_s_own_baseline(
    model: TFLiteModel, tmp_path: Path, log: Path
) -> None:
    worse = tmp_path / "worse.tflite"
    worse.write_bytes(fakes.content(0.5))
    candidate = TFLiteModel(path=worse, digest=digest.of_file(worse), fingerprint="", meta={})
    held = tuple(
        HeldLimit(limit=limit, baseline=baseline)
        for limit, baseline in (
            (Limit(metric="score", form="max_drop", bound=0.25), model),
            (Limit(metric="score", form="max_drop", bound=0.25), candidate),
            (Limit(metric="file_bytes", form="max", bound=1), None),
            (Limit(metric="score", form="min", bound=0.4), None),
        )
    )
    asked: list[str] = []

    def split(name: str) -> Split:
        asked.append(name)
        return Split(name, DATA, DATA.index(cast(Any, None)))

    made = Candidates(fakes.NAMES, held, None, split, False, tmp_path)
    judgement = made.judge(candidate)
    assert [verdict.baseline for verdict in judgement.verdicts] == [0.75, 0.5, None, None]
    assert [verdict.ok for verdict in judgement.verdicts] == [True, True, False, True]
    assert not judgement.ok
    assert judgement.metrics["score"].value == 0.5
    assert judgement.metrics["file_bytes"].value == worse.stat().st_size
    assert asked == ["val"] * 3, "truth, the candidate and its baseline, once each"
    made.judge(candidate)
    assert asked == ["val"] * 3
    paired = made.compare("score", model, candidate, "val")
    assert paired == Difference(value=-0.25, low=-0.251, high=-0.249, n=4)
    assert made.accuracy(candidate, ["file_bytes"], "val") == {}


def test_a_metric_that_compares_with_the_base_is_held_against_its_predictions(
    model: TFLiteModel, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fakes.Score, "against", "base")
    compared: list[Path] = []
    monkeypatch.setattr(fakes, "measure", lambda metric, found, truth: compared.append(truth) or MEASURED)
    worse = tmp_path / "worse.tflite"
    worse.write_bytes(fakes.content(0.5))
    base = TFLiteModel(path=worse, digest=digest.of_file(worse), fingerprint="", meta={})
    limit = HeldLimit(limit=Limit(metric="score", form="min", bound=0.4), baseline=None)

    def split(name: str) -> Split:
        return Split(name, DATA, DATA.index(cast(Any, None)))

    made = Candidates(fakes.NAMES, (limit,), base, split, False, tmp_path)
    assert made.judge(model).metrics == {"score": MEASURED}
    assert [json.loads(path.read_text())["score"] for path in compared] == [0.5]
    assert made.compare("score", base, model, "val").value == 0.25
    assert log.read_text().splitlines().count("predict val") == 2, "the model and the base, once each"
    assert "truth" not in log.read_text()


def test_images_are_those_from_start_to_stop(
    server: Server, model: TFLiteModel, assignment: Assignment, tmp_path: Path
) -> None:
    server.truth(DATA, assignment.index, "val", 1, 4, tmp_path / "truth")
    assert json.loads((tmp_path / "truth").read_text()) == 3
    arguments = (Litert(), model, DATA, assignment.index, "val", 0, 2, tmp_path / "predictions")
    assert server.predict(*arguments) == "fake"
    server.merge([tmp_path / "truth"] * 2, tmp_path / "both")
    assert json.loads((tmp_path / "both").read_text()) == 6
    inner: Any = server
    kept = inner._split("val", DATA, assignment.index)
    assert inner._split("val", DATA, assignment.index) is kept
    assert inner._split("val", replace(DATA, version=2), assignment.index) is not kept
    assert inner._split("train", DATA, assignment.index).name == "train"


def test_what_is_measured_is_json(
    server: Server, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, score in (("before", 0.75), ("after", 0.5)):
        (tmp_path / name).write_text(json.dumps({"score": score}))
    found = server.measure("score", tmp_path / "after", tmp_path / "truth")
    assert (found["value"], found["n"]) == (0.5, 4)
    found = server.compare("score", tmp_path / "before", tmp_path / "after", tmp_path / "truth")
    assert found == {"value": -0.25, "low": -0.251, "high": -0.249, "n": 4, "variance": None}
    monkeypatch.setattr(fakes, "chance", lambda *given: {"odd": {1}})
    with pytest.raises(
        PassError, match="the look at the base returned something that is not JSON: Object of type set"
    ):
        server.chance(tmp_path / "before", tmp_path / "truth", {}, "val")


def test_a_target_s_figures_are_those_of_the_delivered_file(
    server: Server, model: TFLiteModel, tmp_path: Path
) -> None:
    class Compiler(fakes.FakeCompiler):
        def compile(self, model: Any, folder: Path) -> tuple[bytes, dict[str, Any]]:
            assert folder == tmp_path
            return b"compiled", {"cycles": 3, "both": "compile"}

        def inspect(self, model: Any) -> dict[str, Any]:
            return {"both": model.path.name}

    delivered, figures = server.deliver(Compiler(), model, tmp_path)
    assert figures == {"cycles": 3, "both": "delivered.tflite"}
    assert delivered.path.read_bytes() == b"compiled"
    assert delivered.digest == delivered.fingerprint == digest.of_bytes(b"compiled")
    assert delivered.meta == model.meta
    assert server.deliver(fakes.FakeTarget(), model, tmp_path) == (model, {})


def test_progress_is_told_twenty_times_a_second_and_at_the_end(
    server: Server, replies: Replies, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    inner: Any = server
    inner._request, inner._told = 9, 0.0
    for done, later in ((1, 0.0), (2, 0.04), (3, 0.02), (4, 0.04), (10, 0.001)):
        now[0] += later
        inner._report(done, 10, f"at {done}")
    assert list(replies) == [(9, "progress", (done, 10, f"at {done}")) for done in (1, 3, 10)]


def test_what_is_waited_for_is_told_at_once(server: Server, replies: Replies) -> None:
    inner: Any = server
    inner._request = 9
    server.doing("loading TensorFlow")
    server.doing("")
    told = [{"label": "", "text": text} for text in ("loading TensorFlow", "")]
    assert list(replies) == [(9, "told", ("doing", one)) for one in told]


class Odd(PassError):
    """An error that the other side cannot make again."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (PassError("as it is"), PassError, "as it is"),
        (WorkerDied("as it is"), WorkerDied, "as it is"),
        (ValueError("seven"), PassError, "ValueError: seven"),
        (SystemExit(3), PassError, "SystemExit: 3"),
        (ValueError("one,\n\n   two\n"), PassError, "ValueError: one, two"),
        (
            ValueError(
                'in user code:\n\n    File "a.py", line 1\n        f()\n\n    ValueError: it is odd\n'
            ),
            PassError,
            "ValueError: it is odd",
        ),
        (
            TypeError('in user code:\n\n    File "a.py", line 1\n\n    ValueError: it is\n    odd'),
            PassError,
            "TypeError: ValueError: it is odd",
        ),
        (FileNotFoundError(2, "No such file"), PassError, "FileNotFoundError: [Errno 2] No such file"),
        (
            OSError(errno.ENOSPC, "No space left on device", "f"),
            StoreError,
            "No space left on device: f; nothing built was lost.",
        ),
        (
            OSError(errno.ENOSPC, "No space left"),
            StoreError,
            "No space left: worker; nothing built was lost.",
        ),
        (Odd(1, 2), PassError, "Odd: 1 and 2"),
    ],
)
def test_whatever_is_raised_is_an_error_that_the_parent_can_read(error: Any, kind: Any, text: str) -> None:
    def fail() -> None:
        raise error

    how, (found, trace) = outcome(fail, ())
    assert (how, type(found), str(found)) == ("error", kind, text)
    assert "fail" in trace
    assert str(pickle.loads(pickle.dumps(found))) == text


def test_a_result_that_cannot_be_sent_is_an_error_of_its_own(server: Server, replies: Replies) -> None:
    class Choosy(Replies):
        def send(self, message: Any) -> None:  # type: ignore[override]
            pickle.dumps(message)
            self.append(message)

    choosy = Choosy()
    made: Any = Server(cast(Any, choosy))
    made.odd = lambda: lambda: None
    made.answer(2, "odd", ())
    ((number, kind, (error, _)),) = choosy
    assert (number, kind) == (2, "error")
    assert str(error).startswith("its result cannot be sent: ")


def test_what_was_used_counts_this_process_and_those_it_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes.time, "process_time", lambda: 1.5)
    used = SimpleNamespace(ru_utime=0.25, ru_stime=0.125)
    monkeypatch.setattr(
        outcomes.resource, "getrusage", lambda who: used if who == outcomes.resource.RUSAGE_CHILDREN else 0
    )
    assert cpu_seconds() == 1.875
    seconds = iter([10.0, 12.5])
    monkeypatch.setattr(outcomes.time, "perf_counter", lambda: next(seconds))
    assert outcome(lambda: "given", ()) == ("done", ("given", {"seconds": 2.5, "cpu_seconds": 0.0}))


def test_notes_become_json_whatever_they_are() -> None:
    assert plain_notes({"a": (1, Path("x")), "b": float("nan"), 3: {"c": float("inf")}}) == {
        "a": [1, "x"],
        "b": None,
        "3": {"c": None},
    }


def test_a_pass_comes_back_to_the_folder_that_it_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()

    def go() -> None:
        with same_folder():
            os.chdir("elsewhere")
            raise ValueError("gone")

    with pytest.raises(ValueError, match="gone"):
        go()
    assert Path.cwd() == tmp_path


def test_generators_begin_with_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    seeded: list[Any] = []
    keras = SimpleNamespace(
        backend=SimpleNamespace(clear_session=lambda: seeded.append("cleared")),
        utils=SimpleNamespace(set_random_seed=lambda seed: seeded.append(("keras", seed))),
    )
    numpy = SimpleNamespace(random=SimpleNamespace(seed=lambda seed: seeded.append(("numpy", seed))))
    monkeypatch.setitem(sys.modules, "tf_keras", keras)
    monkeypatch.setitem(sys.modules, "numpy", numpy)
    monkeypatch.setattr("tflbuild.engine.workers.process_state.gc.collect", lambda: None)
    state = random.getstate()
    try:
        reset(7)
        assert random.random() == random.Random(7).random()
        reset(2**32 + 5)
    finally:
        random.setstate(state)
    assert seeded == [
        ("numpy", 7),
        "cleared",
        ("keras", 7),
        ("numpy", 5),
        "cleared",
        ("keras", 2**32 + 5),
    ]


def test_the_log_of_a_pass_names_its_step(
    server: Server,
    replies: Replies,
    model: TFLiteModel,
    assignment: Assignment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)

    verified: list[Any] = []
    monkeypatch.setattr(fakes.FakeAny, "verify", lambda self, *given: verified.append(given))

    def run_it(self: Any, model: Any, ctx: Any) -> Any:
        ctx.log("layer 3")
        return ctx.emit(TFLiteModel, fakes.content(0.5))

    monkeypatch.setattr(fakes.FakeAny, "run", run_it)
    monkeypatch.setattr(module, "kinds_of", lambda cls: (TFLiteModel, TFLiteModel))
    made, _ = run(server, replies, fakes.FakeAny(), model, assignment)
    assert said.getvalue() == "[thin] layer 3\n"
    assert verified == [(model, made)], "a pass holds its result to its promise"
