"""Find declarations: built-in, in `./plugins/`, and entry points `tflbuild.passes` of installed distributions.

A broken plugin is remembered and warned of; only a recipe that needs it fails.
"""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from tflbuild.core.analysis import ANALYSES
from tflbuild.core.architecture import ARCHITECTURES
from tflbuild.core.command import COMMANDS
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.crash import described
from tflbuild.core.dataset import DATASETS
from tflbuild.core.environment import ENVIRONMENTS
from tflbuild.core.errors import NameTaken, PluginError, TflbuildError
from tflbuild.core.hook import HOOKS
from tflbuild.core.metric import METRICS
from tflbuild.core.modality import MODALITIES
from tflbuild.core.model_format import FORMATS
from tflbuild.core.place import PLUGINS, on_one_line, with_place
from tflbuild.core.plugin_files import OFF_SWITCH as OFF_SWITCH
from tflbuild.core.plugin_files import default_folder as default_folder
from tflbuild.core.plugin_files import files as files
from tflbuild.core.registry import Registry
from tflbuild.core.runtime import RUNTIMES
from tflbuild.core.target import TARGETS
from tflbuild.core.task import TASKS

ENTRY_POINTS = "tflbuild.passes"
LOCAL_PACKAGE = "tflbuild_plugins"
"""Package under which the files of `./plugins/` are imported; a real one, so that their classes can be pickled."""

REGISTRIES: tuple[Registry[Any], ...] = (
    PASSES,
    ARCHITECTURES,
    DATASETS,
    TASKS,
    MODALITIES,
    FORMATS,
    RUNTIMES,
    ANALYSES,
    METRICS,
    TARGETS,
    HOOKS,
    ENVIRONMENTS,
    COMMANDS,
)
"""The registries that plugins declare into."""

LOADER = "tflbuild.plugins:load"


@dataclass
class Loaded:
    """The result of loading the plugins.

    Attributes:
        broken: file or entry point of each plugin that could not be loaded, with the error.
        taken: names that a plugin wanted although they were taken, with the error.
        origins: where each plugin module came from.
        errors: what was raised by each plugin that could not be loaded, by its file or entry point.
    """

    broken: dict[str, str] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    errors: dict[str, BaseException] = field(default_factory=dict, compare=False)

    @property
    def warnings(self) -> list[str]:
        """Give a sentence for each plugin that could not be loaded."""
        return [f"plugin {origin} is skipped: {error}" for origin, error in self.broken.items()]


_loaded: dict[Path | None, Loaded] = {}


def load(folder: Path | None = None) -> Loaded:
    """Load every plugin, once a process; what is built in is known already.

    Args:
        folder: the user's plugin files; None for none. Where $TFLBUILD_NO_LOCAL_PLUGINS is set, none are loaded,
            whoever asks for them.
    """
    if os.environ.get(OFF_SWITCH):
        folder = None
    if folder not in _loaded:
        loaded = Loaded()
        for point in sorted(metadata.entry_points(group=ENTRY_POINTS), key=lambda p: p.name):
            origin = f"entry point {point.name} = {point.value}"
            _load(loaded, point.module, origin)
        if folder is not None:
            _mount(folder)
            for path in files(folder):
                _load(loaded, f"{LOCAL_PACKAGE}.{path.stem}", str(path))
        _loaded[folder] = loaded
    return _loaded[folder]


def require(name: str, loaded: Loaded, noun: str = "pass") -> None:
    """Explain a missing pass or hook by the broken plugin that may have been meant to declare it.

    Raises:
        PluginError: plugins are broken and one of them names it.
    """
    for origin, error in loaded.broken.items():
        path = Path(origin)
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        if f'"{name}"' in text or f"'{name}'" in text or name in origin:
            raise PluginError(
                f"{noun} '{name}' is declared by a plugin that cannot be loaded: {origin}: {error}"
            ) from loaded.errors.get(origin)


def _mount(folder: Path) -> None:
    package = sys.modules.get(LOCAL_PACKAGE)
    if package is None:
        package = ModuleType(LOCAL_PACKAGE)
        sys.modules[LOCAL_PACKAGE] = package
    package.__path__ = [str(folder)]


def _load(loaded: Loaded, module: str, origin: str) -> None:
    PLUGINS.add(module.partition(".")[0])
    try:
        importlib.import_module(module)
        loaded.origins[module] = origin
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything; it is reported
        _forget(module)
        said = str(error) if isinstance(error, TflbuildError) else described(error)
        loaded.broken[origin] = on_one_line(with_place(said, error))
        loaded.errors[origin] = error
        if isinstance(error, NameTaken):
            loaded.taken[error.name] = str(error)


def _forget(module: str) -> None:
    for registry in REGISTRIES:
        registry.remove_module(module)
    sys.modules.pop(module, None)
