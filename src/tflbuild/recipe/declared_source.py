"""Recipes' keys as Hydra's configurations: the root keys, and the options of declared passes, hooks and targets."""

from __future__ import annotations

import dataclasses
from typing import Any

from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from omegaconf import OmegaConf

from tflbuild.core.budget import LIMITS, QUALIFIERS
from tflbuild.core.compiler_pass import PASSES, Pass
from tflbuild.core.hook import HOOKS
from tflbuild.core.metric import METRICS
from tflbuild.core.modality import MODALITIES
from tflbuild.core.options import to_json
from tflbuild.core.registry import Registry
from tflbuild.core.target import TARGETS
from tflbuild.recipe.files import group_names
from tflbuild.recipe.keys import RootOptions, StepKeys

PRIMARY = "_tflbuild"
DECLARED = "declared://"
EVERY_LIMIT = "declared://every_limit"
"""Address of the same configurations with a node for every limit in a budget, for `--cfg` and completion;
otherwise a budget takes any key, and `recipe.py` says which are wrong."""

GROUPS: dict[str, Registry[Any]] = {"passes": PASSES, "hooks": HOOKS, "target": TARGETS}
PACKAGED = ("hooks", "target")
"""Groups of which each choice has a place of its own, e.g. `hooks.mlflow`."""


class DeclaredSource(ConfigSource):
    """The root keys of a recipe and groups such as `passes`, made of what is declared when it is asked for."""

    @staticmethod
    def scheme() -> str:
        """Give the scheme of its addresses."""
        return "declared"

    def available(self) -> bool:
        """Say that it is there."""
        return True

    def load_config(self, config_path: str) -> ConfigResult:
        """Make one configuration.

        Raises:
            ConfigLoadError: nothing of that name is declared.
        """
        if not self.is_config(config_path):
            raise ConfigLoadError(f"Config not found : {config_path}")
        path = config_path.removesuffix(".yaml")
        group, _, name = path.partition("/")
        return ConfigResult(
            config=OmegaConf.create(self._node(group, name)),
            path=f"{self.scheme()}://{self.path}",
            provider=self.provider,
            header={"package": f"{group}.{name}" if group in PACKAGED else None},
        )

    def _node(self, group: str, name: str) -> dict[str, Any]:
        budget = limit_nodes() if self.path else OmegaConf.create({}, flags={"struct": False})
        if group == "passes":
            return step_node(name, PASSES.get(name), budget)
        if group in PACKAGED:
            return {"type": name, **options_node(GROUPS[group].get(name))}
        # Hooks come first, so that a recipe may override the choice and set the options of what is chosen.
        return {
            "defaults": ["_self_", {"hooks": []}, {"recipe": "???"}],
            **root_node(),
            "budget": budget,
        }

    def is_group(self, config_path: str) -> bool:
        """Say whether a path names a group of it."""
        return config_path in ("", *GROUPS)

    def is_config(self, config_path: str) -> bool:
        """Say whether a path names what is declared."""
        group, _, name = config_path.removesuffix(".yaml").partition("/")
        return group == PRIMARY if not name else group in GROUPS and name in _unwritten(group)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """List what is declared, for completion and error messages."""
        groups = sorted(GROUPS) if not config_path else []
        names = _unwritten(config_path) if config_path in GROUPS else []
        if results_filter is None:
            return sorted([*groups, *names])
        return groups if results_filter == ObjectType.GROUP else names


def _unwritten(group: str) -> list[str]:
    """List what a group declares; a file of that name takes its place."""
    return sorted({*GROUPS[group]} - {*group_names(group)})


def choices_of(group: str) -> list[str]:
    """List the choices of a group: files, and what is declared without one."""
    return sorted({*group_names(group), *(GROUPS[group] if group in PACKAGED else ())})


def with_every_option(group: str, content: dict[str, Any]) -> dict[str, Any]:
    """Add to a file of a group the options that it does not say, each with its default."""
    registry, name = GROUPS.get(group), content.get("type")
    if registry is None or not isinstance(name, str) or name not in registry:
        return content
    return {
        **content,
        **{key: value for key, value in options_node(registry.get(name)).items() if key not in content},
    }


def root_node() -> dict[str, Any]:
    """Give what a recipe may say at its root, with the defaults."""
    node: dict[str, Any] = dict.fromkeys(("description", "pipeline", "budget"))  # which come first
    node |= {**options_node(RootOptions), "budget": {}, "hooks": {}, "analyses": None}
    node["preprocess"] = preprocess_node()
    del node["recipe"]
    for name, variable in (("path", "TFLBUILD_STORE"), ("remote", "TFLBUILD_REMOTE")):
        node["store"][name] = f"${{oc.env:{variable},null}}"
    return node


def limit_nodes() -> dict[str, Any]:
    """Give a node for every metric and every form of limit."""
    return {metric: dict.fromkeys((*LIMITS, *QUALIFIERS)) for metric in METRICS}


def preprocess_node() -> dict[str, Any]:
    """Give a node for every option of every modality; null where the recipe says nothing."""
    return {
        option.name: _unsaid(to_json(_default(option)))
        for _, cls in MODALITIES.items()
        for option in dataclasses.fields(cls)
    }


def _unsaid(value: Any) -> Any:
    """Give null for a value, and for a group of options null for each."""
    return (
        {name: _unsaid(inner) for name, inner in value.items()} if isinstance(value, dict) and value else None
    )


def step_node(name: str, cls: type[Pass], budget: Any) -> dict[str, Any]:
    """Give what a recipe may say of a step: the keys of every step, and the pass's own options."""
    step = {**options_node(StepKeys), "budget": budget}
    del step["pass_"]
    step = {"pass": name, **step}
    return {**step, **options_node(cls)}


def options_node(cls: type[Any]) -> dict[str, Any]:
    """Give the options of a declared class with their defaults; an empty mapping takes any key."""
    options = {option.name: to_json(_default(option)) for option in dataclasses.fields(cls)}
    return {
        name: OmegaConf.create({}, flags={"struct": False}) if value == {} else value
        for name, value in options.items()
    }


def _default(option: dataclasses.Field[Any]) -> Any:
    if option.default is not dataclasses.MISSING:
        return option.default
    if option.default_factory is not dataclasses.MISSING:
        return option.default_factory()
    return "???"
