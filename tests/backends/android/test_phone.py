"""Which phone is meant, what is said where it cannot be used, and what it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fake_adb import PIXEL, Phones
from scripts import script
from tflbuild.backends.android import phone
from tflbuild.backends.android.adb import Adb, CableBroken
from tflbuild.core.errors import MissingTool, PassError, RecipeError, TflbuildError


@pytest.fixture(autouse=True)
def no_phone_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)


@pytest.fixture
def phones(tmp_path: Path) -> Phones:
    return Phones(tmp_path / "phones")


def said(phones: Phones, serial: str = "") -> tuple[type[TflbuildError], str]:
    """Give the error of looking for a phone."""
    with pytest.raises(TflbuildError) as found:
        phone.find(str(phones.adb), serial)
    return type(found.value), str(found.value)


def test_the_only_phone_is_the_one_that_is_meant(phones: Phones) -> None:
    phones.attach("A1")
    assert phone.find(str(phones.adb), "").serial == "A1"


def test_no_phone(phones: Phones) -> None:
    assert said(phones) == (
        MissingTool,
        "No phone is attached: adb lists none; plug it in, and switch on USB debugging in its developer options.",
    )


def test_two_phones_are_named_and_one_can_be_said(phones: Phones, monkeypatch: pytest.MonkeyPatch) -> None:
    phones.attach("A1").attach("emulator-5554", product_model="sdk gphone64 x86 64")
    assert said(phones) == (
        RecipeError,
        "2 phones are attached: A1 (Pixel 7), emulator-5554 (sdk gphone64 x86 64); say which: "
        "target.android.serial=A1.",
    )
    assert phone.find(str(phones.adb), "emulator-5554").serial == "emulator-5554"
    monkeypatch.setenv("ANDROID_SERIAL", "A1")
    assert phone.find(str(phones.adb), "").serial == "A1"


def test_of_two_phones_the_one_that_can_be_used_is_taken(phones: Phones) -> None:
    phones.attach("A1", "unauthorized").attach("B2")
    assert phone.find(str(phones.adb), "").serial == "B2"


def test_a_serial_that_is_not_attached_is_said_with_those_that_are(phones: Phones) -> None:
    phones.attach("A1").attach("B2", "offline")
    assert said(phones, "C3") == (
        MissingTool,
        "target.android.serial: no phone 'C3' is attached; there are A1 (Pixel 7), B2, offline.",
    )


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("offline", "is offline: unplug it and plug it in again"),
        ("unauthorized", "does not trust this computer yet: unlock it"),
        ("no permissions (user in plugdev group; are your udev rules wrong?)", "udev rules are missing"),
        ("recovery", "is in the state 'recovery': start Android on it"),
    ],
)
@pytest.mark.parametrize("serial", ["", "A1"])
def test_a_phone_that_cannot_be_used_says_what_to_do(
    phones: Phones, state: str, text: str, serial: str
) -> None:
    phones.attach("A1", state)
    kind, sentence = said(phones, serial)
    assert kind is MissingTool
    assert sentence.startswith("The phone A1 ")
    assert text in sentence


def test_a_machine_without_adb_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(MissingTool, match=r"there is no program 'adb-of-nobody'; .*apt-get install adb"):
        Adb("adb-of-nobody").devices()


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    text = "echo 'adb: failed to check server version: cannot connect to daemon'\nexit 1"
    adb = script(tmp_path / "adb", text)
    with pytest.raises(MissingTool, match="cannot connect to daemon; try adb kill-server"):
        phone.find(str(adb), "")


def test_what_adb_says_of_its_server_is_no_phone(tmp_path: Path) -> None:
    lines = [
        "* daemon not running; starting now at tcp:5037",
        "* daemon started successfully",
        "List of devices attached",
        "A1\tdevice",
    ]
    adb = script(tmp_path / "adb", "printf '%s\\n' " + " ".join(f"'{line}'" for line in lines))
    assert [(one.serial, one.state) for one in Adb(str(adb)).devices()] == [("A1", "device")]


def test_a_phone_says_what_it_is(phones: Phones) -> None:
    phones.attach("A1")
    facts = phone.facts_of(phone.find(str(phones.adb), ""))
    assert facts == {
        "serial": "A1",
        "manufacturer": "Google",
        "model": "Pixel 7",
        "android": "14",
        "sdk": "34",
        "fingerprint": PIXEL["ro.build.fingerprint"],
        "abis": "arm64-v8a",
        "abi": "arm64-v8a",
        "platform": "gs201",
    }
    assert phone.name_of(facts) == "Google Pixel 7 (Android 14, arm64-v8a)"
    assert phone.name_of({"serial": "A1"}) == "A1 (A1)"


def test_a_command_that_did_not_come_to_its_end_is_no_answer(phones: Phones) -> None:
    phones.attach("A1").fail("uname", "cable")
    adb = Adb(str(phones.adb), "A1")
    with pytest.raises(CableBroken, match="n=0"):
        adb.shell("uname -a")
    assert adb.shell("exit_of() { return 7; }; exit_of").status == 7
    assert adb.shell("echo one").text == "one"


def test_the_phones_files_and_the_cable_are_told_apart(phones: Phones, tmp_path: Path) -> None:
    phones.attach("A1")
    adb, folder = Adb(str(phones.adb), "A1"), tmp_path / "pushed"
    folder.mkdir()
    (folder / "file").write_bytes(os.urandom(4096))
    phones.fail("push", "remote couldn't create file: Permission denied")
    with pytest.raises(PassError, match="couldn't create file: Permission denied"):
        adb.push(folder, "/data/local/tmp/", 10)
    phones.fail("push", "cable")
    with pytest.raises(CableBroken, match="failed to read copy response: EOF"):
        adb.push(folder, "/data/local/tmp/", 10)
    adb.push(folder, "/data/local/tmp/", 10)
    assert phones.left("A1") == ["pushed"]


def test_a_copy_that_failed_is_seen_where_adb_ends_with_0(tmp_path: Path) -> None:
    adb = script(
        tmp_path / "adb",
        "echo \"adb: error: failed to copy 'a' to '/x/a': remote No space left on device\"\n"
        "echo 'a: 1 file pushed, 0 skipped. 1.9 MB/s (373924624 bytes in 185.159s)'",
    )
    with pytest.raises(PassError, match="No space left on device"):
        Adb(str(adb), "A1").push(tmp_path, "/x/", 10)
