"""`tflbuild new`: start a plugin."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from tflbuild import plugins
from tflbuild.commands.words import one, say
from tflbuild.core.command import command
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import PluginError, RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.engine.storage.disk import writing

SKELETON = '''\
"""{title}: a tflbuild plugin."""

from typing import Annotated

from annotated_types import Ge

from tflbuild import Pass, PassContext, TFLiteModel, compiler_pass


@compiler_pass("{name}")
class {title}(Pass):
    """Append `zeros` bytes to the flatbuffer; say here what the pass does, `tflbuild describe {name}` shows it."""

    zeros: Annotated[int, Ge(0)] = 16
    """Bytes that are appended; more make the file larger. [bytes]"""

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Give the next model."""
        return ctx.emit(TFLiteModel, model.path.read_bytes() + bytes(self.zeros))
'''

LONGEST = 60
NAME = re.compile(f"[A-Za-z][A-Za-z0-9_]{{0,{LONGEST - 1}}}")
"""A name that is a module's, a class's and a recipe key's."""

YAML_WORDS = ("null", "true", "false", "yes", "no", "on", "off")


@command("new", "start a plugin in ./plugins/", usage="NAME", prints=False)
def new(words: list[str]) -> int:
    """Start a plugin in ./plugins/."""
    name = one(words, "new NAME")
    taken = keyword.iskeyword(name) or name.lower() in YAML_WORDS or name.startswith(("test_", "conftest"))
    if not NAME.fullmatch(name) or taken:
        raise RecipeError(
            f"new: '{plain(name, most=60)}' is not a name for a pass; use up to {LONGEST} letters, digits "
            f"and _, a letter "
            f"first, no word of Python's or YAML's, and not test_."
        )
    plugins.load(plugins.default_folder())
    if name in PASSES:
        raise PluginError(f"new: there is a pass '{name}' already; choose another name.")
    path = Path("plugins") / f"{name}.py"
    if path.exists():
        raise RecipeError(f"new: {path} exists already.")
    title = "".join(part.capitalize() for part in name.split("_"))
    with writing(path.parent):
        path.parent.mkdir(exist_ok=True)
        path.write_text(SKELETON.format(name=name, title=title), encoding="utf-8")
    say(f"wrote {path}; try: tflbuild describe {name}")
    return 0
