"""What authors of passes are given: a pass is run as the engine would and held to its promises."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tflbuild.core.architecture import Architecture
from tflbuild.core.artifact import Artifact, KerasModel, TFLiteModel
from tflbuild.core.compiler_pass import PASSES, Pass, PassContext, compiler_pass
from tflbuild.core.dataset import Dataset, Index, Look, Sample
from tflbuild.core.errors import BrokenPromise, PassError
from tflbuild.core.judgement import Judgement
from tflbuild.core.meaning import Meaning
from tflbuild.testing import artifact, run_pass, tiny_tflite


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PASSES, "_classes", {})


def pass_of(run: Any, **members: Any) -> Pass:
    """Declare a pass from a `.tflite` to another, and give it."""

    def typed(self: Any, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        given: TFLiteModel = run(model, ctx)
        return given

    cls = type("Probe", (Pass,), {"run": typed, "__doc__": "Try.", **members})
    return compiler_pass("probe")(cls)()


def test_a_tiny_model_is_what_it_is_said_to_be(tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    model = tiny_tflite(tmp_path)
    content = (tmp_path / "tiny.tflite").read_bytes()
    assert model.digest == model.fingerprint == hashlib.sha256(content).hexdigest()
    facts = Meaning.from_json(model.meta["facts"])
    assert (facts.task, facts.labels, facts.head) == ("classification", ("cat", "dog"), {})
    assert (list(facts.inputs), facts.only.modality, facts.only.shape) == (["image"], "image", (8, 8, 3))
    assert facts.only.preprocess == {"scale": 0.0078125, "offset": -1.0}
    runner = Interpreter(str(model.path))
    runner.allocate_tensors()
    (given,), (made,) = runner.get_input_details(), runner.get_output_details()
    assert (given["name"], given["shape"].tolist()) == ("image", [1, 8, 8, 3])
    assert (made["name"], made["shape"].tolist()) == ("scores", [1, 2])


def test_an_artifact_is_a_handle_with_the_digest_and_facts_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(b"abc")
    facts = Meaning.of_image(task="detection", height=1, width=2, labels=("a",), preprocess={})
    made = artifact(KerasModel, path, facts, sparsity=0.5)
    # The SHA-256 of "abc" is in FIPS 180-2.
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert made == KerasModel(
        path=path, digest=sha256, fingerprint=sha256, meta={"facts": facts.to_json(), "sparsity": 0.5}
    )


class Images(Dataset):
    """A data set of one sample a split."""

    def index(self, look: Look) -> Index:
        return Index(classes=("a",), splits={name: (Sample(name, "1"),) for name in ("train", "val", "test")})


def test_a_pass_sees_what_it_was_given(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}
    model = tiny_tflite(tmp_path)
    data, spec = Images(preprocess={"aspect": "letterbox"}), Architecture()
    noted: dict[str, Any] = {}

    def run(given: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        seen.update(preprocess=ctx.preprocess, label=ctx.label, folder=ctx.checkpoint_dir.parent.parent)
        seen.update(model=given, seed=ctx.seed, train=ctx.dataset("data.train").samples)
        ctx.notes["tried"] = 3
        return ctx.emit(TFLiteModel, given.path.read_bytes())

    probe = pass_of(run, reads=lambda self: ("data.train",))
    made = run_pass(probe, model, tmp_path, model_spec=spec, data=data, seed=7, notes=noted)
    assert seen == {
        "model": model,
        "seed": 7,
        "train": (Sample("train", "1"),),
        "preprocess": {"aspect": "letterbox"},
        "label": "probe",
        "folder": tmp_path,
    }
    assert noted == {"tried": 3}
    assert made.path.read_bytes() == model.path.read_bytes()
    assert made.path.is_relative_to(tmp_path)
    assert made.path != model.path


def test_an_index_that_is_given_is_not_listed_again(tmp_path: Path) -> None:
    class Unlisted(Dataset):
        """Say nothing."""

        def index(self, look: Look) -> Index:
            raise AssertionError("it was listed")

    held = Index(classes=(), splits={"train": (Sample("x", "2"),)})
    seen: list[Any] = []

    def run(given: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        seen.extend(ctx.dataset("data.train").samples)
        return ctx.emit(TFLiteModel, given.path.read_bytes())

    probe = pass_of(run, reads=lambda self: ("data.train",))
    run_pass(probe, tiny_tflite(tmp_path), tmp_path, data=Unlisted(), index=held)
    assert seen == [Sample("x", "2")]


def test_a_judge_answers_where_one_is_given(tmp_path: Path) -> None:
    answer = Judgement(verdicts=(), metrics={})
    judged: list[Artifact] = []

    def judge(candidate: Artifact) -> Judgement:
        judged.append(candidate)
        return answer

    def run(given: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        assert ctx.judge(given) == answer
        return given

    model = tiny_tflite(tmp_path)
    run_pass(pass_of(run), model, tmp_path, judge=judge)
    assert judged == [model]


def test_a_result_of_another_kind_is_a_broken_promise(tmp_path: Path) -> None:
    model = tiny_tflite(tmp_path)
    wrong = KerasModel(path=model.path, digest=model.digest, fingerprint=model.digest, meta=model.meta)
    with pytest.raises(BrokenPromise, match=r"^pass 'probe' returned KerasModel, not TFLiteModel.$"):
        run_pass(pass_of(lambda given, ctx: wrong), model, tmp_path)


def test_a_file_that_does_not_run_is_refused(tmp_path: Path) -> None:
    probe = pass_of(lambda given, ctx: ctx.emit(TFLiteModel, b"not a model"))
    with pytest.raises(PassError):
        run_pass(probe, tiny_tflite(tmp_path), tmp_path)


def test_a_pass_is_held_to_what_it_promises(tmp_path: Path) -> None:
    def verify(self: Pass, before: Any, after: Any) -> None:
        assert isinstance(before, TFLiteModel)
        assert isinstance(after, TFLiteModel)
        raise BrokenPromise("it was not kept")

    probe = pass_of(lambda given, ctx: given, verify=verify)
    with pytest.raises(BrokenPromise, match="it was not kept"):
        run_pass(probe, tiny_tflite(tmp_path), tmp_path)


def test_models_of_earlier_steps_are_there_by_label(tmp_path: Path) -> None:
    model = tiny_tflite(tmp_path)

    def run(given: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        found = ctx.model("float")
        assert isinstance(found, TFLiteModel)
        return found

    assert run_pass(pass_of(run), model, tmp_path, models={"float": model}) == model
