"""A plugin that writes down what Python opens, writes and starts outside of what a build may touch.

It is copied into `./plugins` of the folder in which altered files are tried, so that the main process and every
worker load it. Hooks of the audit cannot be taken away again.
"""

import os
import sys
import sysconfig
from pathlib import Path

import tflbuild

LOG = os.path.realpath(os.environ["MUTATIONS_LOG"]) if "MUTATIONS_LOG" in os.environ else ""
PLACE = os.path.realpath(os.environ.get("MUTATIONS_PLACE", "."))
CACHE = os.path.realpath(os.environ.get("XDG_CACHE_HOME", PLACE))
SYSTEM = ("/usr", "/lib", "/etc", "/proc", "/sys", "/dev", "/opt")
PYTHON = (*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, *filter(None, sys.path))
SHIPPED = Path(tflbuild.__file__).parents[2] / "recipes"
READ = (*map(os.path.realpath, (*PYTHON, SHIPPED)), *SYSTEM)
"""Where the interpreter, its packages, our recipes and the system's own files lie; `/proc/self/environ` does not."""

FORBIDDEN = ("/proc/self/environ", "/etc/passwd")
STARTS = ("os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork", "pty.spawn", "ctypes.dlopen/x")


def _below(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders)


def _watch(event: str, arguments: tuple) -> None:
    if event == "open" and arguments and isinstance(arguments[0], str | bytes | os.PathLike):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if path == LOG:
            return
        mode, flags = arguments[1], arguments[2]
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(flags, int) else False
        writes = writes or (isinstance(mode, str) and any(letter in mode for letter in "wax+"))
        mine = (PLACE, CACHE)
        if path.startswith(os.path.dirname(PLACE) + os.sep + "outside") or path in FORBIDDEN:
            _say(f"opened {path}")
        elif writes and not _below(path, (*mine, "/dev", "/proc")) and not path.endswith(".pyc"):
            _say(f"wrote {path}" if "__pycache__" not in path else "")
        elif not writes and not _below(path, (*mine, *READ)):
            _say(f"read {path}")
    elif event == "subprocess.Popen":
        words = (
            " ".join(map(str, arguments[1])) if isinstance(arguments[1], list | tuple) else str(arguments[1])
        )
        if "tflbuild" not in words:
            _say(f"started {words}")
    elif event in STARTS:
        _say(f"{event} {arguments!r:.200}")


def _say(text: str) -> None:
    if text:
        descriptor = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{text}\n".encode(errors="backslashreplace"))
        os.close(descriptor)


if LOG and not getattr(sys, "_mutations_watched", False):
    sys._mutations_watched = True  # type: ignore[attr-defined]
    Path(LOG).touch()
    sys.addaudithook(_watch)
