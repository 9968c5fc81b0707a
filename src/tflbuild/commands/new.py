"""`tflbuild new`: start a plugin."""

from __future__ import annotations

from pathlib import Path

from tflbuild import plugins
from tflbuild.commands.words import one, say
from tflbuild.core.compiler_pass import PASSES
from tflbuild.core.errors import PluginError, RecipeError

SKELETON = '''\
"""{title}: a tflbuild plugin."""

from typing import Annotated

from annotated_types import Ge

from tflbuild import Pass, PassContext, TFLiteModel, compiler_pass


@compiler_pass("{name}")
class {title}(Pass):
    """Append `zeros` bytes to the flatbuffer; say here what the pass does, `tflbuild describe {name}` shows it."""

    zeros: Annotated[int, Ge(0)] = 16  # bytes

    def run(self, model: TFLiteModel, ctx: PassContext) -> TFLiteModel:
        """Give the next model."""
        return ctx.emit(TFLiteModel, model.path.read_bytes() + bytes(self.zeros))
'''


def new(words: list[str]) -> int:
    """Start a plugin in ./plugins/."""
    name = one(words, "new NAME")
    if not name.isidentifier():
        raise RecipeError(f"new: '{name}' is no name for a pass; use letters, digits and _.")
    plugins.load(plugins.default_folder())
    if name in PASSES:
        raise PluginError(f"new: there is a pass '{name}' already; choose another name.")
    path = Path("plugins") / f"{name}.py"
    if path.exists():
        raise RecipeError(f"new: {path} exists already.")
    path.parent.mkdir(exist_ok=True)
    title = "".join(part.capitalize() for part in name.split("_"))
    path.write_text(SKELETON.format(name=name, title=title), encoding="utf-8")
    say(f"wrote {path}; try: tflbuild describe {name}")
    return 0
