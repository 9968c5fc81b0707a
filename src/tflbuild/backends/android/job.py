"""A folder of files that is pushed to the phone, a script that is run there, and what is pulled."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tflbuild.backends.android import phone as phones
from tflbuild.backends.android.adb import Adb, CableBroken, last_line
from tflbuild.backends.android.setup import Setup, wrong_abi
from tflbuild.backends.one_at_a_time import one_at_a_time
from tflbuild.core.errors import PassError, TflbuildError
from tflbuild.core.plain_text import plain

PROGRAM, MODEL, SCRIPT, OUT = "benchmark_model", "model.tflite", "run.sh", "out"
"""Names in the folder."""

AGAIN = 30
"""Seconds that a phone may take to be there again after its connection ended."""

CANNOT_EXECUTE = (
    "not executable:",
    "Exec format error",
    "CANNOT LINK EXECUTABLE",
    "has unexpected e_machine",
)
"""Words of Android's shell and linker for a program of another ABI."""

SIGNALS = {
    4: "illegal instruction",
    6: "abort",
    7: "bus error",
    9: "killed, probably for its memory",
    11: "crash",
}
"""Signals that end a program, by number."""

AVAILABLE = 3
"""Column of `df -k` that holds the KiB that are free."""

NOT_THE_REASON = ("Benchmarking failed", "[sample")
"""Lines that say that something failed, and not why."""


@dataclass(frozen=True)
class Ran:
    """The words that a script printed on the phone, and the phone's facts."""

    text: str
    facts: Mapping[str, str]


def carry_out(setup: Setup, model: Path, script: str, folder: Path, doing: str) -> Ran:
    """Push a folder with the program, a model and a script beside what lies in it; run it, and pull what it wrote.

    A connection that ends is tried once more, on the same phone.

    Args:
        setup: the phone and the program.
        model: the file that is run.
        script: of the phone's shell; it works in the folder, and writes into `OUT`.
        folder: an empty folder, or one with further files; what was written is in its `OUT` afterwards. Its name is
            that of the folder on the phone.
        doing: what it is for, in messages.

    Raises:
        TflbuildError: the phone, the program or the connection failed.
    """
    _fill(folder, setup.program, model, script)
    phone = phones.find(setup.adb, setup.serial)
    facts = phones.facts_of(phone)
    name = phones.name_of(facts)
    setup.check_abi(facts.get("abis", facts.get("abi", "")), name)
    try:
        return Ran(_once(setup, phone, folder, facts, doing), facts)
    except CableBroken:
        back = phone.wait(AGAIN)
        if back and phones.facts_of(phone) != facts:
            raise PassError(f"{name} was exchanged while {doing}; nothing of it was kept.") from None
    try:
        return Ran(_once(setup, phone, folder, facts, doing), facts)
    except CableBroken as error:
        raise phones.gone(name, doing, error) from error


def _fill(folder: Path, program: Path, model: Path, script: str) -> None:
    shutil.copyfile(program, folder / PROGRAM)
    (folder / PROGRAM).chmod(0o755)
    shutil.copyfile(model, folder / MODEL)
    (folder / SCRIPT).write_text(script, encoding="utf-8")


def _once(setup: Setup, phone: Adb, folder: Path, facts: Mapping[str, str], doing: str) -> str:
    name, remote = phones.name_of(facts), f"{setup.folder}/{folder.name}"
    with one_at_a_time(phone.serial), _cleaned(phone, remote):
        with _named(f"{name}: cannot copy to {setup.folder}", lambda: _room(phone, setup, folder)):
            phone.shell(f"mkdir -p {shlex.quote(setup.folder)}")
            phone.push(folder, f"{setup.folder}/", setup.timeout)
        try:
            said = phone.shell(
                f"cd {shlex.quote(remote)} && chmod 755 {PROGRAM} && mkdir -p {OUT} && sh {SCRIPT}",
                setup.timeout,
            )
        except TimeoutError as error:
            raise PassError(
                f"{name} took longer than target.android.timeout={setup.timeout} s while {doing}."
            ) from error
        if said.status:
            raise _failed(setup, facts, said.status, said.text, doing)
        with _named(f"{name}: cannot copy the results", lambda: ""):
            shutil.rmtree(folder / OUT, ignore_errors=True)
            phone.pull(f"{remote}/{OUT}", folder, setup.timeout)
    return said.text


@contextmanager
def _named(what: str, more: Callable[[], str]) -> Iterator[None]:
    """Say what a failure of copying was about."""
    try:
        yield
    except PassError as error:
        raise PassError(f"{what}: {error}{more()}") from error
    except TimeoutError as error:
        raise PassError(f"{what}: {error}; the limit is target.android.timeout.") from error


@contextmanager
def _cleaned(phone: Adb, remote: str) -> Iterator[None]:
    """Remove our folder from the phone, where it still answers."""
    try:
        yield
    finally:
        with contextlib.suppress(CableBroken, TimeoutError):
            phone.shell(f"rm -rf {shlex.quote(remote)}")


def _room(phone: Adb, setup: Setup, folder: Path) -> str:
    """Say how much room the phone has, and how much is needed."""
    needed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    text = f"; {needed / 2**20:.1f} MiB are needed"
    with contextlib.suppress(CableBroken, TimeoutError, ValueError, IndexError):
        row = phone.shell(f"df -k {shlex.quote(setup.folder)}").text.splitlines()[-1].split()
        text += f", and {int(row[AVAILABLE]) / 2**10:.1f} MiB are free"
    return f"{text}. Make room, or choose another folder: target.android.folder."


def _failed(setup: Setup, facts: Mapping[str, str], status: int, text: str, doing: str) -> TflbuildError:
    name = phones.name_of(facts)
    if any(said in text for said in CANNOT_EXECUTE):
        why = next(line for line in text.splitlines() if any(said in line for said in CANNOT_EXECUTE))
        abis = facts.get("abis", facts.get("abi", ""))
        return wrong_abi(
            setup, name, abis, f"cannot be executed ({plain(why.rpartition(f'{PROGRAM}: ')[2], 100)})"
        )
    last = last_line("\n".join(line for line in text.splitlines() if not line.startswith(NOT_THE_REASON)))
    ended = f"ended with exit code {status}"
    if status > 128:
        number = status - 128
        ended = f"was ended by signal {number}" + (f" ({SIGNALS[number]})" if number in SIGNALS else "")
    other = "" if setup.delegate == "xnnpack" else "; try target.android.delegate=xnnpack"
    return PassError(
        f"benchmark_model {ended} on {name} while {doing}, with delegate '{setup.delegate}': {last}{other}."
    )


def folder_name() -> str:
    """Give a name for a folder on the phone that no other build uses."""
    return f"tflbuild-{os.urandom(6).hex()}"
