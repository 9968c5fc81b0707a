"""Run folders and sweeps that somebody prepared: one sentence, nothing outside, no code that nobody asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import altered
from sweep_place import Place
from tflbuild import plugins
from tflbuild.cli import main
from tflbuild.core import digest
from tflbuild.core.errors import RecipeError
from tflbuild.engine.bundle_form import read_bundle
from tflbuild.engine.lock import read_lock
from tflbuild.engine.report_form import read_report
from tflbuild.show.pages.sweep import render_summary
from tflbuild.sweep.launchers import check_harmless
from tflbuild.sweep.record import read_record
from tflbuild.sweep.summary import table_of

MARKER = "from pathlib import Path\nPath({!r}).write_text('ran')\n"


@pytest.fixture
def run(copied: Callable[..., Place]) -> Path:
    here = copied(["recipe=fake", "prune.cost=0.02"])
    return (here.folder / "outputs" / "fake" / "latest").resolve()


@pytest.fixture
def sweep(copied: Callable[..., Place]) -> Path:
    """Give a sweep of which nothing was built, as if it had been killed at once."""
    return copied(["-m", "recipe=fake", "prune.cost=0.01,0.02", "bad.how=raise"], code=4).sweep()


@pytest.fixture(autouse=True)
def loaded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no plugin that a test loads stay."""
    monkeypatch.setattr(plugins, "_loaded", {None: plugins.Loaded()})


def rewrite(path: Path, *keys: Any, to: Any) -> None:
    path.write_text(json.dumps(altered.changed(json.loads(path.read_text()), keys, to)))


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """Give what was said of an error: one line, and nothing that a terminal obeys."""
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert "\x1b" not in error
    assert "\u202e" not in error
    return error


