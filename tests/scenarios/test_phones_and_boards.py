"""One recipe, measured here, on a phone behind adb and on a board behind ssh; and what becomes of it if they fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fake_adb import Phones
from loopback import MISSING, Loopback
from own_files import ROWS, write_files, write_rows
from workspace import Workspace

pytestmark = pytest.mark.slow

RECIPE = [
    "recipe=int8",
    "model.path=unsigned.tflite",
    "data.root=rows.npz",
    "quantize.method=fixed",
    "budget.fidelity.max_drop=0.5",
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("devices")
    write_files(folder)
    write_rows(folder / "rows.npz", x=(12,))
    return Workspace(folder)


@pytest.fixture
def phones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Phones:
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    return Phones(tmp_path / "phones").attach()


def words(target: str, **options: Any) -> list[str]:
    """Give the words of a command that set options of a target."""
    made = []
    for name, value in options.items():
        text = "[" + ",".join(f'"{one}"' for one in value) + "]" if isinstance(value, tuple) else value
        made.append(f"target.{target}.{name}={text}")
    return made


def phone_words(phones: Phones, **more: Any) -> list[str]:
    return [*RECIPE, "target=android", *words("android", **phones.options(runs=1, **more))]


def test_a_phone_measures_the_delivered_file_and_another_phone_measures_it_anew(
    here: Workspace, phones: Phones
) -> None:
    report = here.build(*phone_words(phones), "budget.latency.max=60000")
    (target,) = report["targets"]
    assert (target["name"], target["device"]["model"]) == ("android", "Pixel 7")
    fidelity = target["metrics"]["fidelity"]
    assert (fidelity["split"], fidelity["n"], fidelity["kernels"]) == ("test", ROWS // 4, "xnnpack")
    assert target["agreement"]["fidelity"]["value"] == 1.0, "the same kernels as here"
    latency = [one for one in report["budget"]["verdicts"] if one["metric"] == "latency"]
    assert [one["value"] for one in latency] == [target["latency_ms"]["median"]]
    names = {one["name"] for one in report["analyses"]}
    assert "operator_times" not in names, "those of this machine say nothing about the phone"
    page = (here.folder / "outputs/int8/latest/report.html").read_text()
    assert "time per operator, on the device" in page
    assert "Google Pixel 7 (Android 14, arm64-v8a)" in page
    runs = [one for one in phones.calls() if "push" in one]
    here.build(*phone_words(phones), "budget.latency.max=60000")
    assert [one for one in phones.calls() if "push" in one] == runs, "what was measured is kept"
    phones.detach().attach("C3", product_model="Pixel 9")
    report = here.build(*phone_words(phones), "budget.latency.max=60000")
    assert report["targets"][0]["device"]["serial"] == "C3"
    assert len([one for one in phones.calls() if "push" in one]) > len(runs)
    assert phones.left("C3") == []


def test_a_phone_that_is_not_there_is_said_before_anything_runs(here: Workspace, phones: Phones) -> None:
    phones.detach()
    code, said = here.answer(*phone_words(phones, threads=2), "seed=7")
    assert code == 6
    assert "error: No phone is attached: adb lists none" in said
    assert "quantize" not in said.partition("steps ")[2].partition("\n")[2].partition("error:")[0]
    assert here.run("plan", *phone_words(phones, threads=2)), "a plan needs no phone"


def test_two_phones_end_with_the_key_to_set(here: Workspace, phones: Phones) -> None:
    phones.attach("B2")
    code, said = here.answer(*phone_words(phones))
    assert code == 2
    assert "say which: target.android.serial=2B141FDH2000A1." in said


def test_what_a_broken_cable_left_is_not_kept(here: Workspace, phones: Phones) -> None:
    phones.attach("D4").detach().attach("D4").fail("sh run.sh", "cable", times=2)
    code, said = here.answer(*phone_words(phones))
    assert code == 4
    assert "and again when it was tried once more" in said
    assert "nothing of it was kept" in said
    report = here.build(*phone_words(phones))
    assert report["targets"][0]["device"]["serial"] == "D4"


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_board_and_this_machine_side_by_side(here: Workspace, tmp_path: Path) -> None:
    board = Loopback(tmp_path / "server")
    try:
        there = words("remote", **board.options(runs=3))
        report = here.build(*RECIPE, "target=[cpu,remote]", *there)
    finally:
        board.stop()
    cpu, remote = report["targets"]
    assert (cpu["name"], remote["name"]) == ("cpu", "remote")
    assert cpu["sha256"] == remote["sha256"]
    assert remote["metrics"]["fidelity"]["value"] == cpu["metrics"]["fidelity"]["value"]
    assert remote["agreement"]["fidelity"]["value"] == 1.0
    assert remote["device"]["name"].endswith("@127.0.0.1")
    assert remote["operator_times"]["operators"]
    code, said = here.answer(*RECIPE, "target=remote", *there)
    assert code == 6
    assert "refuses connections on port" in said
