"""What only Hydra's own application gives: `--cfg`, `--info`, `--shell-completion` and their like."""

from __future__ import annotations

import sys

import hydra
from hydra.core.plugins import Plugins
from omegaconf import DictConfig

from tflbuild import compose, plugins
from tflbuild.recipe_files import RecipeSearchPath


def run_hydra(words: list[str]) -> int:
    """Hand the command line to Hydra; nothing is built."""
    plugins.load(plugins.default_folder())
    compose.register(every_limit=True)
    Plugins.instance().register(RecipeSearchPath)

    @hydra.main(config_path=None, config_name=compose.PRIMARY, version_base="1.3")
    def show(config: DictConfig) -> None:
        """Print nothing: Hydra has answered already."""

    sys.argv = ["tflbuild", *words]
    show()
    return 0
