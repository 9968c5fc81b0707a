"""Drop a recipe's options that were meant for another choice, where a group is replaced or a step removed."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hydra._internal.config_repository import CachingConfigRepository, ConfigRepository
from hydra._internal.defaults_list import DefaultsList
from hydra.core.default_element import GroupDefault
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

from tflbuild.core.compiler_pass import STEP_KEYS
from tflbuild.core.plain_text import plain

MOST_FILES = 500
"""Files that a recipe's defaults may name, one that is named twice counting twice."""

LISTS = ("target", "hooks")
"""Groups of which several may be chosen, each with its options under its name."""


@dataclass(frozen=True)
class Replaced:
    """A group whose choice was replaced.

    Attributes:
        group: as an override names it, e.g. "model" or "passes@quantize".
        before: what the recipe chose.
        now: what is chosen.
        until: the file that chose anew, whose own options are meant for its choice; "" for the command line.
    """

    group: str
    before: tuple[str, ...]
    now: tuple[str, ...]
    until: str

    @property
    def key(self) -> str:
        """Name the key of its options."""
        return self.group.rpartition("@")[2]

    def leaves_out(self, name: str) -> bool:
        """Say whether an option that was set for the choice before goes."""
        if self.group in LISTS:
            return name in self.before and name not in self.now
        return not (self.group.startswith("passes@") and name in STEP_KEYS)


class RecipeRepository(CachingConfigRepository):
    """Files of a recipe, each read once; bounds how many are named, and keeps what was chosen before.

    Args:
        delegate: what reads them.
    """

    def __init__(self, delegate: ConfigRepository) -> None:
        super().__init__(delegate)
        self.remarks: list[str] = []
        self._asked = 0
        self._chosen: list[tuple[str, GroupDefault]] = []
        self._gone: dict[str, list[Replaced]] = {}

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Give a file's content, without the options that belong to a choice that was replaced.

        Raises:
            RecursionError: too many files were asked for, as by recipes that name one another.
        """
        self._asked += 1
        if self._asked > MOST_FILES:
            raise RecursionError(f"the recipe's defaults name more than {MOST_FILES} files")
        known = f"config_path={config_path}" in self.cache
        found: ConfigResult | None = super().load_config(config_path)
        if found is None:
            return None
        if not known:
            groups = [d for d in found.defaults_list or [] if isinstance(d, GroupDefault)]
            self._chosen += [(config_path, group) for group in groups]
        gone = self._gone.get(config_path)
        return self._without(found, gone) if gone else found

    def replaced(self, defaults: DefaultsList) -> list[Replaced]:
        """Find the groups that were chosen anew, and leave out what files before that set for them."""
        found = [*self._replaced(defaults)]
        files = [entry.config_path or "" for entry in defaults.defaults]
        for one in found:
            end = files.index(one.until) if one.until in files else len(files)
            for path in files[:end]:
                if path.startswith("recipe/"):
                    self._gone.setdefault(path, []).append(one)
        return found

    def _replaced(self, defaults: DefaultsList) -> Iterator[Replaced]:
        for key, now in defaults.overrides.override_choices.items():
            meta = defaults.overrides.override_metadata[key]
            before = self._before(key, meta.containing_config_path)
            if before not in (None, "???") and _several(before) != _several(now):
                yield Replaced(key, _several(before), _several(now), meta.containing_config_path or "")

    def _before(self, key: str, until: str | None) -> Any:
        """Give the earlier choice: of the outermost file that overrides, else of the one that chooses."""
        values = [
            (default.override, default.value)
            for path, default in self._chosen
            if path != until and _key(default) == key
        ]
        return next((value for override, value in sorted(values, key=lambda v: not v[0]) if value), None)

    def _without(self, found: ConfigResult, gone: Iterable[Replaced]) -> ConfigResult:
        config = copy.deepcopy(found.config)
        for one in gone:
            options = config.get(one.key) if isinstance(config, DictConfig) and one.key in config else None
            if not isinstance(options, DictConfig):
                continue
            for name in [str(name) for name in options if one.leaves_out(str(name))]:
                of = name if one.group in LISTS else ",".join(one.before)
                said = OmegaConf.to_container(
                    OmegaConf.create({name: options._get_node(name)}), resolve=False
                )
                for key, value in _leaves(said, f"{one.key}."):
                    self._say(f"{key}={value} of the recipe was dropped: it belongs to {one.group}={of}")
                del options[name]  # `pop` would resolve it
        return replace(found, config=config)

    def _say(self, remark: str) -> None:
        if remark not in self.remarks:
            self.remarks.append(remark)


def _key(default: GroupDefault) -> str:
    """Name a group as an override would; `/passes@quantize` and `passes@quantize` are one."""
    group = str(default.group).removeprefix("/")
    return f"{group}@{default.package}" if default.package else group


def _several(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _leaves(value: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _leaves(item, f"{prefix}{plain(name)}.")
        else:
            yield f"{prefix}{plain(name)}", plain(item if isinstance(item, str) else json.dumps(item), 60)


def without_removed(mapping: dict[str, Any], labels: Iterable[str]) -> list[str]:
    """Take out of a composed recipe the steps that are null, with what names them; gives what to say of it.

    Args:
        mapping: the recipe; changed.
        labels: of the steps that it configures.
    """
    removed = [label for label in labels if label in mapping and mapping[label] is None]
    for label in removed:
        del mapping[label]
    if not removed:
        return []
    if isinstance(mapping.get("pipeline"), list):
        mapping["pipeline"] = [label for label in mapping["pipeline"] if label not in removed]
    for step in mapping.values():
        if isinstance(step, dict) and isinstance(step.get("fallback"), list):
            step["fallback"] = [entry for entry in step["fallback"] if not _names(entry, removed)]
    return [f"{label} is null: the step, and fallbacks that need it, were left out" for label in removed]


def _names(fallback: Any, labels: list[str]) -> bool:
    if not isinstance(fallback, Mapping):
        return fallback in labels
    run = fallback.get("run")
    return fallback.get("from") in labels or any(
        label in labels for label in (run if isinstance(run, list) else [run])
    )
