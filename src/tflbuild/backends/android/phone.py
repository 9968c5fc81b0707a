"""The phone that a recipe means: found among those that are attached, and what it is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from tflbuild.backends.android.adb import Adb, Attached, CableBroken
from tflbuild.core.errors import MissingTool, PassError, RecipeError, TflbuildError
from tflbuild.core.plain_text import plain

READY = "device"
"""State of a phone that can be used."""

STATES = {
    "offline": "is offline: unplug it and plug it in again, or type adb reconnect",
    "unauthorized": "does not trust this computer yet: unlock it, and accept the question about USB debugging",
    "authorizing": "is about to trust this computer: unlock it, and accept the question about USB debugging",
    "connecting": "is still connecting: try again in a moment",
    "no permissions": "may not be opened by this user: Android's udev rules are missing on this computer",
}
"""States of a phone with their meaning, and what to do."""

PROPERTIES = {
    "manufacturer": "ro.product.manufacturer",
    "model": "ro.product.model",
    "android": "ro.build.version.release",
    "sdk": "ro.build.version.sdk",
    "fingerprint": "ro.build.fingerprint",
    "abis": "ro.product.cpu.abilist",
    "abi": "ro.product.cpu.abi",
    "soc": "ro.soc.model",
    "platform": "ro.board.platform",
}
"""Properties that a phone is asked for, by Android's names."""


def find(program: str, serial: str) -> Adb:
    """Find the phone that is meant.

    Args:
        program: adb.
        serial: of the phone; "" for the only one, or that of $ANDROID_SERIAL, as adb itself has it.

    Raises:
        MissingTool: it is not there, or cannot be used.
        RecipeError: it could be several.
    """
    wanted = serial or os.environ.get("ANDROID_SERIAL", "")
    attached = Adb(program).devices()
    if wanted:
        return _ready(_named(wanted, attached), program)
    ready = [phone for phone in attached if phone.state == READY]
    if len(ready) > 1:
        raise RecipeError(
            f"{len(ready)} phones are attached: {_listed(ready)}; say which: target.android.serial={ready[0].serial}."
        )
    if not attached:
        raise MissingTool(
            "No phone is attached: adb lists none; plug it in, and switch on USB debugging in its developer options."
        )
    return _ready((ready or attached)[0], program)


def facts_of(phone: Adb) -> dict[str, str]:
    """Ask a phone what it is: `serial`, and `PROPERTIES`; those that it does not know are left out.

    Raises:
        MissingTool: it does not answer.
    """
    try:
        said = phone.shell("\n".join(f'echo "{name}=$(getprop {key})"' for name, key in PROPERTIES.items()))
    except (CableBroken, TimeoutError) as error:
        raise MissingTool(f"The phone {plain(phone.serial)} does not answer: {error}.") from error
    lines = (line.partition("=") for line in said.text.splitlines())
    found = {
        name: plain(value.strip(), 200) for name, _, value in lines if name in PROPERTIES and value.strip()
    }
    return {"serial": phone.serial, **found}


def name_of(facts: Mapping[str, str]) -> str:
    """Name a phone for people.

    >>> name_of({"serial": "X1", "manufacturer": "Google", "model": "Pixel 7", "android": "14", "abi": "arm64-v8a"})
    'Google Pixel 7 (Android 14, arm64-v8a)'
    """
    name = " ".join(facts[key] for key in ("manufacturer", "model") if key in facts) or facts["serial"]
    more = [f"Android {facts['android']}"] if "android" in facts else []
    return f"{name} ({', '.join([*more, facts.get('abi', '')]).strip(', ') or facts['serial']})"


def gone(phone: str, what: str, error: Exception) -> TflbuildError:
    """Give the error of a connection that ended twice."""
    return PassError(
        f"The connection to {phone} ended while {what}, and again when it was tried once more: {plain(error)}; "
        f"nothing of it was kept. Look at the cable, and at what the phone shows."
    )


def _named(serial: str, attached: Sequence[Attached]) -> Attached:
    for phone in attached:
        if phone.serial == serial:
            return phone
    raise MissingTool(
        f"target.android.serial: no phone '{plain(serial)}' is attached; there are {_listed(attached) or 'none'}."
    )


def _ready(phone: Attached, program: str) -> Adb:
    if phone.state == READY:
        return Adb(program, phone.serial)
    known = [text for state, text in STATES.items() if phone.state.startswith(state)]
    why = known[0] if known else f"is in the state '{plain(phone.state)}': start Android on it"
    raise MissingTool(f"The phone {phone.text} {why}.")


def _listed(phones: Sequence[Attached]) -> str:
    return ", ".join(
        phone.text if phone.state == READY else f"{phone.text}, {plain(phone.state, 20)}" for phone in phones
    )
