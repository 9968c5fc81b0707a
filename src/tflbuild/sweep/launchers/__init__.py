"""Launchers: where the jobs of a sweep run. Each is one module with one class, found by name.

    with launcher(name, options) as started:
        started.launch(jobs, done)

A launcher is made before anything is built: it raises RecipeError where an option is wrong and MissingTool where its
extra is not installed. `launch` builds every job, by `run_job` in this process or by `run_here` in others, and calls
`done(position, result)`, in the main thread, as soon as a job has ended. It may be called again: a search launches one
batch after another, and processes stay warm between them.

A launcher that is interrupted raises KeyboardInterrupt or returns; jobs of which it gave no result are then marked. It
raises nothing for a job that fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from tflbuild.core.errors import RecipeError, did_you_mean
from tflbuild.core.plain_text import plain
from tflbuild.sweep.job import FrozenJob, JobResult
from tflbuild.sweep.known import LAUNCHERS as LAUNCHERS

DEFAULT = "serial"

PRESETS: dict[str, dict[str, Any]] = {
    "submitit_local": {"cluster": "local"},
    "submitit_slurm": {"cluster": "slurm"},
}
"""Options that a name implies."""

TYPED_ONLY = (
    "address",
    "runtime_env",
    "temp_dir",
    "submitit_folder",
    *(
        f"{prefix}{name}"
        for prefix in ("", "slurm_")
        for name in ("setup", "srun_args", "additional_parameters")
    ),
)
"""Options that are never taken out of a sweep's folder, since they run commands, write or reach elsewhere."""

Done = Callable[[int, JobResult], None]
"""Callback that is told the position of a job in the sequence, and how it ended."""


class Launcher(Protocol):
    """A launcher with its options; processes that it starts end when it is left."""

    @property
    def parallel(self) -> int:
        """How many jobs run at once; a search asks for so many trials at a time."""
        ...

    def launch(self, jobs: Sequence[FrozenJob], done: Done) -> None:
        """Build every job."""
        ...

    def __enter__(self) -> Launcher: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def launcher(name: str, options: Mapping[str, Any]) -> Launcher:
    """Make a launcher of its name and options; nothing is started yet.

    Args:
        name: as in `hydra/launcher=NAME`.
        options: the `hydra.launcher.*` overrides as a nested mapping.

    Raises:
        RecipeError: there is none of that name, or an option is wrong.
        MissingTool: its extra is not installed.
    """
    if name not in LAUNCHERS:
        raise RecipeError(
            f"hydra/launcher: there is no launcher '{name}'; there are {', '.join(sorted(LAUNCHERS))}."
            f"{did_you_mean(name, LAUNCHERS)}"
        )
    made: Launcher = import_module(LAUNCHERS[name]).Launcher({**PRESETS.get(name, {}), **options})
    return made


def check_harmless(options: Mapping[str, Any], file: Path) -> None:
    """Refuse options out of a file that could run a command, write a file or reach another machine.

    A sweep's folder may be somebody else's, so what a launcher does there is taken from it only where it is a number,
    a switch or a word; everything else is typed again.

    Args:
        options: the launcher's, as the file has them.
        file: where they come from.

    Raises:
        RecipeError: names the first such option.
    """
    for path, value in _leaves(options):
        simple = value is None or isinstance(value, bool | int | float) or _is_word(value)
        if path[-1] in TYPED_ONLY or not simple:
            raise RecipeError(
                f"{plain(file)}: launcher_options.{plain('.'.join(path))} is not read from a file, since it can run "
                f"commands, write files or reach other machines; type hydra/launcher=NAME and its options again."
            )


def _leaves(options: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in options.items():
        if isinstance(value, Mapping) and name not in TYPED_ONLY:
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _is_word(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\w.,:+-]{1,100}", value, re.ASCII) is not None
