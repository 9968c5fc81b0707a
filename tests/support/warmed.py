"""What every process that builds fake recipes does first, done once in the one that they are forked from."""

from __future__ import annotations

import importlib
from pathlib import Path
from tempfile import TemporaryDirectory

import driver
import slow_fakes
from tflbuild.engine.plan import plan
from tflbuild.engine.prepare import prepare

for name in ("calendar", "psutil", "yaml"):
    importlib.import_module(name)
with TemporaryDirectory() as folder:  # reads its own sources, and the versions of all that is installed
    recipe = driver.recipe_of({"store": str(Path(folder, "store")), "outputs": str(Path(folder, "outputs"))})
    prepared = prepare(recipe, names=slow_fakes.NAMES)
    plan(prepared.recipe, prepared.keys, prepared.store)