@pytest.fixture
def precious(here: Place) -> Iterator[Path]:
    """Give a folder that must be as it was in the end."""
    folder = here.folder / "outputs" / "fake" / "precious"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "thesis.txt").write_text("years")
    yield folder
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", ["../precious", "..", ".", "", "a/b", "/tmp", "~", "a\0b", 5, None, ["a"]])
def test_a_job_whose_name_leads_elsewhere_is_refused(
    name: Any, sweep: Path, precious: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(sweep / "sweep.json", "jobs", 0, "row", "name", to=name)
    capsys.readouterr()
    assert main(["rerun", str(sweep)]) == 2
    assert "jobs.0.row.name" in sentence(capsys)


def test_a_job_whose_folder_is_a_link_does_not_touch_what_it_leads_to(sweep: Path, precious: Path) -> None:
    (sweep / "prune.cost=0.01").rename(sweep / "away")
    (sweep / "prune.cost=0.01").symlink_to(precious)
    (sweep / ".summary.json").symlink_to(precious / "thesis.txt")
    assert main(["rerun", str(sweep)]) == 4
    assert (precious / "thesis.txt").read_text() == "years"
    assert not (sweep / "prune.cost=0.01").is_symlink()


def test_two_jobs_of_one_name_are_refused(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(sweep / "sweep.json", "jobs", 1, "row", "name", to="PRUNE.cost=0.01")
    capsys.readouterr()
    assert main(["rerun", str(sweep)]) == 2
    assert "2 of its jobs are called" in sentence(capsys)


@pytest.fixture
def evil(here: Place, sweep: Path) -> tuple[Path, Path]:
    """Give a sweep that names plugins of its own, and the file that they would write."""
    marker = here.folder / "marker"
    (sweep / "theirs").mkdir()
    (sweep / "theirs" / "innocent.py").write_text(MARKER.format(str(marker)))
    for position in (0, 1):
        rewrite(sweep / "sweep.json", "jobs", position, "frozen", "plugins", to=str(sweep / "theirs"))
    return sweep, marker


def test_plugins_of_a_sweep_run_only_when_asked_for(
    evil: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep, marker = evil
    main(["rerun", str(sweep)])
    assert "theirs are not loaded; --plugins loads them" in capsys.readouterr().out
    assert not marker.exists()
    monkeypatch.setenv("TFLBUILD_NO_LOCAL_PLUGINS", "1")
    main(["rerun", str(sweep)])
    capsys.readouterr()
    assert main(["rerun", str(sweep), "--plugins"]) == 2
    assert "forbids plugins" in sentence(capsys)
    assert not marker.exists()
    monkeypatch.delenv("TFLBUILD_NO_LOCAL_PLUGINS")
    main(["rerun", str(sweep), "--plugins"])
    assert marker.read_text() == "ran"


def test_the_users_own_plugins_need_no_word_and_obey_the_switch(
    here: Place, sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = here.folder / "marker"
    own = here.folder / "plugins"
    own.mkdir()
    (own / "mine.py").write_text(MARKER.format(str(marker)))
    for position in (0, 1):
        rewrite(sweep / "sweep.json", "jobs", position, "frozen", "plugins", to=str(own.resolve()))
    monkeypatch.setenv("TFLBUILD_NO_LOCAL_PLUGINS", "1")
    main(["rerun", str(sweep)])
    assert not marker.exists()
    monkeypatch.delenv("TFLBUILD_NO_LOCAL_PLUGINS")
    main(["rerun", str(sweep)])
    assert marker.exists()


def test_a_sweep_writes_to_no_store_of_its_choice(
    sweep: Path, here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = here.folder / "chosen"
    for position in (0, 1):
        rewrite(sweep / "sweep.json", "jobs", position, "frozen", "mapping", "store", "path", to=str(chosen))
    capsys.readouterr()
    assert main(["rerun", str(sweep)]) == 2
    assert "say where to keep results: store.path=FOLDER" in sentence(capsys)
    assert not chosen.exists()
    assert main(["rerun", str(sweep), f"store.path={chosen}"]) == 4
    assert (chosen / "schema").is_file()


def test_a_sweep_talks_to_no_remote_of_its_choice(
    sweep: Path, here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"file://{here.folder}/remote"
    for position in (0, 1):
        rewrite(sweep / "sweep.json", "jobs", position, "frozen", "mapping", "store", "remote", to=url)
    assert main(["rerun", str(sweep), f"store.path={here.folder}/new"]) == 4
    assert "is not used; store.remote=" in capsys.readouterr().out
    assert not (here.folder / "remote").exists()
    assert main(["rerun", str(sweep), f"store.path={here.folder}/newer", f"store.remote={url}"]) == 4
    assert (here.folder / "remote").is_dir()


def test_a_run_is_built_again_beside_itself_or_where_it_is_said(
    run: Path, here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(run / "report.json", "resolved", "outputs", to=str(here.folder / "chosen"))
    capsys.readouterr()
    assert main(["rerun", str(run), f"store.path={here.folder}/outputs/store"]) == 2
    assert "say where to build: outputs=FOLDER" in sentence(capsys)
    assert not (here.folder / "chosen").exists()
    assert main(["rerun", str(run), "outputs=said"]) == 0
    assert (here.folder / "said" / "fake" / "latest" / "report.json").is_file()


OPTIONS: list[dict[str, Any]] = [
    {"slurm_setup": ["touch x"]},
    {"setup": ["touch x"]},
    {"slurm_additional_parameters": {}},
    {"submitit_folder": "x"},
    {"ray": {"init": {"address": "ray://elsewhere:1"}}},
    {"ray": {"remote": {"runtime_env": {"pip": ["x"]}}}},
    {"name": "a\nrm -rf x"},
    {"slurm_comment": "$(touch x)"},
    {"n_jobs": ["touch x"]},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_options_that_could_run_commands_are_typed_again(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="is not read from a file"):
        check_harmless(options, Path("sweep.json"))


def test_options_that_are_numbers_and_words_are_taken() -> None:
    check_harmless(
        {"n_jobs": 2, "cluster": "local", "slurm_partition": "gpu", "ray": {"init": {"num_cpus": 2}}},
        Path("x"),
    )


def test_every_field_of_a_report_with_any_value_is_a_sentence_or_is_shown(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads((run / "report.json").read_text())
    shutdown = 0
    other = run.parent / "other"
    other.mkdir()
    (other / "report.json").write_text(json.dumps(content))
    for changed in altered.every(content, 400):
        (run / "report.json").write_text(json.dumps(changed))
        for words in (["report", str(run)], ["compare", str(run), str(other)]):
            capsys.readouterr()
            code = main(words)
            said = capsys.readouterr()
            assert "\x1b" not in said.out + said.err
            assert code == 0 or (code == 2 and said.err.count("\n") == 1 and "report.json" in said.err), (
                said.err
            )
            shutdown += code == 2
    assert shutdown > 250


@pytest.mark.parametrize("analyses", [True, [5], [{"findings": 5}], [{"findings": ["text"]}], [{"name": {}}]])
def test_analyses_that_no_build_writes_are_refused(
    analyses: Any, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(run / "report.json", "analyses", to=analyses)
    assert main(["report", str(run)]) == 2
    assert "analyses" in sentence(capsys)


def test_any_bytes_of_a_report_are_a_sentence(run: Path) -> None:
    good, said = (run / "report.json").read_bytes(), list[str]()
    for content in altered.bytes_of(good, 200):
        (run / "report.json").write_bytes(content)
        try:
            read_report(run)
        except RecipeError as error:
            said.append(str(error))
    assert said
    assert all(text.isprintable() for text in said)


@pytest.mark.parametrize("path", ["../../etc/x", "/etc/passwd", "..", "a/../../b"])
def test_a_report_whose_file_lies_elsewhere_is_no_report(path: str, run: Path) -> None:
    rewrite(run / "report.json", "targets", 0, "path", to=path)
    with pytest.raises(RecipeError, match=r"targets\.0\.path is .* below the folder of the run"):
        read_report(run)


def test_every_field_of_a_sweep_with_any_value_is_a_sentence_or_is_read(sweep: Path) -> None:
    content = json.loads((sweep / "sweep.json").read_text())
    refused: list[str] = []
    for changed in altered.every(content, 400):
        (sweep / "sweep.json").write_text(json.dumps(changed))
        try:
            record = read_record(sweep)
        except RecipeError as error:
            refused.append(str(error))
            continue
        for entry in record.entries:
            if entry.frozen is not None:
                assert Path(entry.frozen.folder).parent == sweep.resolve()
        summary = record.summary()
        table_of(summary)
        render_summary(summary)
    assert len(refused) > 80
    assert all("sweep.json" in text and text.isprintable() for text in refused)


def test_a_sweep_whose_recipe_is_none_is_a_sentence_before_anything_is_removed(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = json.loads((sweep / "sweep.json").read_text())
    del good["jobs"][1]
    kept = (sweep / "prune.cost=0.01" / "report.json").read_bytes()
    mapping = good["jobs"][0]["frozen"]["mapping"]
    for key in mapping:
        for value in (None, 5, "text", [], {"a": 1}):
            changed = altered.changed(good, ("jobs", 0, "frozen", "mapping", key), value)
            (sweep / "sweep.json").write_text(json.dumps(changed))
            try:
                read_record(sweep)
            except RecipeError:
                capsys.readouterr()
                assert main(["rerun", str(sweep)]) == 2
                assert f"jobs.0.frozen.mapping.{key}" in sentence(capsys)
                assert (sweep / "prune.cost=0.01" / "report.json").read_bytes() == kept


def test_any_bytes_of_a_lock_are_a_sentence(run: Path) -> None:
    good, said = (run / "recipe.lock.yaml").read_bytes(), list[str]()
    for content in altered.bytes_of(good, 200):
        (run / "recipe.lock.yaml").write_bytes(content)
        try:
            read_lock(run / "recipe.lock.yaml")
        except RecipeError as error:
            said.append(str(error))
    assert said
    assert all(text.isprintable() for text in said)


BOMBS = [
    (b"a: &a [x]\nb: *a\n", "an alias"),
    (b"[" * 100_000, "nested more than 100"),
    (b"- 1\n", "a list, not a mapping"),
    (b"a: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
    (b"a: 2020-01-01\n", "date, which JSON does not know"),
    (b"a: .nan\n", "not finite"),
    (b"a: " + b"9" * 5000 + b"\n", "digits"),
    (b"1: 2\n", "a key that is not text"),
    (b"\xff\xfe\x00", "not UTF-8"),
    (b"\0", "cannot be read"),
]


@pytest.mark.parametrize(("content", "message"), BOMBS, ids=[message for _, message in BOMBS])
@pytest.mark.parametrize(
    ("name", "command"), [("recipe.lock.yaml", "verify"), ("reproduce.yaml", "reproduce")]
)
def test_yaml_that_no_build_writes_is_refused(
    content: bytes, message: str, name: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    assert main([command, str(tmp_path)]) == 2
    assert message in sentence(capsys)


@pytest.fixture
def failed(copied: Callable[..., Place]) -> Path:
    """Give a run whose pass failed, with its bundle."""
    here = copied(["recipe=fake", "bad.how=raise"], code=4)
    return max((here.folder / "outputs" / "fake").glob("*/reproduce.yaml")).parent


def test_every_field_of_a_bundle_with_any_value_is_a_sentence_or_is_read(failed: Path) -> None:
    path = failed / "reproduce.yaml"
    content = yaml.safe_load(path.read_text())
    refused: list[str] = []
    for changed in altered.every(content, 400):
        path.write_text(json.dumps(changed))
        try:
            read_bundle(failed)
        except RecipeError as error:
            refused.append(str(error))
    assert len(refused) > 60
    assert all("reproduce.yaml" in text and text.isprintable() for text in refused)


WRONG_BUNDLES = [
    (("pass", "label"), "nothing", "is not a step of the bundle's recipe"),
    (("recipe", "resolved", "pipeline"), ["nothing"], "'nothing' is not configured"),
    (("recipe", "resolved", "recipe"), "../../x", "recipe.resolved.recipe"),
    (("recipe", "resolved", "store", "path"), "/tmp/elsewhere-entirely", "say where to keep results"),
    (("input", "digest"), "../../x", "64 hexadecimal digits"),
    (("held",), [{"metric": "score", "baseline": None}], "held.0 holds 0 limits"),
]


@pytest.mark.parametrize(("path", "value", "message"), WRONG_BUNDLES)
def test_a_bundle_that_cannot_be_run_is_a_sentence(
    path: tuple[Any, ...], value: Any, message: str, failed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = yaml.safe_load((failed / "reproduce.yaml").read_text())
    (failed / "reproduce.yaml").write_text(json.dumps(altered.changed(content, path, value)))
    capsys.readouterr()
    assert main(["reproduce", str(failed)]) == 2
    assert message in sentence(capsys)


def test_plugins_of_a_bundle_run_only_when_asked_for(
    failed: Path, here: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = here.folder / "marker"
    (failed / "theirs").mkdir()
    (failed / "theirs" / "harmless.py").write_text(MARKER.format(str(marker)))
    content = yaml.safe_load((failed / "reproduce.yaml").read_text())
    content = altered.changed(content, ("recipe", "plugins"), str(failed / "theirs"))
    (failed / "reproduce.yaml").write_text(json.dumps(content))
    assert main(["reproduce", str(failed)]) == 4
    assert "--plugins loads them" in capsys.readouterr().out
    monkeypatch.setenv("TFLBUILD_NO_LOCAL_PLUGINS", "1")
    assert main(["reproduce", str(failed), "--plugins"]) == 2
    assert not marker.exists()
    monkeypatch.delenv("TFLBUILD_NO_LOCAL_PLUGINS")
    assert main(["reproduce", str(failed), "--plugins"]) == 4
    assert marker.exists()


def test_a_stored_result_of_another_kind_is_a_sentence(
    run: Path, here: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    report = json.loads((run / "report.json").read_text())
    key = next(step["action"] for step in report["passes"] if step["label"] == "convert")
    path = here.folder / "outputs" / "store" / "actions" / f"{key}.json"
    content = json.loads(path.read_text())
    content["artifact"]["kind"] = "KerasModel"
    del content["digest"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    path.write_text(json.dumps({"digest": digest.of_bytes(text.encode()), **content}))
    capsys.readouterr()
    assert main(["plan", "recipe=fake", "prune.cost=0.02"]) == 4
    assert "is KerasModel, but 'fake_convert' gives a TFLiteModel" in sentence(capsys)
