"""A pass and measurements that misbehave in the ways that foreign code does."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.compiler_pass import Pass, PassContext, compiler_pass
from tflbuild.core.errors import PassError


class Odd(BaseException):
    """Not an Exception."""


class Demanding(PassError):
    """Cannot be unpickled: it wants two arguments."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


@compiler_pass("rogue")
class Rogue(Pass):
    """Give the input again, after misbehaving."""

    how: str = ""

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        sys.stdout.write(f"about to {self.how}\n")
        content = model.path.read_bytes()
        if self.how in RESULTS:
            return RESULTS[self.how](ctx, content)
        WAYS[self.how](ctx)
        return ctx.emit(TFLiteModel, content)


def channel_fd() -> int:
    return int(sys.argv[1])


def hang_in_c(ctx: PassContext) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ctypes.PyDLL(None).sleep(60)  # unlike CDLL, it keeps the interpreter's lock


def raise_(error: BaseException) -> None:
    raise error


def write_to_channel(ctx: PassContext) -> None:
    os.write(channel_fd(), b"\x80\x04garbage" * 100)
    time.sleep(60)


def close_channel(ctx: PassContext) -> None:
    os.close(channel_fd())
    time.sleep(60)


def flood(ctx: PassContext) -> None:
    for _ in range(20):
        sys.stdout.buffer.write(os.urandom(1 << 19))
        sys.stderr.buffer.write(b"\0\xff" * (1 << 18))
    os.abort()


def leave_child(ctx: PassContext, *, detached: bool) -> None:
    """Leave a forked child behind that holds every file descriptor, and abort."""
    child = os.fork()
    if child == 0:
        if detached:
            os.setsid()
        time.sleep(20)
        os._exit(0)
    Path(os.environ["FAKE_LOG"]).write_text(str(child))
    os.abort()


def abort_later(ctx: PassContext) -> None:
    threading.Timer(0.3, os.abort).start()


def garble_later(ctx: PassContext) -> None:
    threading.Timer(0.3, os.write, (channel_fd(), b"garbage")).start()


def fill(ctx: PassContext) -> None:
    for count in range(200_000):
        ctx.progress(count, 200_000, "x" * 100)


def note_anything(ctx: PassContext) -> None:
    ctx.notes.update({"loss": float("nan"), "where": Path("here"), "fine": 1})


def burn(ctx: PassContext) -> None:
    """Use 0.4 s of processor time: half in a thread, half in a child."""
    thread = threading.Thread(target=spin, args=(0.2,))
    thread.start()
    thread.join()
    subprocess.run([sys.executable, "-c", "import rogues; rogues.spin(0.2)"], check=True)


def spin(seconds: float) -> None:
    started = time.process_time()
    while time.process_time() - started < seconds:
        sum(range(1000))


def wait_for_lines(count: int) -> None:
    """Wait until so many shards were begun."""
    deadline = time.monotonic() + 30
    while len(Path(os.environ["FAKE_LOG"]).read_text().split()) < count and time.monotonic() < deadline:
        time.sleep(0.01)


WAYS: dict[str, Any] = {
    "abort": lambda ctx: os.abort(),
    "be killed": lambda ctx: os.kill(os.getpid(), signal.SIGKILL),
    "read address 0": lambda ctx: ctypes.string_at(0),
    "leave": lambda ctx: os._exit(3),
    "exit": lambda ctx: sys.exit(3),
    "interrupt": lambda ctx: raise_(KeyboardInterrupt()),
    "raise oddly": lambda ctx: raise_(Odd("what is this")),
    "demand": lambda ctx: raise_(Demanding("this", "that")),
    "hang": hang_in_c,
    "ask": lambda ctx: input(),
    "open": lambda ctx: Path("nowhere/nothing").read_bytes(),
    "write to the channel": write_to_channel,
    "close the channel": close_channel,
    "flood": flood,
    "leave a child": lambda ctx: leave_child(ctx, detached=False),
    "leave a detached child": lambda ctx: leave_child(ctx, detached=True),
    "abort later": abort_later,
    "garble later": garble_later,
    "fill": fill,
    "go elsewhere": lambda ctx: os.chdir("/"),
    "note anything": note_anything,
    "burn": burn,
    "nothing": lambda ctx: None,
    "spin": lambda ctx: spin(0.2),
    "hold the interpreter": lambda ctx: ctypes.PyDLL(None).sleep(60),
}


def local_class(ctx: PassContext, content: bytes) -> TFLiteModel:
    class Local(TFLiteModel):
        pass

    return ctx.emit(Local, content)


def class_of_the_worker(ctx: PassContext, content: bytes) -> TFLiteModel:
    made = type("OnlyThere", (TFLiteModel,), {"__module__": "__main__"})
    sys.modules["__main__"].OnlyThere = made  # type: ignore[attr-defined]
    return ctx.emit(made, content)


def lost_file(ctx: PassContext, content: bytes) -> TFLiteModel:
    made = ctx.emit(TFLiteModel, content)
    made.path.unlink()
    return made


def cut_file(ctx: PassContext, content: bytes) -> TFLiteModel:
    made = ctx.emit(TFLiteModel, content)
    made.path.write_bytes(content[:10])
    return made


RESULTS: dict[str, Any] = {
    "give a local class": local_class,
    "give a class of its own": class_of_the_worker,
    "lose the file": lost_file,
    "cut the file": cut_file,
    "give facts that are not JSON": lambda ctx, content: ctx.emit(TFLiteModel, content, sizes={1, 2}),
    "write garbage": lambda ctx, content: ctx.emit(TFLiteModel, os.urandom(1000)),
}


def predict_file(runtime: Any, model: Any, split: Any, out: Path, progress: Any) -> str:
    """Write the keys of the images; the image whose key the model names makes the process misbehave."""
    with Path(os.environ["FAKE_LOG"]).open("a") as file:
        file.write(f"{os.getpid()}\n")
    for count, sample in enumerate(split.samples, start=1):
        if sample.key == model.meta.get("at"):
            misbehave(model.meta["how"])
        time.sleep(model.meta.get("seconds", 0.0))
        progress(count, len(split))
    out.write_text("".join(f"{sample.key}\n" for sample in split.samples))
    return "rogue"


def misbehave(how: str) -> None:
    if how.startswith("wait for "):
        wait_for_lines(int(how.split()[2]))
    else:
        WAYS[how](None)


def merge(parts: list[Path], out: Path) -> None:
    out.write_text("".join(part.read_text() for part in parts))
